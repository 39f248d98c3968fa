import { describe, expect, it } from "vitest";

import { parseCSV } from "./csv";
import { example, importRows } from "./importRows";

describe("parseCSV", () => {
  it.each<[string, string, string[][]]>([
    ["commas", "a,b\n1,2\n", [["a", "b"], ["1", "2"]]],
    ["semicolons, CRLF and a byte order mark", "\uFEFFa;b\r\n1,5;2\r\n", [["a", "b"], ["1,5", "2"]]],
    ["quotes with separators, quotes and line ends in them", 'a,b\n"x, ""y""\nz",2', [["a", "b"], ['x, "y"\nz', "2"]]],
    ["empty lines and cells", "a,b\n\n,2\n,\n", [["a", "b"], ["", "2"]]],
    ["tabs", "a\tb\n1\t2", [["a", "b"], ["1", "2"]]],
    ["nothing", "", []],
  ])("reads %s", (_, text, want) => expect(parseCSV(text)).toEqual(want));
});

describe("importRows", () => {
  const faults = (head: string, line: string) => importRows(parseCSV(`${head}\n${line}`), "UTC").rows[0].faults.map((f) => `${f.key.slice(10)} ${f.column}`.trim());
  it("takes the example that it offers", () => {
    const { rows, unknown } = importRows(parseCSV(example), "UTC");
    expect(unknown).toEqual([]);
    expect(rows[0].faults).toEqual([]);
    expect(rows[0].body).toMatchObject({ reference: "Order 1001", pickup: { lat: 59.33, lon: 18.07 }, dropoff: { address: "High Street 5, Uppsala" } });
  });
  it.each([
    ["reference,pickup_lat,pickup_lon", "r,north,1", ["number pickup_lat"]],
    ["reference,pickup_lat,pickup_lon", "r,91,1", ["range pickup_lat"]],
    ["reference,dropoff_lat", "r,59", ["pair dropoff"]],
    ["reference,dropoff_to", "r,tomorrow", ["time dropoff_to"]],
    ["reference,dropoff_from,dropoff_to", "r,2026-11-30T12:00Z,2026-11-30T11:00Z", ["order dropoff"]],
    ["note", "only a note", ["empty"]],
    ["reference", "r".repeat(201), ["long reference"]],
    ["Reference;Pickup Lat;Pickup-Lon", "r;59,3;18,1", []],
  ])("%s with %s", (head, line, want) => expect(faults(head, line)).toEqual(want));
  it("names the columns that it leaves out", () => expect(importRows([["reference", "Colour"], ["r", "red"]], "UTC").unknown).toEqual(["Colour"]));
});
