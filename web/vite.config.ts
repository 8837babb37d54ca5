// How the client is built and, in development, how it reaches a running server.
//
// GUILDHALL_SERVER names that server (default http://127.0.0.1:8080, plain http from loopback).
import { defineConfig } from "vitest/config";
import solid from "vite-plugin-solid";
import { precompress } from "./scripts/precompress.mjs";

declare const process: { env: Record<string, string | undefined> };

const server = process.env["GUILDHALL_SERVER"] ?? "http://127.0.0.1:8080";
const proxied = { target: server, changeOrigin: true, secure: false };

export default defineConfig({
  plugins: [solid(), precompress()],
  build: { target: "es2022", assetsInlineLimit: 0, reportCompressedSize: false },
  server: {
    proxy: {
      "/api": proxied,
      "/attachments": proxied,
      "/avatars": proxied,
      "/icons": proxied,
      "/embed/avatars": proxied,
      "/whip": proxied,
      "/whep": proxied,
      // The gateway lives at "/": only a WebSocket with the version in its query goes through,
      // so the page itself and Vite's own reload socket stay here.
      "^/\\?(v|encoding)=": { ...proxied, ws: true },
    },
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
