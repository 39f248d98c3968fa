import { useState, type SubmitEvent } from "react";

import { ApiError, type Credentials } from "../mqtt/credentials";
import { roles } from "./link";
import { t } from "./messages";

function explain(error: unknown): string {
  if (!(error instanceof ApiError)) return t("login.away");
  switch (error.status) {
    case 401:
      return t("login.wrong");
    case 403:
      return t("login.role");
    case 429:
      return t("login.throttled");
    default:
      return t("login.failed", { reason: error.message });
  }
}

interface Props {
  credentials: Credentials;
  /** What to say before anything is tried, such as that a link was no good. */
  notice?: string;
  /** Who was signed in last: filled in. */
  fleet?: string;
  user?: string;
  onDone?: () => void;
  onCancel?: () => void;
}

/** The form that signs a driver in. */
export function SignIn({ credentials, notice = "", fleet = "", user = "", onDone, onCancel }: Props) {
  const [problem, setProblem] = useState(notice);
  const [busy, setBusy] = useState(false);

  async function submit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const field = (name: string) => String(form.get(name) ?? "");
    setBusy(true);
    try {
      await credentials.login(field("fleet").trim(), field("user").trim(), field("password"), roles);
      onDone?.();
    } catch (error) {
      setProblem(explain(error));
      setBusy(false);
    }
  }

  return (
    <form className="sign-in" onSubmit={submit}>
      <label>
        {t("login.fleet")}
        <input name="fleet" defaultValue={fleet} required autoComplete="organization" autoCapitalize="none" spellCheck={false} />
      </label>
      <label>
        {t("login.user")}
        <input name="user" defaultValue={user} required autoComplete="username" autoCapitalize="none" spellCheck={false} />
      </label>
      <label>
        {t("login.password")}
        <input name="password" type="password" required autoComplete="current-password" />
      </label>
      <p className="problem" role="alert">
        {problem}
      </p>
      <button className="primary" disabled={busy}>
        {busy ? t("login.busy") : t("login.submit")}
      </button>
      {onCancel && (
        <button type="button" onClick={onCancel}>
          {t("login.cancel")}
        </button>
      )}
    </form>
  );
}
