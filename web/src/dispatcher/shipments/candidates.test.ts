import { expect, it } from "vitest";

import type { Shipment } from "../../api/shapes";
import { Positions } from "../positions";
import { candidates } from "./candidates";

const positions = new Positions();
const at = (lat: number) => ({ at: 1, lat, lon: 18, speed: NaN, heading: NaN });
positions.put({ driver: "far", duty: "on", fix: at(60) });
positions.put({ driver: "near", duty: "on", fix: at(59.1) });
positions.put({ driver: "home", duty: "off", fix: at(59) });
positions.put({ driver: "nowhere", name: "Nora", duty: "on" });
const taken = [{ driver: "near", status: "accepted" }, { driver: "near", status: "delivered" }] as Shipment[];

it("offers who is on duty first, the nearest on top", () => {
  const found = candidates(positions.all(), taken, { lat: 59, lon: 18 }, "");
  expect(found.map((c) => c.driver.id)).toEqual(["near", "far", "nowhere", "home"]);
  expect(found[0].jobs).toBe(1);
  expect(found[0].metres).toBeCloseTo(11_120, -2);
});
it("offers who has least to do when nobody's way is known", () => {
  expect(candidates(positions.all(), taken, null, "").map((c) => c.driver.id)).toEqual(["far", "nowhere", "near", "home"]);
});
it("finds by name", () => expect(candidates(positions.all(), [], null, "nor").map((c) => c.driver.id)).toEqual(["nowhere"]));
