import { describe, expect, it } from "vitest";

import { decodeFrame } from "./frame";

/** Writes protobuf fields, as a second opinion on the decoder. */
const varint = (n: number): number[] => (n < 0x80 ? [n] : [(n % 0x80) | 0x80, ...varint(Math.floor(n / 0x80))]);
const zigzag = (n: number) => varint(n < 0 ? -2 * n - 1 : 2 * n);
const bytes = (field: number, body: number[]) => [...varint(field * 8 + 2), ...varint(body.length), ...body];
const number = (field: number, n: number) => [...varint(field * 8), ...varint(n)];
const string = (s: string) => [...new TextEncoder().encode(s)];

const sample = [
  ...bytes(1, string("acme")),
  ...number(2, 1_763_856_000_123),
  ...number(3, 41),
  ...number(4, 1),
  ...bytes(5, [...varint(3), ...varint(300)]),
  ...bytes(6, [...zigzag(593_300_000), ...zigzag(-600_000_001)]),
  ...bytes(7, [...zigzag(-1_800_000_000), ...zigzag(3_599_999_999 - 2 ** 32)]),
  ...bytes(8, [...zigzag(1234), ...zigzag(-1)]),
  ...bytes(9, [...zigzag(3599), ...zigzag(-1)]),
  ...bytes(10, [...varint(250), ...varint(90_000)]),
  ...bytes(11, [...varint(0), ...varint(5)]),
  ...bytes(12, [...number(1, 3), ...bytes(2, string("d7"))]),
  ...bytes(12, [...number(1, 300), ...bytes(2, string("Ærø-1"))]),
  ...number(13, 7),
];

describe("decodeFrame", () => {
  it("reads every column and undoes the deltas", () => {
    expect(decodeFrame(Uint8Array.from(sample))).toEqual({
      fleet: "acme",
      serverTime: 1_763_856_000_123,
      sequence: 41,
      keyframe: true,
      epoch: 7,
      entries: [
        { index: 3, lat: 59.33, lon: -180, speed: 12.34, heading: 359.9, age: 250, flags: 0 },
        { index: 300, lat: -0.6700001, lon: 179.9999999, speed: NaN, heading: NaN, age: 90_000, flags: 5 },
      ],
      names: [
        { index: 3, driver: "d7" },
        { index: 300, driver: "Ærø-1" },
      ],
    });
  });

  it("steps over fields of a later version", () => {
    const later = [...sample, ...number(50, 9), ...bytes(51, [1, 2, 3]), ...varint(52 * 8 + 5), 0, 0, 0, 0, ...varint(53 * 8 + 1), 0, 0, 0, 0, 0, 0, 0, 0];
    expect(decodeFrame(Uint8Array.from(later))).toEqual(decodeFrame(Uint8Array.from(sample)));
  });

  it("refuses every truncation that cuts a field, and never hangs", () => {
    for (let n = 0; n < sample.length; n++) {
      try {
        decodeFrame(Uint8Array.from(sample.slice(0, n)));
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }
    expect(() => decodeFrame(Uint8Array.from([...sample, ...bytes(5, [1])]))).toThrow("columns of different length");
    expect(() => decodeFrame(Uint8Array.from(Array(12).fill(0xff)))).toThrow(RangeError);
  });
});
