import { locale } from "../messages";

const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** A size in its largest unit of a thousand: 12 MB. */
export function bytesText(bytes: number): string {
  let [value, unit] = [Math.max(0, bytes), 0];
  for (; value >= 1_000 && unit < units.length - 1; unit++) value /= 1_000;
  if (unit === 0) return `${Math.round(value)} B`; // Intl has no short form of it
  return new Intl.NumberFormat(locale, { style: "unit", unit: units[unit], maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
}
