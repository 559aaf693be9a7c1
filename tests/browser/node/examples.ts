// tsc checks these calls of the client. A line after @ts-expect-error must be an error.
import { latchkey, LatchkeyError, type Session, type SignedIn } from "@latchkey/client";

const api = latchkey({ site: "https://id.example.org" });
const other = latchkey({
  site: "https://id.example.org",
  transport: "body",
  services: ["https://orders.example.org"],
});

export async function use(): Promise<string | null> {
  const answer: Response = await api.fetch("/api/account/me/", { method: "PATCH", body: "{}" });
  await other.fetch(new URL("https://orders.example.org/orders/"));
  await other.fetch(new Request("https://orders.example.org/orders/"));
  const { fetch, signOut } = api;
  await fetch("/api/account/me/");
  await signOut();
  try {
    const signedIn: SignedIn = await api.signIn("alice", "seven wet otters", { device: "laptop" });
    return signedIn.session;
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error;
    const after: number = error.retryAfter ?? 0;
    console.log(error.code, error.status, error.message, after, answer.ok);
  }
  const session: Session | null = await api.session();
  // @ts-expect-error: the session may be null
  console.log(session.device);
  return session && session.device;
}

api.addEventListener("signedin", ({ detail }) => console.log(detail.session.length));
api.addEventListener("refreshed", () => use(), { once: true });
// @ts-expect-error: there is no such option
latchkey({ site: "https://id.example.org", storage: "local" });
// @ts-expect-error: there is no such transport
latchkey({ site: "https://id.example.org", transport: "header" });
// @ts-expect-error: the site is required
latchkey({});
// @ts-expect-error: the session's id is a text
api.addEventListener("signedout", ({ detail }) => detail.session.toFixed());
// @ts-expect-error: no property contains a token
console.log(api.access);
