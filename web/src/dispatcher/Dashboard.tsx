import { Suspense, lazy, useMemo, useState } from "react";

import type { Credentials } from "../mqtt/credentials";
import type { Link } from "../mqtt/session";
import { useLink } from "../mqtt/useSubscription";
import { Banner } from "./Banner";
import { Brand } from "./Brand";
import { canDrawMap, MapScreen } from "./MapScreen";
import { t } from "./messages";
import { Nav, screensOf } from "./Nav";
import { RosterKeeper, type Filter } from "./roster";
import { navigate, pathOf, useRoute } from "./route";
import { ScreenBoundary } from "./ScreenBoundary";
import { Settings } from "./Settings";
import { polling, useDispatch, useFleet, useNow, useSize, useSnapshot } from "./useFleet";
import { useTheme } from "./useTheme";
import { useZone } from "../i18n/zone";
import { zonedClockText } from "./times";
import { useZoneOfFleet } from "./useZoneOfFleet";

const ShipmentsScreen = lazy(() => import("./shipments/ShipmentsScreen"));
const HistoryScreen = lazy(() => import("./history/HistoryScreen"));
const ReplayScreen = lazy(() => import("./history/ReplayScreen"));
const AdminScreen = lazy(() => import("./admin/AdminScreen"));

/** The page of who is signed in: the bar, whether it is live, and the screen that the address names. */
export function Dashboard({ credentials, onSignOut }: { credentials: Credentials; onSignOut: () => void }) {
  const fleet = useFleet(credentials);
  const { positions } = fleet;
  const route = useRoute();
  const screen = screensOf(fleet.role).includes(route.screen) ? route.screen : "map";
  const link = useLink(fleet.session);
  const snapshot = useSnapshot(fleet, link);
  const size = useSize(positions);
  const now = useNow(positions);
  const work = useDispatch(fleet, link, now);
  const { theme, scheme, setTheme } = useTheme();
  const zone = useZone();
  useZoneOfFleet(fleet);

  const [filter, setFilter] = useState<Filter>("all");
  const [search, setSearch] = useState("");
  const keeper = useMemo(() => new RosterKeeper(), []);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- size stands for what positions holds; once a second is enough for the rest
  const roster = useMemo(() => keeper.of(positions.all(), now, filter, search), [keeper, positions, size, now, filter, search]);

  const retry = () => {
    fleet.session.retry();
    snapshot.retry();
  };
  const showAttention = () => {
    setFilter("attention");
    navigate(pathOf("map"));
  };

  return (
    <div className={canDrawMap ? "dashboard" : "dashboard without-map"} data-testid="dashboard">
      <a className="skip" href="#content">{t("nav.skip")}</a>
      <header className="bar">
        <Brand />
        <h1 className="bar-fleet">{fleet.name}</h1>
        <LinkState link={link} />
        <Nav role={fleet.role} current={screen} />
        <span className="bar-counts">
          <span>{t("count.drivers", { count: roster.counts.all })}</span>
          <span>{t("count.moving", { count: roster.counts.moving })}</span>
          {roster.counts.attention > 0 && (
            <button className="bar-attention" onClick={showAttention}>
              {t("count.attention", { count: roster.counts.attention })}
            </button>
          )}
        </span>
        <time className="bar-clock" title={t("bar.zone", { zone })}>{zonedClockText(now)}</time>
        <Settings fleet={fleet} theme={theme} onTheme={setTheme} onSignOut={onSignOut} />
      </header>
      <Banner link={link} snapshot={snapshot} now={now} onRetry={retry} />
      {!canDrawMap && <div className="banner" role="status">{t("banner.noWebGL")}</div>}
      <main id="content" tabIndex={-1}>
        <ScreenBoundary key={screen}>
          <Suspense fallback={<div className="nothing" role="status">{t("screen.loading")}</div>}>
            {screen === "map" && (
              <MapScreen fleet={fleet} now={now} snapshot={snapshot} scheme={scheme} roster={roster} filter={filter} onFilter={setFilter}
                search={search} onSearch={setSearch} selected={route.parts[0] ?? null} showsAlerts={route.query.get("list") === "alerts"} />
            )}
            {screen === "shipments" && <ShipmentsScreen fleet={fleet} now={now} work={work} selected={route.parts[0] ?? null} />}
            {screen === "history" && <HistoryScreen fleet={fleet} scheme={scheme} parts={route.parts} />}
            {screen === "replay" && <ReplayScreen fleet={fleet} scheme={scheme} query={route.query} />}
            {screen === "admin" && <AdminScreen fleet={fleet} now={now} tab={route.parts[0]} />}
          </Suspense>
        </ScreenBoundary>
      </main>
    </div>
  );
}

function LinkState({ link }: { link: Link }) {
  const text = link === "live" ? t("link.live") : link === "connecting" ? t("link.connecting") : t("link.polling", { seconds: polling.later / 1_000 });
  return <span className={`link link-${link}`} data-testid="link" data-link={link}>{text}</span>;
}
