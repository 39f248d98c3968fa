import { afterEach, expect, it } from "vitest";

import type { Tokens } from "../mqtt/credentials";
import { TabVault } from "./vault";

const tokens = (sub: string, refresh: string, renewAt = Date.now() + 60_000): Tokens => ({
  access: `e30.${Buffer.from(JSON.stringify({ sub, fleet: "acme", role: "dispatcher", exp: 4_000_000_000 })).toString("base64url")}.sig`, refresh, renewAt, expired: false,
});
const open: TabVault[] = [];
function tab() {
  const items = new Map<string, string>();
  const vault = new TabVault({ getItem: (key) => items.get(key) ?? null, setItem: (key, value) => void items.set(key, value), removeItem: (key) => void items.delete(key) }, true);
  open.push(vault);
  return vault;
}
afterEach(() => open.splice(0).forEach((vault) => vault.close()));

it("hands a new tab the tokens of one that is open", async () => {
  await tab().save(tokens("dana", "r1"));
  expect(await tab().load()).toMatchObject({ refresh: "r1" });
});

it("has nothing when nobody has", async () => expect(await tab().load()).toBeNull());

it("learns what another tab renewed before it spends the same token again", async () => {
  const [a, b] = [tab(), tab()];
  await a.save(tokens("dana", "r1", Date.now() - 1));
  expect(await b.load()).toMatchObject({ refresh: "r1" });
  await a.save(tokens("dana", "r2"));
  expect(await b.load()).toMatchObject({ refresh: "r2" });
});

it("signs out all tabs of a user, and none of another", async () => {
  const [a, b, other] = [tab(), tab(), tab()];
  await a.save(tokens("dana", "r1"));
  await b.load();
  await other.save(tokens("dora", "d1"));
  await a.save(null);
  await expect.poll(() => b.load().then((kept) => kept?.refresh !== "r1")).toBe(true);
  expect(await other.load()).toMatchObject({ refresh: "d1" });
});
