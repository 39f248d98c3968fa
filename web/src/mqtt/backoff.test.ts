import { expect, it } from "vitest";

import { Backoff } from "./backoff";

it("doubles from a second to half a minute, with jitter, and starts over after a reset", () => {
  const backoff = new Backoff();
  for (const ceiling of [1, 2, 4, 8, 16, 30, 30, 30]) {
    const wait = backoff.next();
    expect(wait).toBeGreaterThanOrEqual(ceiling * 500);
    expect(wait).toBeLessThanOrEqual(ceiling * 1_000);
  }
  backoff.reset();
  expect(backoff.next()).toBeLessThanOrEqual(1_000);
});
