import type { State } from "./condition";

/** The mark of a state, of the same shape and colour as on the map. */
export function StateIcon({ state }: { state: State }) {
  return (
    <svg className={`state-icon state-${state}`} viewBox="-10 -10 20 20" aria-hidden="true">
      {state === "moving" && <path className="fill" d="M0-9 7 8 0 4-7 8Z" strokeLinejoin="round" />}
      {state === "idle" && <circle className="fill" r="6" />}
      {state === "stale" && <circle className="hollow" r="5" />}
      {state === "offline" && <circle className="hollow" r="3.8" />}
      {state === "alert" && (
        <>
          <path className="fill" d="M0-9 9 0 0 9-9 0Z" strokeLinejoin="round" />
          <path className="mark" d="M0-4.6V.6M0 3.7V4" strokeWidth="2.2" strokeLinecap="round" />
        </>
      )}
    </svg>
  );
}
