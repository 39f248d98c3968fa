import { Dray, Network } from "../../web/e2e/dray";
import { fillOutbox } from "../../web/e2e/outboxOf";
import { launch } from "../../web/e2e/page";
import { MainThread, countFrames } from "./mainThread";
import type { Report } from "./report";

const FIXES = 10_000;

/** The driver app after a day without a network: 10,000 fixes wait, the network comes back, and a finger taps. */
export async function measureDriver(report: Report) {
  const dray = await Dray.start({ DRAY_INGEST_MIN_INTERVAL: "1ms" }); // so that every fix can be counted
  const network = await Network.to(dray.addresses.http);
  const browser = await launch();
  try {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: "en" });
    const page = await context.newPage();
    await countFrames(page);
    await page.goto(`${network.url}/driver/#token=${dray.token("driver", "d1")}`);
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
    await page.waitForSelector("[data-link=live]");
    network.cut();
    await page.waitForSelector("[data-link=waiting]");
    await fillOutbox(page, "d1", FIXES);
    await page.reload(); // from the service worker
    await page.getByText("10,000").waitFor();
    const thread = await MainThread.of(page);

    await page.evaluate(() => {
      const taps = Object.assign(window, { delay_: 0 });
      addEventListener("pointerdown", ({ timeStamp }) => (taps.delay_ = Math.max(taps.delay_, performance.now() - timeStamp)));
    });
    let seconds = 0;
    const { cpu, clock } = await thread.longestTask(async () => {
      network.mend();
      await page.evaluate(() => dispatchEvent(new Event("online"))); // the phone hears of it, as it would: no wait for the back-off
      const began = Date.now();
      const empty = page.waitForFunction(() => document.querySelector("[data-fact=queue]")?.textContent === "nothing").then(() => (seconds = (Date.now() - began) / 1_000));
      while (seconds === 0) await page.mouse.click(195, 120);
      await empty;
    });
    const delay = await page.evaluate(() => (window as unknown as { delay_: number }).delay_);
    // Acknowledged is synced in the stream; its rows follow.
    const track = () => dray.api<{ points: unknown[] }>(dray.token("dispatcher", "boss"), "GET", `/drivers/d1/track?from=${iso(-48)}&to=${iso(1)}&max_points=10000`);
    let stored = await track();
    for (const end = Date.now() + 30_000; stored.points.length < FIXES && Date.now() < end; ) stored = await track();

    console.log("\ndriver app, 10,000 fixes wait and the network is back");
    report.bar("until the server has acknowledged all", seconds, "s", 20);
    report.bar("fixes that are not stored", FIXES - stored.points.length, "", 0);
    report.bar("longest task meanwhile", cpu, "ms of CPU", 100);
    report.figure("longest task meanwhile, by the clock", clock, "ms");
    report.figure("longest wait of a tap for the page, by the clock", delay, "ms");
  } finally {
    await browser.close();
    await network.close();
    await dray.stop();
  }
}

const iso = (hours: number) => encodeURIComponent(new Date(Date.now() + hours * 3_600_000).toISOString());
