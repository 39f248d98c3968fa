import type { Catalogue } from "./translate";

const holes = (message: string) => [...message.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort().join(",");

/** Says how other differs from base: missing, surplus and empty keys, and other `{holes}`. Empty when all is well. */
export function compareCatalogues(base: Catalogue<string>, other: Catalogue<string>): string[] {
  const faults: string[] = [];
  for (const [key, message] of Object.entries(base)) {
    const theirs = other[key];
    if (!theirs) faults.push(`${key} is missing`);
    else if (holes(theirs) !== holes(message)) faults.push(`${key} fills in {${holes(theirs)}}, want {${holes(message)}}`);
  }
  for (const key of Object.keys(other)) if (!(key in base)) faults.push(`${key} is not in the base language`);
  return faults;
}
