/** The messages of one language; `{name}` in a message is filled in, and `{name|one|more}` says which of two words fits the number. */
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
  return (key, values) => {
    if (!values) return catalogue[key];
    return catalogue[key]
      .replace(/\{(\w+)\|([^|}]*)\|([^|}]*)\}/g, (_, name: string, one: string, more: string) => (String(values[name]) === "1" ? one : more))
      .replace(/\{(\w+)\}/g, (hole, name: string) => String(values[name] ?? hole));
  };
}

/** Tells the document its language and direction, for screen readers, hyphenation and layout. */
export function applyLanguage(language: string) {
  document.documentElement.lang = language;
  document.documentElement.dir = rightToLeft.has(language) ? "rtl" : "ltr";
}
