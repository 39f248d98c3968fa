import createClient from "openapi-fetch";

import { ApiError, type Credentials } from "../mqtt/credentials";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Client = ReturnType<typeof apiClient>;

export const BASE = "/api/v1";
const TIMEOUT = 15_000;

/** A fetch that sends the token, and renews it once when the server takes it no more. */
export const authorized = (credentials: Credentials) => async (request: Request): Promise<Response> => {
  const send = (token: string) => {
    const copy = new Request(request.clone(), { signal: AbortSignal.any([request.signal, AbortSignal.timeout(TIMEOUT)]) });
    copy.headers.set("Authorization", `Bearer ${token}`);
    return fetch(copy);
  };
  const token = await credentials.access();
  const response = await send(token);
  return response.status === 401 ? send(await credentials.access(token)) : response;
};

/** A REST client on the generated types. */
export const apiClient = (credentials: Credentials) => createClient<paths>({ baseUrl: BASE, fetch: authorized(credentials) });

/** The answer's data, or the server's problem as an ApiError. */
export function dataOf<T>({ data, error, response }: { data?: T; error?: unknown; response: Response }): T {
  if (data !== undefined) return data;
  const problem = (error ?? {}) as { detail?: string; title?: string };
  throw new ApiError(response.status, problem.detail ?? problem.title ?? response.statusText);
}
