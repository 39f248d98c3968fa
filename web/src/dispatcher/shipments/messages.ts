import { translator } from "../../i18n/translate";
import { language } from "../messages";
import { de } from "./messages.de";
import { en } from "./messages.en";

/** The messages of this screen, which are fetched with it. */
export const t = translator<keyof typeof en>({ en, de }[language]);
export type Key = keyof typeof en;
