// What frames of the voice gateway say: read with distrust, for they come from outside. Pure.

import type { Relay, RemoteStream } from "./contract";

/** The streams of op 12 that are sent. */
export function streamsFrom(streams: unknown): RemoteStream[] {
  if (!Array.isArray(streams)) return [];
  const names: Record<string, RemoteStream["shown"]> = { video: "video", screen: "screen", audio: "sound" };
  return streams.flatMap(({ type, ssrc, rtx_ssrc, active }) => {
    const shown = names[String(type)];
    if (!shown || typeof ssrc !== "number" || active === false) return [];
    return [{ shown, ssrc, rtx: typeof rtx_ssrc === "number" ? rtx_ssrc : undefined }];
  });
}

/** What op 2 names to fall back to. */
export function relaysFrom(servers: unknown): Relay[] {
  if (!Array.isArray(servers)) return [];
  return servers.flatMap(({ urls, username, credential }) => {
    const isWhole = Array.isArray(urls) && typeof username === "string" && typeof credential === "string";
    return isWhole ? [{ urls: urls.map(String), username, credential }] : [];
  });
}

/** The quality that op 15 tells of one of our streams. */
export function quality(wants: Record<string, unknown>, ssrc: number): number {
  return Number(wants[String(ssrc)] ?? wants.any ?? 0) || 0;
}
