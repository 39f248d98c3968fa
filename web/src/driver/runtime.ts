import type { Schemas } from "../api/client";
import { rest } from "../api/rest";
import { keepFleetZone, recallFleetZone } from "../i18n/zone";
import type { Credentials } from "../mqtt/credentials";
import { brokerURL, Session } from "../mqtt/session";
import { driverTopic } from "../mqtt/topic";
import { DispatchMessages } from "./dispatchMessages";
import type { Job } from "./job";
import { Jobs } from "./jobs";
import { driverOf } from "./link";
import { jobNow, openJobs } from "./openJobs";
import { followOtherPhones } from "./otherPhone";
import { Outbox } from "./outbox";
import { OutboxStore } from "./outboxStore";
import { deviceSuffix } from "./vault";

/** What runs while one driver is signed in on this phone: a session, and an outbox that empties itself through it. */
export interface Runtime {
  fleet: string;
  driver: string;
  outbox: Outbox;
  jobs: Jobs;
  messages: DispatchMessages;
  session: Session;
  /** The full topic of leaf, one below the driver's own. */
  topic(leaf: string): string;
  /** Shows a job as the server has it, for it refused what the driver said of it. */
  correct(job: Job): Promise<void>;
  close(): void;
}

/** Opens the runtime of whoever credentials name. Works without a network. */
export async function openRuntime(credentials: Credentials): Promise<Runtime> {
  const claims = credentials.claims!;
  const { fleet, sub } = claims;
  const driver = driverOf(claims);
  const topic = (leaf: string) => driverTopic(fleet, driver, leaf);
  const [store, suffix] = await Promise.all([OutboxStore.open(fleet, driver), deviceSuffix()]);
  const outbox = await Outbox.open(store);
  const jobs = await Jobs.open(store, outbox);
  const messages = await DispatchMessages.open(store, outbox);
  const session = new Session(brokerURL(), `${sub}:${suffix}`, credentials);
  const fetchJobs = async () => {
    try {
      for (const offer of await openJobs(credentials, jobs.list)) await jobs.receive(offer);
    } catch (error) {
      console.warn("the open jobs were not read", error); // they come over MQTT, and with the next connection
    }
  };
  recallFleetZone(fleet);
  const fetchZone = async () => {
    try {
      keepFleetZone(fleet, (await rest(credentials).call<Schemas["Fleet"]>("GET", "/fleet")).time_zone);
    } catch (error) {
      console.warn("the fleet's time zone was not read", error); // the one remembered stays, until the next connection
    }
  };
  session.onChange(() => {
    if (session.link !== "live") return outbox.disconnected();
    outbox.connected((leaf, payload) => session.publish(topic(leaf), payload));
    void fetchJobs();
    void fetchZone();
  });
  const unfollow = followOtherPhones(session, topic, jobs, credentials);
  session.start();
  void navigator.storage?.persist?.(); // asks the browser not to evict what waits
  return {
    fleet,
    driver,
    outbox,
    jobs,
    messages,
    session,
    topic,
    async correct({ id }) {
      const now = await jobNow(credentials, id);
      if (now) await jobs.correct(now);
    },
    close() {
      unfollow();
      session.stop();
      outbox.close();
    },
  };
}
