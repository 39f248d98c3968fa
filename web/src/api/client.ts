import type { Credentials } from "../mqtt/credentials";
import type { components } from "./schema";

export type Schemas = components["schemas"];

export const BASE = "/api/v1";
const TIMEOUT = 15_000;

/** A fetch that sends the token, and renews it once when the server takes it no more. limit bounds the whole answer, in ms. */
export const authorized = (credentials: Credentials, limit = TIMEOUT) => async (request: Request): Promise<Response> => {
  const send = (token: string) => {
    const copy = new Request(request.clone(), { signal: AbortSignal.any([request.signal, AbortSignal.timeout(limit)]) });
    copy.headers.set("Authorization", `Bearer ${token}`);
    return fetch(copy);
  };
  const token = await credentials.access();
  const response = await send(token);
  return response.status === 401 ? send(await credentials.access(token)) : response;
};
