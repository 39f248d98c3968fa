import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";

import type { Schemas } from "../api/client";
import { keepFleetZone, recallFleetZone } from "../i18n/zone";
import type { Fleet } from "./useFleet";

const EVERY = 10 * 60_000; // ms; it hardly ever changes

/** Lets times be those of the fleet's zone, as its admin has set it. */
export function useZoneOfFleet({ rest, name }: Fleet) {
  useEffect(() => recallFleetZone(name), [name]);
  useQuery({
    queryKey: ["fleet", name],
    queryFn: async ({ signal }) => {
      const fleet = await rest.call<Schemas["Fleet"]>("GET", "/fleet", { signal });
      keepFleetZone(name, fleet.time_zone);
      return fleet;
    },
    refetchInterval: EVERY,
    networkMode: "always",
  });
}
