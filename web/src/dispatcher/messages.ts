import { applyLanguage, pickLanguage, translator, type Catalogue } from "../i18n/translate";
import type { en } from "./messages.en";

export type MessageKey = keyof typeof en;

export const language = pickLanguage(navigator.languages);
applyLanguage(language);

// One language is fetched, not all.
const catalogue: Catalogue<MessageKey> = language === "de" ? (await import("./messages.de")).de : (await import("./messages.en")).en;

/** What numbers and times are written by: the user's own region, where its language is the one we speak. */
export const locale = navigator.languages.find((tag) => pickLanguage([tag]) === language) ?? language;

/** The message of key in the user's language. */
export const t = translator<MessageKey>(catalogue);
