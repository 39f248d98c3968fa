import { useEffect, useState } from "react";

import { timeFormat, useZone } from "../i18n/zone";
import type { Link } from "../mqtt/session";
import { isDone, nextStatuses, type Job, type Place, type Status } from "./job";
import { DeclineDialog, FailedDialog, ProofDialog } from "./JobDialogs";
import type { StatusDetail } from "./jobs";
import { locale, t } from "./messages";
import { useArrival } from "./useArrival";

const clock = timeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const clockText = (time: string) => (Number.isNaN(Date.parse(time)) ? "" : clock(Date.parse(time)));

/** Opens the phone's own navigation. */
function routeTo({ lat, lon, address = "" }: Place): string | null {
  const to = lat !== undefined && lon !== undefined ? `${lat},${lon}` : encodeURIComponent(address);
  if (!to) return null;
  return /iPhone|iPad|Macintosh/.test(navigator.userAgent) ? `maps:?daddr=${to}` : `geo:0,0?q=${to}`;
}

function PlaceLine({ label, place }: { label: string; place: Place | null }) {
  if (!place) return null;
  const route = routeTo(place);
  const [from, to] = [clockText(place.from ?? ""), clockText(place.to ?? "")];
  return (
    <div className="place">
      <div>
        <span>{label}</span>
        <strong>{place.name ?? place.address}</strong>
        {place.name && place.address && <span>{place.address}</span>}
        {from && to && <span>{t("job.between", { from, to })}</span>}
      </div>
      {route && (
        <a className="route" href={route}>
          {t("job.route")}
        </a>
      )}
    </div>
  );
}

const LATE = 2_000; // ms

/** Says that the server does not know yet. With a connection it will in a moment: only a longer wait is told. */
function Pending({ link }: { link: Link }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), LATE);
    return () => clearTimeout(timer);
  }, []);
  if (link === "live") return late && <p className="pending">{t("job.sending")}</p>;
  return <p className="pending">{t("job.pending")}</p>;
}

interface Props {
  job: Job;
  link: Link;
  /** Whether something that the driver said of it has not reached the server yet. */
  pending: boolean;
  onAnswer: (answer: "seen" | "accepted" | "declined", reason?: string) => void;
  onReport: (status: Status, detail?: StatusDetail) => void;
}

/** One job: where, until when, and what comes next in one tap. */
export function JobCard({ job, link, pending, onAnswer, onReport }: Props) {
  const [dialog, setDialog] = useState<"decline" | "failed" | "delivered" | null>(null);
  const close = () => setDialog(null);
  useZone(); // its times are drawn again when the fleet's zone is another
  const offered = job.answer === "received" || job.answer === "seen";
  const next = nextStatuses(job);

  const card = useArrival(job.answer === "received", () => onAnswer("seen"));

  const step = (status: Status) => {
    if (status === "failed" || status === "delivered") setDialog(status);
    else onReport(status);
  };

  return (
    <article ref={card} className="job" data-job={job.id} data-new={offered || undefined}>
      <header>
        <h3>{job.reference}</h3>
        <span className="badge">{t(`job.is.${job.status ?? job.answer}`)}</span>
      </header>
      {!isDone(job) && (
        <>
          <div className="places">
            <PlaceLine label={t("job.pickup")} place={job.pickup} />
            <PlaceLine label={t("job.dropoff")} place={job.dropoff} />
          </div>
          {job.note && <p>{job.note}</p>}
        </>
      )}
      {pending && <Pending link={link} />}
      {offered && (
        <>
          {job.deadline && <p>{t("job.answerBy", { time: clockText(job.deadline) })}</p>}
          <div className="actions">
            <button data-action="decline" onClick={() => setDialog("decline")}>{t("job.decline")}</button>
            <button data-action="accept" className="primary" onClick={() => onAnswer("accepted")}>
              {t("job.accept")}
            </button>
          </div>
        </>
      )}
      {next.length > 0 && (
        <div className="actions">
          {next.map((status, i) => (
            <button key={status} data-action={status} className={i === 0 ? "primary" : undefined} onClick={() => step(status)}>
              {t(`job.do.${status}`)}
            </button>
          ))}
        </div>
      )}
      {dialog === "decline" && <DeclineDialog job={job} onDecline={(reason) => onAnswer("declined", reason)} onClose={close} />}
      {dialog === "failed" && <FailedDialog job={job} onReport={(detail) => onReport("failed", detail)} onClose={close} />}
      {dialog === "delivered" && <ProofDialog job={job} onReport={(detail) => onReport("delivered", detail)} onClose={close} />}
    </article>
  );
}
