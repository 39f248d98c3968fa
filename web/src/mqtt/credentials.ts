import { readClaims, type Claims } from "./claims";

/** What is kept between two visits. */
export interface Tokens {
  access: string;
  /** Absent for a token that came by link: it cannot be renewed. */
  refresh: string | null;
  /** When to fetch the next access token, in ms since 1970 by this machine's clock. */
  renewAt: number;
  /** The server takes none of them any more. The access token still tells who was signed in. */
  expired: boolean;
}

/** Where the tokens are kept. All tabs of one face share one vault. */
export interface Vault {
  load(): Promise<Tokens | null>;
  save(tokens: Tokens | null): Promise<void>;
}

/** Signing in again is the only way on. */
export class SignedOutError extends Error {
  override name = "SignedOutError";
}

/** The server's answer was not a success. */
export class ApiError extends Error {
  override name = "ApiError";
  constructor(readonly status: number, detail: string) {
    super(detail);
  }
}

interface LoginAnswer {
  access_token: string;
  refresh_token: string;
  expires_in: number;
}

const TIMEOUT = 10_000;
const RENEW_AFTER = 0.8; // of an access token's life

/**
 * Holds the tokens of who is signed in and renews them before they end.
 * A refresh token can be spent once, so renewal is a critical section of all tabs.
 */
export class Credentials {
  private tokens: Tokens | null = null;
  private readonly listeners = new Set<() => void>();

  /** name tells the lock of one face's tabs from that of the other. */
  constructor(
    private readonly name: string,
    private readonly vault: Vault,
    private readonly api = "/api/v1",
  ) {}

  /** Takes up what an earlier visit left. */
  async restore(): Promise<void> {
    this.set(await this.vault.load());
  }

  /** Who is, or was last, signed in. */
  get claims(): Claims | null {
    return this.tokens && readClaims(this.tokens.access);
  }

  get signedIn(): boolean {
    return this.tokens !== null && !this.tokens.expired;
  }

  /** When access() will fetch a new token; Infinity for one that cannot be renewed. */
  get renewAt(): number {
    return this.tokens?.renewAt ?? Infinity;
  }

  /** Calls listener after every change; returns how to stop that. */
  onChange = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Signs in. roles are those that may use this face; others are signed out again. Throws ApiError, or TypeError without a network. */
  async login(fleet: string, user: string, password: string, roles: readonly string[]): Promise<void> {
    const answer = await this.ask("/login", { fleet, user, password });
    const role = readClaims(answer.access_token)?.role ?? "";
    if (!roles.includes(role)) {
      await this.revoke(answer.access_token, answer.refresh_token);
      throw new ApiError(403, `role ${role} has no use for this page`);
    }
    await this.keep(answer);
  }

  /** Signs in with a token that somebody minted. */
  async adopt(token: string): Promise<void> {
    await this.put({ access: token, refresh: null, renewAt: Infinity, expired: false });
  }

  /**
   * Returns a token the server should take. refused is one that it just did not
   * take. Throws SignedOutError, or what fetch throws when the server is away.
   */
  async access(refused?: string): Promise<string> {
    const usable = () => {
      const t = this.tokens;
      if (!t || t.expired) throw new SignedOutError("sign in again");
      return t.access !== refused && Date.now() < t.renewAt ? t.access : null;
    };
    return (
      usable() ??
      (await this.alone(async () => {
        this.set(await this.vault.load()); // another tab may have renewed meanwhile
        const access = usable();
        if (access) return access;
        await this.renew();
        return this.tokens!.access;
      }))
    );
  }

  /** Signs out here, and on the server when it can be reached. */
  async logout(): Promise<void> {
    const tokens = this.tokens;
    await this.put(null);
    if (tokens?.refresh) await this.revoke(tokens.access, tokens.refresh);
  }

  /** Runs task while no other tab does. Web Locks exist in secure contexts only: over plain HTTP the tabs take their chance. */
  private async alone<T>(task: () => Promise<T>): Promise<T> {
    return "locks" in navigator ? await navigator.locks.request(`dray-${this.name}-refresh`, task) : task();
  }

  private async renew() {
    const { refresh, ...tokens } = this.tokens!;
    const expire = async () => {
      await this.put({ ...tokens, refresh: null, expired: true });
      throw new SignedOutError("sign in again");
    };
    if (!refresh) return expire();
    try {
      await this.keep(await this.ask("/token/refresh", { refresh_token: refresh }));
    } catch (error) {
      if (error instanceof ApiError && [400, 401, 403].includes(error.status)) return expire();
      throw error;
    }
  }

  private keep(answer: LoginAnswer) {
    return this.put({
      access: answer.access_token,
      refresh: answer.refresh_token,
      renewAt: Date.now() + answer.expires_in * 1_000 * RENEW_AFTER,
      expired: false,
    });
  }

  private async put(tokens: Tokens | null) {
    await this.vault.save(tokens);
    this.set(tokens);
  }

  private set(tokens: Tokens | null) {
    this.tokens = tokens;
    for (const listener of this.listeners) listener();
  }

  private async revoke(access: string, refresh: string) {
    try {
      await this.post("/logout", { refresh_token: refresh }, access);
    } catch {
      // Without a network the refresh token ends by itself.
    }
  }

  /** Asks for tokens. Throws ApiError for an answer that is not dray's: a hotel's network says 200 too, until one has paid. */
  private async ask(path: string, body: object): Promise<LoginAnswer> {
    const answer = (await this.post(path, body)) as Partial<LoginAnswer>;
    const whole = readClaims(answer.access_token ?? "") && answer.refresh_token && answer.expires_in !== undefined;
    if (!whole) throw new ApiError(502, "something else than the server answered");
    return answer as LoginAnswer;
  }

  private async post(path: string, body: object, bearer?: string): Promise<unknown> {
    const response = await fetch(this.api + path, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(bearer && { Authorization: `Bearer ${bearer}` }) },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT),
    });
    if (!response.ok) {
      const problem = (await response.json().catch(() => ({}))) as { detail?: string; title?: string };
      throw new ApiError(response.status, problem.detail ?? problem.title ?? response.statusText);
    }
    return response.status === 204 ? {} : response.json().catch(() => ({}));
  }
}
