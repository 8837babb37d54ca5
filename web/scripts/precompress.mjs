// Vite plugin: beside every text file of the build, the same in brotli and in gzip, made once and
// as small as they get. The server sends these; it compresses nothing itself. Prints what a first
// visit costs.
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const TEXT = /\.(?:css|html|js|json|svg|webmanifest)$/;

export function precompress() {
  return {
    name: "precompress",
    apply: "build",
    // After all others: index.html joins the bundle in their hooks.
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        let first = 0;
        for (const [fileName, file] of Object.entries(bundle)) {
          if (!TEXT.test(fileName)) continue;
          const source = Buffer.from(file.type === "chunk" ? file.code : file.source);
          const brotli = brotliCompressSync(source, {
            params: {
              [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
              [constants.BROTLI_PARAM_SIZE_HINT]: source.length,
            },
          });
          this.emitFile({ type: "asset", fileName: `${fileName}.br`, source: brotli });
          this.emitFile({ type: "asset", fileName: `${fileName}.gz`, source: gzipSync(source, { level: 9 }) });
          const isFirst = !file.isDynamicEntry;
          if (isFirst) first += brotli.length;
          console.log(`${fileName.padEnd(40)} ${kilobytes(source.length)} ${kilobytes(brotli.length)} brotli${isFirst ? "" : ", on demand"}`);
        }
        console.log(`${"first visit".padEnd(40)} ${"".padStart(9)} ${kilobytes(first)} brotli`);
      },
    },
  };
}

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`.padStart(9);
