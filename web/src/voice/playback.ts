// What is heard: one gain per person, one master gain, one way out. A shell over WebAudio.

import { chime, type Chime } from "./chime";
import { rms } from "./levels";

interface Voice {
  stream: MediaStream;
  source: MediaStreamAudioSourceNode;
  gain: GainNode;
  analyser: AnalyserNode;
  /** Chromium delivers remote WebRTC audio to WebAudio only while an element consumes it too. */
  pump: HTMLAudioElement;
}

export class Playback {
  private readonly context = new AudioContext({ latencyHint: "interactive" });
  private readonly master = this.context.createGain();
  private readonly voices = new Map<string, Voice>();
  private readonly samples = new Float32Array(512);
  private own: { source: MediaStreamAudioSourceNode; analyser: AnalyserNode; track: MediaStreamTrack } | null = null;

  private quiet: MediaStreamTrack | null = null;

  constructor(private readonly volumeOf: (userId: string) => number) {
    this.master.connect(this.context.destination);
  }

  /** False while the browser waits for a click before it lets the page make sound. */
  get audible(): boolean {
    return this.context.state === "running";
  }

  resume(): Promise<void> {
    return this.context.state === "suspended" ? this.context.resume() : Promise.resolve();
  }

  attach(userId: string, track: MediaStreamTrack): void {
    this.detach(userId);
    const stream = new MediaStream([track]);
    const pump = new Audio();
    pump.muted = true;
    pump.autoplay = true;
    pump.srcObject = stream;
    void pump.play().catch(() => {});
    const source = this.context.createMediaStreamSource(stream);
    const gain = this.context.createGain();
    const analyser = this.context.createAnalyser();
    analyser.fftSize = this.samples.length;
    gain.gain.value = this.volumeOf(userId);
    source.connect(analyser);
    source.connect(gain).connect(this.master);
    this.voices.set(userId, { stream, source, gain, analyser, pump });
  }

  detach(userId: string): void {
    const voice = this.voices.get(userId);
    if (!voice) return;
    this.voices.delete(userId);
    voice.source.disconnect();
    voice.gain.disconnect();
    voice.pump.srcObject = null;
  }

  stream(userId: string): MediaStream | null {
    return this.voices.get(userId)?.stream ?? null;
  }

  /** Applies a changed volume; 1 is as sent, 2 is twice as loud. */
  volume(userId: string): void {
    const gain = this.voices.get(userId)?.gain;
    // A short glide instead of a step, which would click.
    gain?.gain.setTargetAtTime(this.volumeOf(userId), this.context.currentTime, 0.02);
  }

  deafen(deaf: boolean): void {
    this.master.gain.setTargetAtTime(deaf ? 0 : 1, this.context.currentTime, 0.01);
  }

  chime(which: Chime): void {
    // A context that waits for a click would play it late, and many at once.
    if (this.audible) chime(this.context, this.master, which);
  }

  /** Routes everything to another output where the browser can. */
  async output(deviceId: string): Promise<void> {
    const context = this.context as AudioContext & { setSinkId?: (id: string) => Promise<void> };
    await context.setSinkId?.(deviceId).catch(() => {});
  }

  /**
   * Listens to our own microphone's level; nothing of it is played. A copy of the track, which
   * muting leaves alone: whoever talks while muted can be told so. It never leaves the page.
   */
  watchOwn(track: MediaStreamTrack | null): void {
    this.own?.source.disconnect();
    this.own?.track.stop();
    this.own = null;
    if (!track) return;
    const copy = track.clone();
    copy.enabled = true;
    const source = this.context.createMediaStreamSource(new MediaStream([copy]));
    const analyser = this.context.createAnalyser();
    analyser.fftSize = this.samples.length;
    source.connect(analyser);
    this.own = { source, analyser, track: copy };
  }

  /**
   * A track on which nothing is ever said, for who has no microphone; it needs no permission. A page that
   * sends nothing would be found late where a NAT maps it anew. Of silence a browser still sends a packet
   * each 400 ms, which the server forwards to nobody.
   */
  silence(): MediaStreamTrack | null {
    if (!this.quiet) {
      const source = this.context.createConstantSource();
      source.offset.value = 0;
      const end = this.context.createMediaStreamDestination();
      source.connect(end);
      source.start();
      this.quiet = end.stream.getAudioTracks()[0] ?? null;
    }
    return this.quiet;
  }

  ownLevel(): number {
    return this.levelOf(this.own?.analyser);
  }

  level(userId: string): number {
    return this.levelOf(this.voices.get(userId)?.analyser);
  }

  users(): string[] {
    return [...this.voices.keys()];
  }

  close(): void {
    for (const userId of this.users()) this.detach(userId);
    this.watchOwn(null);
    void this.context.close();
  }

  private levelOf(analyser: AnalyserNode | undefined): number {
    if (!analyser) return 0;
    analyser.getFloatTimeDomainData(this.samples);
    return rms(this.samples);
  }
}
