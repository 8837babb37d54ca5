// One RTCPeerConnection to the server: our microphone up, one receiving line per speaker down.
//
// Changes are local and strictly one after another: `renegotiate` runs at most once at a time and
// takes everything that happened meanwhile with it. Descriptions are written in `sdp.ts`.

import { composeAnswer, opusBitrate, parseFragment, selectFragment, type Selection, type ServerTransport, type Speaker } from "./sdp";

export interface LinkStats {
  /** Milliseconds; null until measured. */
  rtt: number | null;
  jitter: number | null;
  /** Parts of 1 over the last interval. */
  lossIn: number | null;
  lossOut: number | null;
  packetsReceived: number;
  packetsSent: number;
  /** Such as `udp 203.0.113.7:50001`. */
  remote: string | null;
  /** Such as `Opus, 48 kHz`. */
  codec: string | null;
  /** Thousands of bits a second over the last interval, of sound alone; null until measured. */
  kbitIn: number | null;
  kbitOut: number | null;
}

export class PeerLink {
  private readonly pc = new RTCPeerConnection({ iceServers: [], bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" });
  private readonly mic = this.pc.addTransceiver("audio", { direction: "sendonly" });
  private readonly lines: { transceiver: RTCRtpTransceiver; speaker: Speaker | null }[] = [];
  private server: ServerTransport | null = null;
  private bitrate = 64_000;
  private version = 1;
  private dirty = false;
  private running = false;
  private closed = false;
  private before = { at: 0, received: 0, lost: 0, bytesIn: 0, bytesOut: 0 };

  onState: (state: "connected" | "shaky" | "failed") => void = () => {};
  onBroken: (error: unknown) => void = () => {};
  onVoice: (userId: string, track: MediaStreamTrack) => void = () => {};

  constructor() {
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

  /** Applies the server's Session Description; speakers known by now come along right after. */
  async describe(fragment: string, channelBitrate: number | undefined): Promise<void> {
    const server = parseFragment(fragment);
    this.bitrate = opusBitrate(channelBitrate);
    await this.answer(this.pc.localDescription?.sdp ?? "", server);
    this.server = server;
    if (this.lines.some((line) => line.speaker)) this.changed();
  }

  async setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    await this.mic.sender.replaceTrack(track);
  }

  /** A person's audio arrives, or will arrive, under `ssrc`. */
  hear(speaker: Speaker): void {
    const known = this.lines.find((line) => line.speaker?.userId === speaker.userId);
    if (known?.speaker?.ssrc === speaker.ssrc) return;
    const line = known ?? this.lines.find((candidate) => candidate.speaker === null);
    if (line) {
      line.speaker = speaker;
      line.transceiver.direction = "recvonly";
      this.onVoice(speaker.userId, line.transceiver.receiver.track);
    } else {
      // Before the first answer the offer is already out: the line joins in the next round.
      const transceiver = this.pc.addTransceiver("audio", { direction: "recvonly" });
      this.lines.push({ transceiver, speaker });
      this.onVoice(speaker.userId, transceiver.receiver.track);
    }
    this.changed();
  }

  forget(userId: string): void {
    const line = this.lines.find((candidate) => candidate.speaker?.userId === userId);
    if (!line) return;
    line.speaker = null;
    line.transceiver.direction = "inactive";
    this.changed();
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
        if (remote) stats.remote = `${remote.protocol} ${remote.address ?? remote.ip}:${remote.port}`;
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

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.pc.onconnectionstatechange = null;
    this.pc.close();
  }

  private changed(): void {
    this.dirty = true;
    if (this.server && !this.running) void this.renegotiate();
  }

  private async renegotiate(): Promise<void> {
    this.running = true;
    try {
      while (this.dirty && !this.closed && this.server) {
        this.dirty = false;
        await this.pc.setLocalDescription();
        await this.answer(this.pc.localDescription?.sdp ?? "", this.server);
      }
    } catch (error) {
      if (!this.closed) this.onBroken(error);
    } finally {
      this.running = false;
    }
  }

  private async answer(offer: string, server: ServerTransport): Promise<void> {
    // A line that joined after the offer was made is not in it and waits for the next round.
    const speakers = this.lines
      .filter((line) => line.transceiver.mid !== null)
      .map((line) => (line.transceiver.direction === "inactive" ? null : line.speaker));
    this.version += 1;
    const sdp = composeAnswer(offer, server, speakers, { bitrate: this.bitrate }, this.version);
    await this.pc.setRemoteDescription({ type: "answer", sdp });
  }
}

function codecText(codec: { mimeType?: string; clockRate?: number } | undefined): string | null {
  const name = codec?.mimeType?.split("/")[1];
  if (!name) return null;
  return `${name[0]!.toUpperCase()}${name.slice(1).toLowerCase()}${codec?.clockRate ? `, ${codec.clockRate / 1000} kHz` : ""}`;
}
