import { Suspense, lazy, useMemo, useRef, useState } from "react";

import type { Credentials } from "../mqtt/credentials";
import type { Link } from "../mqtt/session";
import { useLink } from "../mqtt/useSubscription";
import { Banner } from "./Banner";
import { Brand } from "./Brand";
import { DriverDetail } from "./DriverDetail";
import { DriverList } from "./DriverList";
import type { MapHandle } from "./map/FleetMapView";
import { t } from "./messages";
import { RosterKeeper, type Filter } from "./roster";
import { polling, useDriver, useFleet, useMapSource, useNow, useSize, useSnapshot } from "./useFleet";
import { useTheme } from "./useTheme";
import { useTrack } from "./useTrack";

const FleetMapView = lazy(() => import("./map/FleetMapView"));
const canDrawMap = document.createElement("canvas").getContext("webgl2") !== null;

/** The page of a signed-in dispatcher: who needs attention, everybody else, and where they are. */
export function Dashboard({ credentials, onSignOut }: { credentials: Credentials; onSignOut: () => void }) {
  const fleet = useFleet(credentials);
  const { positions } = fleet;
  const link = useLink(fleet.session);
  const snapshot = useSnapshot(fleet, link);
  const source = useMapSource(fleet);
  const size = useSize(positions);
  const now = useNow(positions);
  const { theme, scheme, next } = useTheme();

  const [filter, setFilter] = useState<Filter>("all");
  const [search, setSearch] = useState("");
  const [selected, setSelected] = useState<string | null>(null);
  const [following, setFollowing] = useState(false);
  const map = useRef<MapHandle>(null);

  const keeper = useMemo(() => new RosterKeeper(), []);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- size stands for what positions holds; once a second is enough for the rest
  const roster = useMemo(() => keeper.of(positions.all(), now, filter, search), [keeper, positions, size, now, filter, search]);
  const driver = useDriver(positions, selected);
  const track = useTrack(fleet, selected);
  const select = (id: string | null) => {
    setSelected(id);
    setFollowing(false);
  };

  const retry = () => {
    fleet.session.retry();
    snapshot.retry();
  };

  return (
    <div className={canDrawMap ? "dashboard" : "dashboard without-map"} data-testid="dashboard"
      onKeyDown={(event) => event.key === "Escape" && select(null)}>
      <header className="bar">
        <Brand />
        <h1 className="bar-fleet">{fleet.name}</h1>
        <LinkState link={link} />
        <span className="bar-counts">
          <span>{t("count.drivers", { count: roster.counts.all })}</span>
          <span>{t("count.moving", { count: roster.counts.moving })}</span>
          {roster.counts.attention > 0 && (
            <button className="bar-attention" onClick={() => setFilter("attention")}>
              {t("count.attention", { count: roster.counts.attention })}
            </button>
          )}
        </span>
        <button className="button quiet" onClick={next} title={t("bar.theme", { theme: t(`theme.${theme}`) })}
          aria-label={t("bar.theme", { theme: t(`theme.${theme}`) })} data-testid="theme">
          <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="8" r="5.5" /><path className="half" d="M8 2.5a5.5 5.5 0 0 1 0 11Z" /></svg>
        </button>
        <button className="button quiet" onClick={onSignOut} data-testid="sign-out">{t("bar.signOut")}</button>
      </header>
      <Banner link={link} snapshot={snapshot} now={now} onRetry={retry} />
      {!canDrawMap && <div className="banner" role="status">{t("banner.noWebGL")}</div>}
      <main>
        <DriverList roster={roster} now={now} snapshot={snapshot} filter={filter} onFilter={setFilter}
          search={search} onSearch={setSearch} selected={selected} onSelect={select} />
        <div className="stage">
          {canDrawMap && source !== undefined && (
            <Suspense fallback={<div className="map" />}>
              <FleetMapView ref={map} positions={positions} source={source} scheme={scheme} selected={selected} onSelect={select}
                following={following} onFollow={setFollowing} trail={track.points} />
            </Suspense>
          )}
          {driver && (
            <DriverDetail driver={driver} now={now} track={track} following={following} onFollow={setFollowing}
              onCentre={() => map.current?.centre()} onClose={() => select(null)} />
          )}
        </div>
      </main>
    </div>
  );
}

function LinkState({ link }: { link: Link }) {
  const text = link === "live" ? t("link.live") : link === "connecting" ? t("link.connecting") : t("link.polling", { seconds: polling.later / 1_000 });
  return <span className={`link link-${link}`} data-testid="link" data-link={link}>{text}</span>;
}
