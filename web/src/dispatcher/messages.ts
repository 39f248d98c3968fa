import { applyLanguage, pickLanguage, translator, type Catalogue, type Language } from "../i18n/translate";
import { de } from "./messages.de";
import { en } from "./messages.en";

export type MessageKey = keyof typeof en;
const catalogues: Record<Language, Catalogue<MessageKey>> = { en, de };

export const language = pickLanguage(navigator.languages);
applyLanguage(language);

/** What numbers and times are written by: the user's own region, where its language is the one we speak. */
export const locale = navigator.languages.find((tag) => pickLanguage([tag]) === language) ?? language;

/** The message of key in the user's language. */
export const t = translator(catalogues[language]);
