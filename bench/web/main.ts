// The web pages under load, in headless Chromium, against the real program: what
// they cost the main thread, by the DevTools protocol. See docs/benchmarks.md.

import { measureDashboard } from "./dashboard";
import { measureDriver } from "./driver";
import { Report } from "./report";

/** Measures everything; minutes is how long the dashboard is watched. Returns how many bars were missed. */
export async function run(minutes: number): Promise<number> {
  const report = new Report();
  await measureDriver(report);
  await measureDashboard(report, minutes);
  return report.finish();
}
