import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { Dray, Network } from "../e2e/dray";
import { launch } from "../e2e/page";

// Every state of the driver app, on a phone, light and dark, into docs/screens.

const folder = process.env.SCREENS ?? fileURLToPath(new URL("../../docs/screens", import.meta.url));

let dray: Dray;
let network: Network;
let browser: Browser;
let admin: string;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  dray = await Dray.start();
  network = await Network.to(dray.addresses.http);
  admin = dray.token("admin", "root");
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await network?.close();
  await dray?.stop();
});

const forms: Record<string, BrowserContextOptions> = {
  "phone-light": { viewport: { width: 390, height: 844 }, colorScheme: "light", locale: "en" },
  "phone-dark": { viewport: { width: 390, height: 844 }, colorScheme: "dark", locale: "en" },
  "small-light": { viewport: { width: 360, height: 640 }, colorScheme: "light", locale: "de" },
  "small-dark": { viewport: { width: 360, height: 640 }, colorScheme: "dark", locale: "de" },
};

const at = (step: number) => ({ latitude: 59.33 + step * 0.002, longitude: 18.07, accuracy: 8 });

it.each(Object.entries(forms))("the driver app, %s", async (form, options) => {
  network.mend();
  const context: BrowserContext = await browser.newContext({ ...options, hasTouch: true, isMobile: true, permissions: ["geolocation"], geolocation: at(0) });
  // Headless Chromium keeps no screen on; a phone does.
  await context.addInitScript(() => Object.defineProperty(navigator, "wakeLock", { value: { request: () => Promise.resolve(Object.assign(new EventTarget(), { release: () => Promise.resolve() })) } }));
  const page = await context.newPage();
  const shoot = (name: string, of: Page = page) => of.screenshot({ path: join(folder, `driver-${name}-${form}.png`), animations: "disabled" });
  const button = (key: "accept" | "decline" | "picked_up" | "arrived" | "delivered") => page.locator(`[data-action=${key}]`);

  await page.goto(`${network.url}/driver/`);
  await page.waitForSelector("form");
  await shoot("login");

  const me = `robin-${form}`;
  await page.goto(`${network.url}/driver/#token=${dray.token("driver", me)}`);
  await page.waitForSelector("[data-link=live]");
  await shoot("off");
  await page.click("[data-duty=on]");
  await page.waitForSelector("[data-tracking=live]");
  await page.getByText(/^(nothing|nichts)$/).waitFor();
  await shoot("on");

  const in_ = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
  const { id } = await dray.api<{ id: string }>(admin, "POST", "/shipments", {
    reference: "Order 2001",
    pickup: { name: "Harbour depot", address: "Dock Road 1" },
    dropoff: { name: "City Books", address: "High Street 5, Stockholm", from: in_(1), to: in_(2) },
    note: "Ring twice; the back door is open until noon.",
  });
  await dray.api(admin, "POST", `/shipments/${id}/assign`, { driver: me, deadline: in_(1) });
  await button("accept").waitFor();
  await shoot("offer");
  await button("decline").click();
  await page.getByRole("dialog").waitFor();
  await shoot("decline");
  await page.keyboard.press("Escape");
  await button("accept").click();
  await button("picked_up").click();
  await button("arrived").click();
  await button("delivered").waitFor();
  await expect.poll(() => page.locator("[data-fact=queue]").innerText()).toMatch(/^(nothing|nichts)$/);
  await shoot("job");
  await button("delivered").click();
  await page.getByRole("dialog").waitFor();
  await shoot("proof");
  await page.keyboard.press("Escape");

  await dray.api(admin, "POST", `/drivers/${me}/commands`, { action: "message", text: "The ramp at City Books is blocked. Please use the yard behind the house." });
  await page.getByText("The ramp at City Books").waitFor();
  await shoot("message");
  await page.locator("[data-message] button").click();

  network.cut();
  await page.waitForSelector("[data-tracking=offline]");
  await context.setGeolocation(at(1));
  await page.waitForFunction(() => document.querySelector("[data-fact=queue]")?.textContent !== "0");
  await button("delivered").click();
  await page.getByRole("dialog").locator("button.primary").click();
  await shoot("offline");
  network.mend();
  await page.waitForSelector("[data-tracking=live]");

  const second = await context.newPage();
  await second.goto(`${network.url}/driver/`);
  await second.locator("button.primary").waitFor();
  await shoot("tab", second);
  await second.close();

  await dray.api(admin, "POST", `/subjects/${me}/revoke`);
  await page.waitForSelector("[data-link=signedOut]");
  await shoot("signed-out");
  await context.close();

  const refusing = await browser.newContext({ ...options, hasTouch: true, isMobile: true, permissions: [] });
  const denied = await refusing.newPage();
  await denied.goto(`${network.url}/driver/#token=${dray.token("driver", `lee-${form}`)}`);
  await denied.waitForSelector("[data-link=live]");
  await denied.click("[data-duty=on]");
  await denied.waitForSelector("[data-tracking=denied]");
  await shoot("denied", denied);
  await refusing.close();
});
