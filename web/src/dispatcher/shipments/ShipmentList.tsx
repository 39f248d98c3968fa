import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef, type KeyboardEvent } from "react";

import type { Shipment } from "../../api/shapes";
import { isLate } from "../dispatch";
import { navigate, pathOf } from "../route";
import { labelOf, placeText, timeText, toneOf } from "./format";
import { t } from "./messages";

const ROW = 46; // px

interface Props {
  shipments: readonly Shipment[];
  now: number;
  selected: string | null;
  nameOf: (driver: string) => string;
}

/** The shipments in one list, moved through with the arrow keys. */
export function ShipmentList({ shipments, now, selected, nameOf }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- we do not use the compiler
  const virtual = useVirtualizer({ count: shipments.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 8 });
  const at = shipments.findIndex((s) => s.id === selected);
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || shipments.length === 0) return;
    event.preventDefault();
    const next = Math.min(shipments.length - 1, Math.max(0, at + step));
    virtual.scrollToIndex(next);
    navigate(pathOf("shipments", shipments[next].id), true);
  };
  return (
    <div className="shipment-list" data-testid="shipment-list">
      <div className="shipment-row head" aria-hidden="true">
        {(["reference", "status", "driver", "pickup", "dropoff", "due"] as const).map((name) => <span key={name}>{t(`head.${name}`)}</span>)}
      </div>
      <div ref={scroller} className="rows" role="listbox" tabIndex={0} aria-label={t("title")} onKeyDown={onKeyDown}
        aria-activedescendant={at >= 0 && virtual.getVirtualItems().some(({ index }) => index === at) ? `shipment-${selected}` : undefined}>
        <div className="rows-all" role="presentation" style={{ blockSize: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const shipment = shipments[index];
            const due = shipment.dropoff.to ?? shipment.pickup.to;
            return (
              <div key={shipment.id} id={`shipment-${shipment.id}`} className="shipment-row" role="option" aria-selected={index === at}
                aria-setsize={shipments.length} aria-posinset={index + 1} style={{ transform: `translateY(${start}px)` }}
                onClick={() => navigate(pathOf("shipments", shipment.id))} data-testid={`shipment-${shipment.id}`} data-status={shipment.status}>
                <strong>{labelOf(shipment)}</strong>
                <span><span className={toneOf(shipment.status)}>{t(`status.${shipment.status}`)}</span></span>
                <span>{shipment.driver ? nameOf(shipment.driver) : t("nobody")}</span>
                <span>{placeText(shipment.pickup) || "–"}</span>
                <span>{placeText(shipment.dropoff) || "–"}</span>
                <span className={isLate(shipment, now) ? "row-state concern" : ""}>{due ? timeText(due, now) : ""}</span>
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
