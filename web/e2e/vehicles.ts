import mqtt, { type MqttClient } from "mqtt";

import type { Dray } from "./dray";

const TICK = 50; // ms
const METRES_PER_DEGREE = 111_195;

interface Vehicle {
  lat: number;
  lon: number;
  heading: number; // degrees
  speed: number; // m/s
}

/**
 * Thousands of vehicles that drive about Berlin, reported by a gateway over one
 * connection: so many connections of their own would cost more than what is
 * measured. The server must allow it the rate.
 */
export class Vehicles {
  private readonly vehicles: Vehicle[];
  /** Positions that were published. */
  sent = 0;
  private readonly timer: ReturnType<typeof setInterval>;

  private constructor(
    private readonly client: MqttClient,
    private readonly fleet: string,
    count: number,
    /** Positions per second, of all of them in turn. */
    private readonly rate: number,
  ) {
    this.vehicles = Array.from({ length: count }, (_, i) => ({ lat: 52.3 + ((i * 37) % 100) / 200, lon: 13 + ((i * 53) % 160) / 200, heading: (i * 97) % 360, speed: 5 + (i % 20) }));
    const began = Date.now();
    this.timer = setInterval(() => {
      for (const due = ((Date.now() - began) * rate) / 1_000; this.sent < due; this.sent++) this.report(this.sent % count);
    }, TICK);
  }

  static async start(dray: Dray, count: number, rate: number): Promise<Vehicles> {
    const client = await mqtt.connectAsync(`mqtt://${dray.addresses.mqtt}`, {
      protocolVersion: 5,
      clientId: "gateway",
      username: "gateway",
      password: dray.token("admin", "gateway", "--ttl", "24h"),
    });
    return new Vehicles(client, "acme", count, rate);
  }

  async stop() {
    clearInterval(this.timer);
    await this.client.endAsync(true);
  }

  private report(i: number) {
    const v = this.vehicles[i];
    const way = (v.speed * this.vehicles.length) / this.rate / METRES_PER_DEGREE; // since its last report
    const heading = (v.heading * Math.PI) / 180;
    v.lat += way * Math.cos(heading);
    v.lon += (way * Math.sin(heading)) / Math.cos((v.lat * Math.PI) / 180);
    v.heading = (v.heading + ((this.sent * 7) % 41) - 20 + 360) % 360;
    const fix = { fix_at: Date.now(), lat: v.lat, lon: v.lon, speed_mps: v.speed, heading_deg: v.heading, battery_pct: 80, accuracy_m: 5 };
    this.client.publish(`fleet/${this.fleet}/drivers/v${i}/location`, JSON.stringify(fix), { qos: 0 });
  }
}
