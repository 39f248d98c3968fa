import { applyLanguage, pickLanguage, translator, type Catalogue, type Language } from "../i18n/translate";
import type { en } from "./messages.en";

export type MessageKey = keyof typeof en;

const KEY = "dray.language";

export const language = pickLanguage([localStorage.getItem(KEY) ?? "", ...navigator.languages]);
applyLanguage(language);

/** Speaks another language from now on, on this machine. */
export function setLanguage(language: Language) {
  localStorage.setItem(KEY, language);
  location.reload(); // one catalogue is loaded, not all
}

// One language is fetched, not all.
const catalogue: Catalogue<MessageKey> = language === "de" ? (await import("./messages.de")).de : (await import("./messages.en")).en;

/** What numbers and times are written by: the user's own region, where its language is the one we speak. */
export const locale = navigator.languages.find((tag) => pickLanguage([tag]) === language) ?? language;

/** The message of key in the user's language. */
export const t = translator<MessageKey>(catalogue);
