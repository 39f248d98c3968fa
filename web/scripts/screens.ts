import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, it, vi } from "vitest";

import { Dray } from "../e2e/dray";
import { launch, password } from "../e2e/page";

// Every screen, light and dark, desktop and phone, of `dray serve --demo` with
// shipments, into docs/screens.

const folder = process.env.SCREENS ?? fileURLToPath(new URL("../../docs/screens", import.meta.url));
const FLEET = "demo";

interface Named {
  id: string;
}

let dray: Dray;
let browser: Browser;
let admin: string;
let drivers: string[];
let shown: string; // a shipment with a history

const token = (role: string, sub: string) => dray.token(role, sub, "--fleet", FLEET);
const call = <T>(who: string, method: string, path: string, body?: object) => dray.api<T>(who, method, path, body);

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  dray = await Dray.start({}, ["--demo"]);
  admin = token("admin", "root");
  await vi.waitUntil(async () => (await call<{ items: { position: object | null }[] }>(admin, "GET", "/drivers?limit=200")).items.filter((d) => d.position).length > 20, { timeout: 30_000, interval: 500 });
  drivers = (await call<{ items: Named[] }>(admin, "GET", "/drivers?limit=200")).items.map((d) => d.id);
  await seed();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await dray?.stop();
});

const places = ["Harbour depot", "Warehouse North", "City Books", "Old Town Bakery", "Clinic East", "Garden Centre", "Hotel Central", "School Kitchen"];
/** How far the shipments are: the statuses that their drivers reported. */
const ways = [[], [], [], ["offer"], ["offer"], ["accepted"], ["accepted", "picked_up"], ["accepted", "picked_up", "in_transit"], ["accepted", "picked_up", "in_transit", "arrived"], ["accepted", "picked_up", "delivered"], ["accepted", "picked_up", "failed"], ["accepted", "picked_up", "delivered"]];

async function seed() {
  await call(admin, "POST", "/users", { name: "dana", password, role: "admin" });
  await call(admin, "POST", "/devices", { id: "356307042441013", kind: "teltonika", driver: drivers[0], name: "FMC130 of van 1" });
  await call(admin, "POST", "/webhooks", { url: "https://erp.example/dray", kinds: ["shipment"] });
  const in_ = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
  for (const [i, way] of ways.entries()) {
    const place = (n: number) => ({ name: places[n % places.length], address: `High Street ${n + 1}` });
    const shipment = await call<Named>(admin, "POST", "/shipments", {
      reference: `Order ${1001 + i}`, pickup: place(i), dropoff: { ...place(i + 3), to: in_(i === 7 ? -1 : 1 + (i % 5)) }, note: i % 3 ? "" : "Ring twice",
    });
    if (way.length === 0) continue;
    const driver = token("driver", drivers[i]);
    const { id } = await call<Named>(admin, "POST", `/shipments/${shipment.id}/assign`, { driver: drivers[i] });
    if (way[0] === "offer") continue;
    for (const state of ["received", "seen", "accepted"]) await call(driver, "POST", `/assignments/${id}/receipt`, { state });
    for (const status of way.slice(1)) {
      const proof = status === "delivered" ? { name: "Kim Doe", signature: "M4 40 L20 8 L30 44 L44 12 L58 40 L90 24 L130 30" } : undefined;
      await call(driver, "POST", `/shipments/${shipment.id}/status`, { status, proof });
    }
    if (way.at(-1) === "delivered") shown = shipment.id;
  }
}

const forms: Record<string, BrowserContextOptions> = {
  "desktop-light": { viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  "desktop-dark": { viewport: { width: 1280, height: 800 }, colorScheme: "dark" },
  "phone-light": { viewport: { width: 390, height: 844 }, colorScheme: "light" },
  "phone-dark": { viewport: { width: 390, height: 844 }, colorScheme: "dark" },
};

async function shoot(page: Page, name: string) {
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled" });
}

it.each(Object.entries(forms))("the dashboard, %s", async (form, options) => {
  const context = await browser.newContext({ ...options, locale: "en-GB", reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.goto(dray.url);
  await page.getByTestId("login").waitFor();
  await shoot(page, `login-${form}`);
  await page.getByTestId("login-fleet").fill(FLEET);
  await page.getByTestId("login-user").fill("dana");
  await page.getByTestId("login-password").fill(password);
  await page.getByTestId("login-submit").click();
  await page.locator("[data-link=live]").waitFor();
  const screens: [string, string, string][] = [
    ["map", "/", "[data-testid=map] canvas"],
    ["driver", `/drivers/${drivers[1]}`, "[data-testid=track-summary]"],
    ["shipments", "/shipments", "[data-testid=column-open] .card"],
    ["shipment", `/shipments/${shown}`, "[data-testid=proof]"],
    ["history", `/history/${drivers[1]}`, "[data-testid=history-summary]"],
    ["replay", "/replay", "[data-testid=replay-screen]"],
    ...["users", "drivers", "devices", "tokens", "webhooks", "letters", "audit", "clients", "system"].map((tab): [string, string, string] => [`admin-${tab}`, `/admin/${tab}`, `[data-testid=tab-${tab}][aria-current]`]),
  ];
  for (const [name, path, ready] of screens) {
    await page.goto(dray.url + path);
    await page.locator(ready).first().waitFor();
    await page.waitForLoadState("networkidle").catch(() => {});
    if (await page.locator(".map").count()) await page.waitForTimeout(2_500); // the map draws its tiles
    if (name === "admin-system") await page.waitForTimeout(9_000); // its charts begin when it is opened
    await shoot(page, `${name}-${form}`);
  }
  await context.close();
});

it.each(Object.entries(forms).filter(([form]) => form.startsWith("phone")))("the driver app, %s", async (form, options) => {
  const context = await browser.newContext({ ...options, locale: "en", permissions: ["geolocation"], geolocation: { latitude: 59.33, longitude: 18.07, accuracy: 8 } });
  const page = await context.newPage();
  await page.goto(`${dray.url}/driver/`);
  await page.waitForSelector("form");
  await shoot(page, `driver-login-${form}`);
  const { id } = await call<Named>(admin, "POST", "/shipments", { reference: `Order 2001 ${form}`, pickup: { name: places[0], address: "Dock Road 1" }, dropoff: { name: places[2], address: "High Street 5" }, note: "Ring twice" });
  const me = `${form}-driver`;
  await call(admin, "POST", "/drivers", { id: me, name: "Robin" });
  await call(admin, "POST", `/shipments/${id}/assign`, { driver: me });
  await page.goto(`${dray.url}/driver/#token=${token("driver", me)}`);
  await page.reload();
  await page.waitForSelector("[data-link=live]");
  await page.getByRole("button", { name: "Accept" }).waitFor();
  await shoot(page, `driver-offer-${form}`);
  await page.click("[data-duty=on]");
  await page.getByRole("button", { name: "Accept" }).click();
  await page.getByRole("button", { name: "Picked up" }).click();
  await page.getByRole("button", { name: "Arrived" }).click();
  await shoot(page, `driver-job-${form}`);
  await page.getByRole("button", { name: "Delivered" }).click();
  await page.getByRole("dialog").waitFor();
  await shoot(page, `driver-proof-${form}`);
  await context.close();
});
