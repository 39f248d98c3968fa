import mqtt from "mqtt";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";

import { Dray, Network } from "./dray";
import { launch } from "./page";

// What the office sends to the driver app: messages, questions, settings, jobs that end elsewhere.

let dray: Dray;
let network: Network;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let dispatcher: string;

beforeAll(async () => {
  dray = await Dray.start({ DRAY_INGEST_MIN_INTERVAL: "1ms" }); // so that every fix can be counted
  network = await Network.to(dray.addresses.http);
  dispatcher = dray.token("dispatcher", "boss");
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await network?.close();
  await dray?.stop();
});

const phone = (locale: string) => browser.newContext({ viewport: { width: 390, height: 844 }, permissions: ["geolocation"], geolocation: { latitude: 59.33, longitude: 18.07, accuracy: 8 }, locale });
beforeEach(async () => {
  network.mend();
  context = await phone("en");
  page = await context.newPage();
});
afterEach(() => Promise.all(browser.contexts().map((each) => each.close())));

const open = async (driver: string, on = page) => {
  await on.goto(`${network.url}/driver/#token=${dray.token("driver", driver)}`);
  await on.waitForSelector("[data-link=live]");
};
const call = <T>(method: string, path: string, body?: object, who = dispatcher) => dray.api<T>(who, method, path, body);
const command = (driver: string, body: object) => call<{ id: string }>("POST", `/drivers/${driver}/commands`, body);
/** How far the driver's newest command is. */
const state = async (driver: string) => (await call<{ items: { state: string }[] }>("GET", `/drivers/${driver}/commands`)).items[0].state;

it("shows a dispatcher's message until it is read, over a reload without a network too", async () => {
  await open("m1");
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  await command("m1", { action: "message", text: "Use the yard behind the house" });
  const message = page.locator("[data-message]").filter({ hasText: "Use the yard" });
  await message.waitFor();
  await expect.poll(() => state("m1")).toBe("seen");
  network.cut();
  await page.reload(); // from the service worker
  await message.getByRole("button", { name: "OK, read" }).click();
  await message.waitFor({ state: "detached" });
  await page.reload();
  await page.waitForSelector("[data-duty=on]");
  expect(await message.count()).toBe(0);
  network.mend();
  await expect.poll(() => state("m1")).toBe("done");
  expect(await message.count()).toBe(0);
});

it("measures when it is asked where it is, though it stands still; but never off duty", async () => {
  const watcher = await mqtt.connectAsync(`mqtt://${dray.addresses.mqtt}`, { protocolVersion: 5, clientId: "boss", username: "boss", password: dispatcher });
  try {
    const triggers: string[] = [];
    watcher.on("message", (_, payload) => triggers.push((JSON.parse(payload.toString()) as { trigger: string }).trigger));
    await watcher.subscribeAsync("fleet/acme/drivers/m2/location");
    await open("m2");
    await command("m2", { action: "locate" });
    await expect.poll(() => state("m2")).toBe("failed");
    await page.click("[data-duty=on]");
    await expect.poll(() => triggers).toEqual(["time"]); // nobody was told where it was before
    await command("m2", { action: "locate" });
    await expect.poll(() => triggers).toEqual(["time", "poll"]);
    await expect.poll(() => state("m2")).toBe("done");
    await command("m2", { action: "set_interval", interval_s: 1 });
    await expect.poll(() => state("m2")).toBe("done");
  } finally {
    await watcher.endAsync(true);
  }
});

it("says of a job that was closed elsewhere that nothing is left to do, not that it was taken back", async () => {
  await open("m3");
  const { id: shipment } = await call<{ id: string }>("POST", "/shipments", { reference: "PO-31", dropoff: { name: "Nordic Parts" } });
  await call("POST", `/shipments/${shipment}/assign`, { driver: "m3" });
  await page.getByRole("button", { name: "Accept" }).click();
  await page.getByRole("button", { name: "Picked up" }).waitFor();
  await expect.poll(async () => (await call<{ status: string }>("GET", `/shipments/${shipment}`)).status).toBe("accepted");
  network.cut();
  await page.waitForSelector("[data-link=waiting]");
  const other = dray.token("driver", "m3"); // another phone of the same driver
  for (const status of ["picked_up", "delivered"]) await call("POST", `/shipments/${shipment}/status`, { status }, other);
  network.mend();
  await page.getByText("Nothing more to do: PO-31").waitFor();
  expect(await page.getByText("taken back").count()).toBe(0);
});

it("learns at once of a job that another phone of the same driver has closed", async () => {
  await open("m5");
  const { id: shipment } = await call<{ id: string }>("POST", "/shipments", { reference: "PO-32", dropoff: { name: "Nordic Parts" } });
  await call("POST", `/shipments/${shipment}/assign`, { driver: "m5" });
  await page.getByRole("button", { name: "Accept" }).click();
  await page.getByRole("button", { name: "Picked up" }).waitFor();
  await expect.poll(async () => (await call<{ status: string }>("GET", `/shipments/${shipment}`)).status).toBe("accepted");
  const other = await mqtt.connectAsync(`mqtt://${dray.addresses.mqtt}`, { protocolVersion: 5, clientId: "m5:other", username: "m5", password: dray.token("driver", "m5") });
  try {
    for (const status of ["picked_up", "delivered"]) await other.publishAsync(`fleet/acme/drivers/m5/shipments/${shipment}/status`, JSON.stringify({ status, at: new Date().toISOString() }), { qos: 1 });
    await page.getByText("Nothing more to do: PO-32").waitFor();
    await page.getByText("PO-32", { exact: true }).waitFor({ state: "detached" });
    await page.waitForSelector("[data-link=live]"); // it was connected all the time
  } finally {
    await other.endAsync();
  }
});

it("speaks the phone's language", async () => {
  const german = await phone("de-AT");
  try {
    const screen = await german.newPage();
    await open("m4", screen);
    await screen.click("[data-duty=on]");
    await screen.getByText("Im Dienst", { exact: true }).waitFor();
    await screen.getByRole("heading", { name: "Live" }).waitFor();
    expect(await screen.evaluate(() => document.documentElement.lang)).toBe("de");
  } finally {
    await german.close();
  }
});
