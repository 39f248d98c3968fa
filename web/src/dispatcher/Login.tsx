import { useState, type FormEvent } from "react";

import { ApiError, type Credentials } from "../mqtt/credentials";
import { Brand } from "./Brand";
import { t } from "./messages";

const roles = ["dispatcher", "admin"];
const LAST_FLEET = "dray.fleet";

export function Login({ credentials }: { credentials: Credentials }) {
  const [busy, setBusy] = useState(false);
  // Claims without a session: it ended while the page was open.
  const [problem, setProblem] = useState(credentials.claims ? t("login.expired") : "");

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name) ?? "");
    setBusy(true);
    try {
      await credentials.login(text("fleet").trim(), text("user").trim(), text("password"), roles);
      localStorage.setItem(LAST_FLEET, text("fleet").trim());
    } catch (error) {
      setProblem(reason(error));
      setBusy(false);
    }
  };

  return (
    <main className="login">
      <form className="login-card" onSubmit={(event) => void submit(event)} data-testid="login">
        <Brand large />
        <h1>{t("login.title")}</h1>
        <label>
          {t("login.fleet")}
          <input name="fleet" required maxLength={64} autoComplete="organization" autoCapitalize="none" spellCheck={false}
            defaultValue={credentials.claims?.fleet ?? localStorage.getItem(LAST_FLEET) ?? ""} data-testid="login-fleet" />
        </label>
        <label>
          {t("login.user")}
          <input name="user" required maxLength={128} autoComplete="username" autoCapitalize="none" spellCheck={false} data-testid="login-user" />
        </label>
        <label>
          {t("login.password")}
          <input name="password" type="password" required maxLength={128} autoComplete="current-password" data-testid="login-password" />
        </label>
        <p className="login-problem" role="alert" data-testid="login-problem">{problem}</p>
        <button className="button primary" disabled={busy} data-testid="login-submit">
          {busy ? t("login.busy") : t("login.submit")}
        </button>
        <p className="login-driver">
          {t("login.driver")} <a href="/driver/">{t("login.driverLink")}</a>
        </p>
      </form>
    </main>
  );
}

function reason(error: unknown): string {
  if (!(error instanceof ApiError)) return t("login.away");
  switch (error.status) {
    case 400: case 401: case 422: return t("login.wrong");
    case 403: return t("login.role");
    case 429: return t("login.throttled");
    case 502: case 503: case 504: return t("login.away");
    default: return t("login.failed", { reason: error.message });
  }
}
