import { timeFormat } from "../i18n/zone";
import { locale } from "./messages";

// How the dashboard writes moments, in the user's way and the zone of now.

export const clockText = timeFormat(locale, { hour: "2-digit", minute: "2-digit" });
export const secondsText = timeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
export const dateText = timeFormat(locale, { dateStyle: "medium" });
/** A day in words, for date fields follow the browser and not the page: Sunday 22 November 2026. */
export const dayText = timeFormat(locale, { dateStyle: "full" });
/** Within a year: 22 Nov, 07:02. */
export const dayMonthText = timeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
export const stampText = timeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
export const momentText = timeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
/** The hour with the zone's short name: 07:02 CET. */
export const zonedClockText = timeFormat(locale, { hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
