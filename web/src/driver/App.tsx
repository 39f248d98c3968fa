import { useEffect, useState, useSyncExternalStore } from "react";

import { readClaims } from "../mqtt/claims";
import type { Credentials } from "../mqtt/credentials";
import { driverOf, takeLinkToken } from "./link";
import { t } from "./messages";
import { openRuntime, type Runtime } from "./runtime";
import { Shift } from "./Shift";
import { SignIn } from "./SignIn";
import { useTabLock } from "./useTabLock";

/** Signs in by the link that the page was opened with. Returns what to tell when that is not possible. */
export async function adoptLink(credentials: Credentials): Promise<string> {
  if (!location.hash.includes("token=")) return "";
  const token = takeLinkToken();
  if (!token) return t("login.badLink");
  const [before, after] = [credentials.claims, readClaims(token)!];
  const other = before && (before.fleet !== after.fleet || driverOf(before) !== driverOf(after));
  // Anybody can send a link: nobody begins to report for another without a word.
  if (other && !confirm(t("login.switch", { old: driverOf(before), new: driverOf(after) }))) return "";
  await credentials.adopt(token);
  return "";
}

/** Chooses the screen: sign-in, another tab's turn, or the shift. */
export function App({ credentials, notice }: { credentials: Credentials; notice: string }) {
  const who = useSyncExternalStore(credentials.onChange, () => {
    const { claims } = credentials;
    return claims && `${claims.fleet}/${claims.sub}/${driverOf(claims)}`;
  });
  const { mine, takeOver } = useTabLock();

  useEffect(() => {
    const opened = () => void adoptLink(credentials); // a link that is opened while the app is
    addEventListener("hashchange", opened);
    return () => removeEventListener("hashchange", opened);
  }, [credentials]);

  if (!who) {
    return (
      <main className="gate">
        <img src="/driver/icon-192.png" alt="" width="72" height="72" />
        <h1>{t("login.title")}</h1>
        <p>{t("login.lead")}</p>
        <SignIn credentials={credentials} notice={notice} />
        <p className="hint">{t("login.link")}</p>
      </main>
    );
  }
  if (!mine) {
    return (
      <main className="gate">
        <img src="/driver/icon-192.png" alt="" width="72" height="72" />
        <h1>{t("tab.title")}</h1>
        <p>{t("tab.body")}</p>
        <button className="primary" onClick={takeOver}>
          {t("tab.takeOver")}
        </button>
      </main>
    );
  }
  return <Driver key={who} credentials={credentials} />;
}

/** Opens what one driver needs, and closes it on leaving. */
function Driver({ credentials }: { credentials: Credentials }) {
  const [runtime, setRuntime] = useState<Runtime | null>(null);
  const [problem, setProblem] = useState("");

  useEffect(() => {
    const opening = openRuntime(credentials);
    let left = false;
    opening.then(
      (opened) => left || setRuntime(opened),
      (error: Error) => left || setProblem(error.message),
    );
    return () => {
      left = true;
      opening.then((opened) => opened.close()).catch(() => {}); // shown already
    };
  }, [credentials]);

  if (runtime) return <Shift runtime={runtime} credentials={credentials} />;
  return (
    <main className="gate">
      {problem ? (
        <>
          <p className="problem" role="alert">
            {t("app.failed", { reason: problem })}
          </p>
          <button onClick={() => location.reload()}>{t("app.retry")}</button>
        </>
      ) : (
        <p>{t("app.loading")}</p>
      )}
    </main>
  );
}
