import { useEffect, useRef, type ReactNode } from "react";

/** A modal dialog of the platform, open while it is mounted: it holds the focus, and Escape closes it. */
export function Dialog({ title, onClose, wide = false, children }: { title: string; onClose: () => void; wide?: boolean; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current!;
    if (!element.open) element.showModal();
    return () => element.close();
  }, []);
  return (
    <dialog ref={dialog} className={wide ? "dialog wide" : "dialog"} aria-label={title} onCancel={onClose}
      onKeyDown={(event) => event.stopPropagation()} data-testid="dialog">
      <h2>{title}</h2>
      {children}
    </dialog>
  );
}
