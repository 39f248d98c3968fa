import type { Session } from "../mqtt/session";
import { decodeFrame, ONLINE, type Frame } from "./frame";
import type { Duty, Positions, Presence } from "./positions";

const ASK_AGAIN = 5_000; // ms between two requests for a keyframe
const ROUNDING = 1; // ms, of an age
const text = new TextDecoder();

/**
 * Brings what the server publishes of a fleet into the store of positions: live
 * frames, and what frames do not tell (presence, duty, battery).
 */
export class Feed {
  /** Frames that were lost on the way, as their sequence tells. */
  lost = 0;
  private epoch = -1;
  private sequence = -1;
  private readonly names = new Map<number, string>();
  private askedAt = 0;
  private stopLive = () => {};
  private readonly stops: (() => void)[] = [];

  constructor(
    private readonly session: Pick<Session, "subscribe">,
    private readonly fleet: string,
    private readonly positions: Positions,
  ) {}

  start() {
    this.listen();
    const drivers = `fleet/${this.fleet}/drivers/+/`;
    const json = (leaf: string, take: (driver: string, body: Record<string, unknown>) => void) =>
      this.session.subscribe(drivers + leaf, 0, (topic, payload) => take(topic.split("/")[3], JSON.parse(text.decode(payload))));
    this.stops.push(
      json("presence", (driver, body) => this.takePresence(driver, body)),
      json("duty", (driver, { state }) => isDuty(state) && this.positions.put({ driver, duty: state, seenAt: this.positions.now() })),
      json("health", (driver, { battery_pct }) => this.takeBattery(driver, battery_pct)),
    );
  }

  stop() {
    this.stopLive();
    for (const stop of this.stops.splice(0)) stop();
  }

  /** A new subscriber gets a keyframe at once, so subscribing anew is how to ask for one. */
  private listen() {
    this.stopLive();
    this.stopLive = this.session.subscribe(`fleet/${this.fleet}/live`, 0, (_, payload) => this.takeFrame(decodeFrame(payload)));
  }

  /** Applies a frame. What it holds is right even after a lost one; what was in that one comes with the next keyframe. */
  takeFrame(frame: Frame) {
    this.positions.clockSkew = frame.serverTime - Date.now();
    const restarted = frame.epoch !== this.epoch;
    if (restarted) this.names.clear();
    for (const { index, driver } of frame.names) this.names.set(index, driver);

    let incomplete = !frame.keyframe && (restarted || frame.sequence > this.sequence + 1);
    if (incomplete && !restarted) this.lost += frame.sequence - this.sequence - 1;
    for (const e of frame.entries) {
      const driver = this.names.get(e.index);
      if (driver === undefined) {
        incomplete = true;
        continue;
      }
      const at = frame.serverTime - e.age;
      // A keyframe repeats what is known, and an entry may be there for its presence: only a new fix in a frame of changes was heard just now.
      const heard = !frame.keyframe && at > (this.positions.get(driver)?.fix?.at ?? -Infinity) + ROUNDING;
      this.positions.put({
        driver,
        fix: { at, lat: e.lat, lon: e.lon, speed: e.speed, heading: e.heading },
        presence: e.flags & ONLINE ? "online" : undefined, // until the presence topic tells since when
        seenAt: heard ? frame.serverTime : undefined,
      });
    }
    this.epoch = frame.epoch;
    this.sequence = restarted ? frame.sequence : Math.max(this.sequence, frame.sequence);
    if (incomplete && Date.now() - this.askedAt > ASK_AGAIN) {
      this.askedAt = Date.now();
      this.listen();
    }
  }

  private takePresence(driver: string, body: Record<string, unknown>) {
    const presence: Presence = body.state === "online" ? "online" : "offline";
    const presenceAt = Date.parse(String(body.at));
    if (Number.isNaN(presenceAt)) return;
    this.positions.put({
      driver, presence, presenceAt, presenceReason: typeof body.reason === "string" ? body.reason : "", seenAt: presenceAt,
    });
  }

  private takeBattery(driver: string, battery: unknown) {
    const fix = this.positions.get(driver)?.fix;
    if (fix && typeof battery === "number") this.positions.put({ driver, fix: { ...fix, battery }, seenAt: this.positions.now() });
  }
}

const isDuty = (state: unknown): state is Duty => state === "on" || state === "off" || state === "break";
