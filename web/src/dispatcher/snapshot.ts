import type { Schemas } from "../api/client";
import type { Page, Rest } from "../api/rest";
import type { Duty, Positions, Update } from "./positions";

const PAGE = 1_000;

/** Reads every driver of the fleet and their latest positions into the store, page by page. Returns how many there are. */
export async function loadSnapshot(rest: Rest, positions: Positions, signal: AbortSignal): Promise<number> {
  let cursor: string | undefined;
  let count = 0;
  do {
    const answer = await rest.response("GET", "/drivers", { query: { limit: PAGE, cursor }, signal });
    const page = (await answer.json()) as Page<Schemas["Driver"]>;
    const date = Date.parse(answer.headers.get("Date") ?? "");
    if (Math.abs(date - positions.now()) > 2_000) positions.clockSkew = date - Date.now(); // to the second: frames know better
    for (const driver of page.items) positions.put(updateOf(driver));
    count += page.items.length;
    cursor = page.next ?? undefined;
  } while (cursor);
  return count;
}

/** A time of the API in ms; 0 for none. */
const timeOf = (stamp: string | null | undefined) => (stamp ? Date.parse(stamp) : 0);

function updateOf(d: Schemas["Driver"]): Update {
  const p = d.position;
  return {
    driver: d.id,
    name: d.name ?? undefined,
    duty: (d.duty || "unknown") as Duty,
    presence: d.presence ? (d.presence.state === "online" ? "online" : "offline") : undefined,
    presenceAt: timeOf(d.presence?.at),
    presenceReason: d.presence?.reason,
    flags: d.flags ?? [],
    seenAt: Math.max(timeOf(p?.received_at), timeOf(d.presence?.at)),
    fix: p
      ? {
          at: Date.parse(p.fix_at),
          lat: p.lat,
          lon: p.lon,
          speed: p.speed_mps ?? NaN,
          heading: p.heading_deg ?? NaN,
          accuracy: p.accuracy_m ?? undefined,
          battery: p.battery_pct ?? undefined,
        }
      : undefined,
  };
}
