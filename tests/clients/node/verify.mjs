// Verifies one signed token with jose, from the address of the key set alone.
//
// Reads {"jwks", "algorithm", "typ", "token", "options", "index"} from standard input; writes the
// claims and, with an index, the bit at that place of a status list. Whatever is refused ends it
// with status 1 and jose's code on standard error.

import { readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";
import { createRemoteJWKSet, jwtVerify } from "jose";

const asked = JSON.parse(readFileSync(0, "utf8"));
try {
  const keys = createRemoteJWKSet(new URL(asked.jwks));
  const { payload } = await jwtVerify(asked.token, keys, {
    ...asked.options,
    algorithms: [asked.algorithm],
    typ: asked.typ,
  });
  const answer = { claims: payload };
  if (asked.index !== undefined) {
    const bits = inflateSync(Buffer.from(payload.status_list.lst, "base64url"));
    answer.bit = (bits[asked.index >> 3] >> (asked.index & 7)) & 1;
  }
  process.stdout.write(JSON.stringify(answer));
} catch (error) {
  process.stderr.write(error.code ?? String(error));
  process.exitCode = 1;
}
