import { locale } from "../messages";

const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** A size in its largest unit of a thousand: 12 MB. */
export function bytesText(bytes: number): string {
  let [value, unit] = [Math.max(0, bytes), 0];
  for (; value >= 1_000 && unit < units.length - 1; unit++) value /= 1_000;
  return new Intl.NumberFormat(locale, { style: "unit", unit: units[unit], unitDisplay: unit ? "short" : "narrow", maximumFractionDigits: value < 10 && unit ? 1 : 0 }).format(value);
}
