import type { Place, Shipment, ShipmentStatus } from "../../api/shapes";
import { RefusedError } from "../../api/rest";
import { dayOf } from "../wallClock";
import { zoneNow } from "../../i18n/zone";
import { clockText, dayMonthText, stampText } from "../times";
import { t } from "./messages";

/** A time of the API as people here write it: the hour alone when it is today. */
export function timeText(stamp: string, now: number): string {
  const at = Date.parse(stamp);
  if (Number.isNaN(at)) return stamp;
  const [day, today] = [dayOf(at, zoneNow()), dayOf(now, zoneNow())];
  if (day === today) return clockText(at);
  return day.slice(0, 4) === today.slice(0, 4) ? dayMonthText(at) : stampText(at);
}

export function windowText({ from, to }: Place, now: number): string {
  if (from && to) return t("window", { from: timeText(from, now), to: timeText(to, now) });
  if (from) return t("window.from", { from: timeText(from, now) });
  return to ? t("window.to", { to: timeText(to, now) }) : "";
}

export const placeText = ({ name, address, lat, lon }: Place): string =>
  name || address || (lat !== undefined && lon !== undefined ? `${lat.toFixed(4)}, ${lon.toFixed(4)}` : "");

export const labelOf = ({ reference, id }: Shipment) => reference || id;

export const toneOf = (status: ShipmentStatus): string => {
  switch (status) {
    case "delivered": return "tag good";
    case "failed": case "returned": return "tag bad";
    case "assigned": return "tag wait";
    case "created": case "cancelled": return "tag";
    default: return "tag busy";
  }
};

/** Says why a change was not made, and what to do. */
export function problemText(error: unknown): string {
  if (!(error instanceof RefusedError)) return t("problem.away");
  const reason = [error.message, ...error.fields.map((f) => `${f.location} ${f.message}`)].join("; ");
  switch (error.status) {
    case 403: return t("problem.403");
    case 404: return t("problem.404");
    case 409: return t("problem.409", { reason });
    case 412: return t("problem.412");
    case 400: case 422: return t("problem.422", { reason });
    default: return t("problem.other", { reason });
  }
}
