// The lines of pictures in session descriptions: which codecs and extensions of an offer are told to
// the server, and what its answer says of them. Pure text in, text out; `sdp.ts` puts them together.
//
// The first m-lines are ours: microphone, camera, screen, sound of the screen, always in this order and
// always there, so that showing something needs no new description.

export const OWN_LINES = 4;

/** Layers of the camera and of the screen, lowest first (RFC 8853): names and what they are. */
export const CAMERA_LAYERS: RTCRtpEncodingParameters[] = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];
export const SCREEN_LAYERS: RTCRtpEncodingParameters[] = [
  { rid: "q", scaleResolutionDownBy: 2, maxBitrate: 500_000, maxFramerate: 10 },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 2_500_000, maxFramerate: 30 },
];

const EXTENSIONS = [
  "urn:ietf:params:rtp-hdrext:sdes:mid",
  "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
  "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
  "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
];
/** Numbers by which the server tells the browser what arrived of its pictures; nothing that is seen has one. */
const ARRIVALS = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
/** Where the browser begins to find out what its line carries, in thousands of bits a second. */
const START_KBIT = 1_200;

const isVideo = (line: string) => [...EXTENSIONS, ARRIVALS].some((uri) => line.endsWith(` ${uri}`));

interface Codec {
  type: string;
  name: string;
  format: string | undefined;
  rtx: string | undefined;
}

/** The codecs that the server forwards, of each the plainest kind; in the browser's order. */
function codecsOf(section: readonly string[]): Codec[] {
  const formats = new Map<string, string>();
  for (const line of section) {
    const match = /^a=fmtp:(\d+) (.+)$/.exec(line);
    if (match) formats.set(match[1]!, match[2]!);
  }
  const codecs: Codec[] = [];
  for (const line of section) {
    const match = /^a=rtpmap:(\d+) (VP8|VP9|H264)\/90000$/i.exec(line);
    if (!match) continue;
    const [type, name] = [match[1]!, match[2]!.toUpperCase()];
    const format = formats.get(type);
    const plain =
      name === "VP8" ||
      (name === "VP9" && (!format || /profile-id=0\b/.test(format))) ||
      (name === "H264" && /packetization-mode=1/.test(format ?? "") && /profile-level-id=42e0/i.test(format ?? ""));
    if (!plain || codecs.some((codec) => codec.name === name)) continue;
    const rtx = [...formats].find(([, of]) => of === `apt=${type}`)?.[0];
    codecs.push({ type, name, format, rtx });
  }
  return codecs;
}

/** What Select Protocol tells of our lines behind the microphone's. */
export function selectVideo(media: readonly { head: string; lines: string[] }[]): string[] {
  const out: string[] = [];
  media.slice(1, OWN_LINES).forEach(({ head, lines }, index) => {
    const mid = lines.find((line) => line.startsWith("a=mid:"));
    if (!mid) return;
    out.push(head.split(" ").slice(0, 3).join(" "), mid);
    // The camera comes first; the rest is the screen's (RFC 4796).
    if (index > 0) out.push("a=content:slides");
    if (!head.startsWith("m=video")) return;
    out.push(...lines.filter((line) => line.startsWith("a=simulcast:send ")));
    if (index > 0) return;
    for (const { type, name, format, rtx } of codecsOf(lines)) {
      out.push(`a=rtpmap:${type} ${name}/90000`, `a=rtcp-fb:${type} goog-remb`);
      if (lines.includes(`a=rtcp-fb:${type} transport-cc`)) out.push(`a=rtcp-fb:${type} transport-cc`);
      if (format) out.push(`a=fmtp:${type} ${format}`);
      if (rtx) out.push(`a=rtpmap:${rtx} rtx/90000`, `a=fmtp:${rtx} apt=${type}`);
    }
    out.push(...lines.filter((line) => line.startsWith("a=extmap:") && isVideo(line)));
  });
  return out;
}

/** What the server's fragment says that it forwards: payload types, and lines of extensions. */
export interface ServerVideo {
  types: string[];
  extensions: string[];
}

export function parseVideo(all: readonly string[]): ServerVideo | undefined {
  const types = all.map((line) => /^a=rtpmap:(\d+) (VP8|VP9|H264|rtx)\/90000$/i.exec(line)?.[1]).filter((type) => type !== undefined);
  if (types.length === 0) return undefined;
  return { types, extensions: all.filter((line) => line.startsWith("a=extmap:") && isVideo(line)) };
}

/** Ids of extensions that line and server both have. */
export function sharedExtensions(section: readonly string[], server: ServerVideo, sends: boolean): string[] {
  const uri = (line: string) => line.slice(line.lastIndexOf(" ") + 1);
  const known = server.extensions.map(uri).filter((known) => sends || known !== ARRIVALS);
  return section.filter((line) => line.startsWith("a=extmap:") && known.includes(uri(line)));
}

/** Payload types for the m-line, and the lines that describe them. */
export function answerCodecs(section: readonly string[], server: ServerVideo, sends: boolean): { types: string[]; lines: string[] } {
  const types: string[] = [];
  const lines: string[] = [];
  for (const { type, name, format, rtx } of codecsOf(section)) {
    if (!server.types.includes(type)) continue;
    types.push(type);
    lines.push(`a=rtpmap:${type} ${name}/90000`);
    const arrivals = sends && server.extensions.some((line) => line.endsWith(` ${ARRIVALS}`)) ? ["transport-cc"] : [];
    for (const feedback of ["nack", "nack pli", "ccm fir", "goog-remb", ...arrivals]) lines.push(`a=rtcp-fb:${type} ${feedback}`);
    const start = sends ? `x-google-start-bitrate=${START_KBIT}` : undefined;
    const said = [format, start].filter((part) => part !== undefined).join(";");
    if (said) lines.push(`a=fmtp:${type} ${said}`);
    if (rtx && server.types.includes(rtx)) {
      types.push(rtx);
      lines.push(`a=rtpmap:${rtx} rtx/90000`, `a=fmtp:${rtx} apt=${type}`);
    }
  }
  return { types, lines };
}

/** The other end of simulcast: it takes the layers that were offered. */
export function answerLayers(section: readonly string[]): string[] {
  const offered = section.find((line) => line.startsWith("a=simulcast:send "));
  if (!offered) return [];
  const names = offered.slice("a=simulcast:send ".length).split(" ")[0]!;
  return [...names.split(";").map((rid) => `a=rid:${rid} recv`), `a=simulcast:recv ${names}`];
}
