import mqtt from "mqtt";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";

import { Dray } from "./dray";
import { addUser, launch, signIn, violations } from "./page";

interface Alert {
  id: string;
  acked_by: string | null;
  closed_at: string | null;
}

let dray: Dray;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let admin: string;

beforeAll(async () => {
  dray = await Dray.start();
  admin = dray.token("admin", "root");
  await addUser(dray, "dana", "dispatcher");
  const phone = await mqtt.connectAsync(`mqtt://${dray.addresses.mqtt}`, { clientId: "d7", username: "d7", password: dray.token("driver", "d7"), protocolVersion: 5 });
  await phone.publishAsync("fleet/acme/drivers/d7/location", JSON.stringify({ fix_at: new Date().toISOString(), lat: 59.33, lon: 18.07 }), { qos: 1 });
  await phone.endAsync();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await dray?.stop();
});
beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", reducedMotion: "reduce", bypassCSP: true });
  page = await context.newPage();
});
afterEach(() => context.close());

const raise = (kind: string, more: object = {}) => dray.api<Alert>(admin, "POST", "/alerts", { kind, driver: "d7", severity: "warning", ...more });
const read = (id: string) => dray.api<Alert>(admin, "GET", `/alerts/${id}`);

it("shows an alert as it is opened, and who looks after it", async () => {
  await signIn(page, dray.url, "dana");
  await page.getByTestId("driver-row-d7").waitFor();
  await page.getByTestId("view-alerts").click();
  const { id } = await raise("harsh_braking", { detail: "0.6 g" });
  const row = page.getByTestId(`alert-${id}`);
  await row.filter({ hasText: "Harsh braking" }).filter({ hasText: "0.6 g" }).waitFor();
  expect(await violations(page)).toEqual([]);

  await page.getByTestId("view-drivers").click();
  await page.getByTestId("driver-row-d7").filter({ hasText: "Harsh braking" }).waitFor();
  await page.getByTestId("view-alerts").click();
  await row.getByRole("button", { name: /^Harsh braking/ }).press("Enter"); // by keyboard: the driver it is about
  await page.getByTestId("driver-detail").filter({ hasText: "0.6 g" }).waitFor();
  await page.getByTestId(`ack-${id}`).first().press("Enter");
  await row.filter({ hasText: "dana looks after it" }).waitFor();
  expect((await read(id)).acked_by).toBe("dana");

  await page.getByTestId(`close-${id}`).first().click();
  await row.waitFor({ state: "detached" });
  expect((await read(id)).closed_at).not.toBeNull();
});

it("acknowledges many at once, and is told what others did", async () => {
  const opened = await Promise.all(["sos", "breakdown", "cold_chain"].map((kind) => raise(kind)));
  await signIn(page, dray.url, "dana", "/?list=alerts");
  await page.getByTestId(`alert-${opened[0].id}`).waitFor();
  page.once("dialog", (dialog) => void dialog.accept());
  await page.getByTestId("ack-all").click();
  for (const { id } of opened) await page.locator(`[data-testid=alert-${id}][data-acked=true]`).waitFor();
  for (const { id } of opened) await dray.api(admin, "POST", `/alerts/${id}/close`);
  for (const { id } of opened) await page.getByTestId(`alert-${id}`).waitFor({ state: "detached" });
});

it("opens a second tab without asking to sign in, and signs both out", async () => {
  await signIn(page, dray.url.replace("127.0.0.1", "localhost"), "dana"); // locks need a secure context
  const second = await context.newPage();
  await second.goto(dray.url.replace("127.0.0.1", "localhost"));
  // A tab that is slow to answer is heard all the same, by the next load.
  const live = second.locator("[data-testid=link][data-link=live]");
  await live.or(second.getByTestId("login")).first().waitFor();
  if (await second.getByTestId("login").isVisible()) await second.reload();
  await live.waitFor();
  await second.getByTestId("settings").click();
  await second.getByTestId("sign-out").click();
  await second.getByTestId("login").waitFor();
  await page.reload();
  await page.getByTestId("login").waitFor();
});
