/** One thing that was changed: what it was and what it became; absent for what was not there. */
export interface Change {
  key: string;
  before?: string;
  after?: string;
}

/** Null is what is not there. */
const text = (value: unknown) => (value === null ? undefined : typeof value === "string" ? value : JSON.stringify(value));
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** What differs between two states of something, key by key. */
export function changesOf(before: unknown, after: unknown): Change[] {
  const [old, now] = [before ?? {}, after ?? {}];
  if (!isObject(old) || !isObject(now)) return [{ key: "", before: text(before), after: text(after) }];
  const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  return keys
    .map((key) => ({ key, before: text(old[key]), after: text(now[key]) }))
    .filter(({ before, after }) => before !== after);
}
