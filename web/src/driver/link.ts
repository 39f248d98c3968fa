import { readClaims, type Claims } from "../mqtt/claims";

/** The roles whose tokens may report positions. */
export const roles = ["driver", "device"] as const;

/** The driver that a token reports for. */
export const driverOf = (claims: Claims) => claims.driver ?? claims.sub;

/**
 * Takes the token out of a link such as `/driver/#token=…`, and out of the
 * address bar and the history with it. A fragment is never sent to a server.
 * Null when there is none, or none that could report positions.
 */
export function takeLinkToken(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return null;
  history.replaceState(null, "", location.pathname + location.search);
  const claims = readClaims(token);
  return claims && (roles as readonly string[]).includes(claims.role) ? token : null;
}
