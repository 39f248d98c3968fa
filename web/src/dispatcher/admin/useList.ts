import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";

import type { Page } from "../../api/rest";
import type { Fleet } from "../useFleet";

const PAGE = 100;

/** A list of the API, page by page as the user asks for more. */
export interface List<T> {
  items: readonly T[];
  loading: boolean;
  error: unknown;
  hasMore: boolean;
  more: () => void;
  /** Reads it anew, after a change. */
  reload: () => void;
}

export function useList<T>({ rest, name }: Fleet, path: string, refetchInterval: number | false = false): List<T> {
  const queries = useQueryClient();
  const queryKey = ["list", name, path];
  const query = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam, signal }) => rest.call<Page<T>>("GET", path, { query: { limit: PAGE, cursor: pageParam ?? undefined }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval,
    networkMode: "always",
    retry: false,
  });
  return {
    items: query.data?.pages.flatMap((page) => page.items) ?? [],
    loading: query.isPending,
    error: query.isError && !query.data ? query.error : null,
    hasMore: query.hasNextPage,
    more: () => void query.fetchNextPage(),
    reload: () => void queries.invalidateQueries({ queryKey }),
  };
}
