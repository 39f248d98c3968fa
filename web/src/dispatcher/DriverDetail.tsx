import "./detail.css";
import type { Alert } from "../api/shapes";
import { ageText } from "./age";
import { AlertStep, useSettle } from "./AlertList";
import { aboutText, concernOfAlert, detailText, kindText } from "./alerts";
import { concernText } from "./concernText";
import { conditionOf } from "./condition";
import { locale, t } from "./messages";
import type { Dispatch } from "./dispatch";
import type { Driver } from "./positions";
import { StateIcon } from "./StateIcon";
import { speedPath, summaryOf } from "./track";
import type { TodaysTrack } from "./useTrack";
import { clockText } from "./times";

interface Props {
  driver: Driver;
  /** What is open about it. */
  alerts: readonly Alert[];
  dispatch: Dispatch;
  now: number;
  track: TodaysTrack;
  following: boolean;
  onFollow: (follow: boolean) => void;
  onCentre: () => void;
  onClose: () => void;
}

const number = (value: number, digits: number) => new Intl.NumberFormat(locale, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);

/** All that is known of the selected driver. */
export default function DriverDetail({ driver, alerts, dispatch, now, track, following, onFollow, onCentre, onClose }: Props) {
  const { state, concerns } = conditionOf(driver, now);
  const { fix } = driver;
  const { busy, problem, settle } = useSettle(dispatch);
  const told = (value: number | undefined, text: (value: number) => string) =>
    value === undefined || Number.isNaN(value) ? <span className="untold">{t("detail.unknown")}</span> : text(value);
  return (
    <section className="detail" aria-label={t("detail.label", { name: driver.name || driver.id })} data-testid="driver-detail">
      <header>
        <StateIcon state={state} />
        <div>
          <h2>{driver.name || driver.id}</h2>
          <p>{driver.name && driver.name !== driver.id ? `${driver.id} · ${t(`state.${state}`)}` : t(`state.${state}`)}</p>
        </div>
        <button className="button icon" onClick={onClose} aria-label={t("detail.close")} title={t("detail.close")} data-testid="detail-close">
          <svg viewBox="0 0 16 16" aria-hidden="true"><path d="m4 4 8 8m0-8-8 8" /></svg>
        </button>
      </header>
      {concerns.filter((concern) => !alerts.some((alert) => concernOfAlert(alert) === concern)).map((concern) => (
        <p className="concern-line" key={concern}>{concernText(concern, driver)}</p>
      ))}
      {alerts.map((alert) => (
        <div className={alert.acked_at ? "alert-line" : "alert-line concern-line"} key={alert.id}>
          <span>
            <strong>{[kindText(alert.kind, t), aboutText(alert, "", dispatch.shipments)].filter(Boolean).join(" · ")}</strong>
            <span className="alert-words">{[detailText(alert.detail, t), ageText(now - Date.parse(alert.opened_at))].filter(Boolean).join(" · ")}</span>
          </span>
          <AlertStep alert={alert} busy={busy} onStep={(step) => void settle([alert], step)} />
        </div>
      ))}
      {problem && <p className="problem" role="alert">{problem}</p>}
      <div className="detail-actions">
        <button className="button" aria-pressed={following} disabled={!fix} onClick={() => onFollow(!following)} data-testid="follow">
          {following ? t("detail.following") : t("detail.follow")}
        </button>
        <button className="button" disabled={!fix} onClick={onCentre}>{t("detail.centre")}</button>
      </div>
      <dl>
        <dt>{t("detail.seen")}</dt>
        <dd>{driver.seenAt ? t("age.seen", { age: ageText(now - driver.seenAt) }) : t("age.never")}</dd>
        <dt>{t("detail.fix")}</dt>
        <dd data-testid="detail-fix-age">{fix ? t("age.fix", { age: ageText(now - fix.at) }) : t("detail.noFix")}</dd>
        <dt>{t("detail.speed")}</dt>
        <dd>{told(fix?.speed, (v) => t("detail.speedValue", { kmh: Math.round(v * 3.6) }))}</dd>
        <dt>{t("detail.heading")}</dt>
        <dd>{told(fix?.heading, (v) => `${Math.round(v)}°`)}</dd>
        {fix?.accuracy !== undefined && (
          <>
            <dt>{t("detail.accuracy")}</dt>
            <dd>{t("detail.accuracyValue", { metres: Math.round(fix.accuracy) })}</dd>
          </>
        )}
        <dt>{t("detail.battery")}</dt>
        <dd>{told(fix?.battery, (v) => t("detail.batteryValue", { percent: Math.round(v) }))}</dd>
        <dt>{t("detail.duty")}</dt>
        <dd>{t(`duty.${driver.duty}`)}</dd>
        <dt>{t("detail.presence")}</dt>
        <dd>
          {driver.presenceAt > 0
            ? t("presence.since", { state: t(`presence.${driver.presence}`), time: clockText(driver.presenceAt) })
            : t(`presence.${driver.presence}`)}
        </dd>
        {fix && (
          <>
            <dt>{t("detail.place")}</dt>
            <dd className="numbers" data-testid="detail-place">{`${fix.lat.toFixed(5)}, ${fix.lon.toFixed(5)}`}</dd>
          </>
        )}
        {driver.flags.length > 0 && (
          <>
            <dt>{t("detail.flags")}</dt>
            <dd>{driver.flags.join(", ")}</dd>
          </>
        )}
      </dl>
      <h3>{t("detail.track")}</h3>
      <Track {...track} />
    </section>
  );
}

function Track({ points, loading, failed }: TodaysTrack) {
  if (loading) return <p className="untold" role="status">{t("detail.trackLoading")}</p>;
  if (failed && points.length === 0) return <p className="untold">{t("detail.trackFailed")}</p>;
  if (points.length === 0) return <p className="untold">{t("detail.trackEmpty")}</p>;
  const { metres, gaps, topSpeed } = summaryOf(points);
  const path = speedPath(points, 280, 48);
  return (
    <>
      <p data-testid="track-summary">
        {t("detail.trackSummary", {
          distance: number(metres / 1_000, 1),
          points: number(points.length, 0),
          from: clockText(points[0].at),
          to: clockText(points[points.length - 1].at),
        })}
      </p>
      {gaps > 0 && <p className="untold">{t("detail.trackGaps", { count: gaps })}</p>}
      {path && (
        <svg className="speed-graph" viewBox="0 -2 280 52" preserveAspectRatio="none" role="img"
          aria-label={t("detail.speedGraph", { kmh: Math.round(topSpeed * 3.6) })}>
          <path d={path} vectorEffect="non-scaling-stroke" />
        </svg>
      )}
    </>
  );
}
