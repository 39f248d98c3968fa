import { useEffect, useState } from "react";

/** What the phone tells about itself; undefined where the browser does not. */
export interface Phone {
  battery: number | undefined; // percent
  network: string | undefined; // wifi, cellular, none, … or the effective type: 4g
  permission: PermissionState | undefined; // of the position
  foreground: boolean;
}

// Not in TypeScript's DOM library: Chromium alone has them.
interface BatteryManager extends EventTarget {
  level: number;
}
interface NetworkInformation extends EventTarget {
  type?: string;
  effectiveType?: string;
}
type Extras = { getBattery?: () => Promise<BatteryManager>; connection?: NetworkInformation };

function network(): string | undefined {
  if (!navigator.onLine) return "none";
  const { connection } = navigator as Navigator & Extras;
  return connection?.type && connection.type !== "unknown" ? connection.type : connection?.effectiveType;
}

/** Follows the phone's battery, network, permission and place on the screen. */
export function usePhone(): Phone {
  const [phone, setPhone] = useState<Phone>(() => ({
    battery: undefined,
    network: network(),
    permission: undefined,
    foreground: !document.hidden,
  }));

  useEffect(() => {
    const ended = new AbortController();
    const { signal } = ended;
    const update = (change: Partial<Phone>) => signal.aborted || setPhone((was) => ({ ...was, ...change }));
    const { getBattery, connection } = navigator as Navigator & Extras;

    document.addEventListener("visibilitychange", () => update({ foreground: !document.hidden }), { signal });
    const networkChanged = () => update({ network: network() });
    addEventListener("online", networkChanged, { signal });
    addEventListener("offline", networkChanged, { signal });
    connection?.addEventListener("change", networkChanged, { signal });

    void getBattery
      ?.call(navigator)
      .then((battery) => {
        const read = () => update({ battery: Math.round(battery.level * 100) });
        read();
        battery.addEventListener("levelchange", read, { signal });
      })
      .catch(() => {});
    void navigator.permissions
      ?.query({ name: "geolocation" })
      .then((status) => {
        const read = () => update({ permission: status.state });
        read();
        status.addEventListener("change", read, { signal });
      })
      .catch(() => {});
    return () => ended.abort();
  }, []);

  return phone;
}
