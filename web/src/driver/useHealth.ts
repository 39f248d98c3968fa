import { useEffect, useEffectEvent } from "react";

import type { Link } from "../mqtt/session";
import type { Runtime } from "./runtime";
import type { Phone } from "./usePhone";

const EVERY = 60_000; // ms

/**
 * Publishes how the phone is (docs/mqtt.md): on connecting, on every
 * change and each minute. It is not queued, since an old one says nothing.
 */
export function useHealth({ session, outbox, topic }: Runtime, link: Link, phone: Phone) {
  const { battery, network, permission, foreground } = phone;
  const publish = useEffectEvent(() => {
    const { fixes, reports } = outbox.state;
    const health = {
      at: new Date().toISOString(),
      battery_pct: battery,
      network,
      permission,
      app: foreground ? "foreground" : "background",
      queue: fixes + reports,
    };
    session.publish(topic("health"), JSON.stringify(health)).catch(() => {}); // the next one says more
  });
  useEffect(() => {
    if (link !== "live") return;
    publish();
    const timer = setInterval(publish, EVERY);
    return () => clearInterval(timer);
  }, [link, battery, network, permission, foreground]);
}
