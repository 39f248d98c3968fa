import { defineConfig } from "vitest/config";

// Pictures of every screen, of the real binary: `npm run screens`.
export default defineConfig({
  test: { include: ["scripts/screens.ts", "scripts/driverScreens.ts"], environment: "node", testTimeout: 300_000, hookTimeout: 60_000 },
});
