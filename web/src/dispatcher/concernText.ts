import type { Concern } from "./condition";
import { t } from "./messages";
import type { Driver } from "./positions";

/** Why a driver needs attention, in words. */
export function concernText(concern: Concern, { fix }: Driver): string {
  if (concern !== "lowBattery") return t(`concern.${concern}`);
  return fix?.battery === undefined ? t("alert.kind.battery") : t("concern.lowBattery", { percent: Math.round(fix.battery) });
}
