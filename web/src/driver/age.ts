import { language, t } from "./messages";

const unit = (name: string) => new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "short" });
const units = [
  [86_400, unit("day")],
  [3_600, unit("hour")],
  [60, unit("minute")],
  [1, unit("second")],
] as const;

/** How long ms is, in its largest unit and the driver's language. Never negative. */
export function ageText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const [size, format] = units.find(([size]) => seconds >= size) ?? units[3];
  return format.format(Math.floor(seconds / size));
}

const JUST_NOW = 3_000; // ms

/** How long ago ms is. */
export const agoText = (ms: number): string => (ms < JUST_NOW ? t("facts.now") : t("facts.ago", { age: ageText(ms) }));
