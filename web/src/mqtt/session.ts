import type { IDisconnectPacket, IPublishPacket, MqttClient } from "mqtt";

import { Backoff } from "./backoff";
import { openClient } from "./client";
import { SignedOutError, type Credentials } from "./credentials";
import { ConnectionLostError, PublishError } from "./errors";
import { matchTopic } from "./topic";

/** Whether there is a connection: `waiting` for the next attempt, `signedOut` until somebody signs in again. */
export type Link = "stopped" | "connecting" | "live" | "waiting" | "signedOut";

export type OnMessage = (topic: string, payload: Uint8Array, packet: IPublishPacket) => void;

/** Why a connection ended. code is the server's reason, when it gave one. */
class ConnectionEnd extends Error {
  constructor(readonly code: number | undefined, reason: string) {
    super(reason);
  }
}

const CONNECT_TIMEOUT = 10_000;
const KEEPALIVE = 30; // seconds
const PROBE_TIMEOUT = 5_000;
const STABLE = 10_000; // a connection that lived so long makes the next wait short again
const BAD_TOKEN = new Set([0x86, 0x87, 0x8c]); // bad password, not authorized, bad authentication method
const TAKEN_OVER = 0x8e;

/** Where the broker listens for browsers on the server that this page came from. */
export const brokerURL = () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/mqtt`;

/**
 * One MQTT 5 connection that is made again whenever it ends: with a token that
 * is renewed before its end, a jittered back-off, and its subscriptions. It
 * queues nothing: what must not be lost belongs in an outbox.
 */
export class Session {
  private client: MqttClient | null = null;
  private stopper: AbortController | null = null;
  private nudge = () => {};
  private lastHeard = 0;
  private readonly backoff = new Backoff();
  private readonly filters = new Map<string, { qos: 0 | 1; handlers: Set<OnMessage> }>();
  private readonly listeners = new Set<() => void>();
  private readonly unanswered = new Set<(reason: Error) => void>();

  link: Link = "stopped";
  /** Why there is no connection, in the words of the machine; empty while all is well. */
  problem = "";

  constructor(
    private readonly url: string,
    private readonly clientId: string,
    private readonly credentials: Credentials,
  ) {}

  /** Connects, and stays connected until stop. */
  start() {
    if (this.stopper) return;
    this.stopper = new AbortController();
    const { signal } = this.stopper;
    const nudge = () => this.nudge();
    addEventListener("online", nudge, { signal });
    addEventListener("offline", () => this.client?.end(true), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.probe(), { signal });
    signal.addEventListener("abort", this.credentials.onChange(nudge));
    void this.run(signal);
  }

  stop() {
    this.stopper?.abort();
    this.stopper = null;
    this.client?.end();
    this.nudge();
    this.set("stopped");
  }

  /** Tries to connect now instead of waiting for the next attempt. */
  retry() {
    this.nudge();
  }

  /** Calls listener when link changes; returns how to stop that. */
  onChange = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Calls handler for what filter selects, on this connection and all later ones; returns how to stop that. */
  subscribe(filter: string, qos: 0 | 1, handler: OnMessage): () => void {
    const entry = this.filters.get(filter) ?? { qos, handlers: new Set() };
    if (entry.handlers.size === 0) {
      this.filters.set(filter, entry);
      if (this.link === "live" && this.client) ask(this.client, filter, qos);
    }
    entry.handlers.add(handler);
    return () => {
      entry.handlers.delete(handler);
      if (entry.handlers.size > 0) return;
      this.filters.delete(filter);
      if (this.link === "live") this.client?.unsubscribe(filter);
    };
  }

  /**
   * Publishes at QoS 1 and resolves when the server has acknowledged. Rejects
   * with PublishError or ConnectionLostError. No user properties: some brokers
   * answer those with a PUBACK that MQTT.js takes for a protocol error.
   */
  publish(topic: string, payload: string): Promise<void> {
    const client = this.client;
    if (this.link !== "live" || !client) return Promise.reject(new ConnectionLostError("not connected"));
    return new Promise((resolve, reject) => {
      this.unanswered.add(reject);
      client.publish(topic, payload, { qos: 1 }, (error) => {
        this.unanswered.delete(reject);
        if (!error) return resolve();
        const code = (error as { code?: unknown }).code;
        reject(typeof code === "number" && code >= 0x80 ? new PublishError(code) : new ConnectionLostError(error.message));
      });
    });
  }

  private async run(signal: AbortSignal) {
    let refused: string | undefined;
    while (!signal.aborted) {
      this.set("connecting");
      let token: string | undefined;
      try {
        token = await this.credentials.access(refused);
        refused = undefined;
        if (signal.aborted) return;
        if ((await this.hold(token)) === "renewed") continue;
        this.problem = "";
      } catch (error) {
        if (signal.aborted) return;
        this.problem = (error as Error).message;
        if (error instanceof SignedOutError) {
          this.set("signedOut");
          await this.pause(Infinity);
          continue;
        }
        if (error instanceof ConnectionEnd && BAD_TOKEN.has(error.code ?? 0)) refused = token;
      }
      if (signal.aborted) return;
      this.set("waiting");
      await this.pause(this.backoff.next());
    }
  }

  /** Holds one connection until it ends. */
  private hold(token: string): Promise<"closed" | "renewed"> {
    const client = openClient(this.url, {
      protocolVersion: 5,
      clientId: this.clientId,
      username: this.credentials.claims?.sub ?? "",
      password: token,
      clean: true, // what must reach a driver is sent again on every connect
      keepalive: KEEPALIVE,
      connectTimeout: CONNECT_TIMEOUT,
      reconnectPeriod: 0, // run does that, with a fresh token
      resubscribe: false,
      queueQoSZero: false,
    });
    this.client = client;
    let renewal: ReturnType<typeof setTimeout> | undefined;
    let renewed = false;
    let liveSince = 0;

    return new Promise<"closed" | "renewed">((resolve, reject) => {
      let end: ConnectionEnd | null = null;
      client.on("connect", () => {
        liveSince = this.lastHeard = Date.now();
        this.problem = "";
        for (const [filter, { qos }] of this.filters) ask(client, filter, qos);
        renewal = this.renewInTime(() => {
          renewed = true;
          client.end();
        });
        this.set("live");
      });
      client.on("message", (topic, payload, packet) => this.deliver(topic, payload, packet));
      client.on("packetreceive", () => (this.lastHeard = Date.now()));
      client.on("disconnect", (packet: IDisconnectPacket) => {
        end = new ConnectionEnd(packet.reasonCode, `the server ended the connection: 0x${(packet.reasonCode ?? 0).toString(16)}`);
      });
      client.on("error", (error) => {
        const code = (error as { code?: unknown }).code;
        end ??= new ConnectionEnd(typeof code === "number" ? code : undefined, error.message);
        client.end(true);
      });
      client.on("close", () => {
        clearTimeout(renewal);
        if (liveSince && Date.now() - liveSince > STABLE && end?.code !== TAKEN_OVER) this.backoff.reset();
        client.end(true);
        this.client = null;
        for (const lost of this.unanswered) lost(new ConnectionLostError("the connection ended"));
        this.unanswered.clear();
        if (end && !renewed) reject(end);
        else resolve(renewed ? "renewed" : "closed");
      });
    });
  }

  /** Fetches the next token when it is due and then calls reconnect. When that fails, the server will end the connection. */
  private renewInTime(reconnect: () => void) {
    const { renewAt } = this.credentials;
    if (renewAt === Infinity) return undefined;
    const wait = Math.min(Math.max(renewAt - Date.now(), 0), 2 ** 31 - 1);
    return setTimeout(() => void this.credentials.access().then(reconnect, () => {}), wait);
  }

  private deliver(topic: string, payload: Uint8Array, packet: IPublishPacket) {
    for (const [filter, { handlers }] of this.filters) {
      if (!matchTopic(filter, topic)) continue;
      for (const handler of handlers) {
        try {
          handler(topic, payload, packet);
        } catch (error) {
          console.error("message on", topic, error); // MQTT.js would swallow it
        }
      }
    }
  }

  /** A page that slept may hold a dead connection: ask, and do not wait a whole keep-alive for the answer. */
  private probe() {
    this.nudge();
    const client = this.client;
    if (this.link !== "live" || !client) return;
    const asked = Date.now();
    client.sendPing();
    setTimeout(() => this.client === client && this.lastHeard < asked && client.end(true), PROBE_TIMEOUT);
  }

  /** Waits, or until something happens that makes another attempt worth while. */
  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === Infinity ? undefined : setTimeout(resolve, ms);
      this.nudge = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private set(link: Link) {
    if (this.link === link) return;
    this.link = link;
    for (const listener of this.listeners) listener();
  }
}

/** Subscribes, without what this connection publishes itself. */
function ask(client: MqttClient, filter: string, qos: 0 | 1) {
  client.subscribe(filter, { qos, nl: true }, (error) => error && console.error("subscribe to", filter, error)); // refused, or the connection is gone
}
