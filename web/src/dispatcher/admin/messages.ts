import { translator } from "../../i18n/translate";
import { language } from "../messages";
import { de } from "./messages.de";
import { en } from "./messages.en";

/** The messages of the administration, which are fetched with it. */
export const t = translator<keyof typeof en>({ en, de }[language]);
