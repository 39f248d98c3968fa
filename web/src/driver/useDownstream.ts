import { useRef, useState } from "react";

import { useSubscription } from "../mqtt/useSubscription";
import { commandReceipt, parseCommand, type Command } from "./commands";
import type { MessageKey } from "./messages";
import type { Runtime } from "./runtime";
import { defaultConfig, parseConfig } from "./sampler";

/** Why the server refused a report, for the driver's eyes. */
export interface Refusal {
  key: MessageKey & `error.${string}`;
  /** The job's reference and a colon; empty when it is about none. */
  about: string;
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

/** Follows what the server tells this driver: how often to report, what it refused, and commands (docs/mqtt.md). */
export function useDownstream({ session, topic, outbox, messages, jobs, correct }: Runtime, locate: () => boolean) {
  const [config, setConfig] = useState(defaultConfig);
  const [refusals, setRefusals] = useState<Refusal[]>([]);

  const asked = useRef<string[]>([]); // commands to locate, not answered yet
  const answer = (...receipt: Parameters<typeof commandReceipt>) => outbox.addReport(commandReceipt(...receipt));

  async function obey({ id, action, text }: Command) {
    switch (action) {
      case "message":
        return messages.receive(id, text);
      case "locate":
        if (!locate()) return answer(id, "failed", "not on duty");
        asked.current = [...asked.current.filter((other) => other !== id), id].slice(-MOST);
        return answer(id, "received");
      case "set_interval": // its number is in the config too, which is retained
        setConfig((before) => parseConfig(JSON.stringify({ ...before, interval_s: Number(text) })));
        return answer(id, "done");
      default:
        return answer(id, "failed", "this app does not know how");
    }
  }

  /** The position that somebody asked for is in the outbox. */
  async function located() {
    for (const id of asked.current.splice(0)) await answer(id, "done").catch(() => {}); // not kept: the server asks again
  }

  useSubscription(session, topic("config"), 1, (_, payload) => setConfig(parseConfig(decoder.decode(payload))));
  useSubscription(session, topic("errors"), 1, (_, payload) => {
    const error = parse(payload);
    const topic = text(error.topic);
    const kind = kinds.find((k) => topic.endsWith(`/${k}`) && !topic.includes("/commands/")) ?? "other";
    const id = topic.split("/").at(-2);
    const job = jobs.list.find((job) => job.id === id || job.shipment === id);
    const reason = `${text(error.field)} ${text(error.reason)}`.trim();
    setRefusals((before) => [{ key: `error.${kind}` as const, about: job ? `${job.reference}: ` : "", reason }, ...before].slice(0, MOST));
    if (job && kind === "status") correct(job).catch((error: unknown) => console.warn("how far the job is was not read", error)); // read with the next start
  });
  useSubscription(session, topic("commands"), 1, (_, payload) => {
    const command = parseCommand(parse(payload));
    if (command) void obey(command).catch(() => {}); // not kept: the server sends it again
  });

  return {
    config,
    located,
    refusals,
    dismissRefusal: (refusal: Refusal) => setRefusals((before) => before.filter((r) => r !== refusal)),
  };
}
