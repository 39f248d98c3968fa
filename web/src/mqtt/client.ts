import "./globals";
import type { IClientOptions, MqttClient } from "mqtt";
import imported from "mqtt/lib/client";
import { browserStreamBuilder } from "mqtt/lib/connect/ws";

// CommonJS: its default export is what the types say, or what holds it, as the bundler sees it.
const Client = (imported as unknown as { default?: typeof imported }).default ?? imported;

/**
 * Opens a connection to a broker's WebSocket. From the parts of MQTT.js: its own
 * bundle brings every transport there is, 35 KB compressed.
 */
export function openClient(url: string, options: IClientOptions): MqttClient {
  const { protocol, hostname, port, pathname } = new URL(url);
  const where = { protocol: protocol === "wss:" ? "wss" : "ws", hostname, port: Number(port), path: pathname } as const;
  return new Client((client) => browserStreamBuilder(client, client.options), { ...where, ...options });
}
