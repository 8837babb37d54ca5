// Short notes that tell who came and who went, so that one need not look. A shell over WebAudio.

export type Chime = "join" | "leave" | "cut" | "ring";

/** Pitches in Hz, one after the other: up for coming, down for going. */
const NOTES: Record<Chime, readonly number[]> = {
  join: [523.3, 784],
  leave: [784, 523.3],
  cut: [392, 392],
  ring: [587.3, 784, 587.3],
};
/** Seconds from note to note. */
const STEP = 0.11;
/** Below speech: it must not cover a word. */
const LOUDNESS = 0.06;

/** Plays into `out`, which decides on volume, deafness and device. */
export function chime(context: AudioContext, out: AudioNode, which: Chime): void {
  NOTES[which].forEach((pitch, index) => {
    const at = context.currentTime + 0.01 + index * STEP;
    const note = context.createOscillator();
    const swell = context.createGain();
    note.type = "triangle";
    note.frequency.value = pitch;
    swell.gain.setValueAtTime(0, at);
    swell.gain.linearRampToValueAtTime(LOUDNESS, at + 0.015);
    swell.gain.exponentialRampToValueAtTime(0.0005, at + 0.22);
    note.connect(swell).connect(out);
    note.start(at);
    note.stop(at + 0.24);
  });
}
