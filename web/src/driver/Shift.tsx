import { useEffect, useRef, useState, useSyncExternalStore } from "react";

import type { Credentials } from "../mqtt/credentials";
import { useLink } from "../mqtt/useSubscription";
import { DutySwitch, type Duty } from "./DutySwitch";
import { toFix, type Reading, type Trigger } from "./fix";
import { isDone } from "./job";
import { JobList } from "./JobList";
import { t } from "./messages";
import { MessageList } from "./MessageList";
import { Notice } from "./Notice";
import type { Runtime } from "./runtime";
import { SignIn } from "./SignIn";
import { TrackingCard } from "./TrackingCard";
import { trackingOf } from "./tracking";
import { useDownstream } from "./useDownstream";
import { useGeolocation } from "./useGeolocation";
import { useHealth } from "./useHealth";
import { useInstall } from "./useInstall";
import { useNow } from "./useNow";
import { usePhone } from "./usePhone";
import { useUpdate } from "./useUpdate";
import { useWakeLock } from "./useWakeLock";

const SCREEN_OFF = "https://github.com/dray-fleet/dray/blob/main/docs/driver.md#with-the-screen-off";

/** The driver's screen: am I seen, what waits, and the duty switch under the thumb. */
export function Shift({ runtime, credentials }: { runtime: Runtime; credentials: Credentials }) {
  const { outbox, session, driver, fleet } = runtime;
  const state = useSyncExternalStore(outbox.onChange, () => outbox.state);
  const jobs = useSyncExternalStore(runtime.jobs.onChange, () => runtime.jobs.list);
  const link = useLink(session);
  const now = useNow();
  const phone = usePhone();
  const install = useInstall();
  const update = useUpdate();
  const [duty, setDuty] = useState<Duty>(outbox.duty?.state ?? "off");
  const [problem, setProblem] = useState("");

  const locateNow = useRef<() => boolean>(() => false);
  const downstream = useDownstream(runtime, () => locateNow.current());
  const { gps, locate } = useGeolocation(duty === "on", phone.permission, downstream.config, (reading: Reading, trigger: Trigger) => {
    const fix = toFix(reading, trigger, phone.battery);
    if (fix) void outbox.addFix(fix).then(() => (trigger === "poll" ? downstream.located() : undefined));
  });
  useEffect(() => {
    locateNow.current = locate;
  }, [locate]);
  const awake = useWakeLock(duty === "on");
  useHealth(runtime, link, phone);

  async function changeDuty(next: Duty) {
    try {
      await outbox.setDuty({ state: next, at: new Date().toISOString() });
      setDuty(next);
      setProblem("");
    } catch (error) {
      setProblem(t("duty.failed", { reason: (error as Error).message }));
    }
  }

  async function signOut() {
    const waiting = outbox.state.fixes + outbox.state.reports;
    if (waiting > 0 && !confirm(t("menu.signOut.waiting", { count: waiting }))) return;
    await credentials.logout();
  }

  const tracking = trackingOf(duty, gps, link, state, now);
  const measuring = duty === "on" && tracking !== "denied" && tracking !== "unsupported";

  return (
    <div className="shift">
      <header>
        <div className="who">
          <strong>{driver}</strong>
          <span>{fleet}</span>
        </div>
        <span className="link" data-link={link}>
          {t(`link.${link}`)}
        </span>
      </header>

      <main>
        <TrackingCard tracking={tracking} outbox={state} gps={gps} now={now} compact={jobs.some((job) => !isDone(job))} />

        {link === "signedOut" && <SignInAgain credentials={credentials} fleet={fleet} />}
        {problem && <Notice kind="error">{problem}</Notice>}
        {state.storageFailed && <Notice kind="error">{t("notice.storage")}</Notice>}
        <MessageList messages={runtime.messages} now={now} />
        {downstream.refusals.map((refusal, i) => (
          <Notice key={i} kind="warning" onDismiss={() => downstream.dismissRefusal(refusal)}>
            {t(refusal.key, { about: refusal.about, reason: refusal.reason })}
          </Notice>
        ))}
        {(["dropped", "refused"] as const).map(
          (what) =>
            state[what] > 0 && (
              <Notice key={what} kind="warning" onDismiss={() => void outbox.putAway(what)}>
                {t(`notice.${what}`, { count: state[what] })}
              </Notice>
            ),
        )}
        {state.serverBusy && <Notice kind="warning">{t("notice.busy")}</Notice>}
        {update && (
          <Notice kind="info" action={{ label: t("notice.update.do"), run: update }}>
            {t("notice.update")}
          </Notice>
        )}
        <JobList runtime={runtime} reports={state.reports} gps={gps} link={link} />

        {measuring && !awake && <Notice kind="warning">{t("notice.screen")}</Notice>}
        {measuring && (
          <Notice kind="info">
            {t("notice.background")}{" "}
            <a href={SCREEN_OFF} target="_blank" rel="noreferrer">
              {t("notice.background.link")}
            </a>
          </Notice>
        )}
        {install && (
          <Notice kind="info" action={{ label: t("notice.install.do"), run: install }}>
            {t("notice.install")}
          </Notice>
        )}
        <button className="quiet sign-out" onClick={() => void signOut()}>
          {t("menu.signOut")}
        </button>
      </main>

      <footer>
        <DutySwitch duty={duty} onChange={(next) => void changeDuty(next)} />
      </footer>
    </div>
  );
}

/** What is measured goes on being kept while nobody is signed in; this gets it moving again. */
function SignInAgain({ credentials, fleet }: { credentials: Credentials; fleet: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const close = () => dialog.current?.close();
  return (
    <>
      <Notice kind="error" action={{ label: t("notice.signIn"), run: () => dialog.current?.showModal() }}>
        {t("notice.signedOut")}
      </Notice>
      <dialog ref={dialog} aria-label={t("login.title")}>
        <h2>{t("login.title")}</h2>
        <SignIn credentials={credentials} fleet={fleet} user={credentials.claims?.sub} onDone={close} onCancel={close} />
      </dialog>
    </>
  );
}
