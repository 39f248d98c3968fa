import { useEffect, useRef, type ReactNode } from "react";

import { t } from "./messages";

interface Props {
  kind: "info" | "warning" | "error";
  children: ReactNode;
  action?: { label: string; run: () => void };
  onDismiss?: () => void;
}

/** One thing that the driver should know, with at most one thing to do about it. */
export function Notice({ kind, children, action, onDismiss }: Props) {
  const notice = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (kind === "error") notice.current?.scrollIntoView({ block: "center" });
  }, [kind]);
  return (
    <div ref={notice} className="notice" data-kind={kind} role={kind === "error" ? "alert" : undefined}>
      <div>{children}</div>
      {action && <button className={kind === "error" ? "primary" : undefined} onClick={action.run}>{action.label}</button>}
      {onDismiss && (
        <button className="dismiss" aria-label={t("notice.dismiss")} onClick={onDismiss}>
          <span aria-hidden="true">×</span>
        </button>
      )}
    </div>
  );
}
