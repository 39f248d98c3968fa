import type { Schemas } from "../../api/client";
import { onceKey } from "../../api/rest";
import { ageText } from "../age";
import type { Fleet } from "../useFleet";
import { t } from "./messages";
import { useAttempt } from "./problem";
import { useList } from "./useList";

type Seen = Schemas["SeenDevice"];
const EVERY = 10_000; // ms

/** Devices that nobody registered, connected with a token or refused: one click accepts them. */
export function UnknownDevices({ fleet, now, onAccept }: { fleet: Fleet; now: number; onAccept: () => void }) {
  const list = useList<Seen>(fleet, "/unknown-devices", EVERY);
  const { busy, problem, attempt } = useAttempt();
  const accept = async ({ id, driver }: Seen) => {
    const body = { id, kind: "native", driver: driver || undefined };
    if (!(await attempt(() => fleet.rest.call("POST", "/devices", { body, once: onceKey() })))) return;
    list.reload();
    onAccept();
  };
  if (list.items.length === 0) return null;
  return (
    <section className="unknown" aria-label={t("unknown.title")} data-testid="unknown-devices">
      <h2>{t("unknown.title")}</h2>
      <p className="hint">{t("unknown.hint")}</p>
      <ul>
        {list.items.map((seen) => (
          <li key={seen.id}>
            <span><strong>{seen.id}</strong> <span className="hint">{t(seen.refused ? "unknown.refused" : "unknown.from", { address: seen.address, age: ageText(now - Date.parse(seen.connected_at)) })}</span></span>
            <button className="button small primary" disabled={busy} onClick={() => void accept(seen)} data-testid={`accept-${seen.id}`}>{t("unknown.accept")}</button>
          </li>
        ))}
      </ul>
      {problem && <p className="problem" role="alert">{problem}</p>}
    </section>
  );
}
