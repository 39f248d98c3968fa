import { useMemo, useState } from "react";

import "../screens.css";
import "./shipments.css";
import { statuses, type ShipmentStatus } from "../../api/shapes";
import { navigate, pathOf } from "../route";
import type { Fleet } from "../useFleet";
import { useLedger } from "../useLedger";
import { Board } from "./Board";
import { assign } from "./calls";
import { select } from "./columns";
import { DriverTargets } from "./DriverTargets";
import { problemText } from "./format";
import { ImportDialog } from "./ImportDialog";
import { t } from "./messages";
import { ShipmentDetail } from "./ShipmentDetail";
import { ShipmentForm } from "./ShipmentForm";
import { ShipmentList } from "./ShipmentList";

interface Props {
  fleet: Fleet;
  now: number;
  work: { loaded: boolean; failed: boolean; retry: () => void };
  selected: string | null;
}

const VIEW = "dray.shipmentView";
const views = ["board", "list"] as const;

/** What is to be moved: by status, to whom it is given, and how far it is. */
export default function ShipmentsScreen({ fleet, now, work, selected }: Props) {
  const all = useLedger(fleet.dispatch.shipments);
  const [view, setView] = useState<(typeof views)[number]>(() => (localStorage.getItem(VIEW) === "list" ? "list" : "board"));
  const [search, setSearch] = useState("");
  const [status, setStatus] = useState<ShipmentStatus | "">("");
  const [lateOnly, setLateOnly] = useState(false);
  const [dialog, setDialog] = useState<"" | "new" | "import">("");
  const [dragged, setDragged] = useState<string | null>(null);
  const [problem, setProblem] = useState("");

  const minute = Math.floor(now / 60_000) * 60_000; // lateness changes by the minute, not by the second
  const shown = useMemo(() => select(all, { search, status, lateOnly }, minute), [all, search, status, lateOnly, minute]);
  const shipment = all.find((s) => s.id === selected);
  const nameOf = (driver: string) => fleet.positions.get(driver)?.name || driver;

  const choose = (next: (typeof views)[number]) => {
    localStorage.setItem(VIEW, next);
    setView(next);
  };
  const drop = async (id: string, driver: string) => {
    const dropped = fleet.dispatch.shipments.get(id);
    setDragged(null);
    if (!dropped) return;
    try {
      await assign(fleet, dropped, driver);
      setProblem("");
    } catch (error) {
      setProblem(problemText(error));
    }
  };
  const clear = () => {
    setSearch("");
    setStatus("");
    setLateOnly(false);
  };

  return (
    <div className="screen" data-testid="shipments-screen">
      <div className="screen-tools">
        <input className="search" type="search" placeholder={t("search")} aria-label={t("search")} value={search}
          onChange={(event) => setSearch(event.target.value)} data-testid="shipment-search" />
        <span className="segments" role="group" aria-label={t("view")}>
          {views.map((name) => <button key={name} className="button" aria-pressed={view === name} onClick={() => choose(name)} data-testid={`view-${name}`}>{t(`view.${name}`)}</button>)}
        </span>
        {view === "list" && (
          <select className="inline-input" aria-label={t("filter.status")} value={status} onChange={(event) => setStatus(event.target.value as ShipmentStatus | "")}>
            <option value="">{t("filter.all")}</option>
            {statuses.map((name) => <option key={name} value={name}>{t(`status.${name}`)}</option>)}
          </select>
        )}
        <button className="button" aria-pressed={lateOnly} onClick={() => setLateOnly(!lateOnly)}>{t("filter.late")}</button>
        <span className="grow" />
        <button className="button" onClick={() => setDialog("import")} data-testid="import">{t("import")}</button>
        <button className="button primary" onClick={() => setDialog("new")} data-testid="new-shipment">{t("new")}</button>
      </div>
      {problem && <p className="problem" role="alert" data-testid="shipments-problem">{problem}</p>}
      <div className={shipment ? "screen-body with-detail" : "screen-body"}>
        {shown.length === 0 ? (
          <Nothing any={all.length > 0} work={work} onClear={clear} />
        ) : view === "board" ? (
          <Board shipments={shown} now={minute} selected={selected} nameOf={nameOf} onDrag={setDragged} />
        ) : (
          <ShipmentList shipments={shown} now={minute} selected={selected} nameOf={nameOf} />
        )}
        {shipment && !dragged ? (
          <ShipmentDetail key={shipment.id} fleet={fleet} shipment={shipment} now={now} nameOf={nameOf} onClose={() => navigate(pathOf("shipments"))} />
        ) : (
          view === "board" && <DriverTargets fleet={fleet} now={now} dragged={dragged} onDrop={(id, driver) => void drop(id, driver)} />
        )}
      </div>
      {dialog === "new" && <ShipmentForm fleet={fleet} onClose={() => setDialog("")} />}
      {dialog === "import" && <ImportDialog fleet={fleet} onClose={() => setDialog("")} />}
    </div>
  );
}

function Nothing({ any, work, onClear }: { any: boolean; work: Props["work"]; onClear: () => void }) {
  if (any) {
    return (
      <div className="nothing">
        <strong>{t("noMatch")}</strong>
        <p>{t("noMatchHint")}</p>
        <button className="button" onClick={onClear}>{t("clear")}</button>
      </div>
    );
  }
  if (work.failed) {
    return (
      <div className="nothing" data-testid="shipments-failed">
        <strong>{t("failed")}</strong>
        <button className="button" onClick={work.retry}>{t("retry")}</button>
      </div>
    );
  }
  if (!work.loaded) return <div className="nothing" role="status">{t("loading")}</div>;
  return (
    <div className="nothing" data-testid="shipments-empty">
      <strong>{t("empty")}</strong>
      <p>{t("emptyHint")}</p>
    </div>
  );
}
