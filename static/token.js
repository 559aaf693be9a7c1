// Verifies access tokens with WebCrypto. The only request fetches the public keys.

const ALGORITHMS = {
  ES256: [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }],
  RS256: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, { name: "RSASSA-PKCS1-v1_5" }],
  EdDSA: [{ name: "Ed25519" }, { name: "Ed25519" }],
};
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const find = (id) => document.getElementById(id);
const part = (name) => find("token").querySelector(`[data-part=${name}]`);
const issued = find("token").textContent;
const { keys } = await (await fetch("/.well-known/jwks.json")).json();

function decode(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

function parse(text) {
  return JSON.parse(new TextDecoder().decode(decode(text)));
}

function isObject(value) {
  return typeof value === "object" && value !== null;
}

// Returns the outcome, which is the name of a message, and the claims.
async function verify(token) {
  const [header, claims, signature, ...rest] = token.trim().split(".");
  let head, body, signed;
  try {
    [head, body, signed] = [parse(header), parse(claims), decode(signature)];
  } catch {
    return { outcome: "malformed" };
  }
  if (rest.length || !isObject(head) || !isObject(body)) return { outcome: "malformed" };
  const about = { claims: body };
  if (head.alg === "HS256" && body.token_type === "refresh") return { ...about, outcome: "refresh" };
  const key = keys.find(({ kid, alg }) => kid === head.kid && alg === head.alg);
  if (!key) return { ...about, outcome: "unknown" };
  const [imported, verified] = ALGORITHMS[key.alg];
  const bytes = new TextEncoder().encode(`${header}.${claims}`);
  try {
    const pub = await crypto.subtle.importKey("jwk", key, imported, false, ["verify"]);
    const valid = await crypto.subtle.verify(verified, pub, signed, bytes);
    return { ...about, outcome: valid ? "valid" : "invalid" };
  } catch {
    return { ...about, outcome: "unsupported" };
  }
}

function show(element, { outcome }) {
  element.dataset.outcome = outcome;
  element.textContent = find("result").dataset[outcome];
}

// Returns seconds since 1970 as a date, or "" if they are not one.
function moment(seconds) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.valueOf())) return "";
  const month = date.toLocaleString(document.documentElement.lang, { month: "long", timeZone: "UTC" });
  const time = date.toISOString().slice(11, 16);
  return `${date.getUTCDate()} ${month} ${date.getUTCFullYear()}, ${time} UTC`;
}

function showTimes(element, { iat, exp } = {}) {
  const [from, until] = [moment(iat), moment(exp)];
  element.hidden = !from || !until;
  element.textContent = element.dataset.times.replace("ISSUED", from).replace("EXPIRES", until);
}

async function showToken() {
  show(find("result"), await verify(find("token").textContent));
}

find("change").addEventListener("click", () => {
  const claims = part("claims");
  const at = Math.floor(claims.textContent.length / 2);
  const letter = LETTERS[(LETTERS.indexOf(claims.textContent[at]) + 1) % LETTERS.length];
  const changed = document.createElement("mark");
  changed.textContent = letter;
  claims.replaceChildren(claims.textContent.slice(0, at), changed, claims.textContent.slice(at + 1));
  find("restore").disabled = false;
  showToken();
});

find("restore").addEventListener("click", () => {
  const [header, claims, signature] = issued.split(".");
  for (const [name, text] of Object.entries({ header, claims, signature })) part(name).textContent = text;
  find("change").focus(); // A button that is disabled loses the focus.
  find("restore").disabled = true;
  showToken();
});

find("pasted").addEventListener("input", async ({ target }) => {
  const found = target.value.trim() ? await verify(target.value) : {};
  find("pasted-claims").hidden = !found.claims;
  find("pasted-claims").textContent = JSON.stringify(found.claims, null, 2) ?? "";
  showTimes(find("pasted-times"), found.claims);
  if (found.outcome) show(find("pasted-result"), found);
  else find("pasted-result").textContent = "";
});

function countDown() {
  const seconds = Math.max(0, Math.floor(find("token").dataset.expires - Date.now() / 1000));
  const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  const { left, over } = find("countdown").dataset;
  find("countdown").textContent = seconds ? left.replace("TIME", time) : over;
}

find("verifier").hidden = find("paste").hidden = false;
countDown();
setInterval(countDown, 1000);
await showToken();
