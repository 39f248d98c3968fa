import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, type KeyboardEvent } from "react";

import type { Alert } from "../api/shapes";
import { agesText } from "./age";
import { kindText } from "./alerts";
import { concernText } from "./concernText";
import { locale, t } from "./messages";
import { filters, type Entry, type Filter, type Roster } from "./roster";
import { StateIcon } from "./StateIcon";
import type { Snapshot } from "./useFleet";

interface Props {
  roster: Roster;
  /** What is open, by driver. */
  alerts: ReadonlyMap<string, readonly Alert[]>;
  now: number;
  snapshot: Snapshot;
  filter: Filter;
  onFilter: (filter: Filter) => void;
  search: string;
  onSearch: (search: string) => void;
  selected: string | null;
  onSelect: (id: string) => void;
}

const ROW = 62; // px
const count = new Intl.NumberFormat(locale, { notation: "compact" }); // 1,800 is 1.8K: the chips stay on one line

/** The drivers, who needs attention first. Ten thousand of them cost what fits on the screen. */
export function DriverList({ roster, alerts, now, snapshot, filter, onFilter, search, onSearch, selected, onSelect }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const { entries, counts } = roster;
  // eslint-disable-next-line react-hooks/incompatible-library -- we do not use the compiler
  const virtual = useVirtualizer({ count: entries.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 6 });
  const at = entries.findIndex((e) => e.driver.id === selected);

  // Selected on the map: bring its row into view, once.
  const shown = useRef<string | null>(null);
  useEffect(() => {
    if (selected === shown.current) return;
    shown.current = selected;
    if (at >= 0) virtual.scrollToIndex(at, { align: "auto" });
  }, [selected, at, virtual]);

  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? ROW) / ROW) - 1);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || entries.length === 0) return;
    event.preventDefault();
    onSelect(entries[Math.min(entries.length - 1, Math.max(0, at + step))].driver.id);
  };

  const clear = () => {
    onFilter("all");
    onSearch("");
  };

  return (
    <>
      <div className="list-tools">
        <input className="search" type="search" placeholder={t("list.search")} aria-label={t("list.search")} value={search}
          onChange={(event) => onSearch(event.target.value)} data-testid="search" />
        <div className="chips" role="group" aria-label={t("list.filter")}>
          {filters.map((name) => (
            <button key={name} className="chip" aria-pressed={filter === name} onClick={() => onFilter(name)} data-testid={`filter-${name}`}>
              {t(`filter.${name}`)} <span className="chip-count">{count.format(counts[name])}</span>
            </button>
          ))}
        </div>
      </div>
      {entries.length === 0 && <Nothing counts={counts} snapshot={snapshot} onClear={clear} />}
      <div ref={scroller} className="rows" role="listbox" tabIndex={entries.length ? 0 : -1} aria-label={t("list.label")} onKeyDown={onKeyDown}
        aria-activedescendant={at >= 0 && virtual.getVirtualItems().some(({ index }) => index === at) ? rowId(entries[at]) : undefined} hidden={entries.length === 0} data-testid="driver-list">
        <div className="rows-all" role="presentation" style={{ blockSize: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const entry = entries[index];
            return (
              <div key={entry.driver.id} id={rowId(entry)} className="row" role="option" aria-selected={index === at}
                aria-setsize={entries.length} aria-posinset={index + 1} style={{ transform: `translateY(${start}px)` }}
                onClick={() => onSelect(entry.driver.id)} data-testid={`driver-row-${entry.driver.id}`} data-state={entry.condition.state}>
                <Row entry={entry} alert={alerts.get(entry.driver.id)?.[0]} now={now} />
              </div>
            );
          })}
        </div>
      </div>
    </>
  );
}

const rowId = (entry: Entry) => `driver-${entry.driver.id}`;

function Row({ entry: { driver, condition }, alert, now }: { entry: Entry; alert: Alert | undefined; now: number }) {
  const [worst] = condition.concerns;
  return (
    <>
      <StateIcon state={condition.state} />
      <span className="row-name">{driver.name || driver.id}</span>
      <span className={worst ? "row-state concern" : "row-state"}>
        {worst === "alert" && alert ? kindText(alert.kind, t) : worst ? concernText(worst, driver) : stateText(condition.state, driver.fix?.speed)}
      </span>
      <span className="row-age">{agesText(driver, now, t)}</span>
    </>
  );
}

function stateText(state: Entry["condition"]["state"], speed = NaN) {
  return state === "moving" ? t("detail.speedValue", { kmh: Math.round(speed * 3.6) }) : t(`state.${state}`);
}

/** What stands in the place of an empty list: still loading, failed, nobody yet, or nobody who matches. */
function Nothing({ counts, snapshot, onClear }: { counts: Roster["counts"]; snapshot: Snapshot; onClear: () => void }) {
  if (counts.all > 0) {
    return (
      <div className="nothing">
        <strong>{t("list.noMatch")}</strong>
        <p>{t("list.noMatchHint")}</p>
        <button className="button" onClick={onClear}>{t("list.clear")}</button>
      </div>
    );
  }
  if (snapshot.failed) {
    return (
      <div className="nothing" data-testid="list-failed">
        <strong>{t("list.failed")}</strong>
        <button className="button" onClick={snapshot.retry}>{t("list.retry")}</button>
      </div>
    );
  }
  if (!snapshot.loaded) {
    return (
      <div className="nothing" role="status">
        {t("list.loading")}
        <span className="skeletons" aria-hidden="true"><i /><i /><i /><i /></span>
      </div>
    );
  }
  return (
    <div className="nothing" data-testid="list-empty">
      <strong>{t("list.empty")}</strong>
      <p>{t("list.emptyHint")}</p>
    </div>
  );
}
