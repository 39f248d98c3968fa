import { useId } from "react";

import { languages, type Language } from "../i18n/translate";
import "./settings.css";
import { language, setLanguage, t } from "./messages";
import { themes, type Theme } from "./useTheme";
import type { Fleet } from "./useFleet";
import { ZoneSettings } from "./ZoneSettings";

interface Props {
  fleet: Fleet;
  theme: Theme;
  onTheme: (theme: Theme) => void;
  onSignOut: () => void;
}

/** By their own names, for who does not read the language that is on. */
const languageNames: Record<Language, string> = { en: "English", de: "Deutsch" };

/** Who is signed in, how they like the page, and the way out. */
export function Settings({ fleet, theme, onTheme, onSignOut }: Props) {
  const { user, role } = fleet;
  const id = useId();
  return (
    <>
      <button className="button quiet settings-open" popoverTarget={id} aria-label={t("settings.open", { user })} title={t("settings.open", { user })} data-testid="settings">
        <svg viewBox="0 0 16 16" aria-hidden="true"><circle cx="8" cy="5.5" r="2.8" /><path d="M2.8 14a5.2 5.2 0 0 1 10.4 0" /></svg>
        <span>{user}</span>
      </button>
      <div id={id} popover="auto" className="settings" role="group" aria-label={t("settings.open", { user })}>
        <p><strong>{user}</strong> <span className="hint">{role === "admin" ? t("role.admin") : t("role.dispatcher")}</span></p>
        <label className="field">
          {t("settings.theme")}
          <select value={theme} onChange={(event) => onTheme(event.target.value as Theme)} data-testid="theme">
            {themes.map((name) => <option key={name} value={name}>{t(`theme.${name}`)}</option>)}
          </select>
        </label>
        <label className="field">
          {t("settings.language")}
          <select value={language} onChange={(event) => setLanguage(event.target.value as Language)} data-testid="language">
            {languages.map((name) => <option key={name} value={name} lang={name}>{languageNames[name]}</option>)}
          </select>
        </label>
        <ZoneSettings fleet={fleet} />
        <button className="button" onClick={onSignOut} data-testid="sign-out">{t("bar.signOut")}</button>
      </div>
    </>
  );
}
