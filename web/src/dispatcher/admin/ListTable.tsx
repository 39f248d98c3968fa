import type { ReactNode } from "react";

import { RefusedError } from "../../api/rest";
import { t } from "./messages";
import { problemText } from "./problem";
import type { List } from "./useList";

interface Props<T> {
  list: List<T>;
  label: string;
  heads: readonly string[];
  /** The cells of one item. */
  row: (item: T) => ReactNode;
  keyOf: (item: T) => string;
  empty: string;
  emptyHint?: string;
  testid: string;
}

/** A list as a table, or what stands in its place: loading, failed, not offered, empty. */
export function ListTable<T>({ list, label, heads, row, keyOf, empty, emptyHint, testid }: Props<T>) {
  if (list.loading) return <div className="nothing" role="status">{t("loading")}</div>;
  if (list.error) {
    const unsupported = list.error instanceof RefusedError && (list.error.status === 404 || list.error.status === 405 || list.error.status === 501);
    return (
      <div className="nothing" data-testid={`${testid}-failed`}>
        <strong>{unsupported ? t("unsupported") : t("failed", { reason: problemText(list.error) })}</strong>
        {!unsupported && <button className="button" onClick={list.reload}>{t("retry")}</button>}
      </div>
    );
  }
  if (list.items.length === 0) {
    return (
      <div className="nothing" data-testid={`${testid}-empty`}>
        <strong>{empty}</strong>
        {emptyHint && <p>{emptyHint}</p>}
        {list.hasMore && <button className="button" onClick={list.more}>{t("more")}</button>}
      </div>
    );
  }
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label={label}>
      <table className="table" data-testid={testid}>
        <thead><tr>{heads.map((head, i) => <th key={i} scope="col">{head || <span className="unseen">{label}</span>}</th>)}</tr></thead>
        <tbody>{list.items.map((item) => <tr key={keyOf(item)} data-id={keyOf(item)}>{row(item)}</tr>)}</tbody>
      </table>
      {list.hasMore && <button className="button more" onClick={list.more}>{t("more")}</button>}
    </div>
  );
}
