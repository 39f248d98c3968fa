import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { Schemas } from "../../api/client";
import type { Page } from "../../api/rest";
import { ageText } from "../age";
import { locale } from "../messages";
import type { Fleet } from "../useFleet";
import { t } from "./messages";

const EVERY = 2_000; // ms
const KEPT = 150; // samples: five minutes
const SHORTEST = 60_000; // ms that a chart shows at least
const LETTERS = 1_000;

/** What was measured at one moment; rates are per second since the one before. */
interface Sample {
  at: number;
  connections: number;
  received: number;
  delivered: number;
  dropped: number;
  latency: number; // ms of one request
  waiting: number; // bytes in the queues of this fleet's clients
}

const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });

/** Whether the installation is well, by what the API tells. */
export function System({ fleet }: { fleet: Fleet }) {
  const { health, samples, failed } = useHealth(fleet);
  const config = useQuery({ queryKey: ["config-version"], queryFn: ({ signal }) => fleet.rest.call<Schemas["Config"]>("GET", "/config", { signal }), staleTime: Infinity, networkMode: "always" });
  const letters = useQuery({
    queryKey: ["letters", fleet.name],
    queryFn: ({ signal }) => fleet.rest.call<Page<unknown>>("GET", "/dead-letters", { query: { limit: LETTERS }, signal }),
    refetchInterval: 30_000,
    networkMode: "always",
  });
  const perSecond = (value: number) => t("system.perSecond", { count: compact.format(value) });
  const state = failed ? "away" : (health?.status ?? "ok");
  return (
    <div className="tab-page" role="region" aria-label={t("tab.system")} tabIndex={0} data-testid="system">
      <dl className="facts">
        <Fact name={t("system.status")}><span className={state === "ok" ? "tag good" : "tag bad"} data-testid="system-status">{t(`system.${state}`)}</span></Fact>
        <Fact name={t("system.uptime")}>{health ? ageText(health.uptime_s * 1_000) : "–"}</Fact>
        <Fact name={t("system.version")}>{config.data?.version ?? "–"}</Fact>
        <Fact name={t("system.letters")}>
          {letters.data ? t(letters.data.next ? "system.lettersMany" : "system.lettersCount", { count: letters.data.items.length }) : "–"}
        </Fact>
      </dl>
      <div className="charts">
        <Chart name={t("system.connections")} samples={samples} of={(s) => s.connections} format={(v) => compact.format(v)} />
        <Chart name={t("system.received")} samples={samples} of={(s) => s.received} format={perSecond} />
        <Chart name={t("system.delivered")} samples={samples} of={(s) => s.delivered} format={perSecond} />
        <Chart name={t("system.waiting")} samples={samples} of={(s) => s.waiting} format={(v) => t("system.bytes", { count: compact.format(v) })} />
        <Chart name={t("system.dropped")} samples={samples} of={(s) => s.dropped} format={perSecond} />
        <Chart name={t("system.latency")} samples={samples} of={(s) => s.latency} format={(v) => t("system.ms", { count: Math.round(v) })} />
      </div>
      <p className="hint">{t("system.watching")}</p>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}

type Health = Schemas["MQTTHealth"];

function useHealth({ rest }: Fleet) {
  const [samples, setSamples] = useState<Sample[]>([]);
  const [last, setLast] = useState<{ health: Health; at: number } | null>(null);
  const query = useQuery({
    queryKey: ["health"],
    queryFn: async ({ signal }) => {
      const begun = performance.now();
      const health = await rest.call<Health>("GET", "/health/mqtt", { signal });
      const at = performance.now();
      const clients = await rest.all<Schemas["Client"]>("/clients", { signal });
      return { health, at, latency: at - begun, waiting: clients.reduce((sum, client) => sum + client.queue_bytes, 0) };
    },
    refetchInterval: EVERY,
    networkMode: "always",
    retry: false,
    gcTime: 0,
  });
  const { data } = query;
  if (data && data.at !== last?.at) {
    setLast(data); // derived from what came: drawn once
    if (last) {
      const seconds = (data.at - last.at) / 1_000;
      const rate = (key: "messages_received" | "messages_delivered" | "messages_dropped") => Math.max(0, data.health[key] - last.health[key]) / seconds; // less: it was restarted
      const sample: Sample = {
        at: data.at, connections: data.health.connections, latency: data.latency, waiting: data.waiting,
        received: rate("messages_received"), delivered: rate("messages_delivered"), dropped: rate("messages_dropped"),
      };
      setSamples([...samples, sample].slice(-KEPT));
    }
  }
  return { health: data?.health, samples, failed: query.isError };
}

/** Where a chart of the last span ms begins, when there are fewer samples. */
const startOf = (samples: readonly Sample[], span: number) => (WIDTH - ((samples[samples.length - 1].at - samples[0].at) / span) * WIDTH).toFixed(1);

const WIDTH = 300;
const HEIGHT = 60;

function Chart({ name, samples, of, format }: { name: string; samples: readonly Sample[]; of: (sample: Sample) => number; format: (value: number) => string }) {
  const newest = samples.at(-1);
  const value = newest ? format(of(newest)) : "–";
  const top = Math.max(1, ...samples.map(of));
  const span = Math.max(SHORTEST, newest ? newest.at - samples[0].at : 0);
  const path = samples.map((s, i) => `${i ? "L" : "M"}${(WIDTH - ((newest!.at - s.at) / span) * WIDTH).toFixed(1)} ${(HEIGHT - (of(s) / top) * (HEIGHT - 4)).toFixed(1)}`).join("");
  return (
    <figure className="chart">
      <figcaption>{name} <strong>{value}</strong></figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={t("system.chart", { name, minutes: Math.round(span / 60_000), value })}>
        {newest && <path className="area" d={`${path}L${WIDTH} ${HEIGHT}L${startOf(samples, span)} ${HEIGHT}Z`} />}
        <path d={path} vectorEffect="non-scaling-stroke" />
      </svg>
    </figure>
  );
}
