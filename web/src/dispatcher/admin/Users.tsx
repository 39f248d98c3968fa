import { useState, type FormEvent } from "react";

import type { Schemas } from "../../api/client";
import { onceKey, part } from "../../api/rest";
import { Dialog } from "../Dialog";
import type { Fleet } from "../useFleet";
import { ListTable } from "./ListTable";
import { t } from "./messages";
import { timeText, useAttempt } from "./problem";
import { useList } from "./useList";

type User = Schemas["User"];
const roles = ["driver", "dispatcher", "admin"] as const;
const SHORTEST = 10;

/** Who may sign in with a password. */
export function Users({ fleet }: { fleet: Fleet }) {
  const list = useList<User>(fleet, "/users");
  const [dialog, setDialog] = useState<"new" | User | null>(null);
  const { problem, note, attempt } = useAttempt();
  const change = (user: User, disabled: boolean) => {
    if (disabled && !confirm(t("users.disableSure", { name: user.name }))) return;
    void attempt(() => fleet.rest.call("PATCH", `/users/${part(user.id)}`, { body: { disabled } })).then(list.reload);
  };
  return (
    <>
      <div className="tab-tools">
        {problem && <p className="problem" role="alert">{problem}</p>}
        {note && <p className="done-note" role="status">{note}</p>}
        <button className="button primary" onClick={() => setDialog("new")} data-testid="new-user">{t("users.new")}</button>
      </div>
      <ListTable list={list} label={t("tab.users")} keyOf={(u) => u.id} testid="users" empty={t("users.empty")} emptyHint={t("users.emptyHint")}
        heads={[t("name"), t("role"), t("state"), t("created"), ""]}
        row={(user) => (
          <>
            <td><strong>{user.name}</strong>{user.id !== user.name && <div className="hint">{user.id}</div>}</td>
            <td>{t(`role.${user.role as (typeof roles)[number]}`)}</td>
            <td><span className={user.disabled ? "tag bad" : "tag good"}>{t(user.disabled ? "state.disabled" : "state.active")}</span></td>
            <td className="nowrap">{timeText(user.created_at)}</td>
            <td>
              <span className="actions">
                <button className="button small" onClick={() => setDialog(user)}>{t("users.reset")}</button>
                {user.id !== fleet.user && <button className="button small" onClick={() => change(user, !user.disabled)}>{t(user.disabled ? "users.enable" : "users.disable")}</button>}
              </span>
            </td>
          </>
        )} />
      {dialog === "new" && <NewUser fleet={fleet} onClose={() => setDialog(null)} onDone={list.reload} />}
      {dialog && dialog !== "new" && (
        <NewPassword fleet={fleet} user={dialog} onClose={() => setDialog(null)}
          onDone={() => void attempt(() => Promise.resolve(), t("users.resetDone", { name: dialog.name }))} />
      )}
    </>
  );
}

function NewUser({ fleet, onClose, onDone }: { fleet: Fleet; onClose: () => void; onDone: () => void }) {
  const { busy, problem, attempt } = useAttempt();
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const body = Object.fromEntries(new FormData(event.currentTarget));
    if (!(await attempt(() => fleet.rest.call("POST", "/users", { body, once: onceKey() })))) return;
    onDone();
    onClose();
  };
  return (
    <Dialog title={t("users.new")} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <label className="field">{t("name")}<input name="name" required maxLength={64} autoFocus autoComplete="off" data-testid="user-name" /></label>
        <label className="field">
          {t("role")}
          <select name="role" defaultValue="dispatcher">{roles.map((role) => <option key={role} value={role}>{t(`role.${role}`)}</option>)}</select>
        </label>
        <label className="field">{t("users.password")}<input name="password" type="password" required minLength={SHORTEST} maxLength={128} autoComplete="new-password" data-testid="user-password" /></label>
        <p className="hint">{t("users.passwordHint")}</p>
        {problem && <p className="problem" role="alert">{problem}</p>}
        <div className="actions end">
          <button type="button" className="button" onClick={onClose}>{t("back")}</button>
          <button className="button primary" disabled={busy} data-testid="user-save">{t(busy ? "saving" : "create")}</button>
        </div>
      </form>
    </Dialog>
  );
}

function NewPassword({ fleet, user, onClose, onDone }: { fleet: Fleet; user: User; onClose: () => void; onDone: () => void }) {
  const { busy, problem, attempt } = useAttempt();
  const own = user.id === fleet.user;
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const body = Object.fromEntries(new FormData(event.currentTarget));
    if (!(await attempt(() => fleet.rest.call("POST", `/users/${part(user.id)}/password`, { body })))) return;
    onDone();
    onClose();
  };
  return (
    <Dialog title={t("users.resetFor", { name: user.name })} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        {own && <label className="field">{t("users.current")}<input name="current_password" type="password" required autoComplete="current-password" /></label>}
        <label className="field">{t("users.password")}<input name="password" type="password" required minLength={SHORTEST} maxLength={128} autoFocus={!own} autoComplete="new-password" /></label>
        <p className="hint">{t("users.passwordHint")}</p>
        {problem && <p className="problem" role="alert">{problem}</p>}
        <div className="actions end">
          <button type="button" className="button" onClick={onClose}>{t("back")}</button>
          <button className="button primary" disabled={busy}>{t(busy ? "saving" : "save")}</button>
        </div>
      </form>
    </Dialog>
  );
}
