import { defineConfig } from "vitest/config";

// Browser tests: the real binary, real MQTT clients, Chromium. One at a time, and
// once more when a busy machine has missed a deadline.
export default defineConfig({
  test: { include: ["e2e/**/*.test.ts"], setupFiles: ["e2e/faults.ts"], environment: "node", fileParallelism: false, retry: 1, testTimeout: 120_000, hookTimeout: 120_000, expect: { poll: { timeout: 15_000 } } },
});
