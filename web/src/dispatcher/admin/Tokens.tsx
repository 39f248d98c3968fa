import { useState, type FormEvent } from "react";

import type { Schemas } from "../../api/client";
import { onceKey, part } from "../../api/rest";
import type { Fleet } from "../useFleet";
import { ListTable } from "./ListTable";
import { t } from "./messages";
import { timeText, useAttempt } from "./problem";
import { Copyable, QRCode } from "./Secret";
import { useList } from "./useList";

type Role = Schemas["TokenRequest"]["role"];
type Listed = Schemas["MintedToken"];
const roles: readonly Role[] = ["driver", "device", "service"];
const HOUR = 3_600;
const lives = [8 * HOUR, 24 * HOUR, 30 * 24 * HOUR, 365 * 24 * HOUR];

/** Makes tokens for drivers, devices and services, and takes them back. */
export function Tokens({ fleet }: { fleet: Fleet }) {
  const [role, setRole] = useState<Role>("driver");
  const [made, setMade] = useState<{ token: Schemas["Token"]; sub: string; role: Role } | null>(null);
  const list = useList<Listed>(fleet, "/tokens", false, 1_000);
  const making = useAttempt();
  const revoking = useAttempt();

  const make = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    const filters = (name: string) => text(name).split(/\s+/).filter(Boolean);
    const body = {
      role, sub: text("sub"), ttl_s: Number(text("ttl")), driver: text("driver") || undefined,
      acl: role === "service" ? { pub: filters("pub"), sub: filters("subscribe") } : undefined,
    };
    await making.attempt(async () => setMade({ token: await fleet.rest.call("POST", "/tokens", { body, once: onceKey() }), sub: body.sub, role }));
    list.reload();
  };
  const revoke = ({ jti, sub }: Listed) =>
    confirm(t("tokens.revokeSure", { sub })) && void revoking.attempt(() => fleet.rest.call("DELETE", `/tokens/${part(jti)}`), t("tokens.revoked")).then(list.reload);
  return (
    <div className="tab-page">
      <form className="panel" onSubmit={(event) => void make(event)}>
        <p className="hint">{t("tokens.hint")}</p>
        <div className="fields">
          <label className="field">
            {t("role")}
            <select value={role} onChange={(event) => setRole(event.target.value as Role)}>{roles.map((name) => <option key={name} value={name}>{t(`role.${name}`)}</option>)}</select>
          </label>
          <label className="field">{t("tokens.subject")}<input name="sub" required pattern="[A-Za-z0-9_\-]{1,64}" autoComplete="off" data-testid="token-sub" /></label>
          {role === "device" && <label className="field">{t("tokens.driver")}<input name="driver" pattern="[A-Za-z0-9_\-]{1,64}" autoComplete="off" /></label>}
          <label className="field">
            {t("tokens.ttl")}
            <select name="ttl" defaultValue={lives[1]}>
              {lives.map((s) => <option key={s} value={s}>{s < 48 * HOUR ? t("tokens.hours", { count: s / HOUR }) : t("tokens.days", { count: s / HOUR / 24 })}</option>)}
            </select>
          </label>
        </div>
        {role === "service" && (
          <fieldset>
            <legend>{t("tokens.acl")}</legend>
            <div className="fields">
              <label className="field">{t("tokens.pub")}<textarea name="pub" rows={2} spellCheck={false} /></label>
              <label className="field">{t("tokens.sub")}<textarea name="subscribe" rows={2} spellCheck={false} defaultValue={`fleet/${fleet.name}/shipments/+`} /></label>
            </div>
          </fieldset>
        )}
        {making.problem && <p className="problem" role="alert">{making.problem}</p>}
        <div className="actions"><button className="button primary" disabled={making.busy} data-testid="token-make">{t("tokens.make")}</button></div>
      </form>
      {made && (
        <section className="panel" data-testid="token-made">
          <h2>{t("tokens.made", { sub: made.sub, exp: timeText(made.token.exp) })}</h2>
          <p className="done-note">{t("once")}</p>
          {made.role === "driver" && (
            <div className="qr-and-text">
              <QRCode text={`${location.origin}/driver/#token=${made.token.token}`} label={t("tokens.qr", { sub: made.sub })} />
              <p>{t("tokens.scan")}</p>
            </div>
          )}
          <Copyable label={t("tab.tokens")} value={made.token.token} testid="token-text" />
          <Copyable label={t("tokens.jti")} value={made.token.jti} />
        </section>
      )}
      {revoking.problem && <p className="problem" role="alert">{revoking.problem}</p>}
      {revoking.note && <p className="done-note" role="status">{revoking.note}</p>}
      <ListTable list={list} label={t("tab.tokens")} keyOf={(token) => token.jti} testid="tokens" empty={t("tokens.empty")} emptyHint={t("tokens.emptyHint")}
        heads={[t("id"), t("role"), t("tokens.until"), t("tokens.by"), ""]}
        row={(token) => (
          <>
            <td><strong>{token.sub}</strong>{token.driver && <div className="hint">{token.driver}</div>}</td>
            <td>{t(`role.${token.role as Role}`)}</td>
            <td className="nowrap">{timeText(token.exp)}</td>
            <td>{token.by}</td>
            <td>
              {token.revoked
                ? <span className="tag bad">{t("tokens.isRevoked")}</span>
                : <span className="actions"><button className="button small danger" onClick={() => revoke(token)}>{t("tokens.revokeDo")}</button></span>}
            </td>
          </>
        )} />
    </div>
  );
}
