// What is shown: our own camera and screen, and those of others. A shell over the browser's devices;
// who may see what is decided by the server, where it stands on the screen by the interface.

import type { Snowflake } from "../api/types";
import type { RemoteStream, Showing, Wanted } from "./contract";
import type { PeerLink } from "./peer";
import type { Shown } from "./sdp";
import { problemOf, type MicrophoneProblem } from "./microphone";

/** A picture to put on the screen. */
export interface Picture {
  /** Unique among pictures. */
  key: string;
  userId: Snowflake;
  shown: "video" | "screen";
  own: boolean;
  /** What the server calls it; 0 for our own. */
  ssrc: number;
  stream: MediaStream;
}

export interface ShowsHost {
  userId: () => Snowflake;
  peer: () => PeerLink | null;
  onShowing: (showing: Showing) => void;
  onPictures: (pictures: Picture[]) => void;
  onSound: (userId: Snowflake, track: MediaStreamTrack | null) => void;
}

export class Shows {
  private camera: MediaStreamTrack | null = null;
  private screen: MediaStream | null = null;
  private turn = 0;
  private wanted: Wanted = { video: 0, screen: 0 };
  private readonly streams = new Map<Snowflake, RemoteStream[]>();
  private readonly tracks = new Map<string, MediaStreamTrack>();
  private pictures: Picture[] = [];

  constructor(private readonly host: ShowsHost) {}

  get showing(): Showing {
    return { camera: this.camera !== null, screen: this.screen !== null };
  }

  /** Turns the camera on; what keeps it from that comes back. */
  async openCamera(): Promise<MicrophoneProblem | null> {
    if (!navigator.mediaDevices?.getUserMedia) return "insecure";
    const turn = ++this.turn;
    try {
      const video = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
      const stream = await navigator.mediaDevices.getUserMedia({ video });
      const track = stream.getVideoTracks()[0] ?? null;
      if (turn !== this.turn || !this.host.peer()) {
        // Left meanwhile.
        track?.stop();
        return null;
      }
      this.closeCamera();
      this.camera = track;
      if (track) track.onended = () => this.closeCamera();
      await this.attach();
      return null;
    } catch (error) {
      return problemOf(error);
    }
  }

  closeCamera(): void {
    if (!this.camera) return;
    this.camera.onended = null;
    this.camera.stop();
    this.camera = null;
    void this.attach();
  }

  /** Lets the person choose a screen; nothing happens when they choose none. */
  async openScreen(): Promise<MicrophoneProblem | null> {
    if (!navigator.mediaDevices?.getDisplayMedia) return "insecure";
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({
        video: { frameRate: { ideal: 30, max: 30 } },
        // Music and films are no voice: none of its processing.
        audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
      });
      const track = stream.getVideoTracks()[0];
      if (!track || !this.host.peer()) {
        stream.getTracks().forEach((each) => each.stop());
        return null;
      }
      this.closeScreen();
      // Text stays sharp rather than smooth.
      track.contentHint = "detail";
      track.onended = () => this.closeScreen();
      this.screen = stream;
      await this.attach();
      return null;
    } catch (error) {
      const problem = problemOf(error);
      // The browser says the same of whoever closed its window without choosing.
      return problem === "denied" ? null : problem;
    }
  }

  closeScreen(): void {
    if (!this.screen) return;
    for (const track of this.screen.getTracks()) {
      track.onended = null;
      track.stop();
    }
    this.screen = null;
    void this.attach();
  }

  /** Gives what we show to the peer connection, which may be a new one. */
  async attach(): Promise<void> {
    this.publish();
    this.host.onShowing(this.showing);
    const peer = this.host.peer();
    if (!peer) return;
    try {
      await peer.setCamera(this.camera);
      await peer.setScreen(this.screen?.getVideoTracks()[0] ?? null, this.screen?.getAudioTracks()[0] ?? null);
      await this.limit();
    } catch {
      // The connection was closed meanwhile; the next one takes it all.
    }
  }

  /** What others want to see of us changed. */
  want(wanted: Wanted): void {
    this.wanted = wanted;
    void this.limit().catch(() => {});
  }

  private async limit(): Promise<void> {
    const peer = this.host.peer();
    await peer?.limit("video", this.wanted.video);
    await peer?.limit("screen", this.wanted.screen);
  }

  /** Everything that a person shows from now on. */
  see(userId: Snowflake, streams: RemoteStream[]): void {
    const peer = this.host.peer();
    this.streams.set(userId, streams);
    for (const { shown, ssrc, rtx } of streams) peer?.hear({ userId, shown, ssrc, rtx });
    // The lines of what is turned off stay, as long as the person does: it may be turned on again.
    const sound = streams.some(({ shown }) => shown === "sound") ? this.tracks.get(`sound-${userId}`) : undefined;
    this.host.onSound(userId, sound ?? null);
    this.publish();
  }

  /** The connection has a track for what a person shows. */
  arrived(userId: Snowflake, shown: Shown, track: MediaStreamTrack): void {
    this.tracks.set(`${shown}-${userId}`, track);
    if (shown !== "sound") this.publish();
  }

  /** A person left, or the connection is gone. */
  forget(userId: Snowflake): void {
    for (const shown of ["video", "screen", "sound"]) this.tracks.delete(`${shown}-${userId}`);
    this.streams.delete(userId);
    this.host.onSound(userId, null);
    this.publish();
  }

  /** The connection is gone; ours goes on with the next one. */
  forgetAll(): void {
    for (const userId of [...this.streams.keys()]) this.forget(userId);
    this.tracks.clear();
    this.wanted = { video: 0, screen: 0 };
  }

  /** The call is over, and with it what we showed. */
  close(): void {
    this.turn += 1;
    for (const track of [this.camera, ...(this.screen?.getTracks() ?? [])]) {
      if (!track) continue;
      track.onended = null;
      track.stop();
    }
    this.camera = this.screen = null;
    this.forgetAll();
    this.publish();
  }

  private publish(): void {
    const before = new Map(this.pictures.map((picture) => [picture.key, picture]));
    const pictures: Picture[] = [];
    const put = (userId: Snowflake, shown: "video" | "screen", own: boolean, ssrc: number, track: MediaStreamTrack) => {
      const key = `${shown}-${userId}`;
      const known = before.get(key);
      // The same object as long as it is the same picture: the element on the screen then goes on.
      if (known?.ssrc === ssrc && known.stream.getVideoTracks()[0] === track) pictures.push(known);
      else pictures.push({ key, userId, shown, own, ssrc, stream: new MediaStream([track]) });
    };
    const me = this.host.userId();
    const screen = this.screen?.getVideoTracks()[0];
    if (screen) put(me, "screen", true, 0, screen);
    if (this.camera) put(me, "video", true, 0, this.camera);
    for (const [userId, streams] of this.streams) {
      for (const { shown, ssrc } of streams) {
        const track = this.tracks.get(`${shown}-${userId}`);
        if (track && shown !== "sound") put(userId, shown, false, ssrc, track);
      }
    }
    this.pictures = pictures;
    this.host.onPictures(pictures);
  }
}
