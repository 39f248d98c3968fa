import { gzipSync } from "node:zlib";

import { expect, it } from "vitest";

import { setUpCab } from "./cab";
import { takeFaults, violations } from "./page";
import { Release } from "./release";

// The app as such: its tabs, its versions, who can use it, and what it lets in.

const cab = setUpCab();

/** What a thumb may miss: less than 44 px wide or high. */
const tooSmall = () =>
  cab.page.evaluate(() => {
    const targets = Array.from(document.querySelectorAll("button, a, textarea, label:has(input), input:not([type=radio], [type=file])"));
    const boxes = targets.map((target) => ({ target, box: target.getBoundingClientRect() }));
    return boxes.filter(({ box }) => box.width > 0 && Math.min(box.width, box.height) < 44).map(({ target, box }) => `${target.outerHTML.slice(0, 80)} is ${box.width} by ${box.height}`);
  });

it("tracks in one tab; another can take over, and gives back when it closes", async () => {
  await cab.open("d4");
  const second = await cab.context.newPage();
  await second.goto(`${cab.network.url}/driver/`);
  await second.getByRole("button", { name: "Use this one" }).click();
  await second.waitForSelector("[data-link=live]");
  await cab.button("Use this one").waitFor();
  await second.close();
  await cab.page.waitForSelector("[data-link=live]");
});

it("works without tracking over plain HTTP, where the tab that asked last is the one", async () => {
  await cab.take({ permissions: [] });
  await cab.open("h1", cab.page, cab.plainURL);
  await cab.page.click("[data-duty=on]");
  await cab.tracking("unsupported");
  await cab.queueIsEmpty();
  const second = await cab.context.newPage();
  await second.goto(`${cab.plainURL}/driver/`);
  await second.waitForSelector("[data-link=live]");
  await cab.button("Use this one").click();
  await cab.page.waitForSelector("[data-link=live]");
  await second.getByRole("button", { name: "Use this one" }).waitFor();
});

it("changes to a newer version when the driver says so, also on its first visit", async () => {
  const release = await Release.of(cab.dray.addresses.http);
  try {
    await cab.open("u1", cab.page, release.url);
    await cab.installed();
    release.newer = true;
    await cab.page.evaluate(() => navigator.serviceWorker.getRegistration().then((registration) => registration!.update()));
    const update = cab.button("Update now");
    await update.waitFor();
    await cab.page.waitForSelector("[data-link=live]"); // nothing happened by itself
    await Promise.all([cab.page.waitForEvent("load"), update.click()]);
    await cab.page.waitForSelector("[data-link=live]");
    expect(await update.count()).toBe(0);
  } finally {
    release.close();
  }
});

it("has no fault that axe finds on any screen, light or dark, and nothing that a thumb may miss", async () => {
  for (const colorScheme of ["light", "dark"] as const) {
    await cab.take({ colorScheme, reducedMotion: "reduce", bypassCSP: true });
    const found: string[] = [];
    const check = async (screen: string) => {
      const faults = [...(await violations(cab.page)), ...(await tooSmall())];
      found.push(...faults.map((fault) => `${screen}, ${colorScheme}: ${fault}`));
    };

    await cab.page.goto(`${cab.network.url}/driver/`);
    await cab.page.getByLabel("Fleet").waitFor();
    await check("sign-in");
    const driver = `axe-${colorScheme}`;
    await cab.open(driver);
    await cab.page.waitForSelector("[data-link=live]");
    await check("off duty");
    await cab.page.click("[data-duty=on]");
    await cab.tracking("live");
    await cab.offer(driver, "PO-9");
    await cab.button("Accept").waitFor();
    await check("offer");
    await cab.button("Decline").click();
    await check("decline");
    await cab.page.keyboard.press("Escape");
    await cab.button("Accept").click();
    await cab.button("Picked up").click();
    await cab.button("Arrived").click();
    await cab.button("Delivered").click();
    await check("proof");
    await cab.page.keyboard.press("Escape");
    cab.network.cut();
    await cab.tracking("offline");
    await check("offline");
    await cab.mend();
    expect(found).toEqual([]);
  }
});

it("runs no script but its own files, talks to nobody else, and leaves its token nowhere else", async () => {
  await cab.open("d7");
  const refused = await cab.page.evaluate(async () => {
    const seen: string[] = [];
    const both = new Promise<void>((resolve) =>
      document.addEventListener("securitypolicyviolation", (event) => {
        seen.push(event.effectiveDirective);
        if (seen.length === 2) resolve();
      }),
    );
    const script = document.createElement("script");
    script.textContent = "window.stolen = true";
    document.body.append(script);
    await fetch("https://elsewhere.example/").catch(() => {});
    await both;
    return [seen.sort(), "stolen" in window];
  });
  expect(refused).toEqual([["connect-src", "script-src-elem"], false]);
  // IndexedDB alone holds it, which no other origin and no frame of one can read.
  const elsewhere = await cab.page.evaluate(() => JSON.stringify([location.href, document.cookie, { ...localStorage }, { ...sessionStorage }, history.state]));
  expect(elsewhere).not.toContain("eyJ"); // as every token begins
  const response = await cab.page.request.get(`${cab.network.url}/driver/`);
  expect(response.headers()["content-security-policy"]).toMatch(/script-src 'self'(;|$).*frame-ancestors 'none'/);
  await cab.context.close();
  expect(takeFaults().filter((fault) => !/Content Security Policy/.test(fault))).toEqual([]); // the two that were wanted
});

it("can be installed, and loads at most 220 KB compressed", async () => {
  const sizes: Promise<number>[] = [];
  cab.page.on("response", (response) => {
    if (/\.(js|css)$|\/driver\/$/.test(new URL(response.url()).pathname)) sizes.push(response.body().then((body) => gzipSync(body).length));
  });
  await cab.open("d8");
  const total = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  expect(total).toBeGreaterThan(100 * 1024);
  expect(total).toBeLessThan(220 * 1024);
  const tools = await cab.context.newCDPSession(cab.page);
  const { installabilityErrors } = await tools.send("Page.getInstallabilityErrors");
  expect(installabilityErrors.map((e) => e.errorId).filter((id) => id !== "in-incognito")).toEqual([]); // a test's context is
  expect((await tools.send("Page.getAppManifest")).errors).toEqual([]);
});

it("speaks the phone's language", async () => {
  await cab.take({ locale: "de-AT" });
  await cab.open("m4");
  await cab.page.click("[data-duty=on]");
  await cab.page.getByText("Im Dienst", { exact: true }).waitFor();
  await cab.page.getByRole("heading", { name: "Live" }).waitFor();
  expect(await cab.page.evaluate(() => document.documentElement.lang)).toBe("de");
});
