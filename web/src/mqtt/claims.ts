/** What a token says of its holder (docs/mqtt.md). Read for topics and labels only: the server verifies. */
export interface Claims {
  sub: string;
  fleet: string;
  role: string;
  /** Role device only: the driver it reports for. */
  driver?: string;
  /** When it ends, in seconds since 1970. */
  exp: number;
}

/** Reads the claims of a JWT, or null when it is none of ours. */
export function readClaims(token: string): Claims | null {
  try {
    const [, body = ""] = token.split(".");
    const bytes = Uint8Array.from(atob(body.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Claims>;
    const { sub, fleet, role, driver, exp } = claims;
    if (typeof sub !== "string" || typeof fleet !== "string" || typeof role !== "string" || typeof exp !== "number") return null;
    return { sub, fleet, role, exp, ...(typeof driver === "string" && { driver }) };
  } catch {
    return null;
  }
}
