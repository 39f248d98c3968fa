import { expect, it } from "vitest";

import { translator } from "../i18n/translate";
import type { Alert, Shipment } from "../api/shapes";
import { aboutText, byDriver, detailText, kindText, openAlerts } from "./alerts";
import { de } from "./messages.de";
import { en } from "./messages.en";

const alert = (id: string, more: Partial<Alert>): Alert => ({
  id, kind: "silent", driver: "d7", subject: null, severity: "warning", detail: "", opened_at: "2026-11-23T07:00:00.000Z", acked_at: null, acked_by: null, closed_at: null, version: 1, ...more,
});

it("puts what nobody looks after first, then the most severe, then the newest", () => {
  const at = (minute: number) => `2026-11-23T07:0${minute}:00.000Z`;
  const alerts = [
    alert("acked", { severity: "critical", acked_at: at(5) }), alert("old", { opened_at: at(1) }), alert("new", { opened_at: at(2) }),
    alert("closed", { closed_at: at(3) }), alert("grave", { severity: "critical" }), alert("note", { severity: "info" }),
  ];
  expect(openAlerts(alerts).map((a) => a.id)).toEqual(["grave", "new", "old", "note", "acked"]);
});

it("finds the alerts of a driver", () => {
  const found = byDriver([alert("a", {}), alert("b", { driver: null }), alert("c", {})]);
  expect(found.get("d7")?.map((a) => a.id)).toEqual(["a", "c"]);
});

it.each([["silent", en["alert.kind.silent"]], ["harsh_braking", "Harsh braking"], ["toString", "ToString"]])("says %s as %s", (kind, want) =>
  expect(kindText(kind, (key) => en[key])).toBe(want));

it("names a shipment by its reference, and by its id only where it has none or is not known", () => {
  const shipments = new Map([["s1", { id: "s1", reference: "Order 7" } as Shipment], ["s2", { id: "s2", reference: "" } as Shipment]]);
  const about = (subject: string | null) => aboutText(alert("a", { subject }), "Anna", shipments);
  expect(["s1", "s2", "s3", null].map(about)).toEqual(["Anna · Order 7", "Anna · s2", "Anna · s3", "Anna"]);
});

it.each([
  ["on duty, but no position for 5m0s", "im Dienst, aber seit 5 min keine Position"],
  ["offered, but no answer for 1h30m0s", "angeboten, aber seit 1 h keine Antwort"],
  ["its time window is over", "das Zeitfenster ist vorbei"],
  ["the battery is below 15 %", "der Akku ist unter 15 %"],
  ["the phone does not let the app read its position", "das Telefon lässt die App seine Position nicht lesen"],
  ["Cargo at 9.4 °C", "Cargo at 9.4 °C"],
])("says %s in German", (detail, want) => expect(detailText(detail, translator(de))).toBe(want));
