import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

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
  dray = await Dray.start({ DRAY_WEBHOOKS_ALLOW_PRIVATE: "true" });
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
afterEach(() => Promise.all(browser.contexts().map((each) => each.close())));

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

it("shows a device that nobody registered, and accepts it with one click", async () => {
  const device = await mqtt.connectAsync(`mqtt://${dray.addresses.mqtt}`, { clientId: "t9", username: "t9", password: dray.token("device", "t9"), protocolVersion: 4 });
  await signIn(page, dray.url, "ada", "/admin/devices");
  await page.getByTestId("accept-t9").click();
  await page.getByTestId("devices").getByText("t9").waitFor();
  await page.getByTestId("unknown-devices").waitFor({ state: "detached" });
  await device.endAsync();
});

it("takes a token back, which ends its connection", async () => {
  const admin = dray.token("admin", "root");
  const { token } = await dray.api<{ token: string }>(admin, "POST", "/tokens", { role: "driver", sub: "d10", ttl_s: 3600 });
  const phone = await mqtt.connectAsync(`mqtt://${dray.addresses.mqtt}`, { clientId: "d10", username: "d10", password: token, protocolVersion: 5, reconnectPeriod: 0 });
  const ended = new Promise<void>((resolve) => phone.once("close", () => resolve()));
  await signIn(page, dray.url, "ada", "/admin/tokens");
  page.on("dialog", (dialog) => void dialog.accept());
  const row = page.getByTestId("tokens").locator("tr", { hasText: "d10" });
  await row.getByRole("button", { name: "Revoke" }).click();
  await row.getByText("Revoked").waitFor();
  await ended;
});

it("says why a dead letter still cannot be stored, and forgets it", async () => {
  await signIn(page, dray.url, "ada", "/admin/letters");
  page.on("dialog", (dialog) => void dialog.accept());
  const letter = page.getByTestId("letters").locator("tbody tr");
  await letter.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("alert").waitFor();
  await letter.getByRole("button", { name: "Delete" }).click();
  await page.getByTestId("letters-empty").waitFor();
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
  const moment = page.getByTestId("replay-moment");
  const before = await moment.innerText();
  await page.getByTestId("replay-play").click();
  await expect.poll(() => moment.innerText(), { timeout: 10_000 }).not.toBe(before);
});

it("tests a webhook, pauses it, delivers again, and says what went wrong", async () => {
  const heard: string[] = [];
  const erp = createServer((request, response) => {
    heard.push(request.url!);
    response.writeHead(request.url === "/ok" ? 204 : 500).end();
  }).listen(0, "127.0.0.1");
  await once(erp, "listening");
  const { port } = erp.address() as AddressInfo;
  await signIn(page, dray.url, "ada", "/admin/webhooks");
  for (const [path, delivered] of [["ok", "true"], ["broken", "false"]]) {
    await page.getByTestId("new-webhook").click();
    await page.getByTestId("webhook-url").fill(`http://127.0.0.1:${port}/${path}`);
    await page.getByTestId("webhook-save").click();
    await page.getByTestId("webhook-secret").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    const row = page.getByTestId("webhooks").locator("tr", { hasText: `/${path}` });
    await row.getByRole("button", { name: "Test" }).click();
    await page.locator(`[data-testid=webhook-tested][data-delivered=${delivered}]`).waitFor();
    expect(heard).toContain(`/${path}`);
  }
  const row = page.getByTestId("webhooks").locator("tr", { hasText: "/ok" });
  await row.getByRole("button", { name: "Deliver again" }).click();
  await page.getByTestId("webhook-after").fill("0");
  await page.getByTestId("webhook-replay").click();
  await page.getByText("Deliveries begin again there.").waitFor();
  await row.getByRole("button", { name: "Disable" }).click();
  await row.getByText("Disabled").waitFor();
  erp.close();
  erp.closeAllConnections();
});

it("disconnects a client, and the audit tells who did it and what changed", async () => {
  const device = await mqtt.connectAsync(`mqtt://${dray.addresses.mqtt}`, { clientId: "d7", username: "d7", password: dray.token("driver", "d7"), protocolVersion: 5, reconnectPeriod: 0 });
  const ended = new Promise<void>((resolve) => device.once("close", () => resolve()));
  await signIn(page, dray.url, "ada", "/admin/clients");
  page.on("dialog", (dialog) => void dialog.accept());
  await page.getByTestId("clients").locator("[data-id=d7]").getByRole("button", { name: "Disconnect" }).click();
  await ended;

  await dray.api(dray.token("admin", "root"), "PATCH", "/drivers/d7", { name: "Anna" });
  await dray.api(dray.token("admin", "root"), "PATCH", "/drivers/d7", { name: "Bea" });
  await page.goto(`${dray.url}/admin/audit`);
  await page.getByTestId("audit-search").fill("Bea");
  const change = page.getByTestId("audit").locator("tbody tr").first().locator(".changes");
  await change.filter({ hasText: "Anna" }).filter({ hasText: "Bea" }).waitFor();
});

it("draws how the installation does", async () => {
  await signIn(page, dray.url, "ada", "/admin/system");
  await page.getByTestId("system-status").filter({ hasText: "In order" }).waitFor();
  await page.locator(".chart path.area").first().waitFor({ state: "attached" });
  expect(await page.locator(".chart").count()).toBe(8);
  await page.getByTestId("system-stream").filter({ hasText: "%" }).waitFor();
  await page.getByTestId("system-database").filter({ hasText: "B" }).waitFor();

  const phone = await mqtt.connectAsync(`mqtt://${dray.addresses.mqtt}`, { clientId: "d8", username: "d8", password: dray.token("driver", "d8"), protocolVersion: 4 });
  await phone.publishAsync("fleet/acme/drivers/d8/location", JSON.stringify({ fix_at: Date.now(), lat: 59.33, lon: 18.07 }), { qos: 1 });
  await phone.endAsync();
  await page.waitForFunction(() => Number(document.querySelector<HTMLElement>("[data-testid=system-delay]")?.dataset.value) > 0);
});

it("shows the trips and stops of a day, and one of them on the map", async () => {
  await signIn(page, dray.url, "ada", "/history/d7");
  const trip = page.getByTestId("history-trips").getByRole("button", { name: /Trip 1/ });
  await trip.click();
  await page.locator("[data-testid=history-trips] [aria-pressed=true]").waitFor();
});

it("has no fault that axe finds on any screen, wide or narrow", { timeout: 120_000 }, async () => {
  await signIn(page, dray.url, "ada");
  const screens: [string, string][] = [
    ["/shipments", "shipments-screen"], ["/history", "history-empty"], ["/history/d7", "history-summary"], ["/replay", "replay-screen"],
    ["/admin/users", "users"], ["/admin/drivers", "drivers"], ["/admin/devices", "admin-screen"], ["/admin/tokens", "admin-screen"], ["/admin/webhooks", "admin-screen"],
    ["/admin/letters", "admin-screen"], ["/admin/audit", "audit"], ["/admin/clients", "clients"], ["/admin/system", "system"],
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
