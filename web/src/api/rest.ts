import { ApiError, type Credentials } from "../mqtt/credentials";
import { BASE, authorized } from "./client";

/** What goes with a call, besides its path. */
export interface CallOptions {
  query?: Record<string, string | number | undefined>;
  body?: object;
  /** The version that a change is made from; another one there is answered with 412. */
  ifMatch?: number;
  /** So that a write that is sent twice happens once. */
  once?: string;
  signal?: AbortSignal;
}

/** One page of a list. */
export interface Page<T> {
  items: T[];
  next: string | null;
}

/** One field that the server refused. */
export interface FieldProblem {
  location: string;
  message: string;
}

/** An answer that was no success, with the fields at fault. */
export class RefusedError extends ApiError {
  constructor(status: number, detail: string, readonly fields: readonly FieldProblem[]) {
    super(status, detail);
  }
}

const LONGEST_STREAM = 2 * 3_600_000; // ms; the server bounds streams itself

export type Rest = ReturnType<typeof rest>;

/** Calls of the API by method and path; shapes.ts says what comes back. Throws RefusedError, or what fetch throws. */
export function rest(credentials: Credentials) {
  const send = authorized(credentials);
  const listen = authorized(credentials, LONGEST_STREAM);

  async function response(method: string, path: string, { query, body, ifMatch, once, signal }: CallOptions = {}, fetchIt = send): Promise<Response> {
    const url = new URL(BASE + path, location.origin);
    for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined && value !== "") url.searchParams.set(name, String(value));
    const headers: Record<string, string> = {};
    if (body) headers["Content-Type"] = "application/json";
    if (ifMatch !== undefined) headers["If-Match"] = `"${ifMatch}"`;
    if (once) headers["Idempotency-Key"] = once;
    const answer = await fetchIt(new Request(url, { method, headers, body: body && JSON.stringify(body), signal }));
    if (answer.ok) return answer;
    const problem = (await answer.json().catch(() => ({}))) as { detail?: string; title?: string; errors?: FieldProblem[] | null };
    throw new RefusedError(answer.status, problem.detail ?? problem.title ?? answer.statusText, problem.errors ?? []);
  }

  async function call<T>(method: string, path: string, options?: CallOptions): Promise<T> {
    const answer = await response(method, path, options);
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  }

  /** Reads a list page by page, at most `most` items of it. */
  async function all<T>(path: string, { query, signal }: CallOptions = {}, most = 10_000): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | undefined;
    do {
      const page = await call<Page<T>>("GET", path, { query: { limit: 1_000, ...query, cursor }, signal });
      items.push(...page.items);
      cursor = page.next ?? undefined;
    } while (cursor && items.length < most);
    return items;
  }

  /** Reads an answer of one JSON object a line, each as it comes. */
  async function* lines<T>(path: string, { query, signal }: CallOptions): AsyncGenerator<T> {
    const { body } = await response("GET", path, { query, signal }, listen);
    const decoder = new TextDecoder();
    let rest = "";
    for (const reader = body!.getReader(); ; ) {
      const { done, value } = await reader.read();
      const parts = (rest + decoder.decode(value, { stream: !done })).split("\n");
      rest = parts.pop()!;
      for (const line of parts) if (line) yield JSON.parse(line) as T;
      if (done) return;
    }
  }

  /** Fetches a file and hands it to the user: a link could not carry the token. */
  async function download(path: string, query: CallOptions["query"], name: string): Promise<void> {
    const url = URL.createObjectURL(await (await response("GET", path, { query })).blob());
    const link = Object.assign(document.createElement("a"), { href: url, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }

  return { call, all, lines, response, download };
}

/** An id as one part of a path. */
export const part = encodeURIComponent;

/** A key for one write that may be sent again. */
export const onceKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
