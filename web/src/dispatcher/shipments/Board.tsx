import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";

import type { Shipment } from "../../api/shapes";
import { isLate } from "../dispatch";
import { linkTo, pathOf } from "../route";
import { byColumn, columns, type Column } from "./columns";
import { labelOf, placeText, timeText, toneOf } from "./format";
import { t } from "./messages";

const CARD = 126; // px with the gap

interface Props {
  shipments: readonly Shipment[];
  now: number;
  selected: string | null;
  nameOf: (driver: string) => string;
  onDrag: (id: string | null) => void;
}

/** The shipments in columns by how far they are. A card can be dragged onto a driver. */
export function Board({ shipments, ...rest }: Props) {
  const sorted = byColumn(shipments);
  const board = useRef<HTMLDivElement>(null);
  useEffect(() => {
    board.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [rest.selected]);
  return (
    <div className="board" ref={board} data-testid="board">
      {columns.map((column) => <BoardColumn key={column} column={column} shipments={sorted[column]} {...rest} />)}
    </div>
  );
}

function BoardColumn({ column, shipments, now, selected, nameOf, onDrag }: Props & { column: Column }) {
  const scroller = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- we do not use the compiler
  const virtual = useVirtualizer({ count: shipments.length, getScrollElement: () => scroller.current, estimateSize: () => CARD, overscan: 4 });
  return (
    <section className="column" aria-label={t(`column.${column}`)} data-testid={`column-${column}`}>
      <h2>{t(`column.${column}`)} <span className="chip-count">{shipments.length}</span></h2>
      <div className="column-cards" ref={scroller}>
        {shipments.length === 0 && <p className="hint">{t("column.empty")}</p>}
        <div style={{ blockSize: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const shipment = shipments[index];
            return (
              <a key={shipment.id} {...linkTo(pathOf("shipments", shipment.id))} className="card" style={{ transform: `translateY(${start}px)` }}
                aria-current={shipment.id === selected || undefined} draggable
                onDragStart={(event) => {
                  event.dataTransfer.setData("text/plain", shipment.id);
                  event.dataTransfer.effectAllowed = "move";
                  onDrag(shipment.id);
                }}
                onDragEnd={() => onDrag(null)} data-testid={`shipment-${shipment.id}`} data-status={shipment.status}>
                <Card shipment={shipment} now={now} nameOf={nameOf} tagged={!plain.has(column)} />
              </a>
            );
          })}
        </div>
      </div>
    </section>
  );
}

/** Columns of one status: their heading says it. */
const plain = new Set<Column>(["open", "offered", "accepted", "problem"]);

function Card({ shipment, now, nameOf, tagged }: { shipment: Shipment; now: number; nameOf: Props["nameOf"]; tagged: boolean }) {
  const due = shipment.dropoff.to ?? shipment.pickup.to;
  return (
    <>
      <span className="card-head">
        <strong>{labelOf(shipment)}</strong>
        {isLate(shipment, now) ? <span className="tag bad">{t("late")}</span> : tagged && <span className={toneOf(shipment.status)}>{t(`status.${shipment.status}`)}</span>}
      </span>
      <span className="card-way">{placeText(shipment.pickup) || "–"} → {placeText(shipment.dropoff) || "–"}</span>
      <span className="card-foot">
        <span>{shipment.driver ? nameOf(shipment.driver) : t("nobody")}</span>
        {due && <time dateTime={due}>{timeText(due, now)}</time>}
      </span>
    </>
  );
}
