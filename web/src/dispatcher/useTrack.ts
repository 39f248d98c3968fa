import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";

import { part } from "../api/rest";
import type { Track } from "../api/shapes";
import type { TrackPoint } from "./track";
import { useDriver, type Fleet } from "./useFleet";
import { dayOf, spanOf } from "./wallClock";
import { useZone } from "../i18n/zone";

const MAX_POINTS = 2_000;
const LIVE_POINTS = 600; // kept between two fetches

export interface TodaysTrack {
  points: TrackPoint[];
  loading: boolean;
  failed: boolean;
}

/** The way of a driver since midnight in the fleet's zone: what is stored, and the fixes that came live after it. */
export function useTrack({ rest, positions, name }: Fleet, id: string | null): TodaysTrack {
  const zone = useZone();
  const query = useQuery({
    queryKey: ["track", name, id, zone],
    enabled: id !== null,
    queryFn: async ({ signal }) => {
      const now = positions.now();
      const range = { from: new Date(spanOf(dayOf(now, zone), zone)!.from).toISOString(), to: new Date(now).toISOString(), max_points: MAX_POINTS };
      const track = await rest.call<Track>("GET", `/drivers/${part(id!)}/track`, { query: range, signal });
      return track.points.map((p): TrackPoint => ({ at: Date.parse(p.fix_at), lat: p.lat, lon: p.lon, speed: p.speed_mps ?? NaN }));
    },
    refetchInterval: 60_000,
    networkMode: "always",
    retry: 1,
  });
  const fix = useDriver(positions, id)?.fix;
  const tail = useTail(id, fix ? { at: fix.at, lat: fix.lat, lon: fix.lon, speed: fix.speed } : null);
  const points = useMemo(() => {
    const stored = query.data ?? [];
    const end = stored.at(-1)?.at ?? -Infinity;
    return query.data ? [...stored, ...tail.filter((p) => p.at > end)] : [];
  }, [query.data, tail]);
  return { points, loading: query.isLoading, failed: query.isError };
}

/** The fixes of one driver that came since it was selected, oldest first. */
function useTail(id: string | null, newest: TrackPoint | null): TrackPoint[] {
  const [tail, setTail] = useState<{ id: string | null; points: TrackPoint[] }>({ id, points: [] });
  const points = tail.id === id ? tail.points : [];
  if (newest && newest.at > (points.at(-1)?.at ?? -Infinity)) {
    const next = [...points, newest].slice(-LIVE_POINTS);
    setTail({ id, points: next }); // derived from what changed: React draws once, with the new tail
    return next;
  }
  return points;
}
