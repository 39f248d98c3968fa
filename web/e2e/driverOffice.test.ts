import mqtt from "mqtt";
import { expect, it } from "vitest";

import { setUpCab } from "./cab";

// Between the driver and the office: jobs, messages, questions, settings.

const cab = setUpCab();

const command = (driver: string, body: object) => cab.call<{ id: string }>("POST", `/drivers/${driver}/commands`, body);
/** How far the driver's newest command is. */
const state = async (driver: string) => (await cab.call<{ items: { state: string }[] }>("GET", `/drivers/${driver}/commands`)).items[0].state;

/** A photo of 12 megapixels, as a phone's camera makes it. */
const photo = () =>
  cab.page.evaluate(async () => {
    const canvas = new OffscreenCanvas(4_000, 3_000);
    const pen = canvas.getContext("2d")!;
    for (let x = 0; x < 4_000; x += 10) {
      pen.fillStyle = `hsl(${(x * 37) % 360} 70% 50%)`;
      pen.fillRect(x, (x * 13) % 1_500, 10, 1_500);
    }
    const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/jpeg" })).arrayBuffer());
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  });

/** Makes the phone need long to read a photo: until what is returned is called. */
async function slowCamera() {
  await cab.page.evaluate(() => {
    const read = createImageBitmap as (photo: Blob) => Promise<ImageBitmap>;
    const developed = new Promise((resolve) => addEventListener("developed", resolve));
    Object.assign(window, { createImageBitmap: (photo: Blob) => developed.then(() => read(photo)) });
  });
  return () => cab.page.evaluate(() => dispatchEvent(new Event("developed")));
}

/** The longer side of a picture in pixels. */
const sideOf = (url: string) =>
  cab.page.evaluate(async (src) => {
    const picture = Object.assign(new Image(), { src });
    await picture.decode();
    return Math.max(picture.naturalWidth, picture.naturalHeight);
  }, url);

it("takes a job, does it without a network, and its reports arrive in order with the proof", async () => {
  const filters = ["--acl-pub", "fleet/acme/drivers/d6/assignments", "--acl-sub", "fleet/acme/drivers/d6/#"];
  const office = mqtt.connect(`mqtt://${cab.dray.addresses.mqtt}`, {
    protocolVersion: 5,
    clientId: "office",
    username: "office",
    password: cab.dray.token("service", "office", ...filters),
  });
  try {
    const heard: string[] = [];
    let proof: { name?: string; signature?: string; photo?: string } = {};
    office.on("message", (topic, payload) => {
      const report = JSON.parse(payload.toString()) as { state?: string; status?: string; proof?: typeof proof };
      if (topic.endsWith("/receipt")) heard.push(`${report.state}`);
      if (topic.endsWith("/status")) heard.push(`${report.status}`);
      proof = report.proof ?? proof;
    });
    await office.subscribeAsync(["fleet/acme/drivers/d6/assignments/+/receipt", "fleet/acme/drivers/d6/shipments/+/status"], { qos: 1 });
    await cab.open("d6");
    const shipment = { id: "s1", reference: "PO-4711", dropoff: { name: "Nordic Parts", address: "Hornsgatan 1" } };
    await office.publishAsync("fleet/acme/drivers/d6/assignments", JSON.stringify({ id: "a1", shipment, state: "offered", version: 1 }), { qos: 1 });
    await cab.page.getByText("PO-4711").waitFor();
    await expect.poll(() => heard).toEqual(["received", "seen"]);

    const picture = await photo();
    await cab.cut();
    for (const step of ["Accept", "Picked up", "On the way", "Arrived"]) await cab.button(step).click();
    await cab.button("Delivered").click();
    await cab.page.getByLabel("Received by").fill("K. Berg");
    const pad = (await cab.page.locator("canvas").boundingBox())!;
    await cab.page.mouse.move(pad.x + 20, pad.y + 60);
    await cab.page.mouse.down();
    await cab.page.mouse.move(pad.x + 120, pad.y + 30, { steps: 5 });
    await cab.page.mouse.up();
    const develop = await slowCamera();
    await cab.page.setInputFiles("input[type=file]", { name: "photo.jpg", mimeType: "image/jpeg", buffer: Buffer.from(picture, "latin1") });
    expect(await cab.button("Confirm delivery").isDisabled()).toBe(true); // or the photo would be missing
    await develop();
    await cab.button("Confirm delivery").click();
    await cab.page.getByText("Waits on this phone").waitFor();
    await cab.mend();
    await cab.queueIsEmpty();
    // At least once: the acknowledgement of one may have been cut off.
    await expect.poll(() => [...new Set(heard)]).toEqual(["received", "seen", "accepted", "picked_up", "in_transit", "arrived", "delivered"]);
    expect(proof.name).toBe("K. Berg");
    expect(proof.signature).toMatch(/^data:image\/png;base64,/);
    expect(proof.photo).toMatch(/^data:image\/jpeg;base64,/);
    expect(await sideOf(proof.photo!)).toBeLessThanOrEqual(1_024);
  } finally {
    await office.endAsync(true);
  }
});

it("says of a job that was closed elsewhere that nothing is left to do, not that it was taken back", async () => {
  await cab.open("m3");
  const shipment = await cab.offer("m3", "PO-31");
  await cab.button("Accept").click();
  await cab.button("Picked up").waitFor();
  await cab.isNow(shipment, "accepted");
  await cab.cut();
  const other = cab.dray.token("driver", "m3"); // another phone of the same driver
  for (const status of ["picked_up", "delivered"]) await cab.call("POST", `/shipments/${shipment}/status`, { status }, other);
  await cab.mend();
  await cab.page.getByText("Nothing more to do: PO-31").waitFor();
  expect(await cab.page.getByText("taken back").count()).toBe(0);
});

it("learns at once of a job that another phone of the same driver has closed", async () => {
  await cab.open("m5");
  const shipment = await cab.offer("m5", "PO-32");
  await cab.button("Accept").click();
  await cab.button("Picked up").waitFor();
  await cab.isNow(shipment, "accepted");
  const other = await mqtt.connectAsync(`mqtt://${cab.dray.addresses.mqtt}`, { protocolVersion: 5, clientId: "m5:other", username: "m5", password: cab.dray.token("driver", "m5") });
  try {
    for (const status of ["picked_up", "delivered"]) await other.publishAsync(`fleet/acme/drivers/m5/shipments/${shipment}/status`, JSON.stringify({ status, at: new Date().toISOString() }), { qos: 1 });
    await cab.page.getByText("Nothing more to do: PO-32").waitFor();
    await cab.page.getByText("PO-32", { exact: true }).waitFor({ state: "detached" });
    await cab.page.waitForSelector("[data-link=live]"); // it was connected all the time
  } finally {
    await other.endAsync();
  }
});

it("tells which status the server refused, and shows the job as it is", async () => {
  await cab.open("m6");
  const shipment = await cab.offer("m6", "PO-33");
  for (const step of ["Accept", "Picked up", "Arrived"]) await cab.button(step).click();
  await cab.isNow(shipment, "arrived");
  await cab.cut();
  await cab.button("Delivered").click();
  await cab.button("Confirm delivery").click();
  for (const status of ["failed", "returned"]) await cab.call("POST", `/shipments/${shipment}/status`, { status, note: "nobody there" });
  await cab.mend();
  await cab.page.getByText("PO-33: The server refused a status: status is returned").waitFor();
  await cab.page.locator("[data-job]").waitFor({ state: "detached" });
});

it("shows a dispatcher's message until it is read, over a reload without a network too", async () => {
  await cab.open("m1");
  await cab.installed();
  await command("m1", { action: "message", text: "Use the yard behind the house" });
  const message = cab.page.locator("[data-message]").filter({ hasText: "Use the yard" });
  await message.waitFor();
  await expect.poll(() => state("m1")).toBe("seen");
  cab.network.cut();
  await cab.page.reload(); // from the service worker
  await message.getByRole("button", { name: "OK, read" }).click();
  await message.waitFor({ state: "detached" });
  await cab.page.reload();
  await cab.page.waitForSelector("[data-duty=on]");
  expect(await message.count()).toBe(0);
  await cab.mend();
  await expect.poll(() => state("m1")).toBe("done");
  expect(await message.count()).toBe(0);
});

it("measures when it is asked where it is, though it stands still; but never off duty", async () => {
  const watcher = await mqtt.connectAsync(`mqtt://${cab.dray.addresses.mqtt}`, { protocolVersion: 5, clientId: "boss", username: "boss", password: cab.office });
  try {
    const triggers: string[] = [];
    watcher.on("message", (_, payload) => triggers.push((JSON.parse(payload.toString()) as { trigger: string }).trigger));
    await watcher.subscribeAsync("fleet/acme/drivers/m2/location");
    await cab.open("m2");
    await command("m2", { action: "locate" });
    await expect.poll(() => state("m2")).toBe("failed");
    await cab.page.click("[data-duty=on]");
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
