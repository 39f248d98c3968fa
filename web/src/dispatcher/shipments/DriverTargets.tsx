import { useState } from "react";

import { conditionOf } from "../condition";
import { t as common } from "../messages";
import { StateIcon } from "../StateIcon";
import { useLedger } from "../useLedger";
import type { Fleet } from "../useFleet";
import { candidates } from "./candidates";
import { t } from "./messages";

const SHOWN = 60; // the search finds the rest

/** The drivers as places to drop a shipment on. */
export function DriverTargets({ fleet, now, dragged, onDrop }: { fleet: Fleet; now: number; dragged: string | null; onDrop: (shipment: string, driver: string) => void }) {
  const shipments = useLedger(fleet.dispatch.shipments);
  const [search, setSearch] = useState("");
  const [over, setOver] = useState<string | null>(null);
  const pickup = (dragged && fleet.dispatch.shipments.get(dragged)?.pickup) || null;
  const found = candidates(fleet.positions.all(), shipments, pickup, search).slice(0, SHOWN);
  return (
    <aside className={dragged ? "targets dragging" : "targets"} aria-label={t("drivers")}>
      <h2>{t("drivers")}</h2>
      <p className="hint">{t("drivers.hint")}</p>
      <input className="search" type="search" placeholder={t("assign.search")} aria-label={t("assign.search")} value={search} onChange={(event) => setSearch(event.target.value)} />
      <ul>
        {found.map(({ driver, jobs }) => (
          <li key={driver.id} className={over === driver.id ? "target over" : "target"} data-testid={`target-${driver.id}`}
            onDragOver={(event) => {
              event.preventDefault();
              setOver(driver.id);
            }}
            onDragLeave={() => setOver(null)}
            onDrop={(event) => {
              event.preventDefault();
              setOver(null);
              onDrop(event.dataTransfer.getData("text/plain"), driver.id);
            }}>
            <StateIcon state={conditionOf(driver, now).state} />
            <strong>{driver.name || driver.id}</strong>
            <span>{common(`duty.${driver.duty}`)} · {t("drivers.jobs", { count: jobs })}</span>
          </li>
        ))}
      </ul>
    </aside>
  );
}
