/**
 * Whether filter selects topic (MQTT 5, section 4.7): `+` is one level, `#` is
 * the rest and the parent level too. Neither selects a `$` topic at the first level.
 */
export function matchTopic(filter: string, topic: string): boolean {
  const wants = filter.split("/");
  const has = topic.split("/");
  if (topic.startsWith("$") && (wants[0] === "+" || wants[0] === "#")) return false;
  for (const [i, want] of wants.entries()) {
    if (want === "#") return true;
    if (i >= has.length || (want !== "+" && want !== has[i])) return false;
  }
  return wants.length === has.length;
}

/** `fleet/{fleet}/drivers/{driver}/{leaf}`, the form of every topic that belongs to a driver. */
export const driverTopic = (fleet: string, driver: string, leaf: string) => `fleet/${fleet}/drivers/${driver}/${leaf}`;
