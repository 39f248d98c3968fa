import { describe, expect, it } from "vitest";

import { parseRoute, pathOf } from "./route";

describe("parseRoute", () => {
  it.each([
    ["/", "map", []],
    ["/drivers/d7", "map", ["d7"]],
    ["/shipments/s1", "shipments", ["s1"]],
    ["/history/d%2F7/2026-11-22", "history", ["d/7", "2026-11-22"]],
    ["/nowhere/at/all", "map", []],
    ["/history/%zz", "history", ["%zz"]],
  ] as const)("%s", (path, screen, parts) => {
    const route = parseRoute(path);
    expect([route.screen, route.parts]).toEqual([screen, parts]);
  });

  it.each([["map"], ["map", "d7"], ["shipments", "s 1"], ["admin", "users"]] as const)("reads back %s %s", (screen, ...parts) => {
    const route = parseRoute(pathOf(screen, ...(parts as string[])));
    expect([route.screen, route.parts]).toEqual([screen, parts]);
  });
});
