import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import type { Page } from "../../api/rest";
import type { Fleet } from "../useFleet";

const PAGE = 100; // items that are shown at once
const MOST = 20; // requests for them

/** A list of the API, as many pages of it as the user asked for. */
export interface List<T> {
  items: readonly T[];
  loading: boolean;
  error: unknown;
  hasMore: boolean;
  more: () => void;
  /** Reads it anew, after a change. */
  reload: () => void;
}

/** Reads a list of the API. limit is what one request asks for, of which the server may leave out what is not of the list. */
export function useList<T>({ rest, name }: Fleet, path: string, refetchInterval: number | false = false, limit = PAGE): List<T> {
  const queries = useQueryClient();
  const [pages, setPages] = useState(1);
  const query = useQuery({
    queryKey: ["list", name, path, pages],
    queryFn: async ({ signal }) => {
      const items: T[] = [];
      let next: string | null = null;
      for (let request = 0; request < pages * MOST && items.length < pages * PAGE && (request === 0 || next !== null); request++) {
        const answer: Page<T> = await rest.call("GET", path, { query: { limit, cursor: next ?? undefined }, signal });
        items.push(...answer.items);
        next = answer.next;
      }
      return { items, next };
    },
    placeholderData: keepPreviousData,
    refetchInterval,
    networkMode: "always",
    retry: false,
  });
  return {
    items: query.data?.items ?? [],
    loading: query.isPending,
    error: query.isError && !query.data ? query.error : null,
    hasMore: (query.data?.next ?? null) !== null,
    more: () => setPages(pages + 1),
    reload: () => void queries.invalidateQueries({ queryKey: ["list", name, path] }),
  };
}
