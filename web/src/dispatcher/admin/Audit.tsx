import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { Schemas } from "../../api/client";
import type { Page } from "../../api/rest";
import type { Fleet } from "../useFleet";
import { changesOf } from "./changes";
import { ListTable } from "./ListTable";
import { t } from "./messages";
import { timeText } from "./problem";

type Entry = Schemas["AuditEntry"];
const MOST_PAGES = 50; // the API lists the oldest first
const KEPT = 1_000; // of the newest

/** Who changed what, and when; the newest first. */
export function Audit({ fleet: { rest, name } }: { fleet: Fleet }) {
  const [search, setSearch] = useState("");
  const query = useQuery({
    queryKey: ["audit", name],
    queryFn: async ({ signal }) => {
      let kept: Entry[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < MOST_PAGES; page++) {
        const { items, next } = await rest.call<Page<Entry>>("GET", "/audit", { query: { limit: 1_000, cursor }, signal });
        kept = [...kept, ...items].slice(-KEPT);
        if (next === null) break;
        cursor = next;
      }
      return kept.reverse();
    },
    networkMode: "always",
    retry: false,
  });
  const wanted = search.trim().toLocaleLowerCase();
  const all = query.data ?? [];
  const items = wanted ? all.filter((e) => [e.actor, e.action, e.entity, e.id, e.address, JSON.stringify(e.after ?? e.before ?? "")].join(" ").toLocaleLowerCase().includes(wanted)) : all;
  const list = { items, loading: query.isPending, error: query.isError ? query.error : null, hasMore: false, more: () => {}, reload: () => void query.refetch() };
  return (
    <>
      <div className="tab-tools start">
        <input className="search" type="search" placeholder={t("audit.search")} aria-label={t("audit.search")} value={search} onChange={(event) => setSearch(event.target.value)} data-testid="audit-search" />
        <button className="button" onClick={list.reload}>{t("reload")}</button>
      </div>
      <ListTable list={list} label={t("tab.audit")} keyOf={(e) => `${e.at} ${e.actor} ${e.action} ${e.id}`} testid="audit" empty={t(wanted ? "audit.noMatch" : "audit.empty")}
        heads={[t("audit.at"), t("audit.actor"), t("audit.action"), t("audit.entity"), t("audit.changes"), t("audit.address")]}
        row={(entry) => (
          <>
            <td className="nowrap">{timeText(entry.at)}</td>
            <td>{entry.actor}</td>
            <td>{entry.action}</td>
            <td><span className="hint">{entry.entity}</span> {entry.id}</td>
            <td><Changes before={entry.before} after={entry.after} /></td>
            <td className="nowrap">{entry.address}</td>
          </>
        )} />
    </>
  );
}

function Changes({ before, after }: { before: unknown; after: unknown }) {
  const changes = changesOf(before, after);
  if (changes.length === 0) return null;
  return (
    <ul className="changes">
      {changes.map(({ key, before, after }) => (
        <li key={key}>
          {key && <span className="hint">{key}: </span>}
          {before !== undefined && <><span className="unseen">{t("audit.before")}: </span><del>{before}</del></>}
          {before !== undefined && after !== undefined && " → "}
          {after !== undefined && <><span className="unseen">{t("audit.after")}: </span><ins>{after}</ins></>}
        </li>
      ))}
    </ul>
  );
}
