import mqtt from "mqtt";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";

import { Dray, Network } from "./dray";
import { addUser, launch, signIn } from "./page";

interface Shipment {
  id: string;
  version: number;
  status: string;
}

let dray: Dray;
let network: Network; // of the driver's phone
let browser: Browser;
let desk: BrowserContext;
let page: Page;
let dispatcher: string;

beforeAll(async () => {
  dray = await Dray.start();
  network = await Network.to(dray.addresses.http);
  await addUser(dray, "dana", "dispatcher");
  dispatcher = dray.token("dispatcher", "boss");
  await dray.api(dray.token("admin", "root"), "POST", "/drivers", { id: "d8" });
  const phone = await mqtt.connectAsync(`mqtt://${dray.addresses.mqtt}`, { clientId: "d7", username: "d7", password: dray.token("driver", "d7"), protocolVersion: 5 });
  await phone.publishAsync("fleet/acme/drivers/d7/location", JSON.stringify({ fix_at: new Date().toISOString(), lat: 59.33, lon: 18.07 }), { qos: 1 });
  await phone.endAsync();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await network?.close();
  await dray?.stop();
});
beforeEach(async () => {
  network.mend();
  desk = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", reducedMotion: "reduce" });
  page = await desk.newPage();
});
afterEach(() => Promise.all(browser.contexts().map((context) => context.close()))); // the cab too, also when the test failed

const create = (reference: string) => dray.api<Shipment>(dispatcher, "POST", "/shipments", { reference, pickup: { name: "Depot", lat: 59.3, lon: 18 }, dropoff: { name: "City Books" } });
const read = (id: string) => dray.api<Shipment>(dispatcher, "GET", `/shipments/${id}`);
const status = (text: string) => page.getByTestId("shipment-status").filter({ hasText: text }).waitFor();
const receipt = (state: string) => page.locator(`[data-testid=receipts][data-state=${state}]`).waitFor();

it("creates a shipment, finds it again by its address, edits and cancels it", async () => {
  await signIn(page, dray.url, "dana", "/shipments");
  await page.getByTestId("new-shipment").click();
  await page.getByLabel("Reference").fill("Order 1");
  await page.getByTestId("shipment-save").click();
  await page.getByTestId("shipment-detail").getByRole("heading", { name: "Order 1" }).waitFor();
  await page.reload();
  await page.getByTestId("edit").click();
  await page.getByLabel("Note").fill("Ring twice");
  await page.getByTestId("shipment-save").click();
  await page.getByTestId("shipment-detail").getByText("Ring twice").waitFor();
  page.once("dialog", (dialog) => void dialog.accept());
  await page.getByTestId("cancel").click();
  await status("Cancelled");
});

it("says so when somebody else changed what is being edited, and lets the user choose", async () => {
  const { id, version } = await create("Order 2");
  await signIn(page, dray.url, "dana", `/shipments/${id}`);
  await page.getByTestId("edit").click();
  await page.getByLabel("Note").fill("mine");
  const response = await fetch(`${dray.url}/api/v1/shipments/${id}`, {
    method: "PATCH", headers: { Authorization: `Bearer ${dispatcher}`, "Content-Type": "application/json", "If-Match": `"${version}"` }, body: JSON.stringify({ note: "theirs" }),
  });
  expect(response.status).toBe(200);
  await page.getByTestId("shipment-save").click();
  await page.getByTestId("conflict").filter({ hasText: "Note" }).waitFor();
  await page.getByTestId("shipment-save").click();
  await page.getByTestId("shipment-detail").getByText("mine", { exact: true }).waitFor();
});

it("imports the good rows of a file, and says what is wrong with the others", async () => {
  await signIn(page, dray.url, "dana", "/shipments");
  await page.getByTestId("import").click();
  const csv = "reference;pickup_name;pickup_lat;pickup_lon\nCSV 1;Depot;59,3;18\nCSV 2;Depot;north;18\nCSV 3;Depot;;\n";
  await page.getByTestId("csv-file").setInputFiles({ name: "orders.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
  await page.getByTestId("csv-summary").filter({ hasText: "2 of 3" }).waitFor();
  await page.getByTestId("csv-row-3").filter({ hasText: "pickup_lat is not a number" }).waitFor();
  await page.getByTestId("csv-start").click();
  await page.getByTestId("csv-summary").filter({ hasText: "2 shipments imported, 0 not" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByTestId("column-open").getByText("CSV 3").waitFor();
});

it("assigns by dragging onto a driver, and withdraws", async () => {
  const { id } = await create("Order 3");
  await signIn(page, dray.url, "dana", "/shipments");
  await page.getByTestId(`shipment-${id}`).dragTo(page.getByTestId("target-d7"));
  await page.getByTestId("column-offered").getByText("Order 3").click();
  await page.getByTestId("withdraw").click();
  await status("Created");
  expect((await read(id)).status).toBe("created");
});

it("goes from the offer to the proof between two browsers, with the driver offline in the middle", async () => {
  const { id } = await create("Order 4");
  const cab = await browser.newContext({ viewport: { width: 390, height: 844 }, permissions: ["geolocation"], geolocation: { latitude: 59.33, longitude: 18.07 }, locale: "en" });
  const phone = await cab.newPage();
  await phone.goto(`${network.url}/driver/#token=${dray.token("driver", "d7")}`);
  await phone.waitForSelector("[data-link=live]");

  await signIn(page, dray.url, "dana", `/shipments/${id}`);
  await page.getByTestId("assign").click();
  await page.getByTestId("assign-search").fill("d7"); // by keyboard alone
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await status("Offered");

  await phone.getByText("Order 4").first().waitFor();
  await receipt("seen");
  network.cut();
  await phone.waitForSelector("[data-link=waiting], [data-link=connecting]");
  await phone.getByRole("button", { name: "Accept" }).click();
  await phone.getByRole("button", { name: "Picked up" }).click();
  await receipt("seen"); // nobody has heard of it yet
  network.mend();
  await receipt("accepted");
  await status("Picked up");

  await phone.getByRole("button", { name: "Arrived" }).click();
  await status("Arrived");
  await phone.getByRole("button", { name: "Delivered" }).click();
  const dialog = phone.getByRole("dialog");
  await dialog.getByRole("textbox").first().fill("Kim Doe");
  await dialog.locator("input[type=file]").setInputFiles({ name: "door.png", mimeType: "image/png", buffer: Buffer.from(pixel, "base64") });
  await dialog.getByRole("button", { name: "Confirm delivery" }).click();
  await status("Delivered");
  await page.getByTestId("proof").getByText("Kim Doe").waitFor();
  await expect.poll(() => page.getByTestId("proof-photo").evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);
  await cab.close();
});

it("takes from the phone what was withdrawn while it was off", async () => {
  const { id } = await create("Order 5");
  const offer = await dray.api<{ id: string }>(dispatcher, "POST", `/shipments/${id}/assign`, { driver: "d8" });
  const cab = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: "en" });
  const phone = await cab.newPage();
  await phone.goto(`${network.url}/driver/#token=${dray.token("driver", "d8")}`);
  await phone.getByText("Order 5").first().waitFor();
  await phone.getByRole("button", { name: "Accept" }).click();
  await expect.poll(async () => (await read(id)).status, { timeout: 10_000 }).toBe("accepted");
  await phone.close();
  // The page may hear what is said until its connection has ended.
  const admin = dray.token("admin", "root");
  await expect
    .poll(async () => {
      const { items } = await dray.api<{ items: { subject: string }[] }>(admin, "GET", "/clients");
      return items.some((client) => client.subject === "d8");
    })
    .toBe(false);
  await dray.api(dispatcher, "POST", `/assignments/${offer.id}/withdraw`);

  const again = await cab.newPage();
  await again.goto(`${network.url}/driver/`);
  await again.getByText("taken back: Order 5").waitFor();
  await again.getByText("Order 5", { exact: true }).waitFor({ state: "detached" });
  await cab.close();
});

const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
