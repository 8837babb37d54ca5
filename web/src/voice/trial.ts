// Trying out microphone and speaker outside a call. A shell over getUserMedia and WebAudio.

import type { Settings } from "../state/session";
import { rms } from "./levels";
import { openMicrophone, type MicrophoneProblem } from "./microphone";

/** An open microphone whose level can be read. */
export class MicrophoneTrial {
  private readonly samples = new Float32Array(1024);
  private readonly analyser: AnalyserNode;

  private constructor(
    private readonly context: AudioContext,
    private readonly track: MediaStreamTrack,
  ) {
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = this.samples.length;
    context.createMediaStreamSource(new MediaStream([track])).connect(this.analyser);
  }

  static async open(settings: Settings): Promise<MicrophoneTrial | MicrophoneProblem> {
    const answer = await openMicrophone(settings);
    if (!answer.ok) return answer.problem;
    const context = new AudioContext();
    await context.resume().catch(() => {});
    return new MicrophoneTrial(context, answer.track);
  }

  /** The device that was opened: not always the one that was wished for. */
  get label(): string {
    return this.track.label;
  }

  level(): number {
    this.analyser.getFloatTimeDomainData(this.samples);
    return rms(this.samples);
  }

  close(): void {
    this.track.stop();
    void this.context.close();
  }
}

/** Plays two soft notes through the chosen speaker; done when they have sounded. */
export async function playNotes(speaker: string): Promise<void> {
  const context = new AudioContext();
  const routed = context as AudioContext & { setSinkId?: (id: string) => Promise<void> };
  await routed.setSinkId?.(speaker).catch(() => {});
  await context.resume();
  const start = context.currentTime + 0.05;
  for (const [at, pitch] of [[0, 440], [0.35, 659.3]] as const) {
    const note = context.createOscillator();
    const swell = context.createGain();
    note.frequency.value = pitch;
    swell.gain.setValueAtTime(0, start + at);
    swell.gain.linearRampToValueAtTime(0.25, start + at + 0.03);
    swell.gain.exponentialRampToValueAtTime(0.001, start + at + 0.5);
    note.connect(swell).connect(context.destination);
    note.start(start + at);
    note.stop(start + at + 0.55);
  }
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await context.close();
}
