import { useEffect, useRef, useState, type ChangeEvent, type ReactNode } from "react";

import type { Job } from "./job";
import type { StatusDetail } from "./jobs";
import { t } from "./messages";
import { shrinkPhoto } from "./photo";
import { SignaturePad } from "./SignaturePad";

interface SheetProps {
  title: string;
  submit: string;
  /** Something is still being made ready: not yet. */
  busy?: boolean;
  onSubmit: (form: FormData) => void;
  onClose: () => void;
  children: ReactNode;
}

/** A modal form that is open as long as it is drawn. */
function Sheet({ title, submit, busy, onSubmit, onClose, children }: SheetProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    dialog.current?.focus(); // and no field: a keyboard would cover half of what is asked
  }, []);
  return (
    <dialog ref={dialog} tabIndex={-1} onClose={onClose} aria-label={title}>
      <h2>{title}</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit(new FormData(event.currentTarget));
          onClose();
        }}
      >
        {children}
        <div className="actions">
          <button type="button" onClick={onClose}>
            {t("dialog.cancel")}
          </button>
          <button className="primary" disabled={busy}>
            {submit}
          </button>
        </div>
      </form>
    </dialog>
  );
}

const reasons = ["time", "far", "vehicle", "other"] as const;

/** Asks why a job is declined. */
export function DeclineDialog({ job, onDecline, onClose }: { job: Job; onDecline: (reason: string) => void; onClose: () => void }) {
  return (
    <Sheet
      title={t("decline.title", { reference: job.reference })}
      submit={t("job.decline")}
      onSubmit={(form) => onDecline(String(form.get("reason")))}
      onClose={onClose}
    >
      <fieldset>
        <legend>{t("decline.reason")}</legend>
        {reasons.map((reason) => (
          <label key={reason}>
            <input type="radio" name="reason" value={t(`decline.${reason}`)} required />
            {t(`decline.${reason}`)}
          </label>
        ))}
      </fieldset>
    </Sheet>
  );
}

/** Asks why a job could not be done. */
export function FailedDialog({ job, onReport, onClose }: { job: Job; onReport: (detail: StatusDetail) => void; onClose: () => void }) {
  return (
    <Sheet
      title={t("failed.title", { reference: job.reference })}
      submit={t("failed.submit")}
      onSubmit={(form) => onReport({ note: String(form.get("note")) })}
      onClose={onClose}
    >
      <label className="field">
        {t("failed.note")}
        <textarea name="note" required maxLength={500} />
      </label>
    </Sheet>
  );
}

/** Takes the proof of a delivery: all of it is optional. */
export function ProofDialog({ job, onReport, onClose }: { job: Job; onReport: (detail: StatusDetail) => void; onClose: () => void }) {
  const [signature, setSignature] = useState<string>();
  const [photo, setPhoto] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");

  async function take(event: ChangeEvent<HTMLInputElement>) {
    const file = event.currentTarget.files?.[0];
    setProblem("");
    setPhoto(undefined);
    if (!file) return;
    setBusy(true);
    try {
      setPhoto(await shrinkPhoto(file));
    } catch {
      setProblem(t("proof.photo.failed"));
    }
    setBusy(false);
  }

  function submit(form: FormData) {
    const [name, note] = [String(form.get("name")).trim(), String(form.get("note")).trim()];
    const proof = { ...(name && { name }), ...(signature && { signature }), ...(photo && { photo }) };
    onReport({ ...(note && { note }), ...(Object.keys(proof).length > 0 && { proof }) });
  }

  return (
    <Sheet title={t("proof.title", { reference: job.reference })} submit={t("proof.submit")} busy={busy} onSubmit={submit} onClose={onClose}>
      <label className="field">
        {t("proof.name")}
        <input name="name" maxLength={200} autoComplete="off" />
      </label>
      <SignaturePad onChange={setSignature} />
      <div className="field">
        <span>{t("proof.photo")}</span>
        <label className="take-photo">
          <input className="visually-hidden" type="file" accept="image/*" capture="environment" disabled={busy} onChange={(event) => void take(event)} />
          {t(busy ? "proof.photo.busy" : photo ? "proof.photo.again" : "proof.photo.take")}
        </label>
      </div>
      <p className="problem" role="alert">
        {problem}
      </p>
      {photo && <img className="photo" src={photo} alt={t("proof.photo")} />}
      <label className="field">
        {t("proof.note")}
        <textarea name="note" maxLength={500} />
      </label>
    </Sheet>
  );
}
