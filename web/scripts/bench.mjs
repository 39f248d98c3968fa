// Runs bench/web with what is installed here: node scripts/bench.mjs [minutes]
import { fileURLToPath } from "node:url";

import { runnerImport } from "vite";

const minutes = Number(process.argv[2] ?? 3);
if (!(minutes > 0)) throw new Error("usage: npm run bench -- [minutes]");
const { module } = await runnerImport(fileURLToPath(new URL("../../bench/web/main.ts", import.meta.url)));
process.exitCode = (await module.run(minutes)) > 0 ? 1 : 0;
