import type { Link } from "../mqtt/session";
import { ageText } from "./age";
import { t } from "./messages";
import { polling, type Snapshot } from "./useFleet";

/** Says at once when live updates have stopped, what happens instead, and how old the picture is if nothing does. */
export function Banner({ link, snapshot, now }: { link: Link; snapshot: Snapshot; now: number }) {
  if (link === "live") return null;
  return (
    <div className={snapshot.failed ? "banner severe" : "banner"} role="status" data-testid="banner">
      <strong>{t("banner.lost")}</strong>{" "}
      {snapshot.failed && snapshot.at > 0
        ? t("banner.away", { age: ageText(now - snapshot.at) })
        : t("banner.polling", { seconds: polling.later / 1_000 })}
      <button className="button small" onClick={snapshot.retry}>{t("banner.retry")}</button>
    </div>
  );
}
