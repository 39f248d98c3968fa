import { useEffect, useEffectEvent, useSyncExternalStore } from "react";

import type { Link, OnMessage, Session } from "./session";

/** Calls onMessage for each publication that filter selects, while the component is mounted. */
export function useSubscription(session: Session, filter: string, qos: 0 | 1, onMessage: OnMessage) {
  const deliver = useEffectEvent(onMessage); // always the newest one, without resubscribing
  useEffect(() => session.subscribe(filter, qos, (...message) => deliver(...message)), [session, filter, qos]);
}

/** Whether the session has a connection. */
export const useLink = (session: Session): Link => useSyncExternalStore(session.onChange, () => session.link);
