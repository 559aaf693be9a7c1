/**
 * Sign-in, refresh and sign-out for pages that use a Latchkey site. README.md explains the interface.
 *
 * All tabs of a browser share one refresh token. Each refresh names the token that it means to spend
 * and has an Idempotency-Key that every tab derives for that token, so the site gives all of them
 * the same successor (RFC 9700, section 4.14.2). Locks and messages only save requests.
 */

const PATIENCE = 10_000; // ms in which a request is sent again, and in which one is answered
const LOCK_TIMEOUT = 5_000; // ms until a tab continues without the lock, which a frozen tab may hold
const STORE_TIMEOUT = 5_000; // ms
const REST = 10_000; // ms in which a new token is not spent: no request with an older one lasts longer
const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);
const SIGNS_IN = /^\/api\/(auth\/(login|refresh)|account\/password)\/$/;
const SIGNS_OUT = /^\/api\/auth\/logout\/(all\/)?$/;
const HMAC = { name: "HMAC", hash: "SHA-256" };

/** The site refused a call, or could not be reached: then `code` is "unavailable". */
export class LatchkeyError extends Error {
  name = "LatchkeyError";

  /** `status` is 0 without an answer. `retryAfter` is in seconds, if the site sent one. */
  constructor(message, { status = 0, code = "unavailable", retryAfter, cause } = {}) {
    super(message, { cause });
    Object.assign(this, { status, code, retryAfter });
  }
}

/** How each kind of change alters the stored state. A change that comes too late alters nothing. */
const CHANGES = {
  signedin: (next) => () => next,
  refreshed: (next) => (kept) =>
    kept?.session === next.session && kept.generation <= next.generation
      ? { ...next, settled: Math.max(kept.settled, next.settled) }
      : kept,
  signedout: (next) => (kept) => (kept?.session === next.session ? undefined : kept),
};

/** Values that all tabs share in IndexedDB, or that this tab keeps where IndexedDB does not work. */
class Store {
  #name;
  #copies = new Map();
  shared = false;

  constructor(name) {
    this.#name = name;
  }

  /** Replace the value by `change(value)` in one transaction, and return the new value. */
  async update(key, change) {
    let value;
    try {
      value = await within(STORE_TIMEOUT, transact(this.#name, key, change));
      this.shared = true;
    } catch {
      value = change(this.#copies.get(key));
    }
    this.#copies.set(key, value);
    return value;
  }
}

class Latchkey extends EventTarget {
  #site;
  #cookies;
  #origins;
  #name;
  #store;
  #channel;
  #known = null; // the session and the generation of its token, as far as this tab knows
  #csrf;
  #renewing;
  #checked; // the state in which the browser is known to have the newest cookie
  #ready;

  constructor({ site, transport = "cookie", services = [] }) {
    super();
    if (!["cookie", "body"].includes(transport)) throw new TypeError(`Unknown transport: ${transport}`);
    if (transport === "cookie" && services.length)
      throw new TypeError('Other services receive access tokens only with transport "body".');
    this.#site = new URL(site, globalThis.location?.href).origin;
    this.#cookies = transport === "cookie";
    this.#origins = new Set([this.#site, ...services.map((url) => new URL(url).origin)]);
    this.#name = `latchkey ${transport} ${this.#site}`;
    this.#store = new Store(this.#name);
    this.#ready = this.#read().then((state) => (this.#known = state));
    if (globalThis.BroadcastChannel) this.#listen();
    for (const name of ["pageshow", "visibilitychange"])
      globalThis.addEventListener?.(name, () => this.#ready.then(() => this.#sync()));
  }

  /** Do what `fetch` does, signed in. After a 401 refresh, and send the request once more. */
  fetch = async (input, init = {}) => {
    const request = this.#request(input, init);
    const once = init.body instanceof ReadableStream;
    await this.#ready;
    for (let left = 4; ; left--) {
      const before = this.#known;
      const answer = await this.#send(request, once);
      if (answer.status !== 401 || !left) return this.#keep(request, answer);
      if (!(await this.#renew(before, answer)) || once) return answer;
    }
  };

  /** Sign in with a password. The browser's session before this one ends. */
  signIn = async (username, password, { device, scope, audience } = {}) => {
    await this.#ready;
    const transport = this.#cookies ? "cookie" : "body";
    const asked = { username, password, transport, device, scope, audience };
    return locked(this.#name, async () => {
      const answer = await this.#post("/api/auth/login/", asked).catch(lost).then(success);
      const { access, refresh, ...rest } = await answer.json();
      await this.#sync();
      const last = this.#known;
      await this.#change("signedin", this.#state({ access, refresh, ...rest }));
      if (!this.#cookies && last) this.#logout({ refresh: last.refresh }).catch(() => {});
      return rest;
    });
  };

  /** Sign out this browser, all tabs of it. */
  signOut = async () => {
    await this.#ready;
    await this.#sync();
    const last = this.#known;
    if (this.#cookies) await this.#logout({});
    if (last) await this.#change("signedout", last);
    if (!this.#cookies && last) await this.#logout({ refresh: last.refresh });
  };

  /** Return this browser's session as the site lists it, or null if the user is not signed in. */
  session = async () => {
    const answer = await this.fetch("/api/auth/sessions/");
    if (answer.status === 401) return null;
    const sessions = await (await success(answer)).json();
    return sessions.find(({ current }) => current) ?? null;
  };

  #request(input, init) {
    const url = input instanceof Request ? input : new URL(input, this.#site);
    const request = new Request(url, { ...init, credentials: this.#cookies ? "include" : "omit" });
    if (!this.#origins.has(new URL(request.url).origin))
      throw new TypeError(`${request.url} is neither on the site nor on one of its services.`);
    return request;
  }

  /** Send the request with this browser's credentials. A refused CSRF token is renewed. */
  async #send(request, once = false) {
    for (let left = once ? 0 : 2; ; left--) {
      const copy = once ? request : request.clone();
      if (!this.#cookies && this.#known) copy.headers.set("Authorization", `Bearer ${this.#known.access}`);
      if (this.#cookies && !SAFE.has(copy.method)) copy.headers.set("X-CSRFToken", await this.#csrfToken());
      const answer = await fetch(copy);
      if (!this.#cookies || answer.status !== 403) return answer;
      if ((await told(answer)).code !== "csrf_failed") return answer;
      this.#csrf = undefined;
      if (!left) return answer;
    }
  }

  #csrfToken() {
    const init = { credentials: "include", signal: AbortSignal.timeout(PATIENCE) };
    this.#csrf ??= fetch(`${this.#site}/api/auth/csrf/`, init)
      .then(success)
      .then(async (answer) => (await answer.json()).csrfToken)
      .catch((error) => {
        this.#csrf = undefined;
        throw error;
      });
    return this.#csrf;
  }

  #post(path, body, headers = {}) {
    headers = { "Content-Type": "application/json", ...headers };
    const signal = AbortSignal.timeout(PATIENCE);
    return this.#send(this.#request(path, { method: "POST", body: JSON.stringify(body), headers, signal }));
  }

  /** Post until the site answers. Raises LatchkeyError after pauses of PATIENCE or three timeouts. */
  async #insist(path, body, headers) {
    for (let wait = 250, left = PATIENCE; ; wait *= 2) {
      const answer = await this.#post(path, body, headers).catch((cause) => cause);
      const answered = answer instanceof Response;
      if (answered && !isBusy(answer)) return answer;
      const pause = (delay(answer) * 1000 || wait) * (1 + Math.random() / 4);
      left -= pause + (answer.name === "TimeoutError" ? PATIENCE / 3 : 0); // no clock: the tab may sleep
      if (left < 0) return answered ? success(answer) : lost(answer);
      await sleep(pause);
    }
  }

  #logout(body) {
    return this.#insist("/api/auth/logout/", body).then(success);
  }

  /** Return whether it makes sense to send a request again that was refused in the state `before`. */
  async #renew(before, answer) {
    await this.#sync();
    if (!this.#is(before)) return this.#known !== null;
    if (!this.#cookies && !this.#known) return false;
    let token = before;
    const rest = (before?.settled ?? 0) - Date.now();
    if (rest > 0 && rest <= REST) {
      // A refresh changes nothing about the reason why a new access token is refused, unless the
      // roles have changed again, or a late answer has put an older cookie back.
      if ((await told(answer)).code === "rights_changed") await sleep(rest);
      else if (!this.#cookies || this.#is(this.#checked)) return false;
      else token = null;
    }
    this.#renewing ??= locked(this.#name, () => this.#spend(before, token)).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Spend the token of the state `before`, unless another tab has done it. Null asks for its name. */
  async #spend(before, token) {
    for (let left = 4; left; left--) {
      await this.#sync();
      if (!this.#is(before)) return this.#known !== null;
      const answer = await this.#refresh(token);
      const { code, session, generation, ...more } = await answer.json().catch(() => ({}));
      if (answer.ok) {
        await this.#change("refreshed", this.#state({ session, generation, ...more }));
        return true;
      }
      // A 401 of a proxy has no such code. A 400 means that the cookie is gone.
      if (code === "token_not_valid" || (this.#cookies && answer.status === 400)) return this.#forget(before);
      if (answer.status !== 409)
        throw new LatchkeyError(more.detail ?? `The site answered ${answer.status}.`, { status: answer.status, code });
      if (code !== "token_differs") await sleep(1000 + 500 * Math.random());
      else if (session !== before?.session || generation > before.generation)
        return this.#adopt({ session, generation, settled: 0 });
      // A late answer to another tab has put an older cookie back: its successor comes once more.
      else if (generation < before.generation) token = { session, generation };
      else {
        // The cookie is the newest one. Another tab may have put it back after the request was refused.
        this.#checked = this.#known;
        return true;
      }
    }
    throw new LatchkeyError("Another client has just used this browser's refresh token.", { status: 409 });
  }

  /** Send the refresh of this token. Without one, ask which token the browser's cookie has. */
  async #refresh(token) {
    const { session, generation, refresh } = token ?? { generation: 0 };
    const named = this.#cookies ? { session, generation } : { refresh };
    const headers = token ? { "Idempotency-Key": await this.#retryKey(`${session}|${generation}`) } : {};
    return this.#insist("/api/auth/refresh/", named, headers);
  }

  /** Return the HMAC of the text with this browser's secret, which no script can export. */
  async #retryKey(text) {
    const made = await (this.#store.shared
      ? crypto.subtle.generateKey(HMAC, false, ["sign"])
      : textKey(this.#name));
    const secret = this.#store.shared ? await this.#store.update("secret", (kept) => kept ?? made) : made;
    const signature = await crypto.subtle.sign(HMAC, secret, new TextEncoder().encode(text));
    return Array.from(new Uint8Array(signature), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /** The site refused the token: the user is signed out, unless another tab has signed in again. */
  async #forget(state) {
    await this.#sync();
    if (this.#known && this.#known.session !== state?.session) return true;
    if (state) await this.#change("signedout", state);
    return false;
  }

  /** Continue with the cookie that another tab, or a page of another origin, has received. */
  async #adopt(state) {
    const kind = this.#known?.session === state.session ? "refreshed" : "signedin";
    this.#observe(await this.#store.update("state", CHANGES[kind](state)));
    return true;
  }

  /** Store what an answer to a call of the app changes, and return the answer without tokens. */
  async #keep(request, answer) {
    const { origin, pathname } = new URL(request.url);
    if (origin !== this.#site || request.method !== "POST" || !answer.ok) return answer;
    if (SIGNS_OUT.test(pathname) && this.#known) await this.#change("signedout", this.#known);
    if (!SIGNS_IN.test(pathname)) return answer;
    const { access, refresh, ...rest } = await told(answer);
    if (Boolean(refresh) === this.#cookies) return answer;
    await this.#change("signedin", this.#state({ access, refresh, ...rest }));
    return new Response(JSON.stringify(rest), answer);
  }

  #state({ session, generation, expires_in, access, refresh }) {
    const settled = Date.now() + Math.min(REST, expires_in * 125);
    return { session, generation, settled, ...(!this.#cookies && { access, refresh }) };
  }

  /** Return whether the browser has received no tokens since this state. */
  #is(state) {
    return ["session", "generation", "settled"].every((name) => this.#known?.[name] === state?.[name]);
  }

  async #change(kind, next) {
    this.#observe(await this.#store.update("state", CHANGES[kind](next)));
    const { session, generation, settled } = next;
    this.#channel?.postMessage({ kind, state: { session, generation, settled } });
  }

  async #read() {
    return (await this.#store.update("state", (kept) => kept)) ?? null;
  }

  async #sync() {
    this.#observe(await this.#read());
  }

  /** Remember the state, and dispatch the event that it means for this tab. */
  #observe(next = null) {
    const last = this.#known;
    const same = last?.session === next?.session;
    if (same && next?.generation < last?.generation) return;
    this.#known = next;
    if (!same) this.#emit(next ? "signedin" : "signedout", next ?? last);
    else if (next?.generation > last?.generation) this.#emit("refreshed", next);
  }

  #emit(type, { session }) {
    this.dispatchEvent(new CustomEvent(type, { detail: { session } }));
  }

  /** Follow the other tabs. Where the store is not shared, their messages are all that this tab has. */
  #listen() {
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.unref?.(); // Node would not end.
    this.#channel.onmessage = async ({ data: { kind, state } }) => {
      await this.#ready;
      if (this.#store.shared || !this.#cookies) return this.#sync();
      this.#observe(await this.#store.update("state", CHANGES[kind](state)));
    };
  }
}

/** Return the client of this site for this page. */
export const latchkey = (options) => new Latchkey(options);

/** Run the work while no other tab runs it. After LOCK_TIMEOUT take the lock from its holder. */
function locked(name, work) {
  const locks = globalThis.navigator?.locks;
  if (!locks) return work();
  return new Promise((resolve, reject) => {
    let started = false;
    const run = () => {
      started = true;
      const done = work();
      done.then(resolve, reject);
      return done.catch(() => {});
    };
    locks
      .request(name, { signal: AbortSignal.timeout(LOCK_TIMEOUT) }, run)
      .catch(() => started || locks.request(name, { steal: true }, run))
      .catch(() => started || run());
  });
}

function transact(name, key, change) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(name);
    opening.onupgradeneeded = () => opening.result.createObjectStore("values");
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const database = opening.result;
      let transaction, value;
      try {
        transaction = database.transaction("values", "readwrite");
        const values = transaction.objectStore("values");
        values.get(key).onsuccess = ({ target: { result } }) => {
          value = change(result);
          try {
            if (value === undefined) values.delete(key);
            else if (value !== result) values.put(value, key);
          } catch {
            transaction.abort(); // This browser cannot store such a value.
          }
        };
        transaction.oncomplete = () => resolve(value);
        transaction.onabort = () => reject(transaction.error);
      } catch (error) {
        reject(error);
      }
      database.close(); // after the transaction
    };
  });
}

/** Return a key made of a text in localStorage, or of a random one where that does not work. */
function textKey(name) {
  let text = crypto.randomUUID();
  try {
    text = localStorage[name] ??= text;
  } catch {
    // This tab keeps its own.
  }
  return crypto.subtle.importKey("raw", new TextEncoder().encode(text), HMAC, false, ["sign"]);
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(reject, ms)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Return the answer's JSON, which stays readable, or {}. */
const told = (answer) => answer.clone().json().catch(() => ({}));

const isBusy = ({ status }) => status === 429 || status >= 500;

/** Return the seconds of Retry-After, or undefined. */
const delay = (answer) => Number(answer.headers?.get("Retry-After")) || undefined;

/** Return the answer, or raise the LatchkeyError that describes it. */
async function success(answer) {
  if (answer.ok) return answer;
  const { status } = answer;
  const { detail, code = "error", ...fields } = await told(answer);
  const message = detail ?? (Object.values(fields).flat().join(" ") || `The site answered ${status}.`);
  throw new LatchkeyError(message, {
    status,
    code: isBusy(answer) ? "unavailable" : code,
    retryAfter: delay(answer),
  });
}

function lost(cause) {
  throw cause instanceof LatchkeyError ? cause : new LatchkeyError("The site did not answer.", { cause });
}
