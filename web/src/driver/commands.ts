import { isID } from "./job";
import type { Report } from "./outboxStore";

/** What came down on the `commands` topic; action may be one that this version does not know. */
export interface Command {
  id: string;
  action: string;
  text: string;
}

/** Reads a command. Null for what is none, or could not be answered. */
export function parseCommand({ id, action, text }: Record<string, unknown>): Command | null {
  if (typeof id !== "string" || !isID(id) || typeof action !== "string") return null;
  return { id, action, text: typeof text === "string" ? text.slice(0, 2_000) : "" };
}

/** What the phone says of a command. The server sends one again with each connect until it hears something. */
export function commandReceipt(id: string, state: "received" | "seen" | "done" | "failed", reason = ""): Report {
  return { leaf: `commands/${id}/receipt`, payload: { state, at: new Date().toISOString(), ...(reason && { reason }) } };
}
