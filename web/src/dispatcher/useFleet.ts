import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";

import { apiClient, dataOf, type Client } from "../api/client";
import type { Credentials } from "../mqtt/credentials";
import { brokerURL, Session, type Link } from "../mqtt/session";
import { Feed } from "./feed";
import { Positions, type Driver } from "./positions";
import { loadSnapshot } from "./snapshot";

/** Everything a signed-in page works with. Made once for each sign-in. */
export interface Fleet {
  name: string;
  client: Client;
  session: Session;
  positions: Positions;
}

const clientSuffix = () => Array.from(crypto.getRandomValues(new Uint8Array(6)), (b) => b.toString(16).padStart(2, "0")).join("");

/** Connects to the fleet of who is signed in, until the component leaves. */
export function useFleet(credentials: Credentials): Fleet {
  const fleet = useMemo<Fleet>(() => {
    const { fleet, sub } = credentials.claims!;
    const session = new Session(brokerURL(), `${sub}:${clientSuffix()}`, credentials);
    return { name: fleet, client: apiClient(credentials), session, positions: new Positions() };
  }, [credentials]);
  useEffect(() => {
    const feed = new Feed(fleet.session, fleet.name, fleet.positions);
    feed.start();
    fleet.session.start();
    return () => {
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
export function useSnapshot({ client, positions, name }: Fleet, link: Link): Snapshot {
  const down = link !== "live";
  const downSince = useRef(0);
  const query = useQuery({
    queryKey: ["drivers", name],
    queryFn: ({ signal }) => loadSnapshot(client, positions, signal),
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

/** Where the map comes from, as the server is configured; undefined until it has said so. */
export function useMapSource({ client }: Fleet): string | undefined {
  const query = useQuery({
    queryKey: ["config"],
    queryFn: async ({ signal }) => dataOf(await client.GET("/config", { signal })),
    networkMode: "always",
    retry: true,
    staleTime: Infinity,
  });
  return query.data?.map.source;
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

