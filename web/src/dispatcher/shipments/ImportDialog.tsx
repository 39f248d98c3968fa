import { useState } from "react";

import { onceKey } from "../../api/rest";
import { Dialog } from "../Dialog";
import type { Fleet } from "../useFleet";
import { create } from "./calls";
import { parseCSV } from "./csv";
import { zoneNow } from "../../i18n/zone";
import { example, importRows, type ImportRow, type ImportTable } from "./importRows";
import { placeText, problemText } from "./format";
import { t } from "./messages";

const LARGEST = 5; // MB
const SHOWN = 100; // rows of the preview; those at fault come first
const AT_ONCE = 4;

/** What became of one row: its key is kept, so that trying again cannot create it twice. */
interface Outcome {
  once: string;
  state: "sent" | "failed";
  problem?: string;
}

/** Reads a CSV file, shows what would be created and what is wrong with it, and creates the rest on the user's word. */
export function ImportDialog({ fleet, onClose }: { fleet: Fleet; onClose: () => void }) {
  const [table, setTable] = useState<ImportTable | null>(null);
  const [problem, setProblem] = useState("");
  const [outcomes, setOutcomes] = useState<ReadonlyMap<number, Outcome>>(new Map());
  const [running, setRunning] = useState(false);

  const read = async (file: File | undefined) => {
    setTable(null);
    setOutcomes(new Map());
    if (!file) return;
    if (file.size > LARGEST * 1024 * 1024) return setProblem(t("csv.tooBig", { mb: LARGEST }));
    const found = importRows(parseCSV(await file.text()), zoneNow());
    setProblem(found.rows.length === 0 ? t("csv.none") : "");
    if (found.rows.length > 0) setTable(found);
  };

  const good = table?.rows.filter((row) => row.faults.length === 0) ?? [];
  const left = good.filter((row) => outcomes.get(row.line)?.state !== "sent");

  const start = async () => {
    setRunning(true);
    const queue = [...left];
    const done = new Map(outcomes);
    const send = async () => {
      for (let row = queue.shift(); row; row = queue.shift()) {
        const once = done.get(row.line)?.once ?? onceKey();
        try {
          await create(fleet, row.body, once);
          done.set(row.line, { once, state: "sent" });
        } catch (error) {
          done.set(row.line, { once, state: "failed", problem: problemText(error) });
        }
        setOutcomes(new Map(done));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, send));
    setRunning(false);
  };

  const counted = (state: Outcome["state"]) => [...outcomes.values()].filter((o) => o.state === state).length;
  const rows = table ? [...table.rows].sort((a, b) => Number(b.faults.length > 0) - Number(a.faults.length > 0) || a.line - b.line) : [];
  return (
    <Dialog title={t("csv.title")} onClose={onClose} wide>
      <div className="stack">
        <p className="hint">{t("csv.hint")}</p>
        <div className="actions">
          <label className="field">
            {t("csv.file")}
            <input type="file" accept=".csv,text/csv,text/plain" disabled={running} onChange={(event) => void read(event.target.files?.[0])} data-testid="csv-file" />
          </label>
          <a className="button" href={`data:text/csv;charset=utf-8,${encodeURIComponent(example)}`} download="shipments.csv">{t("csv.template")}</a>
        </div>
        {problem && <p className="problem" role="alert">{problem}</p>}
        {table && (
          <>
            <p role="status" data-testid="csv-summary">
              {running
                ? t("csv.running", { done: counted("sent") + counted("failed"), all: good.length })
                : outcomes.size > 0
                  ? t("csv.done", { count: counted("sent"), failed: counted("failed") })
                  : t("csv.ready", { good: good.length, all: table.rows.length })}
            </p>
            {table.unknown.length > 0 && <p className="hint">{t("csv.unknown", { names: table.unknown.join(", ") })}</p>}
            <div className="table-scroll csv-preview" tabIndex={0} role="region" aria-label={t("csv.title")}>
              <table className="table">
                <thead><tr><th>{t("csv.row")}</th><th>{t("head.reference")}</th><th>{t("head.pickup")}</th><th>{t("head.dropoff")}</th><th>{t("csv.state")}</th></tr></thead>
                <tbody>{rows.slice(0, SHOWN).map((row) => <PreviewRow key={row.line} row={row} outcome={outcomes.get(row.line)} />)}</tbody>
              </table>
            </div>
            {rows.length > SHOWN && <p className="hint">{t("csv.more", { count: rows.length - SHOWN })}</p>}
          </>
        )}
        <div className="actions end">
          <button className="button" onClick={onClose}>{t("form.dismiss")}</button>
          {left.length > 0 && (
            <button className="button primary" disabled={running} onClick={() => void start()} data-testid="csv-start">{t("csv.start", { count: left.length })}</button>
          )}
        </div>
      </div>
    </Dialog>
  );
}

function PreviewRow({ row, outcome }: { row: ImportRow; outcome?: Outcome }) {
  const fault = row.faults.map(({ key, column }) => t(key, { column })).join("; ") || outcome?.problem;
  return (
    <tr data-testid={`csv-row-${row.line}`}>
      <td className="numbers">{row.line}</td>
      <td>{row.body.reference ?? ""}</td>
      <td>{placeText(row.body.pickup ?? {})}</td>
      <td>{placeText(row.body.dropoff ?? {})}</td>
      <td>{fault ? <span className="row-state concern wrap">{fault}</span> : <span className={outcome ? "tag good" : "tag"}>{t(outcome ? "csv.sent" : "csv.ok")}</span>}</td>
    </tr>
  );
}
