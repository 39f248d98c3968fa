import type { Schemas } from "../../api/client";
import type { Rest } from "../../api/rest";
import { Positions } from "../positions";

type Item = Schemas["ReplayedItem"];

const DAY = 86_400_000; // ms; the server plays no more at once
const LONGEST = 3_500_000; // ms that one stream takes; the server allows an hour
const TICK = 250; // ms
const SETTLE = 150; // ms: a slider that is dragged asks for the moment at which it rests
const FRESH = 30 * 60_000; // ms: who reported so short a time before is counted

export const speeds = [1, 10, 60, 300] as const;

export interface ReplayState {
  /** The moment that is shown, in ms. */
  at: number;
  playing: boolean;
  speed: number;
  /** Drivers with a position near that moment; null until they are read. */
  count: number | null;
  problem: unknown;
}

/** Shows a fleet as it was at a moment, and plays on from there. */
export class Replayer {
  /** Where everybody was; its clock is that of the replay. */
  readonly past = new Positions();
  private state: ReplayState;
  private readonly listeners = new Set<() => void>();
  private run = new AbortController();

  /** nameOf knows drivers by their ids; now is the end of the past. */
  constructor(
    private readonly rest: Pick<Rest, "call" | "lines">,
    private readonly nameOf: (driver: string) => string | undefined,
    private readonly now: () => number,
    at: number,
  ) {
    this.state = { at, playing: false, speed: 60, count: null, problem: null };
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  get = (): ReplayState => this.state;

  /** Goes to a moment, and plays on from there if it was playing. */
  seek(at: number) {
    this.begin({ at: Math.min(at, this.now()) });
  }

  play(playing: boolean) {
    this.begin({ playing });
  }

  setSpeed(speed: number) {
    this.begin({ speed });
  }

  stop() {
    this.run.abort();
  }

  private begin(change: Partial<ReplayState>) {
    this.run.abort();
    this.run = new AbortController();
    const { signal } = this.run;
    const moved = "at" in change || this.state.count === null;
    this.set({ ...change, problem: null });
    const steps = async () => {
      if (moved) await this.show(signal);
      if (this.state.playing) await this.playOn(signal);
    };
    steps().catch((problem: unknown) => {
      if (!signal.aborted) this.set({ problem, playing: false });
    });
  }

  /** Reads the moment. */
  private async show(signal: AbortSignal) {
    const { at, count } = this.state;
    if (count !== null) await pause(SETTLE, signal);
    const { items } = await this.rest.call<Schemas["Moment"]>("GET", "/replay", { query: { at: new Date(at).toISOString() }, signal });
    this.past.clockSkew = at - Date.now();
    this.past.forgetFixes();
    for (const item of items) this.put(item);
    this.set({ count: items.length });
  }

  /** Plays until the present. The server sends each position in its time; the clock here runs along. */
  private async playOn(signal: AbortSignal) {
    const { at: from, speed } = this.state;
    const begun = performance.now();
    const clock = () => from + (performance.now() - begun) * speed;
    const timer = setInterval(() => this.tick(Math.min(clock(), this.now())), TICK);
    signal.addEventListener("abort", () => clearInterval(timer));
    try {
      for (let start = from, present = false; !present; ) {
        const now = this.now();
        const end = Math.min(now, start + Math.min(DAY, LONGEST * speed));
        present = end === now;
        const query = { from: new Date(start).toISOString(), to: new Date(end).toISOString(), speed };
        for await (const item of this.rest.lines<Item>("/replay/stream", { query, signal })) this.put(item);
        await pause((end - clock()) / speed, signal);
        start = end;
      }
      this.set({ playing: false });
    } finally {
      clearInterval(timer);
    }
  }

  private tick(at: number) {
    this.past.clockSkew = at - Date.now();
    const count = this.past.all().filter(({ fix }) => fix && at - fix.at < FRESH).length;
    this.set({ at, count });
  }

  private put(p: Item) {
    const fix = { at: Date.parse(p.fix_at), lat: p.lat, lon: p.lon, speed: p.speed_mps ?? NaN, heading: p.heading_deg ?? NaN };
    this.past.put({ driver: p.driver, name: this.nameOf(p.driver), fix, seenAt: fix.at });
  }

  private set(change: Partial<ReplayState>) {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, Math.max(0, ms));
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
