import mqtt from "mqtt";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";

import { Dray } from "./dray";
import { addUser, launch, password, signIn, violations } from "./page";

let dray: Dray;
let browser: Browser;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  dray = await Dray.start();
  await addUser(dray, "ada", "admin");
  await addUser(dray, "dana", "dispatcher");
  const phone = await mqtt.connectAsync(`mqtt://${dray.addresses.mqtt}`, { clientId: "d7", username: "d7", password: dray.token("driver", "d7"), protocolVersion: 4 });
  const now = Date.now();
  const drive = Array.from({ length: 60 }, (_, i) => ({ fix_at: now - (60 - i) * 20_000 - (i < 30 ? 900_000 : 0), lat: 59.33 + i * 0.001, lon: 18.07, speed_mps: 6 }));
  await phone.publishAsync("fleet/acme/drivers/d7/location", JSON.stringify(drive), { qos: 1 });
  await phone.publishAsync("fleet/acme/drivers/d7/location", "no fix", { qos: 1 });
  await phone.endAsync();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await dray?.stop();
});
beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", reducedMotion: "reduce", acceptDownloads: true, bypassCSP: true });
  page = await context.newPage();
});
afterEach(() => context.close());

it("keeps the administration from dispatchers", async () => {
  await signIn(page, dray.url, "dana", "/admin/users");
  await page.getByTestId("map").waitFor();
  expect(await page.getByTestId("nav-admin").count()).toBe(0);
});

it("creates a user who can sign in", async () => {
  await signIn(page, dray.url, "ada", "/admin/users");
  await page.getByTestId("new-user").click();
  await page.getByTestId("user-name").fill("ben");
  await page.getByTestId("user-password").fill(password);
  await page.getByTestId("user-save").click();
  await page.getByTestId("users").getByText("ben").waitFor();
  const other = await (await browser.newContext()).newPage();
  await signIn(other, dray.url, "ben");
  await other.context().close();
});

it("creates a device, whose secret lets it in", async () => {
  await signIn(page, dray.url, "ada", "/admin/devices");
  await page.getByTestId("new-device").click();
  await page.getByTestId("device-id").fill("t7");
  await page.getByTestId("device-driver").fill("d7");
  await page.getByTestId("device-save").click();
  await page.getByTestId("qr").waitFor();
  const [username, secret] = await Promise.all(["device-username", "device-password"].map((id) => page.getByTestId(id).innerText()));
  const device = await mqtt.connectAsync(`mqtt://${dray.addresses.mqtt}`, { clientId: "t7", username, password: secret, protocolVersion: 4 });
  await device.endAsync();
});

it("mints a token that opens the driver app", async () => {
  await signIn(page, dray.url, "ada", "/admin/tokens");
  await page.getByTestId("token-sub").fill("d9");
  await page.getByTestId("token-make").click();
  await page.getByTestId("qr").waitFor();
  const phone = await (await browser.newContext()).newPage();
  await phone.goto(`${dray.url}/driver/#token=${await page.getByTestId("token-text").innerText()}`);
  await phone.waitForSelector("[data-link=live]");
  await phone.context().close();
});

it("shows a day of a driver with its gap, and saves it as a file", async () => {
  await signIn(page, dray.url, "ada", "/history/d7");
  await page.getByTestId("history-summary").filter({ hasText: "km" }).waitFor();
  expect(await page.getByTestId("history-gaps").locator("li").count()).toBe(1);
  const slider = page.getByTestId("history-slider");
  await slider.focus();
  await page.keyboard.press("Home");
  await page.getByTestId("history-at").filter({ hasText: "22 km/h" }).waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("export-gpx").click()]);
  expect(download.suggestedFilename()).toMatch(/^d7-.*\.gpx$/);
});

it("replays the fleet at a moment, and forward", async () => {
  const at = new Date(Date.now() - 8 * 60_000).toISOString();
  await signIn(page, dray.url, "ada", `/replay?at=${encodeURIComponent(at)}`);
  await page.locator("[data-testid=replay-state][data-count='1']").waitFor();
  const moment = page.locator(".replay-note");
  const before = await moment.innerText();
  await page.getByTestId("replay-play").click();
  await expect.poll(() => moment.innerText(), { timeout: 10_000 }).not.toBe(before); // one step a second
});

it("has no fault that axe finds on any screen, wide or narrow", { timeout: 120_000 }, async () => {
  await signIn(page, dray.url, "ada");
  const screens: [string, string][] = [
    ["/shipments", "shipments-screen"], ["/history", "history-empty"], ["/history/d7", "history-summary"], ["/replay", "replay-screen"],
    ["/admin/users", "users"], ["/admin/drivers", "drivers"], ["/admin/devices", "admin-screen"], ["/admin/tokens", "admin-screen"], ["/admin/webhooks", "webhooks-empty"],
    ["/admin/letters", "letters"], ["/admin/audit", "audit"], ["/admin/clients", "clients"], ["/admin/system", "system"],
  ];
  const found: string[] = [];
  for (const [width, colorScheme] of [[1280, "light"], [390, "dark"]] as const) {
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const [path, testid] of screens) {
      await page.goto(dray.url + path);
      await page.getByTestId(testid).waitFor();
      for (const violation of await violations(page)) found.push(`${path} at ${width}: ${violation}`);
    }
  }
  expect(found).toEqual([]);
});
