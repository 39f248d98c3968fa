import type { Link } from "../mqtt/session";
import { ageText } from "./age";
import { t } from "./messages";
import { polling, type Snapshot } from "./useFleet";

/** Says at once when live updates have stopped, what happens instead, and how old the picture is if nothing does. */
export function Banner({ link, snapshot, now, onRetry }: { link: Link; snapshot: Snapshot; now: number; onRetry: () => void }) {
  if (link === "live") return null;
  return (
    <div className={snapshot.failed ? "banner severe" : "banner"} role="status" data-testid="banner">
      <span>
        <strong>{t("banner.lost")}</strong>{" "}
        {snapshot.failed && snapshot.at > 0
          ? t("banner.away", { age: ageText(now - snapshot.at) })
          : t("banner.polling", { seconds: polling.later / 1_000 })}
      </span>
      <button className="button small" onClick={onRetry}>{t("banner.retry")}</button>
    </div>
  );
}
