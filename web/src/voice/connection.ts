// The shell around VoiceSession: the voice WebSocket, the peer connection, the microphone, the
// speakers, and one timer. All decisions are in `session.ts`; all sound is in `playback.ts`.

import { socketScheme } from "../api/gateway";
import type { Snowflake } from "../api/types";
import type { Settings } from "../state/session";
import type { Place, Relay, VoiceEffect, VoiceFailure, VoiceFrame, VoiceInput, VoicePhase } from "./contract";
import type { Chime } from "./chime";
import { SpeakingDetector, UnheardDetector } from "./levels";
import { openMicrophone, type MicrophoneProblem } from "./microphone";
import { PeerLink, type LinkStats } from "./peer";
import { Playback } from "./playback";
import { Priority } from "./priority";
import { Shows, type Picture } from "./shows";
import { PushKeys } from "./push_keys";
import { VoiceSession } from "./session";

/** How often levels are read: often enough for rings to follow syllables. */
const LEVEL_EVERY_MS = 80;
const STATS_EVERY_MS = 2_000;

/** What the interface shows of the call. */
export interface VoiceView {
  phase: VoicePhase;
  established: boolean;
  place: Place | null;
  failure: VoiceFailure | null;
  microphoneProblem: MicrophoneProblem | null;
  /** Push to talk, and the microphone is open just now. */
  pushed: boolean;
  /** Somebody who is muted talks: they should know that nobody hears it. */
  unheard: boolean;
  /** The browser waits for a click before it plays. */
  silentByBrowser: boolean;
  /** Whether the server takes pictures, and which of ours it gets. */
  canShow: boolean;
  camera: boolean;
  screen: boolean;
  endpoint: string | null;
  socketLatency: number | null;
  stats: LinkStats | null;
}

export interface VoiceHost {
  userId: () => Snowflake;
  settings: () => Settings;
  volumeOf: (userId: Snowflake) => number;
  bitrateOf: (channelId: Snowflake) => number | undefined;
  /** Sends op 4 on the main gateway. */
  ask: (state: { guild_id: Snowflake | null; channel_id: Snowflake | null; self_mute: boolean; self_deaf: boolean; self_video: boolean }) => void;
  /** What is to be seen of the call, ourselves included. */
  onPictures: (pictures: Picture[]) => void;
  onView: (view: VoiceView) => void;
  onSpeaking: (userId: Snowflake, speaking: boolean) => void;
  onEnded: (why: VoiceFailure) => void;
}

export class VoiceConnection {
  private readonly session: VoiceSession;
  private socket: WebSocket | null = null;
  private peer: PeerLink | null = null;
  private playback: Playback | null = null;
  private track: MediaStreamTrack | null = null;
  private microphoneProblem: MicrophoneProblem | null = null;
  private microphoneTurn = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private levelTimer: ReturnType<typeof setInterval> | undefined;
  private statsTimer: ReturnType<typeof setInterval> | undefined;
  private lastStats: LinkStats | null = null;
  private readonly push = new PushKeys(
    () => (this.session.place !== null && this.host.settings().talk === "push" ? this.host.settings().pushKey : null),
    () => (this.gateMicrophone(), this.show()),
  );
  private readonly shows = new Shows({
    userId: () => this.host.userId(),
    peer: () => this.peer,
    onShowing: (showing) => this.feed({ kind: "showing", showing }),
    onPictures: (pictures) => this.host.onPictures(pictures),
    onSound: (userId, track) => {
      if (track) this.playback?.attach(soundOf(userId), track);
      else this.playback?.detach(soundOf(userId));
    },
  });
  private readonly unheard = new UnheardDetector();
  private readonly detectors = new Map<Snowflake, SpeakingDetector>();
  private readonly priority = new Priority();

  constructor(private readonly host: VoiceHost) {
    this.session = new VoiceSession(host.userId, Math.random);
    // Leaving by closing the page is leaving: the others should not look at an empty seat.
    addEventListener("pagehide", () => this.leave());
    addEventListener("online", () => this.feed({ kind: "online" }));
    navigator.mediaDevices?.addEventListener?.("devicechange", () => {
      if (this.session.place && (!this.track || this.track.readyState === "ended")) void this.renewMicrophone();
    });
  }

  get phase(): VoicePhase {
    return this.session.phase;
  }

  get place(): Place | null {
    return this.session.place;
  }

  /** Joins; call it from a click, because that is when browsers allow sound. */
  join(place: Place): void {
    const { mute, deaf, speaker } = this.host.settings();
    this.feed({ kind: "flags", mute: mute || deaf, deaf });
    this.feed({ kind: "join", place });
    // After the join: as long as the machine is idle, sound and microphone are given back.
    this.playback ??= new Playback((of) => {
      const userId = of.replace(SOUND, "");
      return this.host.volumeOf(userId) * this.priority.factor(userId);
    });
    void this.playback.resume().then(() => this.show());
    this.playback.deafen(deaf);
    void this.playback.output(speaker);
    if (!this.track) void this.renewMicrophone();
    clearInterval(this.levelTimer);
    this.levelTimer = setInterval(() => this.readLevels(), LEVEL_EVERY_MS);
    clearInterval(this.statsTimer);
    this.statsTimer = setInterval(() => void this.readStats(), STATS_EVERY_MS);
  }

  leave(): void {
    this.feed({ kind: "leave" });
  }

  retry(): void {
    if (this.session.phase === "failed" && this.session.place) this.join(this.session.place);
  }

  /** Mute, deafen, output, volumes: whatever the settings say now. */
  applySettings(): void {
    const { mute, deaf, speaker } = this.host.settings();
    this.gateMicrophone();
    if (!mute) this.unheard.reset();
    this.playback?.deafen(deaf);
    void this.playback?.output(speaker);
    this.feed({ kind: "flags", mute: mute || deaf, deaf });
  }

  applyVolume(userId: Snowflake): void {
    this.playback?.volume(userId);
    this.playback?.volume(soundOf(userId));
  }

  /** The channel's bitrate may have changed: the microphone is encoded so from now on. */
  applyBitrate(): void {
    const channelId = this.session.place?.channelId;
    if (channelId) this.peer?.setBitrate(this.host.bitrateOf(channelId));
  }

  resumeSound(): void {
    void this.playback?.resume().then(() => this.show());
  }

  gateway(up: boolean, fresh: boolean): void {
    this.feed({ kind: "gateway", up, fresh });
  }

  ownState(guildId: Snowflake | null, channelId: Snowflake | null, sessionId: string): void {
    this.feed({ kind: "own_state", guildId, channelId, sessionId });
  }

  server(guildId: Snowflake | null, token: string, endpoint: string | null): void {
    this.feed({ kind: "server", guildId, token, endpoint });
  }

  /** Somebody left the channel by the main gateway's word. */
  someoneLeft(userId: Snowflake): void {
    this.feed({ kind: "left", userId });
  }

  /** The button on the screen is held, or let go. */
  hold(down: boolean): void {
    this.push.hold(down);
  }

  /** Turns the camera on or off; what keeps it from that comes back. */
  async toggleCamera(): Promise<MicrophoneProblem | null> {
    if (!this.shows.showing.camera) return this.shows.openCamera();
    this.shows.closeCamera();
    return null;
  }

  /** Shares a screen, or no longer. */
  async toggleScreen(): Promise<MicrophoneProblem | null> {
    if (!this.shows.showing.screen) return this.shows.openScreen();
    this.shows.closeScreen();
    return null;
  }

  /** What is on the screen, and how well: 1 to 100 by SSRC. Nothing else is sent to us. */
  want(wants: Record<number, number>): void {
    this.feed({ kind: "wants", wants });
  }

  pictureStats(): Promise<unknown> {
    return this.peer?.pictureStats() ?? Promise.resolve(null);
  }

  chime(which: Chime): void {
    if (this.host.settings().chimes && this.session.phase === "connected") this.playback?.chime(which);
  }

  async stats(): Promise<LinkStats | null> {
    return this.peer ? this.peer.stats() : null;
  }

  remoteStream(userId: Snowflake): MediaStream | null {
    return this.playback?.stream(userId) ?? null;
  }

  /** Opens the microphone anew, after a change of device or of its processing. */
  async renewMicrophone(): Promise<void> {
    const turn = ++this.microphoneTurn;
    const answer = await openMicrophone(this.host.settings());
    if (turn !== this.microphoneTurn || !this.session.place) {
      // Left, or asked again, while the browser was asking the person.
      if (answer.ok) answer.track.stop();
      return;
    }
    this.track?.stop();
    this.track = answer.ok ? answer.track : null;
    this.microphoneProblem = answer.ok ? null : answer.problem;
    if (this.track) {
      this.track.onended = () => void this.renewMicrophone();
      this.gateMicrophone();
    }
    this.playback?.watchOwn(this.track);
    await this.peer?.setMicrophone(this.said()).catch(() => {});
    this.show();
  }

  /** What is sent: the microphone, or silence. */
  private said(): MediaStreamTrack | null {
    return this.track ?? this.playback?.silence() ?? null;
  }

  private gateMicrophone(): void {
    const { mute, deaf, talk } = this.host.settings();
    if (this.track) this.track.enabled = !mute && !deaf && (talk === "open" || this.push.open);
  }

  // -- the machine ---------------------------------------------------------------------------

  private feed(input: VoiceInput): void {
    for (const effect of this.session.handle(Date.now(), input)) this.act(effect);
    clearTimeout(this.timer);
    const due = this.session.deadline;
    if (due !== null) this.timer = setTimeout(() => this.feed({ kind: "tick" }), Math.max(0, due - Date.now()));
    if (this.session.phase === "idle") this.rest();
    this.show();
  }

  private act(effect: VoiceEffect): void {
    switch (effect.kind) {
      case "ask":
        this.host.ask({
          guild_id: effect.guildId,
          channel_id: effect.channelId,
          self_mute: effect.mute,
          self_deaf: effect.deaf,
          self_video: effect.video,
        });
        break;
      case "open_socket":
        this.openSocket(effect.endpoint);
        break;
      case "close_socket":
        this.dropSocket(effect.code);
        break;
      case "send":
        if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(effect.frame));
        break;
      case "make_peer":
        void this.makePeer(effect.relays);
        break;
      case "restart_ice":
        void this.restartIce(effect.relays);
        break;
      case "describe":
        void this.describe(effect.fragment);
        break;
      case "drop_peer":
        this.dropPeer();
        break;
      case "heard":
        this.peer?.hear({ userId: effect.userId, ssrc: effect.ssrc });
        break;
      case "priority":
        this.lower(this.priority.flag(effect.userId, effect.on));
        break;
      case "shows":
        this.shows.see(effect.userId, effect.streams);
        break;
      case "wanted":
        this.shows.want(effect.wanted);
        break;
      case "gone":
        this.shows.forget(effect.userId);
        this.silence(effect.userId);
        this.lower(this.priority.forget(effect.userId));
        break;
      case "ended":
        this.host.onEnded(effect.why);
        break;
    }
  }

  private openSocket(endpoint: string): void {
    this.dropSocket(4900);
    let socket: WebSocket;
    try {
      socket = new WebSocket(`${socketScheme()}//${endpoint}/?v=8`);
    } catch {
      queueMicrotask(() => this.feed({ kind: "socket_closed", code: 1006 }));
      return;
    }
    this.socket = socket;
    socket.onmessage = (event) => {
      if (this.socket !== socket || typeof event.data !== "string") return;
      let frame: VoiceFrame;
      try {
        frame = JSON.parse(event.data) as VoiceFrame;
      } catch {
        return;
      }
      this.feed({ kind: "socket_frame", frame });
    };
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.feed({ kind: "socket_closed", code: event.code });
    };
  }

  private dropSocket(code: number): void {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close(code);
  }

  private async makePeer(relays: Relay[] = []): Promise<void> {
    this.dropPeer();
    try {
      const peer = new PeerLink(relays);
      this.peer = peer;
      const mine = () => this.peer === peer;
      peer.onState = (state) => mine() && this.feed({ kind: "peer", state });
      peer.onBroken = () => mine() && this.feed({ kind: "peer_broken" });
      peer.onVoice = (userId, track) => mine() && this.playback?.attach(userId, track);
      peer.onShown = (userId, shown, track) => mine() && this.shows.arrived(userId, shown, track);
      const selection = await peer.offer(this.said());
      if (!mine()) return;
      void this.shows.attach();
      this.feed({ kind: "offer", ...selection, connectionId: randomUuid() });
    } catch {
      this.feed({ kind: "peer_broken" });
    }
  }

  private async restartIce(relays?: Relay[]): Promise<void> {
    const peer = this.peer;
    if (!peer) return this.feed({ kind: "peer_broken" });
    try {
      const selection = await peer.restart(relays);
      if (this.peer === peer) this.feed({ kind: "offer", ...selection, connectionId: randomUuid() });
    } catch {
      if (this.peer === peer) this.feed({ kind: "peer_broken" });
    }
  }

  private async describe(fragment: string): Promise<void> {
    const peer = this.peer;
    const channelId = this.session.place?.channelId;
    if (!peer || !channelId) return;
    try {
      await peer.describe(fragment, this.host.bitrateOf(channelId));
    } catch {
      if (this.peer === peer) this.feed({ kind: "peer_broken" });
    }
  }

  private dropPeer(): void {
    this.peer?.close();
    this.peer = null;
    this.lastStats = null;
    this.shows.forgetAll();
    for (const userId of this.playback?.users() ?? []) this.silence(userId);
  }

  private silence(userId: Snowflake): void {
    this.peer?.forget(userId);
    this.playback?.detach(userId);
    if (this.detectors.get(userId)?.speaking) this.host.onSpeaking(userId, false);
    this.detectors.delete(userId);
    this.lower(this.priority.speaks(userId, false));
  }

  /** Applies everybody's volume anew, if priority has changed it. */
  private lower(changed: boolean): void {
    if (changed) for (const of of this.playback?.users() ?? []) this.playback?.volume(of);
  }

  /** The call is over: give the microphone and the speakers back. */
  private rest(): void {
    if (!this.playback) return;
    clearInterval(this.levelTimer);
    clearInterval(this.statsTimer);
    this.microphoneTurn += 1;
    this.dropPeer();
    const { playback } = this;
    // A camera that goes off comes by here once more.
    this.playback = null;
    this.shows.close();
    for (const [userId, detector] of this.detectors) if (detector.speaking) this.host.onSpeaking(userId, false);
    this.detectors.clear();
    this.priority.clear();
    if (this.track) {
      this.track.onended = null;
      this.track.stop();
    }
    this.track = null;
    this.microphoneProblem = null;
    playback.close();
  }

  // -- what is shown -------------------------------------------------------------------------

  private readLevels(): void {
    const playback = this.playback;
    if (!playback) return;
    const now = Date.now();
    const live = this.session.phase === "connected";
    for (const userId of playback.users()) {
      // A film does not make its viewer a speaker.
      if (!SOUND.test(userId)) this.detect(now, userId, playback.level(userId));
    }
    const open = live && this.track?.enabled === true;
    const own = live && this.track ? playback.ownLevel() : 0;
    this.detect(now, this.host.userId(), open ? own : 0);
    const { mute, deaf, talk } = this.host.settings();
    const before = this.unheard.unheard;
    if (this.unheard.feed(now, mute && !deaf && talk === "open" ? own : 0) !== before) this.show();
  }

  private detect(now: number, userId: Snowflake, level: number): void {
    let detector = this.detectors.get(userId);
    if (!detector) this.detectors.set(userId, (detector = new SpeakingDetector()));
    const before = detector.speaking;
    const speaking = detector.feed(now, level);
    if (speaking === before) return;
    this.host.onSpeaking(userId, speaking);
    this.lower(this.priority.speaks(userId, speaking));
  }

  private async readStats(): Promise<void> {
    if (this.session.phase !== "connected") return;
    this.lastStats = await this.stats();
    this.show();
  }

  private show(): void {
    const { phase, established, place, failure, endpoint, latency } = this.session;
    this.host.onView({
      phase,
      established,
      place,
      failure,
      microphoneProblem: this.microphoneProblem,
      unheard: this.unheard.unheard,
      pushed: this.host.settings().talk === "push" && this.push.open,
      silentByBrowser: this.playback !== null && !this.playback.audible,
      canShow: phase === "connected" && this.peer?.canShow === true,
      camera: this.shows.showing.camera,
      screen: this.shows.showing.screen,
      endpoint,
      socketLatency: latency,
      stats: this.lastStats,
    });
  }
}

/** Under which name the playback keeps the sound of somebody's screen. */
const SOUND = /^sound-/;
const soundOf = (userId: Snowflake) => `sound-${userId}`;

/** crypto.randomUUID exists only in secure contexts; a plain page over the LAN has none. */
function randomUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
