import mqtt, { type MqttClient } from "mqtt";

import type { Dray } from "../e2e/dray";

// A fleet at work, for pictures: two hundred drivers of southern Scandinavia,
// yesterday's tracks, and this morning's troubles. The same each time.

const DRIVERS = 200;
const EVERY = 4_000; // ms between two fixes of a driver
const TURNS = 8; // not all report at once
const MINUTE = 60_000;
const KM = 1 / 111.3; // degrees of latitude

const towns: [name: string, lat: number, lon: number, share: number][] = [
  ["Stockholm", 59.34, 17.95, 34], ["Uppsala", 59.86, 17.62, 14], ["Västerås", 59.62, 16.52, 10], ["Örebro", 59.28, 15.2, 14], ["Linköping", 58.41, 15.6, 16],
  ["Jönköping", 57.75, 14.1, 16], ["Gothenburg", 57.72, 12.08, 28], ["Borås", 57.72, 12.94, 10], ["Halmstad", 56.69, 12.92, 8], ["Malmö", 55.58, 13.12, 22],
  ["Copenhagen", 55.69, 12.3, 20], ["Växjö", 56.88, 14.8, 8],
];
const first = ["Anna", "Ben", "Cleo", "Dana", "Elias", "Freja", "Gustav", "Hanna", "Ivar", "Jonas", "Klara", "Liv", "Mats", "Nora", "Oskar", "Pia", "Rasmus", "Sara", "Tove", "Viktor"];
const last = ["Berg", "Dahl", "Ek", "Falk", "Holm", "Lind", "Lund", "Nyberg", "Sand", "Wik"];

/** Numbers from 0 to 1 that are the same each time. */
export function dice(seed: number) {
  let state = seed * 7_919 + 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

interface Fix {
  fix_at: number;
  lat: number;
  lon: number;
  speed_mps: number;
  heading_deg?: number;
  battery_pct?: number;
  accuracy_m?: number;
}

/** Drives about a town from `from` to `to`, with stops; one fix each `step` ms. */
function drive(seed: number, lat: number, lon: number, from: number, to: number, step: number): Fix[] {
  const random = dice(seed);
  const home = { lat, lon };
  let [heading, leg, stand, speed] = [random() * 360, 0, 0, 0];
  const fixes: Fix[] = [];
  for (let at = from; at < to; at += step) {
    if (stand > 0) {
      stand -= step;
      speed = 0;
    } else if (leg <= 0) {
      leg = (18 + random() * 40) * MINUTE;
      stand = (7 + random() * 14) * MINUTE;
    } else {
      leg -= step;
      speed = Math.max(4, Math.min(25, (speed || 8) + (random() - 0.45) * 6));
      const away = Math.hypot(lat - home.lat, (lon - home.lon) * 0.55) / KM;
      const back = (Math.atan2((home.lon - lon) * 0.55, home.lat - lat) * 180) / Math.PI;
      heading = away > 14 ? back + (random() - 0.5) * 50 : random() < 0.25 ? heading + (random() < 0.5 ? -1 : 1) * (40 + random() * 60) : heading + (random() - 0.5) * 14;
      heading = ((heading % 360) + 360) % 360;
      const km = (speed * step) / 1e6;
      lat += km * KM * Math.cos((heading * Math.PI) / 180);
      lon += (km * KM * Math.sin((heading * Math.PI) / 180)) / Math.cos((lat * Math.PI) / 180);
    }
    fixes.push({ fix_at: at, lat, lon, speed_mps: Math.round(speed * 10) / 10, heading_deg: speed ? Math.round(heading) % 360 : undefined, accuracy_m: 6 });
  }
  return fixes;
}

type Mood = "drives" | "stands" | "lost" | "off" | "empty" | "blind";

/** How a driver is doing, by number: most drive. */
const moodOf = (i: number): Mood => (i % 41 === 7 ? "lost" : i % 53 === 11 ? "empty" : i % 61 === 13 ? "blind" : i % 9 === 4 ? "stands" : i % 17 === 3 ? "off" : "drives");

interface Member {
  id: string;
  home: [number, number];
  mood: Mood;
  client: MqttClient;
  place: Fix;
}

export class BusyFleet {
  readonly members: Member[] = [];
  private turn = 0;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly dray: Dray, private readonly admin: string) {}

  id = (i: number) => this.members[i].id;

  /** Names and connects everybody, and tells what they did yesterday from six to four. */
  async start(yesterday: number) {
    const homes = towns.flatMap(([, lat, lon, share]) => Array.from({ length: share }, (): [number, number] => [lat, lon]));
    const join = async (i: number) => {
      const random = dice(i + 1);
      const id = `van-${String(i + 1).padStart(3, "0")}`;
      const name = `${first[i % first.length]} ${last[(i * 7 + Math.floor(i / 20)) % last.length]}`;
      await this.dray.api(this.admin, "POST", "/drivers", { id, name });
      const { token } = await this.dray.api<{ token: string }>(this.admin, "POST", "/tokens", { role: "driver", sub: id, ttl_s: 7_200 });
      const client = await mqtt.connectAsync(`mqtt://${this.dray.addresses.mqtt}`, { clientId: id, username: id, password: token, protocolVersion: 5, reconnectPeriod: 0, connectTimeout: 60_000 });
      const [lat, lon] = homes[i];
      const home: [number, number] = [lat + (random() - 0.5) * 0.24, lon + (random() - 0.5) * 0.4];
      const day = drive(i + 1, ...home, yesterday, yesterday + 600 * MINUTE, i === 1 ? 30_000 : 90_000);
      const told = i === 1 ? day.filter(({ fix_at }) => fix_at < yesterday + 340 * MINUTE || fix_at > yesterday + 372 * MINUTE) : day;
      for (let at = 0; at < told.length; at += 500) await client.publishAsync(topic(id, "location"), JSON.stringify(told.slice(at, at + 500)), { qos: 1 });
      this.members[i] = { id, home, mood: moodOf(i), client, place: day.at(-1)! };
    };
    for (let at = 0; at < DRIVERS; at += 10) await Promise.all(Array.from({ length: 10 }, (_, i) => join(at + i)));
    await this.beginDay();
    this.timer = setInterval(() => this.report(this.turn++), EVERY / TURNS);
  }

  /** The last half hour, and who has trouble already. */
  private async beginDay() {
    const now = Date.now();
    for (const [i, member] of this.members.entries()) {
      const { id, mood, client, home } = member;
      const until = mood === "lost" ? now - (3 + i / 20) * MINUTE : mood === "blind" ? now - (4 + i / 30) * MINUTE : mood === "off" ? now - 80 * MINUTE : now - EVERY;
      const fixes = drive(i + 500, ...home, until - (mood === "off" ? 8 : 25) * MINUTE, until, 20_000);
      member.place = { ...fixes.at(-1)!, battery_pct: mood === "empty" ? 6 + (i % 7) : 40 + ((i * 13) % 60) };
      await client.publishAsync(topic(id, "location"), JSON.stringify([...fixes.slice(0, -1), member.place]), { qos: 1 });
      await client.publishAsync(topic(id, "duty"), JSON.stringify({ state: mood === "off" ? "off" : "on", at: new Date(now).toISOString() }), { qos: 1 });
      if (mood === "lost" || mood === "off") await client.endAsync();
    }
  }

  /** Those whose turn it is, and who can report, drive on for a moment. */
  private report(turn: number) {
    const now = Date.now();
    for (const [i, member] of this.members.entries()) {
      if (i % TURNS !== turn % TURNS) continue;
      const { mood, client, place, id } = member;
      if (mood === "lost" || mood === "off" || mood === "blind" || !client.connected) continue;
      const random = dice(Math.floor(now / 1_000) + i * 31);
      const heading = ((place.heading_deg ?? i * 37) + (random() - 0.5) * 30 + 360) % 360;
      const speed = mood === "stands" ? 0 : 8 + ((i * 7) % 14) + random() * 3;
      const km = (speed * EVERY) / 1e6;
      member.place = {
        ...place, fix_at: now, speed_mps: speed, heading_deg: speed ? heading : undefined,
        lat: place.lat + km * KM * Math.cos((heading * Math.PI) / 180),
        lon: place.lon + (km * KM * Math.sin((heading * Math.PI) / 180)) / Math.cos((place.lat * Math.PI) / 180),
      };
      client.publish(topic(id, "location"), JSON.stringify(member.place), { qos: 0 });
    }
  }

  async stop() {
    clearInterval(this.timer);
    await Promise.all(this.members.map(({ client }) => client.endAsync(true)));
  }
}

const topic = (driver: string, leaf: string) => `fleet/acme/drivers/${driver}/${leaf}`;
