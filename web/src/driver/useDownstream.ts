import { useState } from "react";

import { useSubscription } from "../mqtt/useSubscription";
import type { MessageKey } from "./messages";
import type { Runtime } from "./runtime";
import { defaultConfig, parseConfig } from "./sampler";

/** Why the server refused a report, for the driver's eyes. */
export interface Refusal {
  key: MessageKey & `error.${string}`;
  reason: string;
}

const MOST = 3; // refusals are kept, the newest first
const decoder = new TextDecoder();
const text = (value: unknown) => (typeof value === "string" ? value.slice(0, 2_000) : "");

/** Reads an object; anything else is empty, for a message must not be able to break the screen. */
function parse(payload: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(decoder.decode(payload));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const kinds = ["location", "health", "duty", "status", "receipt"] as const;

/** Follows what the server tells this driver: how often to report, what it refused, and commands (contract, section 3.2). */
export function useDownstream({ session, topic, messages }: Runtime, locate: () => void) {
  const [config, setConfig] = useState(defaultConfig);
  const [refusals, setRefusals] = useState<Refusal[]>([]);

  useSubscription(session, topic("config"), 1, (_, payload) => setConfig(parseConfig(decoder.decode(payload))));
  useSubscription(session, topic("errors"), 1, (_, payload) => {
    const error = parse(payload);
    const kind = kinds.find((k) => text(error.topic).endsWith(`/${k}`)) ?? "other";
    const reason = `${text(error.field)} ${text(error.reason)}`.trim();
    setRefusals((before) => [{ key: `error.${kind}` as const, reason }, ...before].slice(0, MOST));
  });
  useSubscription(session, topic("commands"), 1, (_, payload) => {
    const command = parse(payload);
    if (command.action === "locate") locate();
    // What set_interval asks is in the config, which comes by itself.
    if (command.action === "message" && text(command.text)) void messages.receive(text(command.id), text(command.text));
  });

  return {
    config,
    refusals,
    dismissRefusal: (refusal: Refusal) => setRefusals((before) => before.filter((r) => r !== refusal)),
  };
}
