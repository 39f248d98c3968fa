import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";

import type { Dray } from "./dray";

export type { Page } from "playwright-core";

export const password = "correct horse battery staple";

const faults: string[] = [];

/** What pages threw and nobody caught, and what their CSP refused, since the last call. */
export const takeFaults = (): string[] => faults.splice(0);

/** Starts a browser whose pages' faults are kept for takeFaults, with more of Chromium's switches. */
export async function launch(...switches: string[]): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", ...switches],
  });
  browser.on("context", watch);
  return browser;
}

function watch(context: BrowserContext) {
  context.setDefaultTimeout(60_000); // ms of one action, on a machine that others use too
  context.on("weberror", (thrown) => faults.push(`${thrown.page()?.url()}: ${thrown.error().stack}`)); // of rejections too
  context.on("console", (said) => said.text().includes("Content Security Policy") && faults.push(`${said.page()?.url()}: ${said.text()}`));
}

/** Creates a user of fleet acme who signs in with password. */
export const addUser = (dray: Dray, name: string, role: string) => dray.api(dray.token("admin", "root"), "POST", "/users", { name, password, role });

/** Opens path of the dashboard and signs in. */
export async function signIn(page: Page, url: string, user: string, path = "/", fleet = "acme") {
  await page.goto(url + path);
  await page.getByTestId("login-fleet").fill(fleet);
  await page.getByTestId("login-user").fill(user);
  await page.getByTestId("login-password").fill(password);
  await page.getByTestId("login-submit").click();
  await page.locator("[data-testid=link][data-link=live]").waitFor();
}

/** What axe finds on the page as it is: the rules, and where they are broken. The context must bypass the CSP. */
export async function violations(page: Page): Promise<string[]> {
  const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  await page.evaluate(axe);
  return page.evaluate(async () => {
    interface Found {
      violations: { id: string; nodes: { target: string[] }[] }[];
    }
    const { violations } = await (globalThis as unknown as { axe: { run(): Promise<Found> } }).axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
  });
}
