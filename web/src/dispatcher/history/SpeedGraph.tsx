import type { PointerEvent } from "react";

import { stretches, type Span, type TrackPoint } from "../track";
import { t } from "./messages";

const WIDTH = 1_000;
const HEIGHT = 80;

interface Props {
  points: readonly TrackPoint[];
  gaps: readonly Span[];
  span: Span;
  at: number;
  onSeek: (at: number) => void;
}

/** The speed over time, with a bar where nothing is known. The slider under it is its keyboard. */
export function SpeedGraph({ points, gaps, span, at, onSeek }: Props) {
  const top = Math.max(8, ...points.map((p) => p.speed || 0));
  const x = (time: number) => ((time - span.from) / Math.max(1, span.to - span.from)) * WIDTH;
  const y = (speed: number) => HEIGHT - (speed / top) * (HEIGHT - 4);
  const told = points.filter((p) => !Number.isNaN(p.speed));
  const path = stretches(told, gaps).map((part) => `M${part.map((p) => `${x(p.at).toFixed(1)} ${y(p.speed).toFixed(1)}`).join("L")}`).join("");
  const seek = (event: PointerEvent<SVGSVGElement>) => {
    if (event.buttons !== 1) return;
    const { left, width } = event.currentTarget.getBoundingClientRect();
    onSeek(span.from + ((event.clientX - left) / width) * (span.to - span.from));
  };
  return (
    <div className="graph-box">
      <svg className="day-graph" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img"
        aria-label={t("graph", { kmh: Math.round(top * 3.6) })} onPointerDown={seek} onPointerMove={seek} data-testid="speed-graph">
        {gaps.map((gap) => <rect key={gap.from} className="graph-gap" x={x(gap.from)} width={Math.max(1, x(gap.to) - x(gap.from))} y={0} height={HEIGHT} />)}
        <path d={path} vectorEffect="non-scaling-stroke" />
        <line x1={x(at)} x2={x(at)} y1={0} y2={HEIGHT} vectorEffect="non-scaling-stroke" />
      </svg>
      <span className="graph-top" aria-hidden="true">{t("speed", { kmh: Math.round(top * 3.6) })}</span>
    </div>
  );
}
