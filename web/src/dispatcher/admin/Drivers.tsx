import { useState, type FormEvent } from "react";

import type { Schemas } from "../../api/client";
import { onceKey, part } from "../../api/rest";
import { Dialog } from "../Dialog";
import { linkTo, pathOf } from "../route";
import type { Fleet } from "../useFleet";
import { ListTable } from "./ListTable";
import { t } from "./messages";
import { useAttempt } from "./problem";
import { useList } from "./useList";

type Driver = Schemas["Driver"];

/** Who is tracked: their names, and signing them out everywhere. */
export function Drivers({ fleet }: { fleet: Fleet }) {
  const list = useList<Driver>(fleet, "/drivers");
  const [dialog, setDialog] = useState<"new" | Driver | null>(null);
  const { problem, note, attempt } = useAttempt();
  const signOut = ({ id }: Driver) =>
    confirm(t("drivers.signOutSure", { id })) && void attempt(() => fleet.rest.call("POST", `/subjects/${part(id)}/revoke`), t("drivers.signedOut", { id }));
  return (
    <>
      <div className="tab-tools">
        {problem && <p className="problem" role="alert">{problem}</p>}
        {note && <p className="done-note" role="status">{note}</p>}
        <button className="button primary" onClick={() => setDialog("new")} data-testid="new-driver">{t("drivers.new")}</button>
      </div>
      <ListTable list={list} label={t("tab.drivers")} keyOf={(d) => d.id} testid="drivers" empty={t("drivers.empty")} emptyHint={t("drivers.emptyHint")}
        heads={[t("id"), t("name"), ""]}
        row={(driver) => (
          <>
            <td><a className="text-link" {...linkTo(pathOf("map", driver.id))}>{driver.id}</a></td>
            <td>{driver.name}</td>
            <td>
              <span className="actions">
                <button className="button small" onClick={() => setDialog(driver)}>{t("drivers.rename")}</button>
                <button className="button small" onClick={() => signOut(driver)}>{t("drivers.signOut")}</button>
              </span>
            </td>
          </>
        )} />
      {dialog && <DriverForm fleet={fleet} driver={dialog === "new" ? null : dialog} onClose={() => setDialog(null)} onDone={list.reload} />}
    </>
  );
}

function DriverForm({ fleet, driver, onClose, onDone }: { fleet: Fleet; driver: Driver | null; onClose: () => void; onDone: () => void }) {
  const { busy, problem, attempt } = useAttempt();
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const body = Object.fromEntries(new FormData(event.currentTarget)) as { id?: string; name: string };
    const save = () => driver ? fleet.rest.call("PATCH", `/drivers/${part(driver.id)}`, { body }) : fleet.rest.call("POST", "/drivers", { body, once: onceKey() });
    if (!(await attempt(save))) return;
    fleet.positions.put({ driver: driver?.id ?? body.id!, name: body.name });
    onDone();
    onClose();
  };
  return (
    <Dialog title={driver ? t("drivers.renameTitle", { id: driver.id }) : t("drivers.new")} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        {!driver && <label className="field">{t("id")}<input name="id" required pattern="[A-Za-z0-9_\-]{1,64}" autoFocus autoComplete="off" data-testid="driver-id" /></label>}
        <label className="field">{t("name")}<input name="name" maxLength={200} defaultValue={driver?.name ?? ""} autoFocus={driver !== null} autoComplete="off" data-testid="driver-name" /></label>
        {problem && <p className="problem" role="alert">{problem}</p>}
        <div className="actions end">
          <button type="button" className="button" onClick={onClose}>{t("back")}</button>
          <button className="button primary" disabled={busy} data-testid="driver-save">{t(busy ? "saving" : "save")}</button>
        </div>
      </form>
    </Dialog>
  );
}
