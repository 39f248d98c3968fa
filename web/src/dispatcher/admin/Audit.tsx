import type { Schemas } from "../../api/client";
import type { Fleet } from "../useFleet";
import { ListTable } from "./ListTable";
import { t } from "./messages";
import { timeText } from "./problem";
import { useList } from "./useList";

type Entry = Schemas["AuditEntry"];

/** Who changed what, and when. */
export function Audit({ fleet }: { fleet: Fleet }) {
  const list = useList<Entry>(fleet, "/audit");
  return (
    <ListTable list={list} label={t("tab.audit")} keyOf={(e) => `${e.at} ${e.actor} ${e.action} ${e.id}`} testid="audit" empty={t("audit.empty")}
      heads={[t("audit.at"), t("audit.actor"), t("audit.action"), t("audit.entity"), t("audit.address")]}
      row={(entry) => (
        <>
          <td className="nowrap">{timeText(entry.at)}</td>
          <td>{entry.actor}</td>
          <td>{entry.action}<Values label={t("audit.before")} value={entry.before} /><Values label={t("audit.after")} value={entry.after} /></td>
          <td>{entry.entity} {entry.id}</td>
          <td className="nowrap">{entry.address}</td>
        </>
      )} />
  );
}

function Values({ label, value }: { label: string; value: unknown }) {
  if (value === undefined || value === null) return null;
  return <div className="hint">{label}: <code>{JSON.stringify(value)}</code></div>;
}
