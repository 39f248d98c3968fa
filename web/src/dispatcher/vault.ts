import { readClaims } from "../mqtt/claims";
import type { Tokens, Vault } from "../mqtt/credentials";

const KEY = "dray.session";
const ANSWERS = 400; // ms to wait for other tabs

/** What tabs say to one another. who is the user whose tokens they are. */
type Word = { kind: "ask" } | { kind: "tell"; who: string; tokens: Tokens | null };

const whoIs = ({ access }: Tokens) => {
  const claims = readClaims(access);
  return claims ? `${claims.fleet}/${claims.sub}` : "";
};

/**
 * Keeps the tokens until the tab is closed: a reload goes on, a browser that
 * somebody else opens later does not. A new tab gets them from those that are
 * open; they are written nowhere else. Tabs of one user share one refresh
 * token, which can be spent once: Credentials asks here before it does, under a
 * lock, so shared is false where there are no locks.
 */
export class TabVault implements Vault {
  private readonly channel: BroadcastChannel | null;

  constructor(private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem">, shared: boolean) {
    this.channel = shared ? new BroadcastChannel(KEY) : null;
    this.channel?.addEventListener("message", ({ data }: MessageEvent<Word>) => {
      if (data.kind === "tell") return this.hear(data);
      const tokens = this.kept();
      if (tokens && !tokens.expired) this.say({ kind: "tell", who: whoIs(tokens), tokens });
    });
  }

  async load(): Promise<Tokens | null> {
    if (this.channel && !this.isFresh()) await this.ask(this.channel);
    return this.kept();
  }

  async save(tokens: Tokens | null) {
    const before = this.kept();
    this.keep(tokens);
    const of = tokens ?? before;
    if (of) this.say({ kind: "tell", who: whoIs(of), tokens });
  }

  close() {
    this.channel?.close();
  }

  /** Asks the other tabs, and waits until one has tokens that need no renewal. */
  private ask(channel: BroadcastChannel): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        channel.removeEventListener("message", heard);
        resolve();
      };
      const heard = ({ data }: MessageEvent<Word>) => data.kind === "tell" && this.isFresh() && done(); // after hear, which was there first
      const timer = setTimeout(done, ANSWERS);
      channel.addEventListener("message", heard);
      this.say({ kind: "ask" });
    });
  }

  /** Takes what another tab has, when it is newer and of the same user; anybody's while nobody is signed in here. */
  private hear({ who, tokens }: Extract<Word, { kind: "tell" }>) {
    const kept = this.kept();
    if (kept && whoIs(kept) !== who) return;
    if (!tokens || !kept || tokens.renewAt >= kept.renewAt) this.keep(tokens);
  }

  private isFresh(): boolean {
    const kept = this.kept();
    return kept !== null && !kept.expired && Date.now() < kept.renewAt;
  }

  private say(word: Word) {
    this.channel?.postMessage(word);
  }

  private kept(): Tokens | null {
    const text = this.storage.getItem(KEY);
    return text ? (JSON.parse(text) as Tokens) : null;
  }

  private keep(tokens: Tokens | null) {
    if (tokens) this.storage.setItem(KEY, JSON.stringify(tokens));
    else this.storage.removeItem(KEY);
  }
}
