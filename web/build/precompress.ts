import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

import type { Plugin } from "vite";

const SMALLEST = 1_024; // bytes; below it compression saves no packet

/** Adds `.br` and `.gz` beside each script and style, for the server to send as they are. */
export function precompress(): Plugin {
  const brotli = (text: Buffer) => promisify(brotliCompress)(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_SIZE_HINT]: text.length } });
  return {
    name: "dray:precompress",
    apply: "build",
    // Of the files as they were written: until then Vite still fills in the preloads.
    async writeBundle({ dir }, bundle) {
      for (const name of Object.keys(bundle)) {
        if (!/^assets\/.*\.(m?js|css)$/.test(name)) continue;
        const file = join(dir!, name);
        const text = await readFile(file);
        if (text.length < SMALLEST) continue;
        await writeFile(`${file}.br`, await brotli(text));
        await writeFile(`${file}.gz`, await promisify(gzip)(text, { level: 9 }));
      }
    },
  };
}
