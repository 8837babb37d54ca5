// The type of precompress.mjs, which is plain JavaScript because it runs in Node and not in browsers.
import type { Plugin } from "vite";

export function precompress(): Plugin;
