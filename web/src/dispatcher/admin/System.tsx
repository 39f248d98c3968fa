import { useQuery } from "@tanstack/react-query";

import type { Schemas } from "../../api/client";
import type { Page } from "../../api/rest";
import { ageText } from "../age";
import { locale } from "../messages";
import type { Fleet } from "../useFleet";
import { dateText } from "../times";
import { bytesText } from "./bytes";
import { Chart } from "./Chart";
import { t } from "./messages";
import { useSamples, type Sample } from "./useSamples";

const LETTERS = 1_000;

const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
const perSecond = (value: number) => t("system.perSecond", { count: compact.format(value) });
const milliseconds = (value: number) => t("system.ms", { count: Math.round(value) });

/** Whether the installation is well, by what the API tells. */
export function System({ fleet }: { fleet: Fleet }) {
  const { health, system, samples, failed } = useSamples(fleet);
  const config = useQuery({ queryKey: ["config-version"], queryFn: ({ signal }) => fleet.rest.call<Schemas["Config"]>("GET", "/config", { signal }), staleTime: Infinity, networkMode: "always" });
  const letters = useQuery({
    queryKey: ["letters", fleet.name],
    queryFn: ({ signal }) => fleet.rest.call<Page<unknown>>("GET", "/dead-letters", { query: { limit: LETTERS }, signal }),
    refetchInterval: 30_000,
    networkMode: "always",
  });
  const forecast = useQuery({
    queryKey: ["forecast"],
    queryFn: ({ signal }) => fleet.rest.call<Schemas["Forecast"]>("GET", "/retention/forecast", { signal }),
    refetchInterval: 60_000,
    networkMode: "always",
  });
  const state = failed ? "away" : (health?.status ?? "ok");
  const points = (of: (sample: Sample) => number) => samples.map((s) => ({ at: s.at, value: of(s) }));
  return (
    <div className="tab-page" role="region" aria-label={t("tab.system")} tabIndex={0} data-testid="system">
      <dl className="facts">
        <Fact name={t("system.status")}><span className={state === "ok" ? "tag good" : "tag bad"} data-testid="system-status">{t(`system.${state}`)}</span></Fact>
        <Fact name={t("system.uptime")}>{health ? ageText(health.uptime_s * 1_000) : "–"}</Fact>
        <Fact name={t("system.version")}>{config.data?.version ?? "–"}</Fact>
        <Fact name={t("system.letters")}>
          {letters.data ? t(letters.data.next ? "system.lettersMany" : "system.lettersCount", { count: letters.data.items.length }) : "–"}
        </Fact>
        <Fact name={t("system.stream")} hint={system && t("system.of", { part: bytesText(system.stream_bytes), whole: bytesText(system.stream_max_bytes) })}>
          <span className={system?.stream_full ? "tag bad" : ""} data-testid="system-stream">{system ? percent.format(system.stream_fill) : "–"}</span>
        </Fact>
        <Fact name={t("system.database")} hint={growthText(forecast.data)}><span data-testid="system-database">{forecast.data ? bytesText(forecast.data.database_bytes) : "–"}</span></Fact>
        <Fact name={t("system.diskFull")} hint={freeText(forecast.data)}><span data-testid="system-disk">{fullText(forecast.data)}</span></Fact>
      </dl>
      <div className="charts">
        <Chart name={t("system.connections")} points={points((s) => s.connections)} format={(v) => compact.format(v)} />
        <Chart name={t("system.received")} points={points((s) => s.received)} format={perSecond} />
        <Chart name={t("system.delivered")} points={points((s) => s.delivered)} format={perSecond} />
        <Chart name={t("system.backlog")} points={points((s) => s.backlog)} format={(v) => t("system.frames", { count: compact.format(v) })} testid="system-backlog" />
        <Chart name={t("system.saveDelay")} points={points((s) => s.saveDelay)} format={milliseconds} testid="system-delay" />
        <Chart name={t("system.latency")} points={points((s) => s.latency)} format={milliseconds} />
        <Chart name={t("system.waiting")} points={points((s) => s.waiting)} format={bytesText} />
        <Chart name={t("system.dropped")} points={points((s) => s.dropped)} format={perSecond} />
      </div>
      <p className="hint">{t("system.watching")}</p>
    </div>
  );
}

function Fact({ name, hint, children }: { name: string; hint?: string; children: React.ReactNode }) {
  return <div><dt>{name}</dt><dd>{children}{hint && <span className="hint">{hint}</span>}</dd></div>;
}

type Forecast = Schemas["Forecast"];

function fullText(f: Forecast | undefined): string {
  if (!f) return "–";
  if (f.disk_full_at) return dateText(Date.parse(f.disk_full_at));
  return t(f.free_bytes === null || f.daily_bytes === null ? "system.fullUnknown" : "system.fullNever");
}

const freeText = (f: Forecast | undefined) => (f && f.free_bytes !== null ? t("system.free", { size: bytesText(f.free_bytes) }) : undefined);

const growthText = (f: Forecast | undefined) => (f && f.daily_bytes !== null ? t("system.daily", { size: bytesText(f.daily_bytes) }) : undefined);
