// Calls one endpoint of the site with openid-client, which reads the site's metadata first.
//
// Reads {"site", "client_id", "secret", "call", "parameters"} from standard input, and writes the
// answer as JSON. If the site refuses the call, it writes the error code to standard error and ends
// with status 3.

import { readFileSync } from "node:fs";
import * as oauth from "openid-client";

const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";

const { site, client_id, secret, call, parameters } = JSON.parse(readFileSync(0, "utf8"));

const discover = (id, authentication) =>
  oauth.discovery(new URL(site), id, undefined, authentication, {
    algorithm: "oauth2",
    execute: [oauth.allowInsecureRequests], // http, on loopback
  });
const service = () => discover(client_id, oauth.ClientSecretBasic(secret));

const calls = {
  client_credentials: async () => oauth.clientCredentialsGrant(await service(), parameters),
  exchange: async () => oauth.genericGrantRequest(await service(), EXCHANGE, parameters),
  refresh: async () =>
    oauth.refreshTokenGrant(await discover("latchkey", oauth.None()), parameters.token),
  introspect: async () => oauth.tokenIntrospection(await service(), parameters.token),
  revoke: async () => oauth.tokenRevocation(await service(), parameters.token),
};

try {
  process.stdout.write(JSON.stringify((await calls[call]()) ?? {}));
} catch (error) {
  process.stderr.write(error.error ?? String(error.cause?.[0]?.scheme ?? error.stack));
  process.exitCode = error.error || error.status === 401 ? 3 : 1;
}
