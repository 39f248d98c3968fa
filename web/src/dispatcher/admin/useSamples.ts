import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { Schemas } from "../../api/client";
import type { Fleet } from "../useFleet";

const EVERY = 2_000; // ms
const KEPT = 150; // samples: five minutes

/** What was measured at one moment; rates are per second since the one before. */
export interface Sample {
  at: number;
  connections: number;
  received: number;
  delivered: number;
  dropped: number;
  latency: number; // ms of one request
  waiting: number; // bytes in the queues of this fleet's clients
  backlog: number; // frames of the stream that are not stored yet
  saveDelay: number; // ms from receipt to commit, of those stored since the sample before
}

interface Reading {
  at: number;
  latency: number;
  health: Schemas["MQTTHealth"];
  system: Schemas["System"];
}

/** Reads how the installation does every two seconds. */
export function useSamples({ rest }: Fleet) {
  const [samples, setSamples] = useState<Sample[]>([]);
  const [last, setLast] = useState<Reading | null>(null);
  const query = useQuery({
    queryKey: ["health"],
    queryFn: async ({ signal }): Promise<Reading> => {
      const begun = performance.now();
      const health = await rest.call<Schemas["MQTTHealth"]>("GET", "/health/mqtt", { signal });
      const at = performance.now();
      const system = await rest.call<Schemas["System"]>("GET", "/system", { signal });
      return { at, latency: at - begun, health, system };
    },
    refetchInterval: EVERY,
    networkMode: "always",
    retry: false,
    gcTime: 0,
  });
  const { data } = query;
  if (data && data.at !== last?.at) {
    setLast(data); // derived from what came: drawn once
    if (last) setSamples([...samples, sampleOf(data, last)].slice(-KEPT));
  }
  return { health: data?.health, system: data?.system, samples, failed: query.isError };
}

function sampleOf(now: Reading, before: Reading): Sample {
  const seconds = (now.at - before.at) / 1_000;
  const rate = (key: "messages_received" | "messages_delivered" | "messages_dropped") => Math.max(0, now.health[key] - before.health[key]) / seconds; // less: it was restarted
  const saved = now.system.saved - before.system.saved;
  return {
    at: now.at, latency: now.latency, waiting: now.system.queue_bytes ?? 0, connections: now.health.connections,
    received: rate("messages_received"), delivered: rate("messages_delivered"), dropped: rate("messages_dropped"),
    backlog: now.system.backlog_frames,
    saveDelay: saved > 0 ? ((now.system.saved_delay_s - before.system.saved_delay_s) / saved) * 1_000 : 0,
  };
}
