import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { readClaims } from "./claims";
import { ApiError, Credentials, SignedOutError, type Tokens, type Vault } from "./credentials";

const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.sig`;
const driver = { sub: "d7", fleet: "acme", role: "driver", exp: 4_000_000_000 };

/** A server whose refresh tokens can be spent once, as dray's. */
class Sessions {
  requests: string[] = [];
  status = 200;
  /** A network of which one has to log in answers in its place. */
  portal = false;
  role = "driver";
  expiresIn = 900;
  private valid = "";
  private issued = 0;
  readonly http: Server = createServer((request, response) => {
    if (this.portal) return void response.end("<p>Welcome to the hotel</p>");
    let text = "";
    request.on("data", (part) => (text += String(part)));
    request.on("end", () => {
      this.requests.push(request.url!);
      const spent = request.url === "/token/refresh" && (JSON.parse(text) as { refresh_token: string }).refresh_token !== this.valid;
      const status = spent ? 401 : this.status;
      this.issued++;
      this.valid = `r${this.issued}`;
      response.writeHead(status, { "Content-Type": "application/json" });
      const ok = { access_token: jwt({ ...driver, role: this.role, jti: this.issued }), refresh_token: this.valid, expires_in: this.expiresIn };
      response.end(JSON.stringify(status === 200 ? ok : { title: "no", detail: "not now" }));
    });
  });
}

/** What two tabs share. */
class Memory implements Vault {
  tokens: Tokens | null = null;
  load = () => Promise.resolve(this.tokens);
  save = (tokens: Tokens | null) => Promise.resolve(void (this.tokens = tokens));
}

let server: Sessions;
let vault: Memory;
const open = async () => {
  const credentials = new Credentials("driver", vault, `http://127.0.0.1:${(server.http.address() as AddressInfo).port}`);
  await credentials.restore();
  return credentials;
};
const signedIn = async () => {
  const credentials = await open();
  await credentials.login("acme", "d7", "secret", ["driver"]);
  return credentials;
};

beforeEach(async () => {
  let last: Promise<unknown> = Promise.resolve();
  const locks = { request: (_: string, task: () => Promise<unknown>) => (last = last.then(task, task)) };
  vi.stubGlobal("navigator", { locks }); // Node has none
  server = new Sessions();
  vault = new Memory();
  await new Promise<void>((resolve) => server.http.listen(0, "127.0.0.1", resolve));
});
afterEach(() => {
  server.http.close();
  server.http.closeAllConnections();
  vi.unstubAllGlobals();
});

describe("access", () => {
  it("is the same token until it is due, and outlives a reload", async () => {
    const token = await (await signedIn()).access();
    expect(await (await open()).access()).toBe(token);
    expect(server.requests).toEqual(["/login"]);
  });

  it("is renewed when due or refused, by one tab for all", async () => {
    server.expiresIn = 0;
    await signedIn();
    server.expiresIn = 900;
    const [a, b] = await Promise.all([open(), open()]);
    const tokens = await Promise.all([a.access(), b.access(), a.access()]);
    expect(new Set(tokens).size).toBe(1);
    expect(server.requests).toEqual(["/login", "/token/refresh"]);
    expect(await b.access(tokens[0])).not.toBe(tokens[0]);
  });

  it("stays signed in while the server is away, and not when it says no", async () => {
    server.expiresIn = 0;
    const credentials = await signedIn();
    server.status = 503;
    await expect(credentials.access()).rejects.toThrow(ApiError);
    expect(credentials.signedIn).toBe(true);
    server.status = 401;
    await expect(credentials.access()).rejects.toThrow(SignedOutError);
    expect(credentials.signedIn).toBe(false);
    expect(credentials.claims?.sub).toBe("d7"); // so that reports go on being kept under that name
    await expect((await open()).access()).rejects.toThrow(SignedOutError);
  });

  it("stays signed in when something else answers in the server's place", async () => {
    server.expiresIn = 0;
    const credentials = await signedIn();
    server.portal = true;
    await expect(credentials.access()).rejects.toThrow(ApiError);
    server.portal = false;
    server.expiresIn = 900;
    expect(await credentials.access()).toBe(vault.tokens?.access);
  });

  it("of a token that came by link ends with the first refusal", async () => {
    const credentials = await open();
    await credentials.adopt(jwt(driver));
    const token = await credentials.access();
    await expect(credentials.access(token)).rejects.toThrow(SignedOutError);
    expect(server.requests).toEqual([]);
  });
});

describe("login", () => {
  it("keeps nothing of a role that has no use for the page", async () => {
    server.role = "dispatcher";
    await expect(signedIn()).rejects.toMatchObject({ status: 403 });
    expect(vault.tokens).toBeNull();
    expect(server.requests).toEqual(["/login", "/logout"]);
  });

  it("passes on what the server says", async () => {
    server.status = 429;
    await expect(signedIn()).rejects.toMatchObject({ status: 429, message: "not now" });
  });
});

it("logout forgets the tokens even without the server", async () => {
  const credentials = await signedIn();
  server.status = 500;
  await credentials.logout();
  expect(vault.tokens).toBeNull();
  expect(credentials.claims).toBeNull();
});

it.each(["", "x", "e30.e30.x", "e30.!!.x", jwt({ sub: "d7" }), jwt({ ...driver, exp: "soon" })])("readClaims(%j) is null", (token) => {
  expect(readClaims(token)).toBeNull();
});
it("readClaims reads names beyond ASCII", () => {
  expect(readClaims(jwt({ ...driver, role: "device", driver: "Jürgen" }))?.driver).toBe("Jürgen");
});
