// @vitest-environment jsdom
import { expect, it } from "vitest";

import { bytesText } from "./bytes";

it.each([[0, "0 B"], [999, "999 B"], [1_500, "1.5 kB"], [12_400_000, "12 MB"], [3e9, "3 GB"], [5e15, "5,000 TB"], [-1, "0 B"]])("writes %d bytes as %s", (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});
