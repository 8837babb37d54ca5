// One RTCPeerConnection to the server: our microphone, camera and screen up, one receiving line for each
// voice and picture down.
//
// Changes are local and strictly one after another: `renegotiate` runs at most once at a time and
// takes everything that happened meanwhile with it. Descriptions are written in `sdp.ts`.

import { composeAnswer, opusBitrate, parseFragment, selectFragment, type Selection, type ServerTransport, type Shown, type Speaker } from "./sdp";
import type { Relay } from "./contract";
import { CAMERA_LAYERS, OWN_LINES, SCREEN_LAYERS } from "./sdp_video";

export interface LinkStats {
  /** Milliseconds; null until measured. */
  rtt: number | null;
  jitter: number | null;
  /** Parts of 1 over the last interval. */
  lossIn: number | null;
  lossOut: number | null;
  packetsReceived: number;
  packetsSent: number;
  /** Such as `udp 203.0.113.7:50001`, or `tls relay 203.0.113.7:50001`. */
  remote: string | null;
  /** Such as `Opus, 48 kHz`. */
  codec: string | null;
  /** Thousands of bits a second over the last interval, of sound alone; null until measured. */
  kbitIn: number | null;
  kbitOut: number | null;
}

export class PeerLink {
  private readonly pc: RTCPeerConnection;
  private readonly mic: RTCRtpTransceiver;
  private readonly camera: RTCRtpTransceiver;
  private readonly screen: RTCRtpTransceiver;
  private readonly sound: RTCRtpTransceiver;
  private readonly lines: { transceiver: RTCRtpTransceiver; kind: "audio" | "video"; speaker: Speaker | null }[] = [];
  private server: ServerTransport | null = null;
  private bitrate = 64_000;
  private version = 1;
  private dirty = false;
  /** The rounds of renegotiation under way; they end by themselves. */
  private running: Promise<void> | null = null;
  /** ICE begins anew: rounds wait until the server has described its end. */
  private restarting = false;
  private closed = false;
  private before = { at: 0, received: 0, lost: 0, bytesIn: 0, bytesOut: 0 };

  onState: (state: "connected" | "shaky" | "failed") => void = () => {};
  onBroken: (error: unknown) => void = () => {};
  onVoice: (userId: string, track: MediaStreamTrack) => void = () => {};
  /** A picture, or a screen's sound, will arrive on this track. */
  onShown: (userId: string, shown: Shown, track: MediaStreamTrack) => void = () => {};

  constructor(relays: Relay[]) {
    this.pc = new RTCPeerConnection({ iceServers: relays, bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" });
    this.mic = this.pc.addTransceiver("audio", { direction: "sendonly" });
    // In the order that `sdp_video.ts` tells; without a track they send nothing.
    this.camera = this.pc.addTransceiver("video", { direction: "sendonly", sendEncodings: CAMERA_LAYERS });
    this.screen = this.pc.addTransceiver("video", { direction: "sendonly", sendEncodings: SCREEN_LAYERS });
    this.sound = this.pc.addTransceiver("audio", { direction: "sendonly" });
    this.pc.onconnectionstatechange = () => {
      if (this.closed) return;
      const state = this.pc.connectionState;
      if (state === "connected") this.onState("connected");
      else if (state === "disconnected") this.onState("shaky");
      else if (state === "failed") this.onState("failed");
    };
  }

  /** Makes the first offer; what Select Protocol says comes back. */
  async offer(track: MediaStreamTrack | null): Promise<Selection> {
    if (track) await this.mic.sender.replaceTrack(track);
    await this.pc.setLocalDescription();
    return selectFragment(this.pc.localDescription?.sdp ?? "");
  }

  /** Begins ICE anew, on the same keys and lines, by `relays` if need be; what Select Protocol says comes back. */
  async restart(relays?: Relay[]): Promise<Selection> {
    this.restarting = true;
    await this.running;
    if (relays) this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers: relays });
    this.pc.restartIce();
    await this.pc.setLocalDescription();
    return selectFragment(this.pc.localDescription?.sdp ?? "");
  }

  /** Applies the server's Session Description; speakers known by now come along right after. */
  async describe(fragment: string, channelBitrate: number | undefined): Promise<void> {
    const server = parseFragment(fragment);
    this.bitrate = opusBitrate(channelBitrate);
    await this.answer(this.pc.localDescription?.sdp ?? "", server);
    this.server = server;
    this.restarting = false;
    if (this.dirty || this.lines.some((line) => line.speaker)) this.changed();
  }

  /** Encodes the microphone at another bitrate, which a round of descriptions tells the browser. */
  setBitrate(channelBitrate: number | undefined): void {
    const bitrate = opusBitrate(channelBitrate);
    if (bitrate === this.bitrate) return;
    this.bitrate = bitrate;
    this.changed();
  }

  async setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    await this.mic.sender.replaceTrack(track);
  }

  /** Whether the server forwards pictures; known with its description. */
  get canShow(): boolean {
    return this.server?.video !== undefined;
  }

  async setCamera(track: MediaStreamTrack | null): Promise<void> {
    await this.camera.sender.replaceTrack(track);
  }

  async setScreen(track: MediaStreamTrack | null, sound: MediaStreamTrack | null): Promise<void> {
    await this.screen.sender.replaceTrack(track);
    await this.sound.sender.replaceTrack(sound);
  }

  /** Sends no more layers than somebody wants, at a quality of 0 to 100. */
  async limit(shown: "video" | "screen", quality: number): Promise<void> {
    const { sender } = shown === "video" ? this.camera : this.screen;
    const parameters = sender.getParameters();
    const layers = parameters.encodings.length;
    const wanted = quality <= 0 ? 0 : Math.min(layers, quality <= 33 ? 1 : quality <= 66 ? 2 : layers);
    if (parameters.encodings.every((encoding, layer) => (encoding.active !== false) === layer < wanted)) return;
    parameters.encodings.forEach((encoding, layer) => (encoding.active = layer < wanted));
    await sender.setParameters(parameters);
  }

  /** Something of a person arrives, or will arrive, under an SSRC. */
  hear(speaker: Speaker): void {
    const shown = speaker.shown ?? "audio";
    const kind = shown === "video" || shown === "screen" ? "video" : "audio";
    const known = this.lines.find(({ speaker: of }) => of?.userId === speaker.userId && (of.shown ?? "audio") === shown);
    if (known?.speaker?.ssrc === speaker.ssrc) return;
    let line = known ?? this.lines.find((candidate) => candidate.speaker === null && candidate.kind === kind);
    if (line) {
      line.speaker = speaker;
      line.transceiver.direction = "recvonly";
    } else {
      // Before the first answer the offer is already out: the line joins in the next round.
      line = { transceiver: this.pc.addTransceiver(kind, { direction: "recvonly" }), kind, speaker };
      this.lines.push(line);
    }
    const { track } = line.transceiver.receiver;
    if (shown === "audio") this.onVoice(speaker.userId, track);
    else this.onShown(speaker.userId, shown, track);
    this.changed();
  }

  /** Of this person nothing comes any more. */
  forget(userId: string): void {
    for (const line of this.lines) {
      if (line.speaker?.userId !== userId) continue;
      line.speaker = null;
      // A picture's line that was inactive shows nothing in Chromium ever after; it waits without an SSRC.
      if (line.kind === "audio") line.transceiver.direction = "inactive";
      this.changed();
    }
  }

  async stats(): Promise<LinkStats> {
    const stats: LinkStats = {
      rtt: null, jitter: null, lossIn: null, lossOut: null, packetsReceived: 0, packetsSent: 0, remote: null,
      codec: null, kbitIn: null, kbitOut: null,
    };
    if (this.closed) return stats;
    const report = await this.pc.getStats();
    let [lost, bytesIn, bytesOut, at] = [0, 0, 0, 0];
    report.forEach((entry) => {
      if (entry.kind === "video") return;
      if (entry.type === "inbound-rtp") {
        stats.packetsReceived += entry.packetsReceived ?? 0;
        bytesIn += entry.bytesReceived ?? 0;
        lost += Math.max(0, entry.packetsLost ?? 0);
        if (typeof entry.jitter === "number") stats.jitter = Math.max(stats.jitter ?? 0, entry.jitter * 1000);
      } else if (entry.type === "outbound-rtp") {
        stats.packetsSent += entry.packetsSent ?? 0;
        bytesOut += entry.bytesSent ?? 0;
        at = entry.timestamp;
        stats.codec = codecText(report.get(entry.codecId));
      } else if (entry.type === "remote-inbound-rtp") {
        if (typeof entry.fractionLost === "number") stats.lossOut = entry.fractionLost;
      } else if (entry.type === "candidate-pair" && entry.nominated && entry.state === "succeeded") {
        if (typeof entry.currentRoundTripTime === "number") stats.rtt = entry.currentRoundTripTime * 1000;
        const remote = report.get(entry.remoteCandidateId);
        const local = report.get(entry.localCandidateId);
        const way = local?.candidateType === "relay" ? `${local.relayProtocol} relay` : remote?.protocol;
        if (remote) stats.remote = `${way} ${remote.address ?? remote.ip}:${remote.port}`;
      }
    });
    const received = stats.packetsReceived - this.before.received;
    const missing = lost - this.before.lost;
    if (received + missing > 0) stats.lossIn = Math.max(0, missing) / (received + Math.max(0, missing));
    const seconds = (at - this.before.at) / 1000;
    if (this.before.at > 0 && seconds > 0) {
      // A person who left takes their count along.
      stats.kbitIn = Math.max(0, bytesIn - this.before.bytesIn) / 125 / seconds;
      stats.kbitOut = Math.max(0, bytesOut - this.before.bytesOut) / 125 / seconds;
    }
    this.before = { at, received: stats.packetsReceived, lost, bytesIn, bytesOut };
    return stats;
  }

  /** How pictures arrive and leave: frames decoded and sent, and in which codec, for the tests' window. */
  async pictureStats(): Promise<{ received: Record<string, number>; sent: Record<string, number>; height: Record<string, number>; codecs: string[] }> {
    const codecs = new Set<string>();
    const received: Record<string, number> = {};
    const height: Record<string, number> = {};
    const sent: Record<string, number> = {};
    const report = await this.pc.getStats();
    report.forEach((entry) => {
      if (entry.kind !== "video") return;
      if (entry.type === "inbound-rtp") {
        received[entry.ssrc] = entry.framesDecoded ?? 0;
        height[entry.ssrc] = entry.frameHeight ?? 0;
        codecs.add(String(report.get(entry.codecId)?.mimeType ?? ""));
      }
      if (entry.type === "outbound-rtp") sent[`${entry.mid} ${entry.rid ?? ""}`] = entry.framesSent ?? 0;
    });
    return { received, sent, height, codecs: [...codecs] };
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.pc.onconnectionstatechange = null;
    this.pc.close();
  }

  private changed(): void {
    this.dirty = true;
    if (this.server && !this.running && !this.restarting) {
      this.running = this.renegotiate().finally(() => (this.running = null));
    }
  }

  private async renegotiate(): Promise<void> {
    try {
      while (this.dirty && !this.closed && this.server && !this.restarting) {
        this.dirty = false;
        await this.pc.setLocalDescription();
        await this.answer(this.pc.localDescription?.sdp ?? "", this.server);
      }
    } catch (error) {
      if (!this.closed) this.onBroken(error);
    }
  }

  private async answer(offer: string, server: ServerTransport): Promise<void> {
    // A line that joined after the offer was made is not in it and waits for the next round.
    const speakers = this.lines
      .filter((line) => line.transceiver.mid !== null)
      .map((line) => (line.transceiver.direction === "inactive" ? null : line.speaker));
    this.version += 1;
    const sdp = composeAnswer(offer, server, speakers, { bitrate: this.bitrate, own: OWN_LINES }, this.version);
    await this.pc.setRemoteDescription({ type: "answer", sdp });
  }
}

function codecText(codec: { mimeType?: string; clockRate?: number } | undefined): string | null {
  const name = codec?.mimeType?.split("/")[1];
  if (!name) return null;
  return `${name[0]!.toUpperCase()}${name.slice(1).toLowerCase()}${codec?.clockRate ? `, ${codec.clockRate / 1000} kHz` : ""}`;
}
