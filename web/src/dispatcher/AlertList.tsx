import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef, useState } from "react";

import "./alerts.css";
import type { Alert } from "../api/shapes";
import { ageText } from "./age";
import { aboutText, detailText, kindText, shipmentOf } from "./alerts";
import type { Dispatch } from "./dispatch";
import { t } from "./messages";
import type { Positions } from "./positions";
import { navigate, pathOf } from "./route";
import { useLedger } from "./useLedger";

interface Props {
  /** Those that are open, in order. */
  alerts: readonly Alert[];
  dispatch: Dispatch;
  positions: Positions;
  now: number;
  selected: string | null;
  onSelect: (driver: string) => void;
}

const ROW = 84; // px
const MANY = 2; // from here on they can be acknowledged together

/** What is wrong, since when, with whom, and whether somebody looks after it. */
export function AlertList({ alerts, dispatch, positions, now, selected, onSelect }: Props) {
  const [kind, setKind] = useState("");
  const { busy, problem, settle } = useSettle(dispatch);
  useLedger(dispatch.shipments); // whose references are shown
  const scroller = useRef<HTMLDivElement>(null);
  const counts = countsOf(alerts);
  const kinds = [...counts.keys()];
  const chosen = kinds.includes(kind) ? kind : "";
  const shown = chosen ? alerts.filter((a) => a.kind === chosen) : alerts;
  const unseen = shown.filter((a) => !a.acked_at);
  // eslint-disable-next-line react-hooks/incompatible-library -- we do not use the compiler
  const virtual = useVirtualizer({ count: shown.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 4, getItemKey: (i) => shown[i].id });

  if (alerts.length === 0) {
    return (
      <div className="nothing" data-testid="alerts-empty">
        <strong>{t("alerts.none")}</strong>
        <p>{t("alerts.noneHint")}</p>
      </div>
    );
  }
  /** What shows more of what an alert is about: its driver on the map, else its shipment. */
  const opener = (alert: Alert) => {
    if (alert.driver) return () => onSelect(alert.driver!);
    const shipment = shipmentOf(alert, dispatch.shipments);
    return shipment && (() => navigate(pathOf("shipments", shipment.id)));
  };
  const ackAll = () => confirm(t("alerts.ackAllSure", { count: unseen.length })) && void settle(unseen, "ack");
  return (
    <>
      <div className="list-tools">
        <div className="chips one-line" role="group" aria-label={t("alerts.kinds")}>
          <button className="chip" aria-pressed={chosen === ""} onClick={() => setKind("")}>{t("alerts.all")} <span className="chip-count">{alerts.length}</span></button>
          {kinds.length > 1 && kinds.map((name) => (
            <button key={name} className="chip" aria-pressed={chosen === name} onClick={() => setKind(name)}>
              {kindText(name, t)} <span className="chip-count">{counts.get(name)}</span>
            </button>
          ))}
        </div>
        {unseen.length >= MANY && <button className="button small" disabled={busy} onClick={ackAll} data-testid="ack-all">{t("alerts.ackAll", { count: unseen.length })}</button>}
        {problem && <p className="problem" role="alert">{problem}</p>}
      </div>
      <div ref={scroller} className="rows">
        <ul className="alert-rows" aria-label={t("alerts.label")} style={{ blockSize: virtual.getTotalSize() }} data-testid="alerts">
        {virtual.getVirtualItems().map(({ index, start, key }) => {
          const alert = shown[index];
          return (
            <li key={key} className={alert.driver && alert.driver === selected ? "alert-row chosen" : "alert-row"} style={{ transform: `translateY(${start}px)` }}
              data-testid={`alert-${alert.id}`} data-acked={alert.acked_at !== null}>
              <AlertText alert={alert} about={aboutText(alert, alert.driver ? positions.get(alert.driver)?.name || alert.driver : "", dispatch.shipments)} now={now} onOpen={opener(alert)} />
              <AlertStep alert={alert} busy={busy} onStep={(step) => void settle([alert], step)} />
            </li>
          );
        })}
        </ul>
      </div>
    </>
  );
}

/** How many there are of each kind, the most frequent first. */
function countsOf(alerts: readonly Alert[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { kind } of alerts) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return new Map([...counts].sort(([a, n], [b, m]) => m - n || a.localeCompare(b)));
}

/** Acknowledges and closes alerts, one after the other. */
export function useSettle(dispatch: Dispatch) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const settle = async (alerts: readonly Alert[], step: "ack" | "close") => {
    setBusy(true);
    setProblem("");
    try {
      for (const alert of alerts) await dispatch.settle(alert, step);
    } catch (error) {
      setProblem(t("alerts.failed", { reason: (error as Error).message }));
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, settle };
}

interface AlertTextProps {
  alert: Alert;
  about: string;
  now: number;
  onOpen: (() => void) | undefined;
}

function AlertText({ alert, about, now, onOpen }: AlertTextProps) {
  const detail = detailText(alert.detail, t);
  const words = (
    <>
      <strong className={`severity-${alert.acked_at ? "seen" : alert.severity}`}>{kindText(alert.kind, t)}</strong>
      <span className="alert-about" title={about}>{about}</span>
      <span className="alert-detail" title={detail}>{detail}</span>
    </>
  );
  return (
    <>
      <span className={`severity-mark severity-${alert.acked_at ? "seen" : alert.severity}`} title={t(`alerts.severity.${alert.severity}`)} />
      {onOpen ? <button className="alert-text" onClick={onOpen}>{words}</button> : <div className="alert-text">{words}</div>}
      <time className="alert-age" dateTime={alert.opened_at}>{ageText(now - Date.parse(alert.opened_at))}</time>
    </>
  );
}

/** What can be done about an alert now; who did it, once somebody did. */
export function AlertStep({ alert, busy, onStep }: { alert: Alert; busy: boolean; onStep: (step: "ack" | "close") => void }) {
  const name = kindText(alert.kind, t);
  if (!alert.acked_at) {
    return <button className="button small" disabled={busy} onClick={() => onStep("ack")} aria-label={`${t("alerts.ack")}: ${name}`} data-testid={`ack-${alert.id}`}>{t("alerts.ack")}</button>;
  }
  return (
    <span className="alert-acked">
      {alert.acked_by && <span>{t("alerts.acked", { name: alert.acked_by })}</span>}
      <button className="button small" disabled={busy} onClick={() => onStep("close")} aria-label={`${t("alerts.close")}: ${name}`} data-testid={`close-${alert.id}`}>{t("alerts.close")}</button>
    </span>
  );
}
