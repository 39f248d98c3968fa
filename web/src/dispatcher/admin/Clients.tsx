import type { Schemas } from "../../api/client";
import { part } from "../../api/rest";
import { ageText } from "../age";
import { locale } from "../messages";
import type { Fleet } from "../useFleet";
import { bytesText } from "./bytes";
import { ListTable } from "./ListTable";
import { t } from "./messages";
import { useAttempt } from "./problem";
import { useList } from "./useList";

type Client = Schemas["Client"];
const EVERY = 5_000; // ms
const count = new Intl.NumberFormat(locale, { notation: "compact" });

/** Who is connected to the broker now. */
export function Clients({ fleet, now }: { fleet: Fleet; now: number }) {
  const list = useList<Client>(fleet, "/clients", EVERY);
  const { problem, attempt } = useAttempt();
  const end = ({ client_id: id }: Client) =>
    confirm(t("clients.endSure", { id })) && void attempt(() => fleet.rest.call("DELETE", `/clients/${part(id)}`)).then(list.reload);
  return (
    <>
      {problem && <div className="tab-tools"><p className="problem" role="alert">{problem}</p></div>}
      <ListTable list={list} label={t("tab.clients")} keyOf={(c) => c.client_id} testid="clients" empty={t("clients.empty")}
        heads={[t("clients.client"), t("role"), t("clients.address"), t("clients.since"), t("clients.traffic"), t("clients.queue"), ""]}
        row={(client) => (
          <>
            <td><strong>{client.client_id}</strong>{client.driver && client.driver !== client.subject && <div className="hint">{client.driver}</div>}</td>
            <td>{client.role}<div className="hint">MQTT {client.protocol}</div></td>
            <td className="nowrap">{client.address}</td>
            <td className="nowrap">{ageText(now - Date.parse(client.connected_at))}</td>
            <td className="numbers">{count.format(client.received)} / {count.format(client.sent)}</td>
            <td className="numbers">{bytesText(client.queue_bytes)}{client.dropped > 0 && <div className="row-state concern">{t("clients.dropped", { count: client.dropped })}</div>}</td>
            <td><span className="actions"><button className="button small" onClick={() => end(client)}>{t("clients.end")}</button></span></td>
          </>
        )} />
    </>
  );
}
