import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";

import type { Schemas } from "../api/client";
import { rest, type Rest } from "../api/rest";
import type { Geofence } from "../api/shapes";
import type { Credentials } from "../mqtt/credentials";
import { brokerURL, Session, type Link } from "../mqtt/session";
import { Dispatch } from "./dispatch";
import { Feed } from "./feed";
import { Positions, type Driver } from "./positions";
import { loadSnapshot } from "./snapshot";

/** Everything a signed-in page works with. Made once for each sign-in. */
export interface Fleet {
  name: string;
  /** The role of who is signed in. */
  role: string;
  /** Their id. */
  user: string;
  rest: Rest;
  session: Session;
  positions: Positions;
  dispatch: Dispatch;
}

const clientSuffix = () => Array.from(crypto.getRandomValues(new Uint8Array(6)), (b) => b.toString(16).padStart(2, "0")).join("");

/** Connects to the fleet of who is signed in, until the component leaves. */
export function useFleet(credentials: Credentials): Fleet {
  const fleet = useMemo<Fleet>(() => {
    const { fleet, sub, role } = credentials.claims!;
    const session = new Session(brokerURL(), `${sub}:${clientSuffix()}`, credentials);
    const calls = rest(credentials);
    const dispatch = new Dispatch(session, fleet, calls);
    return { name: fleet, role, user: sub, rest: calls, session, positions: new Positions(), dispatch };
  }, [credentials]);
  useEffect(() => {
    const feed = new Feed(fleet.session, fleet.name, fleet.positions);
    feed.start();
    fleet.dispatch.start();
    fleet.session.start();
    return () => {
      fleet.dispatch.stop();
      feed.stop();
      fleet.session.stop();
    };
  }, [fleet]);
  return fleet;
}

/** How often positions are fetched, in ms: soon after live updates stop, then less often; rarely while they flow, for what they do not tell. */
export const polling = { first: 3_000, later: 30_000, live: 60_000, impatient: 12_000 } as const;

export interface Snapshot {
  /** Whether the first one has come. */
  loaded: boolean;
  /** The last attempt failed. */
  failed: boolean;
  /** When the last one came, in ms by the server's clock; 0 for never. */
  at: number;
  retry: () => void;
}

/** Fetches the snapshot: at first, while there are no live updates, and when the page is looked at again. */
export function useSnapshot({ rest, positions, name }: Fleet, link: Link): Snapshot {
  const down = link !== "live";
  const downSince = useRef(0);
  const query = useQuery({
    queryKey: ["drivers", name],
    queryFn: ({ signal }) => loadSnapshot(rest, positions, signal),
    refetchInterval: () => (!down ? polling.live : Date.now() - downSince.current < polling.impatient ? polling.first : polling.later),
    refetchOnWindowFocus: down ? "always" : false,
    networkMode: "always",
    retry: false,
    staleTime: 0,
  });
  const { refetch } = query;
  useEffect(() => {
    if (!down) return;
    downSince.current = Date.now();
    void refetch();
  }, [down, refetch]);
  return { loaded: query.isSuccess || positions.size > 0, failed: query.isError, at: query.dataUpdatedAt && query.dataUpdatedAt + positions.clockSkew, retry: () => void refetch() };
}

const DISPATCH_EVERY = 120_000; // ms; what happens meanwhile comes over MQTT

/** Reads shipments, assignments and alerts, and enters into the positions what needs a dispatcher. */
export function useDispatch({ dispatch, positions, name }: Fleet, link: Link, now: number): { loaded: boolean; failed: boolean; retry: () => void } {
  const down = link !== "live";
  const query = useQuery({
    queryKey: ["dispatch", name],
    queryFn: async ({ signal }) => {
      await dispatch.loadAlerts(signal);
      await dispatch.load(signal);
      return true;
    },
    refetchInterval: down ? polling.later : DISPATCH_EVERY,
    networkMode: "always",
    retry: false,
  });
  const { refetch } = query;
  useEffect(() => {
    if (link === "live") void refetch(); // what was published while there was no connection
  }, [link, refetch]);
  useEffect(() => positions.setWork(dispatch.concerns(now)), [dispatch, positions, now]);
  return { loaded: query.isSuccess, failed: query.isError, retry: () => void refetch() };
}

/** Where the map comes from, as the server is configured; undefined until it has said so. */
export function useMapSource({ rest }: Fleet): string | undefined {
  const query = useQuery({
    queryKey: ["config"],
    queryFn: ({ signal }) => rest.call<Schemas["Config"]>("GET", "/config", { signal }),
    networkMode: "always",
    retry: true,
    staleTime: Infinity,
  });
  return query.data?.map.source;
}

const AREAS_EVERY = 5 * 60_000; // ms; they change seldom
const noAreas: readonly Geofence[] = [];

/** The fleet's geofences; none until they are read. */
export function useAreas({ rest, name }: Fleet): readonly Geofence[] {
  const query = useQuery({
    queryKey: ["geofences", name],
    queryFn: ({ signal }) => rest.all<Geofence>("/geofences", { signal }),
    refetchInterval: AREAS_EVERY,
    networkMode: "always",
  });
  return query.data ?? noAreas;
}

/** How many drivers are known. */
export function useSize(positions: Positions): number {
  return useSyncExternalStore(positions.subscribe, () => positions.size);
}

export function useDriver(positions: Positions, id: string | null): Driver | undefined {
  return useSyncExternalStore(positions.subscribe, () => (id === null ? undefined : positions.get(id)));
}

/** The server's time, told anew every second: what depends on an age is drawn again by it. */
export function useNow(positions: Positions): number {
  const [now, setNow] = useState(() => positions.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(positions.now()), 1_000);
    return () => clearInterval(timer);
  }, [positions]);
  return now;
}

