import type { Plugin } from "vite";

/**
 * Knows which built files the driver PWA needs to start, so that its service
 * worker stores those and not the dashboard's map as well.
 */
export interface DriverShell {
  plugin: Plugin;
  /** Whether file, a path inside the output folder, belongs to the PWA. */
  includes(file: string): boolean;
}

export function driverShell(): DriverShell {
  const files = new Set<string>();
  return {
    includes: (file) => file.startsWith("driver/") || files.has(file),
    plugin: {
      name: "dray:driver-shell",
      apply: "build",
      generateBundle(_, bundle) {
        const visit = (name: string) => {
          const chunk = bundle[name];
          if (files.has(name) || chunk?.type !== "chunk") return;
          files.add(name);
          for (const asset of [...(chunk.viteMetadata?.importedCss ?? []), ...(chunk.viteMetadata?.importedAssets ?? [])]) {
            files.add(asset);
          }
          for (const next of [...chunk.imports, ...chunk.dynamicImports]) visit(next);
        };
        for (const [name, chunk] of Object.entries(bundle)) {
          if (chunk.type === "chunk" && chunk.isEntry && chunk.facadeModuleId?.endsWith("/driver/index.html")) visit(name);
        }
      },
    },
  };
}
