import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import mqtt from "mqtt";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, it } from "vitest";

import { Dray } from "../e2e/dray";
import { addUser, launch, signIn } from "../e2e/page";
import { BusyFleet } from "./busyFleet";

// Every screen of the dashboard, light and dark, desktop and phone, of a busy
// fleet, into docs/screens. SCREENS is another folder, ONLY a part of the names.

const folder = process.env.SCREENS ?? fileURLToPath(new URL("../../docs/screens", import.meta.url));
const only = process.env.ONLY ?? "";
const zone = "Europe/Stockholm";
const HOUR = 3_600_000;

interface Named {
  id: string;
}

let dray: Dray;
let fleet: BusyFleet;
let browser: Browser;
let admin: string;
let shown: string; // a shipment with a history

/** Six in the morning of yesterday, in summer time or not. */
const yesterday = new Date(new Date(Date.now() - 24 * HOUR).toISOString().slice(0, 10) + "T05:00:00Z").getTime();

const call = <T>(who: string, method: string, path: string, body?: object) => dray.api<T>(who, method, path, body);

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  dray = await Dray.start({ DRAY_WEBHOOKS_ALLOW_PRIVATE: "true" });
  admin = dray.token("admin", "root");
  fleet = new BusyFleet(dray, admin);
  await fleet.start(yesterday);
  await seed();
  browser = await launch();
}, 300_000);
afterAll(async () => {
  await browser?.close();
  await fleet?.stop();
  await dray?.stop();
});

const places = ["Harbour depot", "Warehouse North", "City Books", "Old Town Bakery", "Clinic East", "Garden Centre", "Hotel Central", "School Kitchen"];
const streets = ["Dock Road 1", "High Street 12", "Mill Lane 4", "Station Square 2", "Church Street 31"];
/** How far the shipments are: the statuses that their drivers reported. */
const ways = [
  [], [], [], [], [], ["offer"], ["offer"], ["offer"], ["accepted"], ["accepted"], ["accepted", "picked_up"], ["accepted", "picked_up", "in_transit"],
  ["accepted", "picked_up", "in_transit", "arrived"], ["accepted", "picked_up", "in_transit"], ["accepted", "picked_up", "delivered"], ["accepted", "picked_up", "failed"], ["accepted", "picked_up", "delivered"],
];

async function seed() {
  for (const [name, role] of [["dana", "admin"], ["frank", "dispatcher"], ["maria", "dispatcher"]]) await addUser(dray, name, role);
  for (const [id, kind, of, name] of [["356307042441013", "teltonika", 0, "FMC130"], ["pixel-anna", "owntracks", 20, "Anna's phone"], ["354018112233445", "teltonika", 5, "FMB920"]] as const) {
    await call(admin, "POST", "/devices", { id, kind, driver: fleet.id(of), name });
  }
  const unknown = await mqtt.connectAsync(`mqtt://${dray.addresses.mqtt}`, { clientId: "356307042449999", username: "t", password: dray.token("device", "356307042449999"), protocolVersion: 5 });
  await unknown.publishAsync("fleet/acme/drivers/356307042449999/location", "no fix at all", { qos: 1 }).catch(() => {}); // refused with a reason
  await call(admin, "POST", "/webhooks", { url: "http://127.0.0.1:9/erp/dray", kinds: ["shipment"] });
  await call(admin, "POST", "/webhooks", { url: dray.url + "/api/v1/health/mqtt", kinds: ["webhook"] });
  await call(admin, "POST", "/geofences", { name: "Stockholm hub", circle: { center: { lat: 59.36, lon: 17.9 }, radius_m: 4_000 } });
  await call(admin, "POST", "/geofences", { name: "Gothenburg port", circle: { center: { lat: 57.7, lon: 11.92 }, radius_m: 5_000 } });

  const in_ = (hours: number) => new Date(Date.now() + hours * HOUR).toISOString();
  for (const [i, way] of ways.entries()) {
    const place = (n: number) => ({ name: places[n % places.length], address: streets[n % streets.length], lat: 59.3 + (n % 5) / 50, lon: 18 + (n % 7) / 40 });
    const shipment = await call<Named>(admin, "POST", "/shipments", {
      reference: `Order ${1041 + i}`, pickup: place(i), dropoff: { ...place(i + 3), to: in_(i === 11 ? -1 : 1 + (i % 5)) }, note: i % 3 ? "" : "Ring twice",
    });
    if (way.length === 0) continue;
    const id = fleet.id(i * 3);
    const driver = dray.token("driver", id);
    const offer = await call<Named>(admin, "POST", `/shipments/${shipment.id}/assign`, { driver: id });
    if (way[0] === "offer") continue;
    for (const state of ["received", "seen", "accepted"]) await call(driver, "POST", `/assignments/${offer.id}/receipt`, { state });
    for (const status of way.slice(1)) {
      const proof = status === "delivered" ? { name: "Kim Doe", signature: "M4 40 L20 8 L30 44 L44 12 L58 40 L90 24 L130 30" } : undefined;
      await call(driver, "POST", `/shipments/${shipment.id}/status`, { status, proof });
    }
    if (way.at(-1) === "delivered") shown = shipment.id;
  }
  const alerts: [string, number, string, string][] = [
    ["breakdown", 12, "critical", "Engine warning, waits on the E4 south of Södertälje"], ["sos", 40, "critical", "Pressed in the app"], ["harsh_braking", 1, "warning", "0.62 g at 71 km/h"],
    ["cold_chain", 22, "warning", "Cargo at 9.4 °C, limit 8 °C"], ["geofence", 90, "info", "Left Gothenburg port without a job"], ["tacho", 33, "warning", "Break is due in 15 min"],
  ];
  for (const [kind, of, severity, detail] of alerts) {
    const { id } = await call<Named>(admin, "POST", "/alerts", { kind, driver: fleet.id(of), severity, detail });
    if (kind === "tacho") await call(dray.token("dispatcher", "frank"), "POST", `/alerts/${id}/ack`);
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

interface Screen {
  path: string;
  /** What must be there before the picture is taken. */
  ready: string;
  then?: (page: Page) => Promise<unknown>;
}

function screens(): Record<string, Screen> {
  const day = new Date(yesterday).toISOString().slice(0, 10);
  const tab = (name: string): Screen => ({ path: `/admin/${name}`, ready: `[data-testid=tab-${name}][aria-current]` });
  return {
    "map": { path: "/", ready: "[data-testid=map] canvas" },
    "alerts": {
      path: "/?list=alerts", ready: "[data-testid=alerts] li",
      then: (page) => (page.viewportSize()!.width > 760 ? page.getByTestId("alerts").getByText("Breakdown").click() : Promise.resolve()),
    },
    "driver": { path: `/drivers/${fleet.id(1)}`, ready: "[data-testid=track-summary]", then: (page) => page.getByRole("button", { name: "Show on map" }).click() },
    "shipments": { path: "/shipments", ready: "[data-testid=column-open] .card" },
    "shipment": { path: `/shipments/${shown}`, ready: "[data-testid=proof]" },
    "history": { path: `/history/${fleet.id(1)}/${day}`, ready: "[data-testid=history-trips] li", then: (page) => page.getByTestId("history-slider").fill(String(yesterday + 3.4 * HOUR)).then(() => page.getByTestId("history-slider").blur()) },
    "replay": { path: `/replay?at=${new Date(yesterday + 3.2 * HOUR).toISOString()}`, ready: "[data-testid=replay-state][data-count='200']" },
    "admin-devices": { path: "/admin/devices", ready: "[data-testid=unknown-devices]" },
    ...Object.fromEntries(["users", "drivers", "tokens", "webhooks", "letters", "audit", "clients"].map((name) => [`admin-${name}`, tab(name)])),
    "admin-system": { ...tab("system"), then: (page) => page.waitForTimeout(20_000) }, // its charts begin when it is opened
    "settings": { path: "/", ready: "[data-testid=map] canvas", then: (page) => page.getByTestId("settings").click() },
    // the last, for the browser keeps the choice
    "shipments-list": { path: "/shipments", ready: "[data-testid=column-open] .card", then: (page) => page.getByTestId("view-list").click().then(() => page.getByTestId("shipment-list").waitFor()) },
  };
}

it.each(Object.entries(forms))("the dashboard, %s", async (form, options) => {
  const context = await browser.newContext({ ...options, locale: "en-GB", timezoneId: zone, reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.goto(dray.url);
  await page.getByTestId("login").waitFor();
  if (`login-${form}`.includes(only)) await shoot(page, `login-${form}`);
  await signIn(page, dray.url, "dana");
  for (const [name, { path, ready, then }] of Object.entries(screens())) {
    if (!`${name}-${form}`.includes(only)) continue;
    await page.goto(dray.url + path);
    await page.locator(ready).first().waitFor({ timeout: 60_000 });
    await page.locator("[data-link=live]").waitFor({ state: "attached" });
    await page.waitForTimeout(1_000); // what is known of everybody has come
    await then?.(page);
    if (await page.locator(".map").count()) await page.waitForTimeout(3_500); // the map draws its tiles
    await shoot(page, `${name}-${form}`);
  }
  await context.close();
});
