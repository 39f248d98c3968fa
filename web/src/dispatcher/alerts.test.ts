import { expect, it } from "vitest";

import type { Alert } from "../api/shapes";
import { byDriver, kindText, openAlerts } from "./alerts";
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
