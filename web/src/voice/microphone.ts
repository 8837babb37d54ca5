// Getting the microphone, and saying in plain words why not. A shell over getUserMedia.

import type { Settings } from "../state/session";

export type MicrophoneProblem = "insecure" | "denied" | "missing" | "busy" | "unknown";

export type MicrophoneAnswer =
  | { ok: true; track: MediaStreamTrack }
  | { ok: false; problem: MicrophoneProblem };

type Wishes = Pick<Settings, "microphone" | "echoCancellation" | "noiseSuppression" | "autoGainControl">;

export async function openMicrophone(wishes: Wishes): Promise<MicrophoneAnswer> {
  // Browsers hide the whole interface on pages without TLS, except on loopback.
  if (!navigator.mediaDevices?.getUserMedia) return { ok: false, problem: "insecure" };
  const audio: MediaTrackConstraints = {
    echoCancellation: wishes.echoCancellation,
    noiseSuppression: wishes.noiseSuppression,
    autoGainControl: wishes.autoGainControl,
    channelCount: 1,
    // `ideal`, not `exact`: a headset that was unplugged must not cost the call.
    ...(wishes.microphone ? { deviceId: { ideal: wishes.microphone } } : {}),
  };
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio, video: false });
    const track = stream.getAudioTracks()[0];
    return track ? { ok: true, track } : { ok: false, problem: "missing" };
  } catch (error) {
    return { ok: false, problem: problemOf(error) };
  }
}

export function problemOf(error: unknown): MicrophoneProblem {
  switch ((error as { name?: string } | null)?.name) {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    default:
      return "unknown";
  }
}
