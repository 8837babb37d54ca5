// Session descriptions, written and read by ourselves. Pure text in, text out.
//
// The server answers once, in Session Description (op 4), with one transport: address, ICE
// credentials, DTLS fingerprint, candidates. Every later change - another speaker appears or
// goes - is local: the browser offers, and `composeAnswer` writes what the server would have said
// (RFC 8829, RFC 8839, RFC 8842). The first m-lines are what we send, the microphone before all; each
// further one is what is heard or seen of somebody. Pictures are in `sdp_video.ts`.

import { answerCodecs, answerLayers, parseVideo, selectVideo, sharedExtensions, type ServerVideo } from "./sdp_video";

/** The server's end of the one bundled transport. */
export interface ServerTransport {
  port: number;
  address: string;
  ufrag: string;
  pwd: string;
  /** Such as `sha-256 AB:CD:...`. */
  fingerprint: string;
  /** Whether it begins the DTLS handshake (RFC 8842), as a server does that knows `a=setup` in Select Protocol. */
  setup: "active" | "passive";
  /** Values after `a=candidate:`. */
  candidates: string[];
  /** What it forwards of pictures, if any. */
  video?: ServerVideo | undefined;
}

/** What comes from one person on one line: their voice, camera, screen, or the screen's sound. */
export type Shown = "audio" | "video" | "screen" | "sound";

/** What is heard or seen on one receiving m-line; null parks the line for the next. */
export interface Speaker {
  userId: string;
  ssrc: number;
  /** The SSRC of retransmission. */
  rtx?: number | undefined;
  /** Their voice, if nothing else is said. */
  shown?: Shown | undefined;
}

export interface OpusWishes {
  /** Bits per second, from the voice channel. */
  bitrate: number;
  /** How many m-lines are ours; the microphone alone, if nothing is said. */
  own?: number;
}

export class SdpError extends Error {}

const AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

interface Section {
  head: string;
  lines: string[];
}

function lines(sdp: string): string[] {
  return sdp.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== "");
}

/** Splits a description into its session part and its m-line sections. */
function sections(sdp: string): { session: string[]; media: Section[] } {
  const session: string[] = [];
  const media: Section[] = [];
  for (const line of lines(sdp)) {
    if (line.startsWith("m=")) media.push({ head: line, lines: [] });
    else (media.at(-1)?.lines ?? session).push(line);
  }
  return { session, media };
}

/** Value of the first `prefix...` line. */
function valueOf(from: string[], prefix: string): string | undefined {
  return from.find((line) => line.startsWith(prefix))?.slice(prefix.length);
}

/** Payload type that an m-line gives to a codec of 48 kHz and two channels. */
function typeOf(codec: "opus" | "red", section: string[]): number | undefined {
  for (const line of section) {
    const match = /^a=rtpmap:(\d+) (\w+)\/48000\/2$/i.exec(line);
    if (match?.[2]?.toLowerCase() === codec) return Number(match[1]);
  }
  return undefined;
}

/**
 * What makes up for lost packets: they are sent again when asked for (RFC 4585), and carry the
 * frames before them where the browser knows how (RFC 2198). Said in offer and answer alike.
 */
function repairLines(opus: number, red: number | undefined): string[] {
  const lines = [`a=rtcp-fb:${opus} nack`];
  if (red !== undefined) lines.push(`a=rtpmap:${red} red/48000/2`, `a=fmtp:${red} ${opus}/${opus}`);
  return lines;
}

/**
 * Reads the fragment of Session Description.
 *
 * @throws SdpError when what a transport needs is missing.
 */
export function parseFragment(fragment: string): ServerTransport {
  const all = lines(fragment);
  const port = Number(/^m=audio (\d+)/.exec(all.find((line) => line.startsWith("m=")) ?? "")?.[1]);
  const ufrag = valueOf(all, "a=ice-ufrag:");
  const pwd = valueOf(all, "a=ice-pwd:");
  const fingerprint = valueOf(all, "a=fingerprint:");
  const address = /^IN IP[46] (\S+)/.exec(valueOf(all, "c=") ?? "")?.[1];
  const candidates = all
    .filter((line) => line.startsWith("a=candidate:"))
    .map((line) => line.slice("a=candidate:".length));
  if (!ufrag || !pwd) throw new SdpError("the server's description has no ICE credentials");
  if (!fingerprint) throw new SdpError("the server's description has no fingerprint");
  if (candidates.length === 0) {
    if (!address || !port) throw new SdpError("the server's description has no address");
    candidates.push(`1 1 udp 2130706431 ${address} ${port} typ host`);
  }
  const setup = all.includes("a=setup:active") ? "active" : "passive";
  return { port: port || 9, address: address ?? "0.0.0.0", ufrag, pwd, fingerprint, setup, candidates, video: parseVideo(all) };
}

/** The part of a browser's offer that Select Protocol (op 1) carries, and its Opus payload type. */
export interface Selection {
  data: string;
  payloadType: number;
}

/**
 * Cuts the transport, the Opus line and what pictures need out of an offer. Small on purpose: the text
 * travels twice in one message.
 */
export function selectFragment(offer: string): Selection {
  const { session, media } = sections(offer);
  const first = media[0];
  if (!first) throw new SdpError("the browser offered no audio");
  const payloadType = typeOf("opus", first.lines);
  if (payloadType === undefined) throw new SdpError("the browser offered no Opus");
  const everywhere = [...first.lines, ...session];
  const wanted = ["a=ice-ufrag:", "a=ice-pwd:", "a=ice-options:", "a=fingerprint:"];
  // The server is to begin the handshake: its first message fits one datagram, which a browser's does not.
  const out = ["a=extmap-allow-mixed", "a=setup:passive"];
  for (const prefix of wanted) {
    const value = valueOf(everywhere, prefix);
    if (value !== undefined) out.push(prefix + value);
  }
  out.push(...first.lines.filter((line) => line.startsWith("a=extmap:") && line.includes(AUDIO_LEVEL)));
  out.push(`a=rtpmap:${payloadType} opus/48000/2`);
  out.push(...repairLines(payloadType, typeOf("red", first.lines)));
  out.push(...selectVideo(media));
  return { data: out.join("\n"), payloadType };
}

/**
 * Writes the server's answer to `offer`.
 *
 * @param speakers who is heard or seen on the m-lines behind our own; lines beyond the array, and nulls,
 *   are inactive.
 * @param version grows with every answer of one peer connection.
 * @throws SdpError when the offer has no audio or no Opus.
 */
export function composeAnswer(
  offer: string,
  server: ServerTransport,
  speakers: readonly (Speaker | null)[],
  wishes: OpusWishes,
  version: number,
): string {
  const { media } = sections(offer);
  if (media.length === 0) throw new SdpError("the browser offered no audio");
  const mids = media.map((section, index) => valueOf(section.lines, "a=mid:") ?? String(index));
  const out = [
    "v=0",
    `o=guildhall 1 ${version} IN IP4 127.0.0.1`,
    "s=-",
    "t=0 0",
    `a=group:BUNDLE ${mids.join(" ")}`,
    "a=ice-lite",
    "a=extmap-allow-mixed",
    "a=msid-semantic: WMS *",
  ];
  media.forEach((section, index) => {
    // A line that the offer parks cannot be revived by the answer; the next round does that.
    const parked = section.lines.includes("a=inactive");
    const own = wishes.own ?? 1;
    const speaker = index < own ? undefined : parked ? null : (speakers[index - own] ?? null);
    const body = section.head.startsWith("m=video")
      ? videoBody(section.lines, server.video, speaker)
      : audioBody(section.lines, server.video, speaker, wishes.bitrate, index === 0);
    out.push(`m=${body.kind} ${server.port} UDP/TLS/RTP/SAVPF ${body.types.join(" ")}`);
    out.push(`c=IN ${server.address.includes(":") ? "IP6" : "IP4"} ${server.address}`);
    out.push(`a=ice-ufrag:${server.ufrag}`, `a=ice-pwd:${server.pwd}`);
    out.push(`a=fingerprint:${server.fingerprint}`, `a=setup:${server.setup}`);
    out.push(`a=mid:${mids[index]}`);
    out.push(...body.extensions);
    const waits = body.kind === "video" && !parked;
    out.push(body.refused ? "a=inactive" : speaker === undefined ? "a=recvonly" : speaker || waits ? "a=sendonly" : "a=inactive");
    if (speaker) {
      // What belongs together has one name, and is then played in step.
      const stream = speaker.shown === "screen" || speaker.shown === "sound" ? "screen" : "user";
      out.push(`a=msid:${stream}-${speaker.userId} ${speaker.shown ?? "audio"}-${speaker.userId}-${speaker.ssrc}`);
    }
    out.push("a=rtcp-mux", "a=rtcp-rsize");
    out.push(...body.lines);
    // Candidates belong to the bundle's first line only (RFC 8829 §5.3.1).
    if (index === 0) {
      out.push(...server.candidates.map((candidate) => `a=candidate:${candidate}`));
      out.push("a=end-of-candidates");
    }
    if (speaker) {
      const rtx = section.head.startsWith("m=video") ? speaker.rtx : undefined;
      if (rtx !== undefined) out.push(`a=ssrc-group:FID ${speaker.ssrc} ${rtx}`);
      for (const ssrc of rtx === undefined ? [speaker.ssrc] : [speaker.ssrc, rtx]) out.push(`a=ssrc:${ssrc} cname:user-${speaker.userId}`);
    }
  });
  return out.join("\r\n") + "\r\n";
}

interface Body {
  kind: "audio" | "video";
  types: (number | string)[];
  extensions: string[];
  lines: string[];
  /** Nothing on this line is known at both ends. */
  refused: boolean;
}

function audioBody(section: string[], video: ServerVideo | undefined, speaker: Speaker | null | undefined, bitrate: number, first: boolean): Body {
  const type = typeOf("opus", section);
  if (type === undefined) throw new SdpError("the browser offered no Opus");
  const isSound = speaker?.shown === "sound" || (speaker === undefined && !first);
  const red = isSound ? undefined : typeOf("red", section);
  const extensions = section.filter((line) => line.startsWith("a=extmap:") && line.includes(AUDIO_LEVEL));
  // The server tells our sounds apart by the names of their lines.
  if (isSound && video) extensions.push(...sharedExtensions(section, video, false).filter((line) => line.endsWith("sdes:mid")));
  // Music needs both channels and has no pauses to leave out.
  const format = isSound
    ? `minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1;maxaveragebitrate=${SOUND_BITRATE}`
    : `minptime=10;useinbandfec=1;usedtx=1;maxaveragebitrate=${bitrate}`;
  return {
    kind: "audio",
    // The first is what the browser sends.
    types: red === undefined ? [type] : [red, type],
    extensions,
    lines: [`a=rtpmap:${type} opus/48000/2`, `a=fmtp:${type} ${format}`, ...repairLines(type, red)],
    refused: isSound && !video,
  };
}

function videoBody(section: string[], video: ServerVideo | undefined, speaker: Speaker | null | undefined): Body {
  const codecs = video ? answerCodecs(section, video, speaker === undefined) : { types: [], lines: [] };
  const refused = codecs.types.length === 0;
  // A line that is refused still names a format (RFC 3264 §6).
  const types = refused ? ["0"] : codecs.types;
  const layers = speaker === undefined && !refused ? answerLayers(section) : [];
  const extensions = video ? sharedExtensions(section, video, speaker === undefined) : [];
  return { kind: "video", types, extensions, lines: [...codecs.lines, ...layers], refused };
}

/** Bits per second of a shared screen's sound. */
const SOUND_BITRATE = 128_000;

/** Opus limits a bitrate to 6..510 kbit/s (RFC 7587 §6.1). */
export function opusBitrate(channelBitrate: number | undefined): number {
  return Math.round(Math.min(510_000, Math.max(6_000, channelBitrate ?? 64_000)));
}
