import { useState } from "react";

import type { Link } from "../mqtt/session";
import { ageText } from "./age";
import { t } from "./messages";
import { polling, type Snapshot } from "./useFleet";

interface Props {
  link: Link;
  snapshot: Snapshot;
  now: number;
  onRetry: () => void;
}

/** Says at once when live updates have stopped, what happens instead, and how old the picture is if nothing does. */
export function Banner({ link, snapshot, now, onRetry }: Props) {
  const [wasLive, setWasLive] = useState(false);
  if (link === "live" && !wasLive) setWasLive(true);
  const opening = !wasLive && (link === "stopped" || link === "connecting");
  if (link === "live" || opening) return null;
  return (
    <div className={snapshot.failed ? "banner severe" : "banner"} role="status" data-testid="banner">
      <span>
        <strong>{t("banner.lost")}</strong> {instead(snapshot, now)}
      </span>
      <button className="button small" onClick={onRetry}>{t("banner.retry")}</button>
    </div>
  );
}

function instead({ failed, at }: Snapshot, now: number): string {
  if (!failed) return t("banner.polling", { seconds: polling.later / 1_000 });
  return at > 0 ? t("banner.away", { age: ageText(now - at) }) : t("banner.never");
}
