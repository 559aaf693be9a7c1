/** How to reach the site, and where this page keeps its tokens. */
export interface Options {
  /** The URL of the site, such as `https://id.example.org`. */
  site: string;
  /**
   * "cookie" (the default) keeps the tokens in cookies that no script can read, and works on pages of
   * the same site. "body" keeps them in IndexedDB, and works on pages of any origin in CORS_ORIGINS.
   */
  transport?: "cookie" | "body";
  /** Origins of other services that receive the access token. Only with transport "body". */
  services?: readonly string[];
}

/** What a sign-in may state besides the user name and the password. */
export interface SignInOptions {
  /** The name of this device in the user's list, at most 100 characters. */
  device?: string;
  /** The scopes of the session, separated by spaces. */
  scope?: string;
  /** The service that the access tokens are for. */
  audience?: string;
}

/** The answer to a sign-in, without its tokens. Durations are in seconds. */
export interface SignedIn {
  token_type: "Bearer";
  expires_in: number;
  refresh_expires_in: number;
  /** The id of the device session. */
  session: string;
  generation: number;
}

/** A device session as the site lists it. */
export interface Session {
  id: string;
  kind: "token" | "browser";
  device: string;
  ip_address: string | null;
  user_agent: string;
  /** ISO 8601. */
  created_at: string;
  /** A day, ISO 8601. */
  last_used_on: string;
  /** When the session expires at the latest; it expires earlier if it is not used. ISO 8601. */
  expires_at: string;
  current: boolean;
}

/** The events of a client. `detail.session` is the id of the device session. */
export interface Events {
  /** A tab of this browser has signed in, or has a new session after a change of the password. */
  signedin: CustomEvent<{ session: string }>;
  /** A tab has signed out, or the site has refused this browser's session. */
  signedout: CustomEvent<{ session: string }>;
  /** A tab has received new tokens. */
  refreshed: CustomEvent<{ session: string }>;
}

/** A client of one site. All clients of an origin with the same site and transport share a session. */
export interface Latchkey extends EventTarget {
  /**
   * Do what `fetch` does, signed in. `input` may be a path of the site. After a 401 the client
   * refreshes and sends the request once more, unless its body is a stream.
   *
   * @throws {LatchkeyError} if a refresh was needed and the site is not available.
   * @throws {TypeError} if the URL is neither on the site nor on one of `services`.
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;

  /**
   * Sign in. A session that this browser had before ends.
   *
   * @throws {LatchkeyError} `no_active_account` for a wrong name or password, or "unavailable".
   */
  signIn(username: string, password: string, options?: SignInOptions): Promise<SignedIn>;

  /**
   * Sign out all tabs of this browser.
   *
   * @throws {LatchkeyError} if the site is not available. With transport "cookie" the browser is then
   * still signed in; with "body" the tokens are deleted here, and the session is still in the list.
   */
  signOut(): Promise<void>;

  /**
   * Return the session of this browser, or null if the user is not signed in.
   *
   * @throws {LatchkeyError} if the site is not available.
   */
  session(): Promise<Session | null>;

  addEventListener<Name extends keyof Events>(
    type: Name,
    listener: (event: Events[Name]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<Name extends keyof Events>(
    type: Name,
    listener: (event: Events[Name]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** The site refused a call, or could not be reached. The message is a sentence for people. */
export class LatchkeyError extends Error {
  readonly name: "LatchkeyError";
  /** The status of the answer, or 0 if none came. */
  readonly status: number;
  /** The word that the site sent for programs, "unavailable" if a later call may succeed, or "error". */
  readonly code: string;
  /** The seconds after which the site can be called again, if it sent them. */
  readonly retryAfter: number | undefined;
}

/**
 * Return the client of a site.
 *
 * @throws {TypeError} if an option is not valid.
 */
export function latchkey(options: Options): Latchkey;
