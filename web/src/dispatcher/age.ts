import type { Translate } from "../i18n/translate";
import type { MessageKey } from "./messages";
import type { Driver } from "./positions";

/** A length of time in its largest unit: 12 s, 3 min, 5 h, 2 d. Never negative. */
export function ageText(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1_000));
  if (s < 60) return `${s} s`;
  if (s < 3_600) return `${Math.floor(s / 60)} min`;
  if (s < 48 * 3_600) return `${Math.floor(s / 3_600)} h`;
  return `${Math.floor(s / 86_400)} d`;
}

/** Says when the driver was last heard of, and apart from it how old the position is: one may be new and the other not. */
export function agesText(d: Driver, now: number, t: Translate<MessageKey>): string {
  if (d.seenAt === 0) return t("age.never");
  const seen = ageText(now - d.seenAt);
  return d.fix ? t("age.both", { seen, fix: ageText(now - d.fix.at) }) : t("age.noFix", { seen });
}
