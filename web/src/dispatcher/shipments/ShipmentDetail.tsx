import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { part } from "../../api/rest";
import type { Assignment, Place, Shipment, ShipmentEvent, ShipmentStatus } from "../../api/shapes";
import { isLate, pending } from "../dispatch";
import type { Fleet } from "../useFleet";
import { useLedger } from "../useLedger";
import { AssignDialog } from "./AssignDialog";
import { cancel, withdraw } from "./calls";
import { labelOf, problemText, timeText, toneOf, windowText } from "./format";
import { t } from "./messages";
import { ProofOfDelivery } from "./ProofOfDelivery";
import { ShipmentForm } from "./ShipmentForm";

interface Props {
  fleet: Fleet;
  shipment: Shipment;
  now: number;
  nameOf: (driver: string) => string;
  onClose: () => void;
}

/** All that is known of one shipment, and what can be done with it. */
export function ShipmentDetail({ fleet, shipment, now, nameOf, onClose }: Props) {
  const [dialog, setDialog] = useState<"" | "assign" | "edit">("");
  const [problem, setProblem] = useState("");
  const assignment = useAssignment(fleet, shipment);
  const events = useEvents(fleet, shipment);
  const assignable = shipment.status === "created" || shipment.status === "failed";
  const withdrawable = assignment && (pending.includes(assignment.state) || (assignment.state === "accepted" && shipment.status === "accepted"));
  const cancellable = ["created", "assigned", "accepted", "failed"].includes(shipment.status);

  const attempt = async (change: () => Promise<unknown>) => {
    setProblem("");
    try {
      await change();
    } catch (error) {
      setProblem(problemText(error));
    }
  };
  const askToCancel = () => confirm(t("cancel.sure", { reference: labelOf(shipment) })) && void attempt(() => cancel(fleet, shipment));

  return (
    <aside className="shipment-detail" aria-label={t("detail", { reference: labelOf(shipment) })} data-testid="shipment-detail" data-version={shipment.version}>
      <header>
        <div>
          <h2>{labelOf(shipment)}</h2>
          <p>
            <span className={toneOf(shipment.status)} data-testid="shipment-status">{t(`status.${shipment.status}`)}</span>{" "}
            {isLate(shipment, now) && <span className="tag bad">{t("late")}</span>}
          </p>
        </div>
        <button className="button icon quiet" onClick={onClose} aria-label={t("close")} title={t("close")}>
          <svg viewBox="0 0 16 16" aria-hidden="true"><path d="m4 4 8 8m0-8-8 8" /></svg>
        </button>
      </header>
      <div className="actions">
        {assignable && <button className="button primary" onClick={() => setDialog("assign")} data-testid="assign">{t(shipment.status === "failed" ? "assign.again" : "assign")}</button>}
        {withdrawable && <button className="button" onClick={() => void attempt(() => withdraw(fleet, assignment))} data-testid="withdraw">{t("withdraw")}</button>}
        {cancellable && <button className="button" onClick={() => setDialog("edit")} data-testid="edit">{t("edit")}</button>}
        {cancellable && <button className="button danger" onClick={askToCancel} data-testid="cancel">{t("cancel")}</button>}
      </div>
      {problem && <p className="problem" role="alert" data-testid="shipment-problem">{problem}</p>}
      <PlaceLines title={t("pickup")} place={shipment.pickup} now={now} />
      <PlaceLines title={t("dropoff")} place={shipment.dropoff} now={now} />
      {shipment.note && <section><h3>{t("note")}</h3><p className="pre">{shipment.note}</p></section>}
      {assignment && <Receipts assignment={assignment} now={now} nameOf={nameOf} />}
      <ProofOfDelivery fleet={fleet} shipment={shipment.id} events={events.data ?? []} />
      <section>
        <h3>{t("history")}</h3>
        {events.isLoading && <p className="hint" role="status">{t("history.loading")}</p>}
        {events.isError && <p className="hint">{t("history.failed")}</p>}
        {events.data?.length === 0 && <p className="hint">{t("history.empty")}</p>}
        <ol className="steps" data-testid="shipment-events">
          {events.data?.map((event, i) => (
            <li key={i}>
              <strong>{t(`status.${event.status as ShipmentStatus}`)}</strong> <time dateTime={event.at}>{timeText(event.at, now)}</time>
              {event.actor && <span className="hint"> {t("history.by", { actor: event.actor })}</span>}
              {event.note && <p className="pre">{event.note}</p>}
            </li>
          ))}
        </ol>
      </section>
      <p className="hint">{t("version", { version: shipment.version, at: timeText(shipment.updated_at, now) })}</p>
      {dialog === "assign" && <AssignDialog fleet={fleet} shipment={shipment} now={now} onClose={() => setDialog("")} />}
      {dialog === "edit" && <ShipmentForm fleet={fleet} shipment={shipment} onClose={() => setDialog("")} />}
    </aside>
  );
}

/** The newest assignment of a shipment: what is open came with the fleet, what is done is asked for. */
function useAssignment({ rest, dispatch, name }: Fleet, { id, version }: Shipment): Assignment | undefined {
  useQuery({
    queryKey: ["assignments", name, id, version],
    queryFn: async ({ signal }) => {
      dispatch.assignments.put(...(await rest.all<Assignment>("/assignments", { query: { shipment: id }, signal })));
      return true;
    },
    networkMode: "always",
  });
  const mine = useLedger(dispatch.assignments).filter((a) => a.shipment === id);
  return mine.find((a) => pending.includes(a.state) || a.state === "accepted") ?? mine.at(-1);
}

const useEvents = ({ rest, name }: Fleet, { id, version }: Shipment) =>
  useQuery({
    queryKey: ["shipment-events", name, id, version],
    queryFn: ({ signal }) => rest.all<ShipmentEvent>(`/shipments/${part(id)}/events`, { signal }),
    networkMode: "always",
    placeholderData: (before, query) => (query?.queryKey[2] === id ? before : undefined),
  });

function PlaceLines({ title, place, now }: { title: string; place: Place; now: number }) {
  const { name, address, lat, lon } = place;
  const when = windowText(place, now);
  const empty = !name && !address && lat === undefined;
  return (
    <section>
      <h3>{title}</h3>
      {name && <p>{name}</p>}
      {address && <p>{address}</p>}
      {lat !== undefined && lon !== undefined && <p className="hint numbers">{lat.toFixed(5)}, {lon.toFixed(5)}</p>}
      {empty && <p className="hint">{t("place.none")}</p>}
      {when && <p className="hint">{when}</p>}
    </section>
  );
}

const stages = ["received", "seen", "accepted"] as const;

/** How far the offer has come, step by step, as the phone tells. */
function Receipts({ assignment, now, nameOf }: { assignment: Assignment; now: number; nameOf: (driver: string) => string }) {
  const ended = assignment.state === "declined" || assignment.state === "withdrawn" || assignment.state === "expired";
  return (
    <section data-testid="receipts" data-state={assignment.state}>
      <h3>{t("receipts")}</h3>
      <p>
        {t("receipts.to", { driver: nameOf(assignment.driver) })}
        {assignment.deadline && pending.includes(assignment.state) && <span className="hint"> · {t("receipts.deadline", { at: timeText(assignment.deadline, now) })}</span>}
      </p>
      <ol className="receipts">
        {stages.map((stage) => {
          const receipt = assignment.receipts.find((r) => r.state === stage);
          if (!receipt && ended) return null;
          return (
            <li key={stage} data-done={receipt ? "" : undefined}>
              <strong>{t(`receipt.${stage}`)}</strong> <span className="hint">{receipt ? timeText(receipt.at ?? "", now) : t("receipt.waiting")}</span>
            </li>
          );
        })}
        {ended && (
          <li data-ended="">
            <strong>{t(`receipt.${assignment.state}`)}</strong>{" "}
            <span className="hint">{assignment.receipts.find((r) => r.state === "declined")?.reason}</span>
          </li>
        )}
      </ol>
    </section>
  );
}
