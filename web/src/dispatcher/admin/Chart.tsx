import { t } from "./messages";

/** A value at a moment of performance.now(). */
export interface Point {
  at: number;
  value: number;
}

const SHORTEST = 60_000; // ms that a chart shows at least
const WIDTH = 300;
const HEIGHT = 60;

/** One value over the last minutes, the newest on the right; no points are drawn as nothing. */
export function Chart({ name, points, format, testid }: { name: string; points: readonly Point[]; format: (value: number) => string; testid?: string }) {
  const newest = points.at(-1);
  const value = newest ? format(newest.value) : "–";
  const top = Math.max(1, ...points.map((p) => p.value));
  const span = Math.max(SHORTEST, newest ? newest.at - points[0].at : 0);
  const x = (p: Point) => (WIDTH - ((newest!.at - p.at) / span) * WIDTH).toFixed(1);
  const path = points.map((p, i) => `${i ? "L" : "M"}${x(p)} ${(HEIGHT - (p.value / top) * (HEIGHT - 4)).toFixed(1)}`).join("");
  return (
    <figure className="chart" data-testid={testid} data-value={newest?.value}>
      <figcaption>{name} <strong>{value}</strong></figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={t("system.chart", { name, minutes: Math.round(span / 60_000), value })}>
        {newest && <path className="area" d={`${path}L${WIDTH} ${HEIGHT}L${x(points[0])} ${HEIGHT}Z`} />}
        <path d={path} vectorEffect="non-scaling-stroke" />
      </svg>
      <p className="chart-foot" aria-hidden="true">{newest && t("system.chartTop", { value: format(Math.max(...points.map((p) => p.value))), minutes: Math.round(span / 60_000) })}</p>
    </figure>
  );
}
