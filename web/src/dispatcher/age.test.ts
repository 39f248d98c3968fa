import { expect, it } from "vitest";

import { translator } from "../i18n/translate";
import { ageText, agesText } from "./age";
import { en } from "./messages.en";
import { Positions } from "./positions";

it.each([
  [-5_000, "0 s"], // a device's clock may be a little ahead
  [999, "0 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [3_599_000, "59 min"],
  [3_600_000, "1 h"],
  [47 * 3_600_000, "47 h"],
  [48 * 3_600_000, "2 d"],
])("ageText(%d) is %s", (ms, want) => expect(ageText(ms)).toBe(want));

it("tells when a driver was seen apart from how old its fix is", () => {
  const now = Date.UTC(2026, 10, 22, 12);
  const p = new Positions();
  const t = translator(en);
  p.put({ driver: "d7", duty: "on" });
  expect(agesText(p.get("d7")!, now, t)).toBe("never seen");
  p.put({ driver: "d7", seenAt: now - 12_000 });
  expect(agesText(p.get("d7")!, now, t)).toBe("seen 12 s ago · no fix");
  p.put({ driver: "d7", fix: { at: now - 200_000, lat: 0, lon: 0, speed: NaN, heading: NaN } });
  expect(agesText(p.get("d7")!, now, t)).toBe("seen 12 s ago · fix 3 min old");
});
