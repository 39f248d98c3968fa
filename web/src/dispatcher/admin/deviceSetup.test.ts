import { expect, it } from "vitest";

import { deviceSetup } from "./deviceSetup";

const secret = { username: "acme/t7", secret: "s3cret" };
const server = { host: "fleet.example.org", port: 8883, tls: true };

it("configures OwnTracks by a link", () => {
  const link = new URL(deviceSetup({ id: "t7", kind: "owntracks", driver: "d7" }, secret, server));
  expect(link.protocol).toBe("owntracks:");
  expect(JSON.parse(atob(link.searchParams.get("inline")!.replaceAll(" ", "+")))).toMatchObject({
    _type: "configuration", mode: 0, host: "fleet.example.org", port: 8883, tls: true, username: "acme/t7", password: "s3cret", clientId: "t7", pubTopicBase: "owntracks/d7/t7",
  });
});
it("tells others in JSON", () =>
  expect(JSON.parse(deviceSetup({ id: "t7", kind: "native" }, secret, server))).toEqual({ ...server, username: "acme/t7", password: "s3cret" }));
