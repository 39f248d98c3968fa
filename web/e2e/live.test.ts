import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";

import { Dray } from "./dray";
import { addUser, launch, signIn } from "./page";

const DRIVERS = 2_000;

let dray: Dray;
let browser: Browser;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  dray = await Dray.start();
  await addUser(dray, "dana", "dispatcher");
  await addUser(dray, "dora", "dispatcher"); // for after what dana has is revoked
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await dray?.stop();
});
beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB" });
  page = await context.newPage();
});
afterEach(() => context.close());

const live = () => page.locator("[data-testid=link][data-link=live]").waitFor();
const mark = () => page.evaluate(() => void Object.assign(window, { samepage: true }));
const isMarked = () => page.evaluate(() => "samepage" in window);

it("says that the server is away, and goes on without a reload when it is back", async () => {
  await signIn(page, dray.url, "dana");
  await mark();
  const banner = page.getByTestId("banner");
  await dray.kill();
  await banner.filter({ hasText: "lost" }).waitFor({ timeout: 2_000 });
  await page.locator(".banner.severe").waitFor(); // polling fails too
  await dray.again();
  await banner.waitFor({ state: "detached" });
  await live();
  await dray.simulate(1, 2);
  await page.locator("[data-testid^=driver-row-]").first().waitFor();
  expect(await isMarked()).toBe(true);
});

it("renews a token that ends while the page is open, and asks to sign in again when that is refused", async () => {
  await signIn(page, dray.url, "dana");
  const short = dray.token("dispatcher", "dana", "--ttl", "4s");
  await page.evaluate((access) => {
    const tokens = JSON.parse(sessionStorage.getItem("dray.session")!) as object;
    // As on a machine whose clock is wrong: the page believes that the token is good for an hour.
    sessionStorage.setItem("dray.session", JSON.stringify({ ...tokens, access, renewAt: Date.now() + 3_600_000 }));
  }, short);
  const renewal = page.waitForResponse((response) => response.url().endsWith("/token/refresh"));
  await page.reload();
  await live();
  await mark();
  expect((await renewal).status()).toBe(200);
  await live();
  expect(await isMarked()).toBe(true);

  await dray.api(dray.token("admin", "root"), "POST", "/subjects/dana/revoke");
  await page.getByTestId("login-problem").filter({ hasText: "sign in again" }).waitFor();
});

it(`shows ${DRIVERS} drivers who report each second, and answers meanwhile`, { timeout: 120_000 }, async () => {
  await signIn(page, dray.url, "dora");
  const drive = dray.simulate(DRIVERS, 30);
  await page.getByText(/^2000 drivers$/).waitFor({ timeout: 30_000 });
  await page.getByTestId("filter-moving").click();
  await page.locator("[data-testid^=driver-row-][data-state=moving]").first().waitFor();

  const search = page.getByTestId("search");
  await search.fill("7");
  await page.getByTestId("filter-all").filter({ hasText: "2K" }).click();
  await page.locator("[data-testid^=driver-row-]").first().click();
  await page.getByTestId("detail-place").waitFor();
  const place = await page.getByTestId("detail-place").innerText();
  await expect.poll(() => page.getByTestId("detail-place").innerText(), { timeout: 10_000 }).not.toBe(place);
  expect(await drive).toMatch(/acknowledged [1-9]/);
});
