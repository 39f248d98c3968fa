import { useSyncExternalStore, type MouseEvent } from "react";

export const screens = ["map", "shipments", "history", "replay", "admin"] as const;
export type Screen = (typeof screens)[number];

/** Where the user is: `/shipments/s1` is the screen `shipments` with the parts `["s1"]`. */
export interface Route {
  screen: Screen;
  parts: readonly string[];
  query: URLSearchParams;
}

/** Reads an address of the dashboard. `/drivers/{id}` is the map with that driver; what is not known is the map. */
export function parseRoute(path: string, search = ""): Route {
  const [first = "", ...parts] = path.split("/").filter(Boolean).map(decode);
  const screen = screens.find((name) => name === first) ?? "map";
  return { screen, parts: first === "drivers" || screen !== "map" ? parts : [], query: new URLSearchParams(search) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a screen, with its parts. */
export function pathOf(screen: Screen, ...parts: string[]): string {
  const first = screen === "map" ? (parts.length > 0 ? ["drivers"] : []) : [screen];
  return `/${[...first, ...parts].map(encodeURIComponent).join("/")}`;
}

const listeners = new Set<() => void>();
const tell = () => listeners.forEach((listener) => listener());

function subscribe(listener: () => void) {
  listeners.add(listener);
  addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("popstate", listener);
  };
}

/** Goes to path; with replace, "back" does not return to where the user is now. */
export function navigate(path: string, replace = false) {
  if (path === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", path);
  tell();
}

export function useRoute(): Route {
  const address = useSyncExternalStore(subscribe, () => location.pathname + location.search);
  const [path, search = ""] = address.split("?");
  return parseRoute(path, search);
}

/** What makes an anchor go to path without loading the page again. Other clicks (a new tab) are the browser's. */
export const linkTo = (path: string) => ({
  href: path,
  onClick: (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(path);
  },
});
