import { useState, type FormEvent } from "react";

import { RefusedError } from "../../api/rest";
import type { Place, Shipment } from "../../api/shapes";
import { Dialog } from "../Dialog";
import { navigate, pathOf } from "../route";
import { fromField, toField } from "../wallClock";
import { zoneNow } from "../../i18n/zone";
import type { Fleet } from "../useFleet";
import { create, patch } from "./calls";
import { labelOf, problemText } from "./format";
import { t } from "./messages";

const sides = ["pickup", "dropoff"] as const;

/** A time of the API as a `datetime-local` field holds it, in the fleet's zone. */
const localTime = (stamp: string | undefined) => (stamp ? toField(Date.parse(stamp), zoneNow()) : "");

interface Body {
  reference: string;
  pickup: Place;
  dropoff: Place;
  note: string;
}

function bodyOf(form: FormData): Body {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  const place = (side: string): Place => {
    const number = (name: string) => (text(name) === "" ? undefined : Number(text(name)));
    const time = (name: string) => (text(name) === "" ? undefined : new Date(fromField(text(name), zoneNow())).toISOString());
    return {
      name: text(`${side}.name`) || undefined, address: text(`${side}.address`) || undefined,
      lat: number(`${side}.lat`), lon: number(`${side}.lon`), from: time(`${side}.from`), to: time(`${side}.to`),
    };
  };
  return { reference: text("reference"), pickup: place("pickup"), dropoff: place("dropoff"), note: text("note") };
}

function faultOf({ pickup, dropoff }: Body): string {
  for (const { lat, lon, from, to } of [pickup, dropoff]) {
    if ((lat === undefined) !== (lon === undefined)) return t("form.both");
    if (from && to && to < from) return t("form.order");
  }
  return "";
}

/** Creates a shipment, or changes one; says so when somebody else was faster, and lets the user choose. */
export function ShipmentForm({ fleet, shipment, onClose }: { fleet: Fleet; shipment?: Shipment; onClose: () => void }) {
  // What the fields began from: changes of others meanwhile must not slip in under them.
  const [base, setBase] = useState(shipment);
  const [theirs, setTheirs] = useState<Shipment | null>(null);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);

  const save = async (form: HTMLFormElement, version: number | undefined) => {
    const body = bodyOf(new FormData(form));
    const fault = faultOf(body);
    if (fault) return setProblem(fault);
    setBusy(true);
    setProblem("");
    try {
      if (base) await patch(fleet, base.id, version!, body);
      else navigate(pathOf("shipments", (await create(fleet, body)).id));
      onClose();
    } catch (error) {
      setBusy(false);
      const newest = base && fleet.dispatch.shipments.get(base.id);
      if (error instanceof RefusedError && error.status === 412 && newest) setTheirs(newest);
      else setProblem(problemText(error));
    }
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    void save(event.currentTarget, (theirs ?? base)?.version);
  };
  const takeTheirs = () => {
    setBase(theirs!);
    setTheirs(null);
  };

  return (
    <Dialog title={base ? t("form.edit", { reference: labelOf(base) }) : t("form.new")} onClose={onClose} wide>
      <form key={base?.version} onSubmit={submit} data-testid="shipment-form">
        <label className="field">
          {t("form.reference")}
          <input name="reference" maxLength={200} defaultValue={base?.reference} autoFocus />
        </label>
        {sides.map((side) => <PlaceFields key={side} side={side} place={base?.[side] ?? {}} />)}
        <label className="field">
          {t("note")}
          <textarea name="note" rows={2} maxLength={2000} defaultValue={base?.note} />
        </label>
        <p className="hint">{t("form.zone", { zone: zoneNow() })}</p>
        {problem && <p className="problem" role="alert">{problem}</p>}
        {theirs && (
          <div className="problem" role="alert" data-testid="conflict">
            <p>{t("form.conflict", { version: theirs.version })}</p>
            <p>{t("form.conflictFields", { fields: differing(base!, theirs) })}</p>
          </div>
        )}
        <div className="actions end">
          <button type="button" className="button" onClick={onClose}>{t("form.dismiss")}</button>
          {theirs && <button type="button" className="button" onClick={takeTheirs} data-testid="take-theirs">{t("form.theirs")}</button>}
          <button className="button primary" disabled={busy} data-testid="shipment-save">
            {busy ? t("form.saving") : theirs ? t("form.mine") : base ? t("form.save") : t("form.create")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function differing(mine: Shipment, theirs: Shipment): string {
  const labels = { reference: t("form.reference"), pickup: t("pickup"), dropoff: t("dropoff"), note: t("note"), status: t("filter.status"), driver: t("head.driver") };
  const fields = Object.keys(labels) as (keyof typeof labels)[];
  return fields.filter((field) => JSON.stringify(mine[field]) !== JSON.stringify(theirs[field])).map((field) => labels[field]).join(", ") || "–";
}

function PlaceFields({ side, place }: { side: (typeof sides)[number]; place: Place }) {
  const input = (name: "name" | "address" | "from" | "to" | "lat" | "lon", more: object) => (
    <label className="field">
      {t(`form.${name}`)}
      <input name={`${side}.${name}`} {...more} />
    </label>
  );
  return (
    <fieldset>
      <legend>{t(side)}</legend>
      <div className="fields">
        {input("name", { maxLength: 500, defaultValue: place.name })}
        {input("address", { maxLength: 500, defaultValue: place.address })}
        {input("from", { type: "datetime-local", defaultValue: localTime(place.from) })}
        {input("to", { type: "datetime-local", defaultValue: localTime(place.to) })}
        {input("lat", { type: "number", step: "any", min: -90, max: 90, defaultValue: place.lat })}
        {input("lon", { type: "number", step: "any", min: -180, max: 180, defaultValue: place.lon })}
      </div>
    </fieldset>
  );
}
