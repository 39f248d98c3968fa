import { useEffect, useState, useSyncExternalStore } from "react";

export const themes = ["auto", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const KEY = "dray.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

const onSystemChange = (listener: () => void) => {
  dark.addEventListener("change", listener);
  return () => dark.removeEventListener("change", listener);
};

/** The colours that the user chose, and the scheme they come to; remembered on this machine. */
export function useTheme() {
  const [theme, setTheme] = useState<Theme>(() => themes.find((name) => name === localStorage.getItem(KEY)) ?? "auto");
  const systemDark = useSyncExternalStore(onSystemChange, () => dark.matches);
  const scheme = theme === "auto" ? (systemDark ? "dark" : "light") : theme;
  useEffect(() => {
    document.documentElement.dataset.scheme = scheme;
    localStorage.setItem(KEY, theme);
  }, [theme, scheme]);
  return { theme, scheme, setTheme } as const;
}
