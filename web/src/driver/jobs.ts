import { isDone, merge, parseOffer, type Job, type Status } from "./job";
import type { Outbox } from "./outbox";
import type { OutboxStore } from "./outboxStore";

/** What goes with a status: docs/mqtt.md. */
export interface StatusDetail {
  note?: string;
  lat?: number;
  lon?: number;
  proof?: { name?: string; signature?: string; photo?: string };
}

const MOST = 200; // jobs on one phone
const MOST_WAITING = 10_000; // reports; the outbox takes no more

/** The leaves of the topics that a job is reported on. */
export const receiptOf = ({ id }: Job) => `assignments/${id}/receipt`;
export const statusOf = ({ shipment }: Job) => `shipments/${shipment}/status`;

/**
 * The jobs of one driver. Each answer and status is kept together with the
 * report of it, in one transaction, and works without a network.
 */
export class Jobs {
  private readonly listeners = new Set<() => void>();
  private last: Promise<void> = Promise.resolve();

  private constructor(
    private readonly store: OutboxStore,
    private readonly outbox: Outbox,
    public list: readonly Job[],
  ) {}

  /** References of jobs that the driver had taken and need not do any more, until forget. */
  lost: Readonly<Record<"withdrawn" | "over", readonly string[]>> = { withdrawn: [], over: [] };

  /** Takes up the jobs of an earlier visit, without those that were done then and of which the server knows. */
  static async open(store: OutboxStore, outbox: Outbox): Promise<Jobs> {
    const [jobs, waiting] = await Promise.all([store.jobs(), outbox.waiting(MOST_WAITING)]);
    const unsent = new Set(waiting.map(({ report }) => report.leaf));
    const isOver = (job: Job) => isDone(job) && !unsent.has(receiptOf(job)) && !unsent.has(statusOf(job));
    await Promise.all(jobs.filter(isOver).map((job) => store.removeJob(job.id)));
    return new Jobs(store, outbox, jobs.filter((job) => !isOver(job)));
  }

  /** Calls listener after every change of list; returns how to stop that. */
  onChange = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Takes what came on the `assignments` topic and answers that it was received. */
  receive(payload: string): Promise<void> {
    return this.inTurn(() => this.take(payload));
  }

  private async take(payload: string) {
    const offer = parseOffer(payload);
    if (!offer) return;
    if ("gone" in offer) {
      await this.store.removeJob(offer.gone);
      const lost = this.list.find((job) => job.id === offer.gone && job.answer === "accepted" && !isDone(job));
      const why = offer.over ? "over" : "withdrawn";
      if (lost) this.lost = { ...this.lost, [why]: [...this.lost[why], lost.reference] };
      return this.set(this.list.filter((job) => job.id !== offer.gone));
    }
    const known = this.list.find(({ id }) => id === offer.job.id);
    if (!known && this.list.length >= MOST) return; // it comes again on the next connect
    if (known?.answer === "accepted" && offer.job.answer === "accepted" && offer.job.version <= known.version) return; // nothing new on either side
    const job = merge(known, offer.job);
    // Sent each time: that it came again says that the server has no answer yet.
    await this.keep(job, receiptOf(job), { state: job.answer });
  }

  /** Takes the server's word for how far a job is, after it refused the driver's; not when the driver has said more since. */
  correct(payload: string): Promise<void> {
    return this.inTurn(async () => {
      const offer = parseOffer(payload);
      if (!offer || "gone" in offer) return this.take(payload);
      const leaf = statusOf(offer.job);
      if ((await this.outbox.waiting(MOST_WAITING)).some(({ report }) => report.leaf === leaf)) return;
      const known = this.list.find(({ id }) => id === offer.job.id);
      const job = { ...merge(known, offer.job), status: offer.job.status };
      await this.keep(job, receiptOf(job), { state: job.answer });
    });
  }

  /** Says that the driver has seen, taken or declined a job. */
  answer(job: Job, answer: "seen" | "accepted" | "declined", reason = ""): Promise<void> {
    return this.inTurn(async () => {
      const now = this.newest(job);
      if (answer === "seen" && now.answer !== "received") return; // the finger was faster than the screen
      await this.keep({ ...now, answer }, receiptOf(job), { state: answer, ...(reason && { reason }) });
    });
  }

  /** Reports how far the job's shipment is. */
  report(job: Job, status: Status, detail: StatusDetail = {}): Promise<void> {
    return this.inTurn(() => this.keep({ ...this.newest(job), status }, statusOf(job), { status, ...detail }));
  }

  /** The driver has read which jobs are lost, and why. */
  forget(why: keyof Jobs["lost"]) {
    this.lost = { ...this.lost, [why]: [] };
    this.set([...this.list]);
  }

  /** The job as it is now: a tap may come from a screen that was drawn before. */
  private newest(job: Job): Job {
    return this.list.find(({ id }) => id === job.id) ?? job;
  }

  /** Runs one change after the other, for each begins with what the one before has left. */
  private inTurn(change: () => Promise<void>): Promise<void> {
    const run = this.last.then(change);
    this.last = run.catch(() => {});
    return run;
  }

  private async keep(job: Job, leaf: string, payload: Record<string, unknown>) {
    await this.outbox.addReport({ leaf, payload: { at: new Date().toISOString(), ...payload } }, { job });
    const others = this.list.filter(({ id }) => id !== job.id);
    const at = this.list.findIndex(({ id }) => id === job.id);
    this.set(at < 0 ? [job, ...others] : others.toSpliced(at, 0, job));
  }

  private set(list: readonly Job[]) {
    this.list = list;
    for (const listener of this.listeners) listener();
  }
}
