import type { Page } from "../../web/e2e/page";

/** What the main thread of a page did in a stretch of time, in CPU seconds of that thread: others on the same processor do not count. */
export interface Work {
  wall: number; // seconds
  frames: number; // in which script asked to draw
  script: number;
  task: number; // everything: script, style, layout, paint, parsing
}

/** Counts the frames that the page's own script asks for. Call it before the page is opened. */
export const countFrames = (page: Page) =>
  page.addInitScript(() => {
    const counted = Object.assign(window, { frames_: 0 });
    const request = window.requestAnimationFrame.bind(window);
    let last = -1;
    window.requestAnimationFrame = (callback) =>
      request((time) => {
        if (time !== last) counted.frames_++;
        last = time;
        callback(time);
      });
  });

/** Reads what the main thread has used. */
export class MainThread {
  private constructor(
    private readonly page: Page,
    private readonly tools: Awaited<ReturnType<ReturnType<Page["context"]>["newCDPSession"]>>,
  ) {}

  static async of(page: Page): Promise<MainThread> {
    const tools = await page.context().newCDPSession(page);
    await tools.send("Performance.enable", { timeDomain: "threadTicks" });
    return new MainThread(page, tools);
  }

  /** Measures what is done while task runs. */
  async during(task: () => Promise<unknown>): Promise<Work> {
    const before = await this.read();
    await task();
    const after = await this.read();
    return { wall: after.wall - before.wall, frames: after.frames - before.frames, script: after.script - before.script, task: after.task - before.task };
  }

  /** The JavaScript heap after a garbage collection, in MB. */
  async heap(): Promise<number> {
    await this.tools.send("HeapProfiler.collectGarbage");
    return (await this.metrics()).JSHeapUsedSize / 1e6;
  }

  /**
   * Runs task and returns the longest tasks of the main thread meanwhile in ms:
   * by their CPU time, and by the clock, which counts waiting for a processor too.
   */
  async longestTask(task: () => Promise<unknown>): Promise<{ cpu: number; clock: number }> {
    interface TraceEvent {
      name: string;
      pid: number;
      tid: number;
      dur?: number; // µs
      tdur?: number;
      args?: { name?: string };
    }
    const tools = await this.page.context().browser()!.newBrowserCDPSession();
    const events: TraceEvent[] = [];
    tools.on("Tracing.dataCollected", ({ value }) => events.push(...(value as unknown as TraceEvent[])));
    const traceConfig = { includedCategories: ["disabled-by-default-devtools.timeline"], excludedCategories: ["*"] };
    await tools.send("Tracing.start", { transferMode: "ReportEvents", traceConfig });
    await task();
    const complete = new Promise((resolve) => tools.once("Tracing.tracingComplete", resolve));
    await tools.send("Tracing.end");
    await complete;
    await tools.detach();
    const thread = ({ pid, tid }: TraceEvent) => `${pid}/${tid}`;
    const mains = new Set(events.filter((e) => e.name === "thread_name" && e.args?.name === "CrRendererMain").map(thread));
    const tasks = events.filter((e) => e.name === "RunTask" && mains.has(thread(e)));
    if (tasks.length === 0) throw new Error("the trace holds no tasks of a page");
    const longest = (of: (e: TraceEvent) => number) => tasks.reduce((most, e) => Math.max(most, of(e)), 0) / 1_000;
    return { cpu: longest((e) => e.tdur ?? 0), clock: longest((e) => e.dur ?? 0) };
  }

  private async read(): Promise<Work> {
    const { Timestamp, ScriptDuration, TaskDuration } = await this.metrics();
    const frames = await this.page.evaluate(() => (window as unknown as { frames_: number }).frames_);
    return { wall: Timestamp, frames, script: ScriptDuration, task: TaskDuration };
  }

  private async metrics(): Promise<Record<string, number>> {
    const { metrics } = await this.tools.send("Performance.getMetrics");
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  }
}
