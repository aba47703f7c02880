/** How the page is built: few files with hashed names, each beside its compressed forms, which the cloud embeds as they are. */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** What gains from compression; a font is compressed already. */
const COMPRESSED = /\.(html|js|css|svg|txt|webmanifest)$/;

/** Every file below `folder`. */
function filesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesIn(path) : [path];
  });
}

/** Writes `.br` and `.gz` beside what gains from it, so that the cloud compresses nothing while it serves. */
function precompress(): Plugin {
  let folder = "";
  return {
    name: "precompress",
    apply: "build",
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const path of filesIn(folder).filter((path) => COMPRESSED.test(path))) {
        const bytes = readFileSync(path);
        const best = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, best));
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

/**
 * What of others is in the pages, by its licences. RapiDoc comes whole in one file, so what it was made from is not needed:
 * package.json puts a package that is here anyway in the place of the largest of those, which would bring a hundred more.
 */
const FOREIGN = [
  "preact/LICENSE",
  "uplot/LICENSE",
  "@fontsource/zilla-slab/LICENSE",
  "rapidoc/LICENSE.txt",
  "rapidoc/dist/rapidoc-min.js.LICENSE.txt",
];

/** Their licences, which have to go along. */
function licences(): Plugin {
  return {
    name: "licences",
    apply: "build",
    generateBundle() {
      const texts = FOREIGN.map((name) => `${name}\n${"=".repeat(name.length)}\n\n${readFileSync(join("node_modules", name), "utf8").trim()}\n`);
      this.emitFile({ type: "asset", fileName: "licences.txt", source: texts.join("\n\n") });
    },
  };
}

export default defineConfig({
  plugins: [licences(), precompress()],
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    target: "es2022",
    // A data: URL in a style sheet would be a font or picture that the strict policy has to allow.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    reportCompressedSize: false,
    // The page of the API is one of its own: nobody loads it with the dashboard.
    rollupOptions: { input: { index: "index.html", docs: "docs/index.html" } },
    chunkSizeWarningLimit: 1_000,
  },
  server: {
    proxy: {
      "/api": process.env["FIELDPOST_URL"] ?? "http://127.0.0.1:8080",
      "/healthz": process.env["FIELDPOST_URL"] ?? "http://127.0.0.1:8080",
    },
  },
});
