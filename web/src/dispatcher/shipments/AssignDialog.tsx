import { useState } from "react";

import type { Shipment } from "../../api/shapes";
import { conditionOf } from "../condition";
import { Dialog } from "../Dialog";
import { locale, t as common } from "../messages";
import { StateIcon } from "../StateIcon";
import { useLedger } from "../useLedger";
import type { Fleet } from "../useFleet";
import { assign } from "./calls";
import { candidates } from "./candidates";
import { problemText } from "./format";
import { t } from "./messages";

const SHOWN = 12;
const deadlines = [0, 5, 15, 30, 60]; // minutes
const kilometres = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });

/** Chooses the driver for a shipment: those on duty and near to its pickup first. */
export function AssignDialog({ fleet, shipment, now, onClose }: { fleet: Fleet; shipment: Shipment; now: number; onClose: () => void }) {
  const shipments = useLedger(fleet.dispatch.shipments);
  const [search, setSearch] = useState("");
  const [minutes, setMinutes] = useState(15);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const found = candidates(fleet.positions.all(), shipments, shipment.pickup, search).slice(0, SHOWN);

  const take = async (driver: string) => {
    setBusy(true);
    try {
      await assign(fleet, shipment, driver, minutes);
      onClose();
    } catch (error) {
      setProblem(problemText(error));
      setBusy(false);
    }
  };

  return (
    <Dialog title={t("assign.title")} onClose={onClose}>
      <div className="stack">
        <div className="fields">
          <label className="field">
            {t("assign.search")}
            <input type="search" autoFocus value={search} onChange={(event) => setSearch(event.target.value)} data-testid="assign-search" />
          </label>
          <label className="field">
            {t("assign.deadline")}
            <select value={minutes} onChange={(event) => setMinutes(Number(event.target.value))}>
              {deadlines.map((m) => <option key={m} value={m}>{m ? t("assign.deadline.minutes", { minutes: m }) : t("assign.deadline.none")}</option>)}
            </select>
          </label>
        </div>
        {problem && <p className="problem" role="alert">{problem}</p>}
        <ul className="picks">
          {found.map(({ driver, metres, jobs }) => (
            <li key={driver.id}>
              <button className="pick" disabled={busy} onClick={() => void take(driver.id)} data-testid={`assign-to-${driver.id}`}>
                <StateIcon state={conditionOf(driver, now).state} />
                <strong>{driver.name || driver.id}</strong>
                <span>{common(`duty.${driver.duty}`)} · {t("drivers.jobs", { count: jobs })}</span>
                <span>{metres !== undefined ? t("assign.distance", { km: kilometres.format(metres / 1_000) }) : driver.fix ? "" : t("assign.noFix")}</span>
              </button>
            </li>
          ))}
        </ul>
        {found.length === 0 && <p className="hint">{t("assign.nobody")}</p>}
        <div className="actions end">
          {busy && <span className="hint" role="status">{t("assign.sending")}</span>}
          <button className="button" onClick={onClose}>{t("form.dismiss")}</button>
        </div>
      </div>
    </Dialog>
  );
}
