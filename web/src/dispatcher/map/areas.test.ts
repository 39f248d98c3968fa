import { expect, it } from "vitest";

import type { Geofence } from "../../api/shapes";
import { areaShapes } from "./areas";
import { metresBetween } from "./mercator";

const fence = (over: Partial<Geofence>): Geofence => ({ id: "a", name: "Harbour", created_at: "", updated_at: "", ...over });
const corners = (over: Partial<Geofence>) => areaShapes([fence(over)]).features[0].geometry.coordinates[0];

it("closes a polygon", () => {
  const polygon = [{ lat: 1, lon: 2 }, { lat: 3, lon: 4 }, { lat: 5, lon: 2 }];
  expect(corners({ polygon })).toEqual([[2, 1], [4, 3], [2, 5], [2, 1]]);
});

it("draws a circle with its radius on the ground, far in the north too", () => {
  for (const [lon, lat] of corners({ circle: { center: { lat: 66, lon: 18 }, radius_m: 500 } })) {
    const metres = metresBetween({ lat: 66, lon: 18 }, { lat, lon });
    expect(Math.abs(metres - 500)).toBeLessThan(5);
  }
});
