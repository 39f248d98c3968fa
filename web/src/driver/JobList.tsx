import { useCallback, useEffect, useState, useSyncExternalStore } from "react";

import type { Link } from "../mqtt/session";
import { useSubscription } from "../mqtt/useSubscription";
import { JobCard } from "./JobCard";
import type { Job, Status } from "./job";
import { receiptOf, statusOf, type StatusDetail } from "./jobs";
import { t } from "./messages";
import { Notice } from "./Notice";
import type { Runtime } from "./runtime";
import type { Gps } from "./useGeolocation";

const decoder = new TextDecoder();
const SHOWN = 500; // waiting reports that are looked through

/** The topics' leaves of the reports that have not reached the server. */
function useWaiting({ outbox }: Runtime, reports: number): ReadonlySet<string> {
  const [leaves, setLeaves] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    let stale = false;
    outbox.waiting(SHOWN).then(
      (waiting) => stale || setLeaves(new Set(waiting.map(({ report }) => report.leaf))),
      () => {}, // the outbox shows that the storage fails
    );
    return () => void (stale = true);
  }, [outbox, reports]);
  return leaves;
}

/** The driver's jobs, those without an answer first. Everything works offline and says so. */
export function JobList({ runtime, reports, gps, link }: { runtime: Runtime; reports: number; gps: Gps; link: Link }) {
  const { jobs, session, topic } = runtime;
  const list = useSyncExternalStore(jobs.onChange, () => jobs.list);
  const waiting = useWaiting(runtime, reports);
  const [problem, setProblem] = useState("");

  const attempt = useCallback(async (change: Promise<void>) => {
    try {
      await change;
      setProblem("");
    } catch (error) {
      setProblem(t("job.failed", { reason: (error as Error).message }));
    }
  }, []);

  useSubscription(session, topic("assignments"), 1, (_, payload) => void attempt(jobs.receive(decoder.decode(payload))));

  const report = (job: Job, status: Status, detail: StatusDetail = {}) => {
    const coords = gps.reading?.coords;
    return attempt(jobs.report(job, status, { ...(coords && { lat: coords.latitude, lon: coords.longitude }), ...detail }));
  };
  const open = (job: Job) => (job.answer === "received" || job.answer === "seen" ? 0 : 1);

  return (
    <section className="jobs" aria-live="polite">
      <h2>{t("jobs.title")}</h2>
      {problem && <Notice kind="error">{problem}</Notice>}
      {(["withdrawn", "over"] as const).map(
        (why) =>
          jobs.lost[why].length > 0 && (
            <Notice key={why} kind={why === "over" ? "info" : "warning"} onDismiss={() => jobs.forget(why)}>
              {t(`jobs.${why}`, { references: jobs.lost[why].join(", ") })}
            </Notice>
          ),
      )}
      {list.length === 0 && <p>{t("jobs.none")}</p>}
      {list
        .toSorted((a, b) => open(a) - open(b))
        .map((job) => (
          <JobCard
            key={job.id}
            job={job}
            link={link}
            pending={waiting.has(receiptOf(job)) || waiting.has(statusOf(job))}
            onAnswer={(answer, reason) => void attempt(jobs.answer(job, answer, reason))}
            onReport={(status, detail) => void report(job, status, detail)}
          />
        ))}
    </section>
  );
}
