import type { Alert } from "../api/shapes";
import type { Concern } from "./condition";
import type { MessageKey } from "./messages";

type Known = Extract<MessageKey, `alert.kind.${string}`> extends `alert.kind.${infer Kind}` ? Kind : never;

/** The kinds that there are words for; others are shown by their plain name. */
const known: readonly Known[] = ["silent", "late", "battery", "gps", "unacknowledged", "assignment_expired", "geofence", "breakdown", "sos"];

/** What a driver is shown to be concerned with for an alert of a kind; the others are just "alert". */
const concernOf: Readonly<Record<string, Concern>> = {
  silent: "silent", late: "late", battery: "lowBattery", gps: "oldFix", unacknowledged: "unanswered", assignment_expired: "unanswered",
};

export const concernOfAlert = ({ kind }: Alert): Concern => concernOf[kind] ?? "alert";

/** The words for a kind of alert: `harsh_braking` is "Harsh braking". */
export function kindText(kind: string, t: (key: `alert.kind.${Known}`) => string): string {
  const found = known.find((name) => name === kind);
  if (found) return t(`alert.kind.${found}`);
  const words = kind.replace(/[_-]+/g, " ").trim();
  return words.charAt(0).toLocaleUpperCase() + words.slice(1);
}

const severities = ["critical", "warning", "info"] as const;

/** Those that are not closed: first those that nobody looks after, the most severe and then the newest first. */
export function openAlerts(alerts: readonly Alert[]): Alert[] {
  const rank = (a: Alert) => (a.acked_at ? severities.length : severities.indexOf(a.severity));
  return alerts.filter((a) => !a.closed_at).sort((a, b) => rank(a) - rank(b) || b.opened_at.localeCompare(a.opened_at));
}

/** Open alerts by driver, in the order given. */
export function byDriver(alerts: readonly Alert[]): ReadonlyMap<string, readonly Alert[]> {
  const found = new Map<string, Alert[]>();
  for (const alert of alerts) {
    if (!alert.driver) continue;
    const list = found.get(alert.driver);
    if (list) list.push(alert);
    else found.set(alert.driver, [alert]);
  }
  return found;
}
