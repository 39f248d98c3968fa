import { gzipSync } from "node:zlib";

import mqtt, { type MqttClient } from "mqtt";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";

import { Dray } from "./dray";
import { addUser, launch, password, violations } from "./page";
import { WebSocketCut } from "./webSocketCut";

const BUDGET = 650 * 1024; // bytes of the first load, compressed, without the basemap

let dray: Dray;
let proxy: WebSocketCut;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let driver: MqttClient;

beforeAll(async () => {
  dray = await Dray.start({ DRAY_LIMITS_CONNECT_TIMEOUT: "5s" });
  await addUser(dray, "dana", "dispatcher");
  proxy = await WebSocketCut.to(dray.addresses.http);
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await proxy?.close();
  await dray?.stop();
});

beforeEach(async () => {
  proxy.mend();
  context = await browser.newContext({ viewport: { width: 900, height: 600 }, locale: "en-GB", reducedMotion: "reduce" });
  page = await context.newPage();
  driver = await mqtt.connectAsync(`mqtt://${dray.addresses.mqtt}`, {
    protocolVersion: 5, clientId: "d7", username: "d7", password: dray.token("driver", "d7"), clean: true, reconnectPeriod: 0,
  });
});
afterEach(async () => {
  await driver.endAsync();
  await context.close();
});

/** Publishes a fix of d7 at QoS 1, with user properties as some clients do. */
const report = (lat: number, more: object = {}) =>
  driver.publishAsync("fleet/acme/drivers/d7/location", JSON.stringify({ fix_at: new Date().toISOString(), lat, lon: 18.07, speed_mps: 9, heading_deg: 90, ...more }), {
    qos: 1, properties: { userProperties: { app: "test" } },
  });

async function signIn() {
  await page.goto(proxy.url);
  await page.getByTestId("login-fleet").fill("acme");
  await page.getByTestId("login-user").fill("dana");
  await page.getByTestId("login-password").fill(password);
  await page.getByTestId("login-submit").click();
  await page.getByTestId("dashboard").waitFor();
}

const live = () => page.locator("[data-testid=link][data-link=live]").waitFor();
const place = (text: string) => page.getByTestId("detail-place").filter({ hasText: text }).waitFor();
const snapshots = () => proxy.requests.filter((request) => request === "GET /api/v1/drivers").length;

it("refuses a wrong password, and says so", async () => {
  await page.goto(proxy.url);
  await page.getByTestId("login-fleet").fill("acme");
  await page.getByTestId("login-user").fill("dana");
  await page.getByTestId("login-password").fill("wrong");
  await page.getByTestId("login-submit").click();
  await page.getByTestId("login-problem").filter({ hasText: "not right" }).waitFor();
});

it("shows a driver who reports, and moves it in the list and on the map", async () => {
  await signIn();
  await live();
  await report(59.33);
  const row = page.getByTestId("driver-row-d7");
  await row.filter({ hasText: "32 km/h" }).waitFor();
  await row.click();
  await place("59.33000, 18.07000");

  const map = page.getByTestId("map").locator("canvas");
  await page.getByText("Show on map").click();
  const before = await settled(map.screenshot.bind(map));
  await report(59.331, { speed_mps: 0 });
  await place("59.33100, 18.07000");
  await row.filter({ hasText: "Standing" }).waitFor();
  await expect.poll(async () => (await map.screenshot()).equals(before), { timeout: 15_000 }).toBe(false);
});

it("says at once that live updates stopped, fetches instead, and goes on live without a reload", async () => {
  await signIn();
  await live();
  await report(59.4);
  await page.getByTestId("driver-row-d7").click();
  await place("59.40000");
  await page.evaluate(() => void Object.assign(window, { samepage: true }));

  const before = snapshots();
  proxy.cut();
  await page.getByTestId("banner").waitFor({ timeout: 2_000 });
  await report(59.41);
  await place("59.41000"); // by REST: the WebSocket is cut
  expect(snapshots()).toBeGreaterThan(before);

  proxy.mend();
  await page.getByTestId("banner").waitFor({ state: "detached" });
  await live();
  await report(59.42);
  await place("59.42000");
  expect(await page.evaluate(() => "samepage" in window)).toBe(true);
});

it("stays signed in over a reload, until signing out", async () => {
  await signIn();
  await live();
  await page.reload();
  await live();
  await page.getByTestId("settings").click();
  await page.getByTestId("sign-out").click();
  await page.getByTestId("login").waitFor();
  await page.reload();
  await page.getByTestId("login").waitFor();
});

it("loads within its budget, all from this server", async () => {
  const loaded = new Set<string>();
  page.on("request", (request) => void (/^(blob|data):/.test(request.url()) || loaded.add(request.url())));
  await signIn();
  await page.getByTestId("map").locator("canvas").waitFor();
  await live();
  for (const worker of page.workers()) if (worker.url().startsWith("http")) loaded.add(worker.url());
  expect([...loaded].filter((url) => !url.startsWith(proxy.url))).toEqual([]);

  const code = [...loaded].filter((url) => !/\/api\/|\.pmtiles$/.test(url));
  const sizes = await Promise.all(code.map(async (url) => gzipSync(await (await fetch(url)).arrayBuffer(), { level: 9 }).length));
  expect(code.filter((url) => url.includes("maplibre-gl-worker"))).toHaveLength(1);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(BUDGET);
});

it("has no fault that axe finds, light or dark, wide or narrow", async () => {
  await report(59.33, { battery_pct: 9 });
  for (const [width, colorScheme] of [[1200, "light"], [1200, "dark"], [390, "light"]] as const) {
    await context.close();
    context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, locale: "en-GB", reducedMotion: "reduce", bypassCSP: true });
    page = await context.newPage();
    await page.goto(proxy.url);
    await page.getByTestId("login").waitFor();
    expect(await violations(page)).toEqual([]);
    await signIn();
    await live();
    await page.getByTestId("driver-row-d7").click();
    await page.getByTestId("track-summary").waitFor();
    expect(await violations(page)).toEqual([]);
  }
});

/** The picture once two in a row are the same. */
async function settled(picture: () => Promise<Buffer>): Promise<Buffer> {
  let last = await picture();
  await expect.poll(async () => {
    const next = await picture();
    const same = next.equals(last);
    last = next;
    return same;
  }, { timeout: 20_000 }).toBe(true);
  return last;
}
