import { t } from "./messages";

export type Duty = "on" | "break" | "off";
const choices: Duty[] = ["on", "break", "off"];

/** Three large buttons of which one is chosen: native radio buttons, so that keys and screen readers know them. */
export function DutySwitch({ duty, onChange }: { duty: Duty; onChange: (duty: Duty) => void }) {
  return (
    <fieldset className="duty">
      <legend className="visually-hidden">{t("duty.label")}</legend>
      {choices.map((choice) => (
        <label key={choice} data-duty={choice}>
          <input type="radio" name="duty" checked={duty === choice} onChange={() => onChange(choice)} />
          <span>{t(`duty.${choice}`)}</span>
        </label>
      ))}
    </fieldset>
  );
}
