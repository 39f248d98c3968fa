import type { Place } from "../../api/shapes";
import type { Key } from "./messages";
import { fromField } from "../wallClock";

/** What a shipment is created from. */
export interface ShipmentBody {
  reference?: string;
  pickup?: Place;
  dropoff?: Place;
  note?: string;
}

export type Fault = { key: Key & `csv.error.${string}`; column: string };

export interface ImportRow {
  /** In the file, the heading being line 1. */
  line: number;
  body: ShipmentBody;
  faults: Fault[];
}

export interface ImportTable {
  rows: ImportRow[];
  /** Headings that mean nothing to us. */
  unknown: string[];
}

const sides = ["pickup", "dropoff"] as const;
const parts = ["name", "address", "lat", "lon", "from", "to"] as const;
export const columns: readonly string[] = ["reference", ...sides.flatMap((side) => parts.map((part) => `${side}_${part}`)), "note"];

const LONGEST: Record<string, number> = { reference: 200, note: 2_000 }; // characters; the server counts bytes
const LONGEST_PLACE = 500;

/** Reads the rows of a table whose first line names the columns, in any order and case. Times without an offset are those of zone. */
export function importRows([head = [], ...lines]: string[][], zone: string): ImportTable {
  const names = head.map((name) => name.toLowerCase().replace(/[\s.-]+/g, "_"));
  return {
    unknown: head.filter((_, i) => !columns.includes(names[i])),
    rows: lines.map((cells, i) => readRow(new Map(names.map((name, at) => [name, cells[at] ?? ""])), i + 2, zone)),
  };
}

function readRow(cells: ReadonlyMap<string, string>, line: number, zone: string): ImportRow {
  const faults: Fault[] = [];
  const fault = (key: Fault["key"], column: string) => void faults.push({ key, column });
  const text = (column: string) => {
    const value = cells.get(column) ?? "";
    if (value.length > (LONGEST[column] ?? LONGEST_PLACE)) fault("csv.error.long", column);
    return value || undefined;
  };
  const place = (side: string): Place | undefined => {
    const number = (column: string, most: number) => {
      const value = cells.get(column) ?? "";
      if (value === "") return undefined;
      const read = Number(value.replace(",", "."));
      if (Number.isNaN(read)) fault("csv.error.number", column);
      else if (Math.abs(read) > most) fault("csv.error.range", column);
      return read;
    };
    const time = (column: string) => {
      const value = cells.get(column) ?? "";
      if (value === "") return undefined;
      const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(value) ? fromField(value, zone) : Date.parse(value);
      if (!Number.isNaN(at)) return new Date(at).toISOString();
      return void fault("csv.error.time", column);
    };
    const found: Place = {
      name: text(`${side}_name`), address: text(`${side}_address`),
      lat: number(`${side}_lat`, 90), lon: number(`${side}_lon`, 180),
      from: time(`${side}_from`), to: time(`${side}_to`),
    };
    if ((found.lat === undefined) !== (found.lon === undefined)) fault("csv.error.pair", side);
    if (found.from && found.to && found.to < found.from) fault("csv.error.order", side);
    return Object.values(found).some((value) => value !== undefined) ? found : undefined;
  };
  const body: ShipmentBody = { reference: text("reference"), pickup: place("pickup"), dropoff: place("dropoff"), note: text("note") };
  if (!body.reference && !body.pickup && !body.dropoff) fault("csv.error.empty", "");
  return { line, body, faults };
}

/** A file to begin from. */
export const example = `${columns.join(",")}\n"Order 1001",Warehouse North,"Dock Road 1, Stockholm",59.33,18.07,2026-11-30T08:00,2026-11-30T10:00,City Books,"High Street 5, Uppsala",59.86,17.64,,2026-11-30T14:00,Ring twice\n`;
