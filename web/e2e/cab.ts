import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";

import { Dray, Network } from "./dray";
import { launch } from "./page";

/** A place, step times 100 m along the road. */
export const at = (step: number) => ({ latitude: Number((59.33 + step * 0.001).toFixed(6)), longitude: 18.07, accuracy: 8 });

/** How a driver's phone differs from a desk. */
const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, permissions: ["geolocation"], geolocation: at(0), locale: "en" };

/** What a driver has in the cab, with a server and a network of its own: for each test a new phone, on a network that works. */
export class Cab {
  dray!: Dray;
  network!: Network;
  /** A dispatcher's token. */
  office!: string;
  browser!: Browser;
  context!: BrowserContext;
  page!: Page;

  async start() {
    this.dray = await Dray.start({ DRAY_INGEST_MIN_INTERVAL: "1ms" }); // so that every fix can be counted
    this.network = await Network.to(this.dray.addresses.http);
    this.office = this.dray.token("dispatcher", "boss");
    this.browser = await launch(`--host-resolver-rules=MAP ${PLAIN} 127.0.0.1`);
  }

  async stop() {
    await this.browser?.close();
    await this.network?.close();
    await this.dray?.stop();
  }

  /** Puts away the phone, if there is one, and takes a new one. */
  async take(options: BrowserContextOptions = {}) {
    this.network.mend();
    await this.putAway();
    this.context = await this.browser.newContext({ ...phone, ...options });
    this.page = await this.context.newPage();
  }

  putAway = () => Promise.all(this.browser.contexts().map((each) => each.close()));

  /** The server by a name for which a browser wants HTTPS. */
  get plainURL(): string {
    return this.network.url.replace("localhost", PLAIN);
  }

  /** Signs a driver in by a link. */
  async open(driver: string, on = this.page, url = this.network.url) {
    await on.goto(`${url}/driver/#token=${this.dray.token("driver", driver)}`);
    await on.waitForSelector("[data-link=live]");
  }

  /** Waits until the app can start without a network. */
  installed = () => this.page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));

  tracking = (state: string) => this.page.waitForSelector(`[data-tracking=${state}]`);

  queueIsEmpty = () => this.page.waitForFunction(() => document.querySelector("[data-fact=queue]")?.textContent === "nothing");

  button = (name: string) => this.page.getByRole("button", { name });

  /** Cuts the network, and waits until the phone has noticed. */
  async cut() {
    this.network.cut();
    await this.page.waitForSelector("[data-link=waiting]");
  }

  /** Ends a cut, and lets the phone hear of it as it would: no wait for the next attempt. */
  async mend() {
    this.network.mend();
    await this.page.evaluate(() => dispatchEvent(new Event("online")));
  }

  /** Calls the API as the dispatcher, or as who holds the token. */
  call = <T>(method: string, path: string, body?: object, token = this.office) => this.dray.api<T>(token, method, path, body);

  /** Creates a shipment and offers it to a driver. Returns its id. */
  async offer(driver: string, reference: string): Promise<string> {
    const { id } = await this.call<{ id: string }>("POST", "/shipments", { reference, dropoff: { name: "Nordic Parts" } });
    await this.call("POST", `/shipments/${id}/assign`, { driver });
    return id;
  }

  /** Waits until the server knows that a shipment has come so far. */
  isNow = (shipment: string, status: string) => expect.poll(async () => (await this.call<{ status: string }>("GET", `/shipments/${shipment}`)).status).toBe(status);
}

const PLAIN = "dray.example";

/** Gives a file of tests its cab. */
export function setUpCab(): Cab {
  const cab = new Cab();
  beforeAll(() => cab.start());
  afterAll(() => cab.stop());
  beforeEach(() => cab.take());
  afterEach(cab.putAway);
  return cab;
}
