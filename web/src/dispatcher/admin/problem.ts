import { useState } from "react";

import { RefusedError } from "../../api/rest";
import { stampText } from "../times";
import { t } from "./messages";

/** Says why something was not done. */
export function problemText(error: unknown): string {
  if (!(error instanceof RefusedError)) return t("problem.away");
  const reason = [error.message, ...error.fields.map((f) => `${f.location.replace(/^body\./, "")} ${f.message}`)].join("; ");
  if (error.status === 403) return t("problem.403");
  return t(error.status === 409 ? "problem.409" : "problem.other", { reason });
}

/** Runs changes one at a time and keeps what came of the last: a note, or why it failed. */
export function useAttempt() {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const [note, setNote] = useState("");
  const attempt = async (change: () => Promise<unknown>, done = "") => {
    setBusy(true);
    setProblem("");
    setNote("");
    try {
      await change();
      setNote(done);
      return true;
    } catch (error) {
      setProblem(problemText(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, note, attempt };
}

/** A time of the API as people here write it. */
export const timeText = (at: string | undefined | null) => (at ? stampText(new Date(at)) : "");
