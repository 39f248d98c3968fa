import type { Schemas } from "../../api/client";
import { part } from "../../api/rest";
import type { Fleet } from "../useFleet";
import { ListTable } from "./ListTable";
import { t } from "./messages";
import { timeText, useAttempt } from "./problem";
import { useList } from "./useList";

type Letter = Schemas["DeadLetter"];

/** What could never be stored, and why. */
export function DeadLetters({ fleet }: { fleet: Fleet }) {
  const list = useList<Letter>(fleet, "/dead-letters");
  const { problem, note, attempt } = useAttempt();
  const retry = ({ id }: Letter) => void attempt(() => fleet.rest.call("POST", `/dead-letters/${part(id)}/retry`), t("letters.retried")).then(list.reload);
  const remove = ({ id }: Letter) => void attempt(() => fleet.rest.call("DELETE", `/dead-letters/${part(id)}`)).then(list.reload);
  return (
    <>
      {(problem || note) && (
        <div className="tab-tools">
          {problem && <p className="problem" role="alert">{problem}</p>}
          {note && <p className="done-note" role="status">{note}</p>}
        </div>
      )}
      <ListTable list={list} label={t("tab.letters")} keyOf={(l) => l.id} testid="letters" empty={t("letters.empty")} emptyHint={t("letters.emptyHint")}
        heads={[t("letters.at"), t("letters.topic"), t("letters.reason"), ""]}
        row={(letter) => (
          <>
            <td className="nowrap">{timeText(letter.received_at)}</td>
            <td><code>{letter.topic}</code></td>
            <td>
              {[letter.field, letter.reason].filter(Boolean).join(" ")}
              <details><summary>{t("letters.payload")}</summary><code>{letter.payload || letter.payload_base64}</code></details>
            </td>
            <td>
              <span className="actions">
                <button className="button small" onClick={() => retry(letter)}>{t("letters.retry")}</button>
                <button className="button small danger" onClick={() => remove(letter)}>{t("delete")}</button>
              </span>
            </td>
          </>
        )} />
    </>
  );
}
