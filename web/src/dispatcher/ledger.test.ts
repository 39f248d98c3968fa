import { expect, it, vi } from "vitest";

import { Ledger } from "./ledger";

it("keeps the highest version, in whatever order they come, and tells of changes together", () => {
  vi.useFakeTimers();
  const ledger = new Ledger<{ id: string; version: number }>();
  const told = vi.fn();
  ledger.subscribe(told);
  ledger.put({ id: "a", version: 2 }, { id: "b", version: 1 });
  const before = ledger.all();
  ledger.put({ id: "a", version: 1 });
  expect(ledger.all()).toBe(before);
  ledger.put({ id: "a", version: 3 });
  expect(ledger.all().map((x) => `${x.id}${x.version}`)).toEqual(["a3", "b1"]);
  vi.runAllTimers();
  expect(told).toHaveBeenCalledTimes(1);
  vi.useRealTimers();
});
