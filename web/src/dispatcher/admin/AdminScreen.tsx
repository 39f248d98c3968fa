import { useEffect, useRef, type ReactNode } from "react";

import "../screens.css";
import "./admin.css";
import { linkTo, pathOf } from "../route";
import type { Fleet } from "../useFleet";
import { Audit } from "./Audit";
import { Clients } from "./Clients";
import { DeadLetters } from "./DeadLetters";
import { Devices } from "./Devices";
import { Drivers } from "./Drivers";
import { t } from "./messages";
import { System } from "./System";
import { Tokens } from "./Tokens";
import { Users } from "./Users";
import { Webhooks } from "./Webhooks";

interface Shown {
  fleet: Fleet;
  now: number;
}

const tabs = {
  users: Users, drivers: Drivers, devices: Devices, tokens: Tokens, webhooks: Webhooks, letters: DeadLetters, audit: Audit, clients: Clients, system: System,
} satisfies Record<string, (props: Shown) => ReactNode>;
type Tab = keyof typeof tabs;

/** What an administrator of the fleet looks after. */
export default function AdminScreen({ fleet, now, tab }: Shown & { tab: string | undefined }) {
  const shown: Tab = tab !== undefined && tab in tabs ? (tab as Tab) : "users";
  const Page = tabs[shown];
  const bar = useRef<HTMLElement>(null);
  useEffect(() => {
    // It may return a promise, which is no clean-up.
    void bar.current!.querySelector("[aria-current]")!.scrollIntoView({ block: "nearest", inline: "center" });
  }, [shown]);
  return (
    <div className="screen admin" data-testid="admin-screen">
      <nav ref={bar} className="tabs" aria-label={t("tabs")}>
        {(Object.keys(tabs) as Tab[]).map((name) => (
          <a key={name} {...linkTo(pathOf("admin", name))} aria-current={name === shown ? "page" : undefined} data-testid={`tab-${name}`}>{t(`tab.${name}`)}</a>
        ))}
      </nav>
      <Page key={shown} fleet={fleet} now={now} />
    </div>
  );
}
