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
  const [tested, setTested] = useState<Schemas["Delivery"] & { url: string } | null>(null);
  const [again, setAgain] = useState<Webhook | null>(null);
  const { busy, problem, note, attempt } = useAttempt();
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
  const change = ({ id }: Webhook, disabled: boolean) => void attempt(() => fleet.rest.call("PATCH", `/webhooks/${part(id)}`, { body: { disabled } })).then(list.reload);
  const test = async ({ id, url }: Webhook) => {
    setTested(null);
    await attempt(async () => setTested({ url, ...(await fleet.rest.call<Schemas["Delivery"]>("POST", `/webhooks/${part(id)}/test`)) }));
  };
  const replay = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const after = Number(new FormData(event.currentTarget).get("after"));
    if (await attempt(() => fleet.rest.call("POST", `/webhooks/${part(again!.id)}/replay`, { body: { after } }), t("webhooks.replayed"))) setAgain(null);
    list.reload();
  };
  const remove = ({ id, url }: Webhook) =>
    confirm(t("webhooks.deleteSure", { url })) && void attempt(() => fleet.rest.call("DELETE", `/webhooks/${part(id)}`)).then(list.reload);
  return (
    <>
      <div className="tab-tools">
        {problem && !creating && !again && <p className="problem" role="alert">{problem}</p>}
        {note && <p className="done-note" role="status">{note}</p>}
        {tested && (
          <p className={tested.delivered ? "done-note" : "problem"} role="status" data-testid="webhook-tested" data-delivered={tested.delivered}>
            {tested.delivered ? t("webhooks.delivered", { url: tested.url }) : t("webhooks.notDelivered", { url: tested.url, error: tested.error ?? "" })}
          </p>
        )}
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
            <td>
              <span className="actions">
                <button className="button small" disabled={busy} onClick={() => void test(hook)}>{t("webhooks.test")}</button>
                <button className="button small" onClick={() => setAgain(hook)}>{t("webhooks.replay")}</button>
                <button className="button small" onClick={() => change(hook, !hook.disabled)}>{t(hook.disabled ? "users.enable" : "users.disable")}</button>
                <button className="button small danger" onClick={() => remove(hook)}>{t("delete")}</button>
              </span>
            </td>
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
      {again && (
        <Dialog title={t("webhooks.replay")} onClose={() => setAgain(null)}>
          <form onSubmit={(event) => void replay(event)}>
            <label className="field">{t("webhooks.after")}<input name="after" type="number" min={0} max={again.cursor} defaultValue={Math.max(0, again.cursor - 10)} autoFocus data-testid="webhook-after" /></label>
            <p className="hint">{t("webhooks.afterHint", { cursor: again.cursor })}</p>
            {problem && <p className="problem" role="alert">{problem}</p>}
            <div className="actions end">
              <button type="button" className="button" onClick={() => setAgain(null)}>{t("back")}</button>
              <button className="button primary" disabled={busy} data-testid="webhook-replay">{t("webhooks.replay")}</button>
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
