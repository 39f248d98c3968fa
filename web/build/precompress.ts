import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

import type { Plugin } from "vite";

const SMALLEST = 1_024; // bytes; below it compression saves no packet

/** Adds `.br` and `.gz` beside each script and style, for the server to send as they are. */
export function precompress(): Plugin {
  return {
    name: "dray:precompress",
    apply: "build",
    enforce: "post",
    async generateBundle(_, bundle) {
      const brotli = (text: Buffer) => promisify(brotliCompress)(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_SIZE_HINT]: text.length } });
      for (const file of Object.values(bundle)) {
        if (!/^assets\/.*\.(m?js|css)$/.test(file.fileName)) continue;
        const text = Buffer.from(file.type === "chunk" ? file.code : file.source);
        if (text.length < SMALLEST) continue;
        this.emitFile({ type: "asset", fileName: `${file.fileName}.br`, source: await brotli(text) });
        this.emitFile({ type: "asset", fileName: `${file.fileName}.gz`, source: await promisify(gzip)(text, { level: 9 }) });
      }
    },
  };
}
