import { t } from "./messages";
import { linkTo, pathOf, screens, type Screen } from "./route";

const icons: Record<Screen, string> = {
  map: "M6 3 2 5v9l4-2 4 2 4-2V3l-4 2Zm0 0v9m4-7v9",
  shipments: "M8 2 2.5 5v6L8 14l5.5-3V5Zm0 0M2.5 5 8 8l5.5-3M8 8v6",
  history: "M2.5 13V9l3-3 3 4 5-7",
  replay: "M3 8a5 5 0 1 0 1.5-3.5L3 6m0-3v3h3M8 5.5V8l2 1.5",
  admin: "M2.5 4h6m3 0h2m-11 4h2m3 0h6m-11 4h6m3 0h2M10 2.5v3M6 6.5v3m4 1v3",
};

/** The screens that a role may open. */
export const screensOf = (role: string) => screens.filter((screen) => screen !== "admin" || role === "admin");

export function Nav({ role, current }: { role: string; current: Screen }) {
  return (
    <nav className="nav" aria-label={t("nav.label")}>
      {screensOf(role).map((screen) => (
        <a key={screen} {...linkTo(pathOf(screen))} aria-current={screen === current ? "page" : undefined} data-testid={`nav-${screen}`}>
          <svg viewBox="0 0 16 16" aria-hidden="true"><path d={icons[screen]} /></svg>
          <span>{t(`nav.${screen}`)}</span>
        </a>
      ))}
    </nav>
  );
}
