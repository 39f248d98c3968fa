import { useMutation } from "@tanstack/react-query";

import type { Schemas } from "../api/client";
import { allZones, chosenZone, chooseZone, keepFleetZone, useFleetZone, useZone } from "../i18n/zone";
import { t } from "./messages";
import type { Fleet } from "./useFleet";

/** The time zone of the fleet, which an admin sets, and the one in which times are shown on this machine. */
export function ZoneSettings({ fleet: { name, role, rest } }: { fleet: Fleet }) {
  const fleets = useFleetZone();
  const shown = useZone();
  const save = useMutation({
    mutationFn: (zone: string) => rest.call<Schemas["Fleet"]>("PATCH", "/fleet", { body: { time_zone: zone } }),
    onSuccess: ({ time_zone }) => keepFleetZone(name, time_zone),
    networkMode: "always",
  });
  return (
    <>
      {role === "admin" && (
        <label className="field">
          {t("settings.fleetZone")}
          <select value={(save.isPending ? save.variables : fleets) ?? ""} disabled={save.isPending} onChange={(event) => save.mutate(event.target.value)} data-testid="fleet-zone">
            <option value="">{t("settings.noZone")}</option>
            <Zones />
          </select>
        </label>
      )}
      {save.isError && <p className="problem" role="alert">{t("settings.zoneFailed", { reason: save.error.message })}</p>}
      <label className="field">
        {t("settings.zone")}
        <select value={chosenZone() ?? ""} onChange={(event) => chooseZone(event.target.value || null)} data-testid="zone">
          <option value="">{fleets ? t("settings.asFleet", { zone: fleets }) : t("settings.machineZone")}</option>
          <Zones />
        </select>
      </label>
      <p className="hint">{t("settings.zoneHint", { zone: shown })}</p>
    </>
  );
}

const Zones = () => allZones().map((name) => <option key={name} value={name}>{name}</option>);
