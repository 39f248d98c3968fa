import { language } from "./messages";

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
