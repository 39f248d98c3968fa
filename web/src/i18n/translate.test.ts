import { describe, expect, it } from "vitest";

import { compareCatalogues } from "./catalogues";
import { pickLanguage, translator } from "./translate";

describe("translator", () => {
  const t = translator({ seen: "seen {age} ago by {who}", rows: "{count} {count|row|rows}" });
  it("fills in what it is given and leaves the rest visible", () => {
    expect(t("seen", { age: "12 s", who: "d7" })).toBe("seen 12 s ago by d7");
    expect(t("seen", { age: 0 })).toBe("seen 0 ago by {who}");
  });
  it.each([
    [1, "1 row"],
    ["1", "1 row"],
    [0, "0 rows"],
    ["1,001", "1,001 rows"],
  ])("says %j as %s", (count, want) => expect(t("rows", { count })).toBe(want));
});

describe("pickLanguage", () => {
  it.each([
    [["de-AT", "en"], "de"],
    [["fr", "de"], "de"],
    [["fr"], "en"],
    [[], "en"],
  ])("%j gives %s", (preferred, want) => expect(pickLanguage(preferred)).toBe(want));
});

describe("compareCatalogues", () => {
  it("finds missing and surplus keys and other holes", () => {
    expect(compareCatalogues({ a: "{x}", b: "b", c: "c" }, { a: "{y}", b: "", d: "d" })).toEqual([
      "a fills in {y}, want {x}",
      "b is missing",
      "c is missing",
      "d is not in the base language",
    ]);
  });
});
