import type { Tokens, Vault } from "../mqtt/credentials";

const KEY = "dray.session";

/** Keeps the tokens until the tab is closed: a reload goes on, a browser that somebody else opens later does not. */
export const tabVault: Vault = {
  async load() {
    const kept = sessionStorage.getItem(KEY);
    return kept ? (JSON.parse(kept) as Tokens) : null;
  },
  async save(tokens) {
    if (tokens) sessionStorage.setItem(KEY, JSON.stringify(tokens));
    else sessionStorage.removeItem(KEY);
  },
};
