import { agoText } from "./age";
import { language, t } from "./messages";
import type { OutboxState } from "./outbox";
import type { Tracking } from "./tracking";
import type { Gps } from "./useGeolocation";

const OLD = 10_000; // ms after which a position is shown with its age
const number = new Intl.NumberFormat(language);

function gpsText({ reading }: Gps, now: number): string {
  if (!reading) return t("facts.gps.none");
  const metres = number.format(Math.round(reading.coords.accuracy));
  const age = now - reading.timestamp;
  return age < OLD ? t("facts.gps.accuracy", { metres }) : agoText(age);
}

function ackText(at: number | null, now: number): string {
  if (at === null) return t("facts.ack.never");
  return agoText(now - at);
}

interface Props {
  tracking: Tracking;
  outbox: OutboxState;
  gps: Gps;
  now: number;
  /** There is a job to show: takes less room while all is well. */
  compact: boolean;
}

/** The largest thing on the screen: whether the driver is being seen, and the facts behind it. */
export function TrackingCard({ tracking, outbox, gps, now, compact }: Props) {
  const queue = outbox.fixes + outbox.reports;
  return (
    <section className="tracking" data-tracking={tracking} data-compact={(compact && tracking === "live") || undefined}>
      <div role="status">
        <h1>
          <span className="lamp" aria-hidden="true" />
          {t(`tracking.${tracking}`)}
        </h1>
        <p>{t(`tracking.${tracking}.body`)}</p>
      </div>
      <dl>
        <div>
          <dt>{t("facts.queue")}</dt>
          <dd data-fact="queue">{queue === 0 ? t("facts.queue.empty") : number.format(queue)}</dd>
        </div>
        <div>
          <dt>{t("facts.ack")}</dt>
          <dd data-fact="ack">{ackText(outbox.lastAckAt, now)}</dd>
        </div>
        <div>
          <dt>{t("facts.gps")}</dt>
          <dd data-fact="gps">{gpsText(gps, now)}</dd>
        </div>
      </dl>
    </section>
  );
}
