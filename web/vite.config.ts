import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { VitePWA } from "vite-plugin-pwa";

import { driverShell } from "./build/driverShell.ts";
import { precompress } from "./build/precompress.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const shell = driverShell();
const server = "http://127.0.0.1:8080"; // a `dray serve` on this machine

/** Two pages: the dashboard at /, the driver PWA at /driver/. */
const pages = { dispatcher: here("index.html"), driver: here("driver/index.html") };

export default defineConfig({
  plugins: [
    react(),
    shell.plugin,
    precompress(),
    VitePWA({
      filename: "driver/sw.js",
      scope: "/driver/",
      manifest: false, // public/driver/manifest.webmanifest, linked by driver/index.html alone
      injectRegister: false, // the PWA registers it itself, and asks before it updates
      registerType: "prompt",
      workbox: {
        globPatterns: ["driver/**/*.{html,webmanifest,png,svg}", "assets/*.{js,css,woff2}"],
        manifestTransforms: [
          // From the root, not from the folder of the service worker.
          (entries) => ({ manifest: entries.filter((e) => shell.includes(e.url)).map((e) => ({ ...e, url: `/${e.url}` })), warnings: [] }),
        ],
        navigateFallback: "/driver/index.html",
        navigateFallbackAllowlist: [/^\/driver(\/|$)/],
        navigateFallbackDenylist: [/^\/api/, /^\/mqtt/, /^\/metrics/],
      },
    }),
  ],
  worker: { format: "es" }, // MapLibre's worker is a module
  build: {
    outDir: "dist/app", // embedded by embed.go
    emptyOutDir: true,
    license: { fileName: "licenses.md" }, // of what is bundled; `dray licenses` prints it
    target: "es2022",
    modulePreload: { polyfill: false }, // every browser that can run es2022 modules and draw the map has it
    chunkSizeWarningLimit: 1200,
    rolldownOptions: {
      input: pages,
      // Small modules that every screen shares: one file compresses better than five.
      output: { advancedChunks: { groups: [{ name: "shared", test: /src\/dispatcher\/(age|condition|track|map\/mercator|StateIcon)\.tsx?$/ }] } },
    },
  },
  server: {
    proxy: {
      "/api": server,
      "/mqtt": { target: server, ws: true },
    },
  },
});
