import { Component, type ReactNode } from "react";

import { t } from "./messages";

/** Holds what goes wrong in one screen inside it: an error of ours, or its code that could not be fetched. */
export class ScreenBoundary extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  override render() {
    if (!this.state.broken) return this.props.children;
    return (
      <div className="nothing" role="alert">
        <strong>{t("screen.broken")}</strong>
        <button className="button" onClick={() => location.reload()}>{t("screen.reload")}</button>
      </div>
    );
  }
}
