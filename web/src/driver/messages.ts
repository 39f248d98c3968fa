import { applyLanguage, pickLanguage, translator, type Catalogue, type Language } from "../i18n/translate";
import { de } from "./messages.de";
import { en } from "./messages.en";

export type MessageKey = keyof typeof en;
const catalogues: Record<Language, Catalogue<MessageKey>> = { en, de };

export const language = pickLanguage(navigator.languages);
applyLanguage(language);

/** The driver's own variety of it, for times: not all who read English have AM and PM. */
export const locale = navigator.languages.find((tag) => tag.toLowerCase().startsWith(language)) ?? language;

/** The message of key in the driver's language. */
export const t = translator(catalogues[language]);
