/** The messages of one language; `{name}` in a message is filled in. */
export type Catalogue<Key extends string> = Readonly<Record<Key, string>>;

export type Translate<Key extends string> = (key: Key, values?: Readonly<Record<string, string | number>>) => string;

/** The languages that every part of the web has a catalogue for. */
export const languages = ["en", "de"] as const;
export type Language = (typeof languages)[number];

const rightToLeft = new Set(["ar", "fa", "he", "ur"]);

/** The first of the user's preferred languages that we speak, else English. */
export function pickLanguage(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const found = languages.find((language) => language === tag.toLowerCase().split("-")[0]);
    if (found) return found;
  }
  return "en";
}

/** Returns the function that looks a message up in catalogue and fills it in. */
export function translator<Key extends string>(catalogue: Catalogue<Key>): Translate<Key> {
  return (key, values) =>
    values ? catalogue[key].replace(/\{(\w+)\}/g, (hole, name: string) => String(values[name] ?? hole)) : catalogue[key];
}

/** Tells the document its language and direction, for screen readers, hyphenation and layout. */
export function applyLanguage(language: string) {
  document.documentElement.lang = language;
  document.documentElement.dir = rightToLeft.has(language) ? "rtl" : "ltr";
}
