import type { Alert, Shipment } from "../api/shapes";
import { ageText } from "./age";
import type { Concern } from "./condition";
import type { Ledger } from "./ledger";
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

type Told = Extract<MessageKey, `alert.detail.${string}`>;

/** What the server writes of the alerts that it opens by itself, in English. */
const details: readonly (readonly [words: RegExp, key: Told])[] = [
  [/^on duty, but no position for (?<time>[\dhms]+)$/, "alert.detail.silent"],
  [/^its time window is over$/, "alert.detail.late"],
  [/^offered, but no answer for (?<time>[\dhms]+)$/, "alert.detail.unacknowledged"],
  [/^the battery is below (?<percent>[\d.]+) %$/, "alert.detail.battery"],
  [/^the phone does not let the app read its position$/, "alert.detail.gps"],
];

/** What an alert says beside its kind: the server's own words in the reader's language, people's as they are. */
export function detailText(detail: string, t: (key: Told, values?: Record<string, string>) => string): string {
  for (const [words, key] of details) {
    const found = words.exec(detail);
    if (found) return t(key, { ...found.groups, time: durationText(found.groups?.time ?? "") });
  }
  return detail;
}

/** A duration as Go writes it, 1h30m0s, in its largest unit. */
function durationText(go: string): string {
  const [, h = 0, m = 0, s = 0] = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(go) ?? [];
  return ageText((Number(h) * 3_600 + Number(m) * 60 + Number(s)) * 1_000);
}

/** The shipment that an alert is about, where it is about one and that is known here. */
export const shipmentOf = ({ subject }: Alert, shipments: Pick<Ledger<Shipment>, "get">): Shipment | undefined => (subject ? shipments.get(subject) : undefined);

/** Whom and what an alert is about; a shipment by the reference that people know it by. */
export function aboutText(alert: Alert, driver: string, shipments: Pick<Ledger<Shipment>, "get">): string {
  const shipment = shipmentOf(alert, shipments);
  return [driver, shipment ? shipment.reference || shipment.id : alert.subject].filter(Boolean).join(" · ");
}
