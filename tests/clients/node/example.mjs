// Verifies tokens with the example of docs/verifying.md, which the test writes to verifier.mjs.
//
// Reads one token a line from standard input, and answers each with one line of JSON: the claims,
// or the status and the reason of the refusal.

import { createInterface } from "node:readline";
import { status, verify } from "./verifier.mjs";

for await (const token of createInterface({ input: process.stdin })) {
  const answer = await verify(token).catch((error) => ({
    status: status(error),
    reason: `${error.message} ${error.cause ?? ""}`,
  }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
