import { useSyncExternalStore } from "react";

// Chromium's event; not in TypeScript's DOM library.
interface InstallPromptEvent extends Event {
  prompt(): Promise<unknown>;
}

let offer: InstallPromptEvent | null = null;
const listeners = new Set<() => void>();
const set = (event: InstallPromptEvent | null) => {
  offer = event;
  for (const listener of listeners) listener();
};

// It fires once, before anything is drawn.
addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  set(event as InstallPromptEvent);
});
addEventListener("appinstalled", () => set(null));

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** Puts the app on the home screen, or null when the browser does not offer it. */
export function useInstall(): (() => void) | null {
  const event = useSyncExternalStore(subscribe, () => offer);
  return (
    event &&
    (() => {
      set(null); // an offer can be used once
      void event.prompt();
    })
  );
}
