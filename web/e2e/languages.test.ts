import mqtt from "mqtt";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";

import { en as admin } from "../src/dispatcher/admin/messages.en";
import { en as history_ } from "../src/dispatcher/history/messages.en";
import { en as dashboard } from "../src/dispatcher/messages.en";
import { en as shipments } from "../src/dispatcher/shipments/messages.en";
import { Dray } from "./dray";
import { addUser, launch, signIn } from "./page";

let dray: Dray;
let browser: Browser;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  dray = await Dray.start();
  await addUser(dray, "ada", "admin");
  const phone = await mqtt.connectAsync(`mqtt://${dray.addresses.mqtt}`, { clientId: "d7", username: "d7", password: dray.token("driver", "d7"), protocolVersion: 5 });
  await phone.publishAsync("fleet/acme/drivers/d7/location", JSON.stringify({ fix_at: "2026-06-30T22:30:00Z", lat: 59.33, lon: 18.07 }), { qos: 1 });
  await phone.endAsync();
  await dray.api(dray.token("admin", "root"), "POST", "/shipments", { reference: "Order 1", dropoff: { name: "City Books" } });
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await dray?.stop();
});
beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", timezoneId: "UTC", reducedMotion: "reduce" });
  page = await context.newPage();
});
afterEach(() => context.close());

const screens: [path: string, testid: string][] = [
  ["/", "driver-list"], ["/drivers/d7", "driver-detail"], ["/?list=alerts", "view-alerts"], ["/shipments", "shipments-screen"], ["/history", "history-empty"], ["/replay", "replay-screen"],
  ["/admin/users", "users"], ["/admin/drivers", "drivers"], ["/admin/devices", "devices-empty"], ["/admin/tokens", "tokens-empty"], ["/admin/webhooks", "webhooks-empty"],
  ["/admin/letters", "letters-empty"], ["/admin/audit", "audit"], ["/admin/clients", "clients"], ["/admin/system", "system"],
];

async function show(path: string, testid: string) {
  await page.goto(dray.url + path);
  await page.getByTestId(testid).waitFor();
}

it("speaks German when told to, on every screen, with no raw key", { timeout: 120_000 }, async () => {
  await signIn(page, dray.url, "ada");
  await page.getByTestId("settings").click();
  await page.getByTestId("language").selectOption("de");
  await page.getByText("Sendungen").first().waitFor();
  expect(await page.evaluate(() => document.documentElement.lang)).toBe("de");
  const keys = [dashboard, shipments, history_, admin].flatMap((catalogue) => Object.keys(catalogue)).filter((key) => key.includes("."));
  for (const [path, testid] of screens) {
    await show(path, testid);
    const words = new Set((await page.locator("body").innerText()).split(/\s+/));
    expect(keys.filter((key) => words.has(key)), path).toEqual([]);
    expect(await page.getByTestId("nav-map").innerText()).toBe("Karte");
  }
});

it("has room for German words in the bar of a small screen", async () => {
  const alert = await dray.api<{ id: string }>(dray.token("admin", "root"), "POST", "/alerts", { kind: "sos", driver: "d7", severity: "critical", detail: "Pressed in the app" });
  await page.addInitScript(() => localStorage.setItem("dray.language", "de"));
  for (const width of [1280, 1024, 900, 761]) {
    await page.setViewportSize({ width, height: 768 });
    if (width === 1280) await signIn(page, dray.url, "ada");
    await page.locator(".bar-attention").waitFor();
    expect(await page.evaluate(layoutFaults), `${width} px`).toEqual([]);
  }
  await dray.api(dray.token("admin", "root"), "POST", `/alerts/${alert.id}/close`);
});

it("shows all times in the zone that was chosen, and says so", async () => {
  await signIn(page, dray.url, "ada", "/history/d7/2026-07-01");
  await page.getByTestId("history-none").waitFor(); // half past ten in the evening of the day before
  await page.getByTestId("settings").click();
  await page.getByTestId("zone").selectOption("Asia/Tokyo");
  await page.keyboard.press("Escape");
  await page.getByTestId("history-at").filter({ hasText: "07:30:00" }).waitFor();
  await page.getByText("All times in Asia/Tokyo").waitFor();
  await page.reload();
  await page.getByTestId("history-at").filter({ hasText: "07:30:00" }).waitFor();
});

it("shows dispatcher and driver the hours and days of the fleet's zone, once the admin has set it", async () => {
  const admin = dray.token("admin", "root");
  await dray.api(admin, "PATCH", "/fleet", { time_zone: "" });
  await signIn(page, dray.url, "ada", "/history/d7/2026-07-01");
  await page.getByTestId("history-none").waitFor();
  await page.getByTestId("settings").click();
  await page.getByTestId("fleet-zone").selectOption("Asia/Tokyo");
  await page.getByTestId("history-at").filter({ hasText: "07:30:00" }).waitFor();

  const elsewhere = await browser.newContext({ locale: "en-GB", timezoneId: "America/New_York", reducedMotion: "reduce" });
  const other = await elsewhere.newPage();
  await signIn(other, dray.url, "ada", "/history/d7/2026-07-01");
  await other.getByTestId("history-at").filter({ hasText: "07:30:00" }).waitFor();
  await other.getByTestId("settings").click();
  await other.getByTestId("zone").selectOption("America/New_York"); // one's own choice comes first
  await other.getByTestId("history-none").waitFor();

  const { id } = await dray.api<{ id: string }>(admin, "POST", "/shipments", { reference: "Order 2", dropoff: { name: "Clinic", from: "2030-01-01T05:00:00Z", to: "2030-01-01T06:30:00Z" } });
  await dray.api(admin, "POST", `/shipments/${id}/assign`, { driver: "d7" });
  const phone = await (await browser.newContext({ locale: "en-GB", timezoneId: "Europe/London" })).newPage();
  await phone.goto(`${dray.url}/driver/#token=${dray.token("driver", "d7")}`);
  await phone.getByText("14:00").filter({ hasText: "15:30" }).waitFor();
  await dray.api(admin, "PATCH", "/fleet", { time_zone: "" });
  for (const each of [elsewhere, phone.context()]) await each.close();
});

it("reads from right to left without anything over anything else", { timeout: 120_000 }, async () => {
  await signIn(page, dray.url, "ada");
  const found: string[] = [];
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 });
    for (const [path, testid] of screens) {
      await show(path, testid);
      await page.evaluate(() => (document.documentElement.dir = "rtl"));
      for (const fault of await page.evaluate(layoutFaults)) found.push(`${path} at ${width}: ${fault}`);
    }
  }
  expect(found).toEqual([]);
});

it("keeps what is told of a late shipment on one line of the list", async () => {
  const late = await dray.api<{ id: string }>(dray.token("admin", "root"), "POST", "/shipments", { reference: "Order 3", dropoff: { name: "City Books", to: "2026-01-01T08:00:00Z" } });
  await signIn(page, dray.url, "ada", "/shipments");
  await page.getByTestId("view-list").click();
  const row = page.getByTestId(`shipment-${late.id}`);
  await row.waitFor();
  const middles = await row.evaluate((element) => Array.from(element.children, (cell) => cell.getBoundingClientRect()).map(({ top, height }) => Math.round(top + height / 2)));
  expect(Math.max(...middles) - Math.min(...middles)).toBeLessThan(4);
});

/** What sticks out of the page, and which controls lie over one another. */
function layoutFaults(): string[] {
  const faults: string[] = [];
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`the page is ${document.documentElement.scrollWidth} wide`);
  const bar = document.querySelector(".bar");
  if (bar && bar.scrollWidth > bar.clientWidth) faults.push(`the bar is ${bar.scrollWidth} wide`);
  const controls = Array.from(document.querySelectorAll<HTMLElement>("header a, header button, nav a, .screen-tools > *, .list-tools > *, .list-tabs button, .tab-tools > *, .chip"))
    .filter((element) => element.checkVisibility() && element.getBoundingClientRect().width > 2);
  const inView = controls.map((element) => ({ element, box: element.getBoundingClientRect() })).filter(({ box }) => box.right > 0 && box.left < innerWidth);
  for (const [i, a] of inView.entries()) {
    for (const b of inView.slice(i + 1)) {
      if (a.element.contains(b.element) || b.element.contains(a.element) || a.element.closest("[popover]") || b.element.closest("[popover]")) continue;
      const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const down = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      if (across > 1 && down > 1) faults.push(`${a.element.textContent} over ${b.element.textContent}`);
    }
  }
  return faults;
}
