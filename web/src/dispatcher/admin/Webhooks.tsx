import { useState, type FormEvent } from "react";

import type { Schemas } from "../../api/client";
import { onceKey, part } from "../../api/rest";
import type { Webhook } from "../../api/shapes";
import { Dialog } from "../Dialog";
import type { Fleet } from "../useFleet";
import { ListTable } from "./ListTable";
import { t } from "./messages";
import { useAttempt } from "./problem";
import { Copyable } from "./Secret";
import { useList } from "./useList";

/** Where events are delivered to. */
export function Webhooks({ fleet }: { fleet: Fleet }) {
  const list = useList<Webhook>(fleet, "/webhooks");
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState<Schemas["NewWebhook"] | null>(null);
  const { busy, problem, attempt } = useAttempt();
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const kinds = String(form.get("kinds")).split(",").map((kind) => kind.trim()).filter(Boolean);
    await attempt(async () => {
      setMade(await fleet.rest.call<Schemas["NewWebhook"]>("POST", "/webhooks", { body: { url: String(form.get("url")).trim(), kinds }, once: onceKey() }));
      setCreating(false);
      list.reload();
    });
  };
  const remove = ({ id, url }: Webhook) =>
    confirm(t("webhooks.deleteSure", { url })) && void attempt(() => fleet.rest.call("DELETE", `/webhooks/${part(id)}`)).then(list.reload);
  return (
    <>
      <div className="tab-tools">
        {problem && !creating && <p className="problem" role="alert">{problem}</p>}
        <button className="button primary" onClick={() => setCreating(true)} data-testid="new-webhook">{t("webhooks.new")}</button>
      </div>
      <ListTable list={list} label={t("tab.webhooks")} keyOf={(w) => w.id} testid="webhooks" empty={t("webhooks.empty")} emptyHint={t("webhooks.emptyHint")}
        heads={[t("webhooks.url"), t("webhooks.kinds"), t("state"), ""]}
        row={(hook) => (
          <>
            <td><code>{hook.url}</code></td>
            <td>{hook.kinds?.length ? hook.kinds.join(", ") : t("webhooks.all")}</td>
            <td>
              {hook.disabled ? <span className="tag bad">{t("state.disabled")}</span>
                : hook.failures ? <span className="tag wait wrap">{t("webhooks.failures", { count: hook.failures, error: hook.last_error ?? "" })}</span>
                : <span className="tag good">{t("state.active")}</span>}
            </td>
            <td><span className="actions"><button className="button small danger" onClick={() => remove(hook)}>{t("delete")}</button></span></td>
          </>
        )} />
      {creating && (
        <Dialog title={t("webhooks.new")} onClose={() => setCreating(false)}>
          <form onSubmit={(event) => void submit(event)}>
            <label className="field">{t("webhooks.url")}<input name="url" type="url" required maxLength={2048} autoFocus placeholder="https://" data-testid="webhook-url" /></label>
            <label className="field">{t("webhooks.kinds")}<input name="kinds" autoComplete="off" /></label>
            <p className="hint">{t("webhooks.kindsHint")}</p>
            {problem && <p className="problem" role="alert">{problem}</p>}
            <div className="actions end">
              <button type="button" className="button" onClick={() => setCreating(false)}>{t("back")}</button>
              <button className="button primary" disabled={busy} data-testid="webhook-save">{t(busy ? "saving" : "create")}</button>
            </div>
          </form>
        </Dialog>
      )}
      {made && (
        <Dialog title={t("webhooks.secretFor")} onClose={() => setMade(null)}>
          <div className="stack">
            <p className="done-note">{t("once")}</p>
            <Copyable label={t("devices.password")} value={made.secret} testid="webhook-secret" />
            <p className="hint">{t("webhooks.secretHint")}</p>
            <div className="actions end"><button className="button primary" onClick={() => setMade(null)}>{t("close")}</button></div>
          </div>
        </Dialog>
      )}
    </>
  );
}
