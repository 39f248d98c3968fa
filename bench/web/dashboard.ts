import { setTimeout as sleep } from "node:timers/promises";

import { Dray } from "../../web/e2e/dray";
import { addUser, launch, signIn, type Page } from "../../web/e2e/page";
import { Vehicles } from "../../web/e2e/vehicles";
import { countFrames, MainThread, type Work } from "./mainThread";
import type { Report } from "./report";

const DRIVERS = 10_000;
const RATE = 2_000; // positions per second, so that each reports every five
const WINDOW = 15_000; // ms of one measurement

/**
 * The dashboard with a fleet of 10,000 who report 2,000 positions a second, for
 * some minutes. First as it is on a machine without a GPU, where vehicles move
 * four times a second. Then as on one with a GPU: the page is told that there
 * is one, so that it draws every frame, and the calls that draw do nothing, so
 * that the main thread is measured and not the rasterizer which stands in.
 */
export async function measureDashboard(report: Report, minutes: number) {
  const dray = await Dray.start({ DRAY_LIMITS_MESSAGE_RATE: `${10 * RATE}`, DRAY_LIMITS_MESSAGE_BURST: `${10 * RATE}` });
  const browser = await launch();
  const vehicles = await Vehicles.start(dray, DRIVERS, RATE);
  try {
    await addUser(dray, "dana", "dispatcher");
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB" });
    context.setDefaultTimeout(180_000); // ms of one step, for a machine that others use too

    const plain = await open(await context.newPage(), dray);
    const without = middle(await windows(plain.thread, 3 * WINDOW));
    console.log("\ndashboard, 10,000 vehicles, 2,000 positions/s, no GPU");
    report.figure("script", (without.script / without.wall) * 1_000, "ms/s");
    report.bar("main thread without a GPU", share(without), "% of a core", 25);
    report.figure("frames", without.frames / without.wall, "/s");
    await plain.page.close();

    const page = await context.newPage();
    await page.addInitScript(withGPU);
    const { thread } = await open(page, dray);
    const heaps: number[] = [];
    const before = { sent: vehicles.sent, at: Date.now() };
    const works = await windows(thread, minutes * 60_000, async () => heaps.push(await thread.heap()));
    const work = middle(works);
    const third = Math.ceil(heaps.length / 3);
    const [early, late] = [heaps.slice(0, third), heaps.slice(-third)].map((part) => part.reduce((a, b) => a + b) / part.length);
    console.log(`\ndashboard, the same, every frame drawn, ${minutes} min`);
    report.figure("positions published", ((vehicles.sent - before.sent) / (Date.now() - before.at)) * 1_000, "/s");
    report.bar("script of a frame", (work.script / work.frames) * 1_000, "ms", 4);
    report.bar("main thread", share(work), "% of a core", 25);
    report.figure("frames", work.frames / work.wall, "/s");
    report.figure("main thread, as if all its work grew with the frames to 60/s", ((work.task / work.frames) * 60) * 100, "% of a core");
    report.figure("heap after a collection, first third", early, "MB");
    report.bar("growth of the heap from the first third to the last", (late / early - 1) * 100, "%", 5);

    const { cpu, clock } = await thread.longestTask(() => scroll(page));
    report.bar("longest task while the list scrolls", cpu, "ms of CPU", 50);
    report.figure("longest task while the list scrolls, by the clock", clock, "ms");
    await page.locator("[data-testid=link][data-link=live]").waitFor(); // it was live all the time
  } finally {
    await vehicles.stop();
    await browser.close();
    await dray.stop();
  }
}

/** Signs in and waits until the whole fleet is there and has settled. */
async function open(page: Page, dray: Dray) {
  await countFrames(page);
  await signIn(page, dray.url, "dana");
  await page.getByText(`${DRIVERS} drivers`, { exact: true }).waitFor();
  await page.locator("[data-testid=map] canvas").waitFor();
  const thread = await MainThread.of(page);
  await sleep(WINDOW);
  return { page, thread };
}

/** Measures in windows for ms; after each one, afterwards. */
async function windows(thread: MainThread, ms: number, afterwards?: () => Promise<unknown>): Promise<Work[]> {
  const works: Work[] = [];
  for (const until = Date.now() + ms; works.length === 0 || Date.now() < until; ) {
    works.push(await thread.during(() => sleep(WINDOW)));
    await afterwards?.();
  }
  return works;
}

/** The one of works whose main thread did neither most nor least. */
const middle = (works: Work[]) => works.toSorted((a, b) => share(a) - share(b))[works.length >> 1];
const share = ({ task, wall }: Work) => (task / wall) * 100;

/** Turns the wheel over the list for ten seconds, down and up again. */
async function scroll(page: Page) {
  await page.getByTestId("driver-list").hover();
  for (let i = 0; i < 200; i++) {
    await page.mouse.wheel(0, i < 120 ? 900 : -1_200);
    await sleep(50);
  }
}

/** Runs in the page. */
function withGPU() {
  const { prototype } = WebGL2RenderingContext;
  const { getParameter } = prototype;
  prototype.getParameter = function (name: number) {
    const value: unknown = getParameter.call(this, name);
    return typeof value === "string" && /swiftshader|llvmpipe|software/i.test(value) ? "a GPU" : value;
  };
  for (const draw of ["drawArrays", "drawElements", "drawArraysInstanced", "drawElementsInstanced"] as const) prototype[draw] = () => {};
}
