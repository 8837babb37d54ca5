// The client as one object: REST, gateway, call and stores, wired together. The interface reads
// the stores and calls the verbs here; it talks to no socket itself.

import { createSignal } from "solid-js";
import { createStore, produce, unwrap } from "solid-js/store";
import { Gateway } from "./api/gateway";
import type { GatewayState } from "./api/gateway_session";
import { ApiError, emojiPath, Rest } from "./api/rest";
import { idAt } from "./api/snowflake";
import type { Channel, Dispatch, Emoji, JoinRequest, Message, Snowflake, User, VoiceState } from "./api/types";
import { ChannelType } from "./api/types";
import { applyCallDispatch, type Calls } from "./state/calls";
import * as guilds from "./state/guilds";
import * as messages from "./state/messages";
import { DEFAULT_SETTINGS, recall, remember, type Account, type Settings } from "./state/session";
import * as unread from "./state/unread";
import { en } from "./strings/en";
import { VoiceConnection, type VoiceView } from "./voice/connection";
import type { VoiceFailure } from "./voice/contract";
import type { Picture } from "./voice/shows";

/** Discord's clients repeat the typing call no faster than this. */
const TYPING_EVERY_MS = 8_000;
/** What is read within it is told at once: sooner would be a request for each message of a busy channel. */
const ACKNOWLEDGE_AFTER_MS = 1_000;

const rest = new Rest();
const gateway = new Gateway();

const [account, setAccountSignal] = createSignal<Account | null>(recall<Account | null>("account", null));
const [hall, setHall] = createStore(guilds.emptyHall());
const [texts, setTexts] = createStore(messages.emptyMessages());
/** The calls in direct messages and groups, ours or not. */
const [calls, setCalls] = createStore<Calls>({});
const [marks, setMarks] = createStore(unread.emptyUnread());
const [settings, setSettingsStore] = createStore<Settings>({ ...DEFAULT_SETTINGS, ...recall<Partial<Settings>>("settings", {}) });
const [volumes, setVolumes] = createStore<Record<Snowflake, number>>(recall("volumes", {}));
const [speaking, setSpeaking] = createStore<Record<Snowflake, boolean>>({});
const [drafts, setDrafts] = createStore<Record<Snowflake, string>>(recall("drafts", {}));
const [link, setLink] = createSignal<GatewayState>("offline");
const [notice, setNotice] = createSignal<string | null>(null);
const [now, setNow] = createSignal(Date.now());
/** Pictures of the call. Their objects are the browser's own: no store looks into them. */
const [pictures, setPictures] = createSignal<Picture[]>([]);
const [call, setCall] = createStore<VoiceView>({
  phase: "idle",
  established: false,
  place: null,
  failure: null,
  microphoneProblem: null,
  pushed: false,
  unheard: false,
  silentByBrowser: false,
  canShow: false,
  camera: false,
  screen: false,
  endpoint: null,
  socketLatency: null,
  stats: null,
});

export { rest, account, hall, texts, marks, settings, volumes, speaking, drafts, link, notice, now, call, calls, pictures };

const myId = () => account()?.userId ?? hall.me?.id ?? "";

// A slow clock for "is typing" and relative days; nothing depends on its precision.
setInterval(() => setNow(Date.now()), 1_000);

// -- the call ---------------------------------------------------------------------------------

export const voice = new VoiceConnection({
  userId: myId,
  settings: () => unwrap(settings),
  volumeOf: (userId) => volumes[userId] ?? 1,
  bitrateOf: (channelId) => guilds.channelOf(hall, channelId)?.bitrate,
  ask: (state) => void gateway.send(4, state),
  onPictures: (shown) => setPictures(shown),
  onView: (view) => setCall(view),
  onSpeaking: (userId, is) => setSpeaking(userId, is),
  onEnded: (why: VoiceFailure) => tell(en.voice.failure[why]),
});

let noticeTimer: ReturnType<typeof setTimeout> | undefined;

/** Shows one sentence for a few seconds. */
export function tell(text: string): void {
  setNotice(text);
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => setNotice(null), 6_000);
}

/** The sentence for anything that can be thrown at us. */
export function errorText(error: unknown): string {
  if (error instanceof ApiError) return Object.values(error.fields)[0] ?? error.message;
  return en.errors.unknown;
}

// -- gateway ----------------------------------------------------------------------------------

gateway.onState = (state) => {
  setLink(state);
  if (state !== "ready") voice.gateway(false, false);
  if (state === "refused") forgetAccount(en.auth.expired);
};
/** Told of every dispatch, after the stores have taken it; with our roles in its guild. */
type Listener = (dispatch: Dispatch, myRoles: readonly Snowflake[]) => void;
const listeners = new Set<Listener>();

/** Listens until the answer is called. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

gateway.onFresh = () => setTexts(produce(messages.markStale));
gateway.onDispatch = (dispatch: Dispatch) => {
  const { t, d } = dispatch;
  // Before the state forgets where somebody was.
  if (t === "VOICE_STATE_UPDATE") tellComing(d as VoiceState);
  setHall(produce((draft) => guilds.applyGuildDispatch(draft, dispatch)));
  setCalls(produce((draft) => applyCallDispatch(draft, dispatch)));
  setTexts(produce((draft) => messages.applyMessageDispatch(draft, dispatch, myId(), Date.now())));
  const myRoles = d?.guild_id ? (hall.guilds[d.guild_id]?.members[myId()]?.roles ?? []) : [];
  setMarks(produce((draft) => unread.applyUnreadDispatch(draft, dispatch, myId(), myRoles)));
  for (const listener of listeners) listener(dispatch, myRoles);
  if (t === "GUILD_CREATE" || t === "MESSAGE_CREATE") saveMarks();
  if (t === "READY") queueMicrotask(() => voice.gateway(true, true));
  else if (t === "RESUMED") queueMicrotask(() => voice.gateway(true, false));
  else if (t === "GUILD_JOIN_REQUEST_UPDATE") tellRejected(d);
  else if (t === "VOICE_STATE_UPDATE") voiceState(d as VoiceState);
  else if (t === "CHANNEL_UPDATE") voice.applyBitrate();
  else if (t === "VOICE_SERVER_UPDATE") voice.server(d.guild_id ?? null, String(d.token), d.endpoint ?? null);
};

/** A note when somebody else comes into or leaves the call that we are in. */
function tellComing(state: VoiceState): void {
  const here = voice.place;
  if (!here || (state.guild_id ?? null) !== here.guildId || state.user_id === myId()) return;
  const seated = here.guildId ? hall.guilds[here.guildId]?.voice : calls[here.channelId]?.voice;
  const was = seated?.[state.user_id]?.channel_id === here.channelId;
  const is = state.channel_id === here.channelId;
  if (was !== is) voice.chime(is ? "join" : "leave");
}

/** Whoever is rejected loses sight of the guild a moment later: this is how they learn why. */
function tellRejected(d: { guild_id: Snowflake; status: string; request: JoinRequest & { user_id: Snowflake } }): void {
  if (d.status !== "REJECTED" || d.request.user_id !== myId()) return;
  tell(en.screening.rejected(hall.guilds[d.guild_id]?.name ?? "", d.request.rejection_reason));
}

function voiceState(state: VoiceState): void {
  if (state.user_id === myId()) {
    if (!state.guild_id && state.channel_id !== null && state.channel_id === toRing) ringOthers(state.channel_id);
    voice.ownState(state.guild_id ?? null, state.channel_id, state.session_id);
  } else if (voice.place && state.channel_id !== voice.place.channelId) {
    voice.someoneLeft(state.user_id);
  }
}

// -- calls in private channels ------------------------------------------------------------------

/** The channel whose people are to be rung as soon as we are in its call. */
let toRing: Snowflake | null = null;

/** Rings those who are not there. */
export function ringOthers(channelId: Snowflake): void {
  toRing = null;
  rest.ring(channelId).catch((error: unknown) => tell(errorText(error)));
}

function enterCall(channelId: Snowflake, rings: boolean): void {
  if (call.place?.channelId === channelId && call.phase !== "failed") return;
  toRing = rings ? channelId : null;
  voice.join({ guildId: null, channelId });
}

/** Begins a call and rings the others, or joins the one that goes on. */
export function startCall(channelId: Snowflake): void {
  enterCall(channelId, !calls[channelId]);
}

/** Joins a call that rings; if it is over by now, nobody is called back. */
export function acceptCall(channelId: Snowflake): void {
  enterCall(channelId, false);
}

export function declineCall(channelId: Snowflake): void {
  rest.stopRinging(channelId).catch((error: unknown) => tell(errorText(error)));
}

function saveMarks(): void {
  remember(`read.${myId()}`, unwrap(marks.read));
}

// -- accounts ---------------------------------------------------------------------------------

rest.onUnauthorized = () => forgetAccount(en.auth.expired);

export function takeAccount(answer: { token: string; user_id: Snowflake }): void {
  const taken = { token: answer.token, userId: answer.user_id };
  remember("account", taken);
  setAccountSignal(taken);
  start();
}

/** Connects when somebody is logged in. */
export function start(): void {
  const who = account();
  if (!who) return;
  rest.setToken(who.token);
  setMarks({ read: recall(`read.${who.userId}`, {}), mentions: {} });
  gateway.start(who.token);
}

/** Takes our own changed profile without waiting for its event. */
export function patchMe(user: User): void {
  setHall(produce((draft) => guilds.applyGuildDispatch(draft, { t: "USER_UPDATE", d: user })));
}

export async function logout(): Promise<void> {
  // Logging out here must work even when the server does not answer.
  await rest.logout().catch(() => {});
  forgetAccount(null);
}

function forgetAccount(why: string | null): void {
  if (!account()) return;
  voice.leave();
  gateway.stop();
  rest.setToken(null);
  remember("account", null);
  remember("drafts", null);
  setAccountSignal(null);
  setHall(produce((draft) => void Object.assign(draft, guilds.emptyHall())));
  setCalls(produce((draft) => Object.keys(draft).forEach((id) => delete draft[id])));
  setTexts(produce((draft) => void Object.assign(draft, messages.emptyMessages())));
  setDrafts(produce((draft) => void Object.keys(draft).forEach((key) => delete draft[key])));
  if (why) tell(why);
}

export function changeSettings(changes: Partial<Settings>): void {
  setSettingsStore(changes);
  remember("settings", unwrap(settings));
  const processing = ["microphone", "echoCancellation", "noiseSuppression", "autoGainControl"] as const;
  if (processing.some((key) => key in changes)) void voice.renewMicrophone();
  voice.applySettings();
}

export function toggleMute(): void {
  // Unmuting while deafened means wanting to take part again.
  if (settings.deaf) changeSettings({ deaf: false, mute: false });
  else changeSettings({ mute: !settings.mute });
}

/** Turns the camera on or off, and says what keeps it from that. */
export async function toggleCamera(): Promise<void> {
  const problem = await voice.toggleCamera();
  if (problem) tell(en.voice.camera[problem]);
}

export async function toggleScreen(): Promise<void> {
  const problem = await voice.toggleScreen();
  if (problem) tell(en.voice.noScreen);
}

export function toggleDeaf(): void {
  changeSettings({ deaf: !settings.deaf });
}

export function setVolume(userId: Snowflake, volume: number): void {
  setVolumes(userId, volume);
  remember("volumes", unwrap(volumes));
  voice.applyVolume(userId);
}

// -- messages ---------------------------------------------------------------------------------

export function setDraft(channelId: Snowflake, text: string): void {
  if ((drafts[channelId] ?? "") === text) return;
  setDrafts(produce((all) => {
    if (text) all[channelId] = text;
    else delete all[channelId];
  }));
  remember("drafts", unwrap(drafts));
}

/** Fetches the newest page. */
export async function loadLatest(channelId: Snowflake): Promise<void> {
  const page = await rest.messages(channelId, { limit: messages.PAGE });
  setTexts(produce((draft) => messages.takeLatest(draft, channelId, page)));
}

export async function loadOlder(channelId: Snowflake): Promise<void> {
  const oldest = texts.timelines[channelId]?.items[0];
  if (!oldest) return;
  const page = await rest.messages(channelId, { limit: messages.PAGE, before: oldest.id });
  setTexts(produce((draft) => messages.takeOlder(draft, channelId, page)));
}

export async function loadNewer(channelId: Snowflake): Promise<void> {
  const newest = texts.timelines[channelId]?.items.at(-1);
  if (!newest) return;
  const page = await rest.messages(channelId, { limit: messages.PAGE, after: newest.id });
  setTexts(produce((draft) => messages.takeNewer(draft, channelId, page)));
}

export async function send(channelId: Snowflake, content: string, files: File[], replyTo: Message | null): Promise<void> {
  const at = Date.now();
  const nonce = idAt(at, Math.floor(Math.random() * 0x3fffff));
  await transmit(channelId, { nonce, content, at, replyTo, files, progress: 0, error: null });
}

/** Sends a failed message again, under the same nonce: the server keeps only one. */
export async function sendAgain(channelId: Snowflake, pending: messages.Pending): Promise<void> {
  await transmit(channelId, { ...unwrap(pending), progress: 0, error: null });
}

async function transmit(channelId: Snowflake, pending: messages.Pending): Promise<void> {
  setTexts(produce((draft) => messages.startSending(draft, channelId, pending)));
  try {
    const message = await rest.createMessage(channelId, {
      content: pending.content,
      nonce: pending.nonce,
      replyTo: pending.replyTo?.id,
      files: pending.files,
      onProgress: (part) =>
        setTexts("timelines", channelId, "pending", (item) => item.nonce === pending.nonce, "progress", part),
    });
    setTexts(produce((draft) => messages.sent(draft, channelId, pending.nonce, message)));
  } catch (error) {
    setTexts(produce((draft) => messages.notSent(draft, channelId, pending.nonce, errorText(error))));
  }
}

export function discardPending(channelId: Snowflake, nonce: string): void {
  setTexts(produce((draft) => messages.discard(draft, channelId, nonce)));
}

export async function toggleReaction(message: Message, emoji: Emoji): Promise<void> {
  const mine = message.reactions?.some((reaction) => reaction.me && messages.sameEmoji(reaction.emoji, emoji)) ?? false;
  const target = { channel_id: message.channel_id, message_id: message.id, emoji: { ...emoji } };
  setTexts(produce((draft) => messages.react(draft, target, true, mine ? -1 : 1)));
  try {
    await (mine ? rest.unreact : rest.react)(message.channel_id, message.id, emojiPath(emoji));
  } catch (error) {
    setTexts(produce((draft) => messages.react(draft, target, true, mine ? 1 : -1)));
    tell(errorText(error));
  }
}

export function markRead(channelId: Snowflake): void {
  const last = texts.timelines[channelId]?.items.at(-1)?.id ?? guilds.channelOf(hall, channelId)?.last_message_id;
  let changed = false;
  setMarks(produce((draft) => void (changed = unread.markRead(draft, channelId, last))));
  if (!changed || !last) return;
  saveMarks();
  acknowledge(channelId, last);
}

/** What is read and not told yet, per channel. */
const unacknowledged = new Map<Snowflake, Snowflake>();

/** Tells the server, and with it our other clients; at most once a second for a channel. */
function acknowledge(channelId: Snowflake, messageId: Snowflake): void {
  const waiting = unacknowledged.has(channelId);
  unacknowledged.set(channelId, messageId);
  if (waiting) return;
  setTimeout(() => {
    const newest = unacknowledged.get(channelId);
    unacknowledged.delete(channelId);
    if (newest) void rest.acknowledge(channelId, newest).catch(() => {});
  }, ACKNOWLEDGE_AFTER_MS);
}

const typingSent = new Map<Snowflake, number>();

export function typing(channelId: Snowflake): void {
  const at = Date.now();
  if (at - (typingSent.get(channelId) ?? 0) < TYPING_EVERY_MS) return;
  typingSent.set(channelId, at);
  void rest.typing(channelId).catch(() => {});
}

export async function openDm(userId: Snowflake): Promise<Channel> {
  const known = Object.values(hall.dms).find(
    (channel) => channel.type === ChannelType.Dm && channel.recipients?.some((user) => user.id === userId),
  );
  if (known) return known;
  const channel = await rest.openDm(userId);
  setHall(produce((draft) => guilds.applyGuildDispatch(draft, { t: "CHANNEL_CREATE", d: channel })));
  return channel;
}

// -- for automated tests ----------------------------------------------------------------------

/**
 * Read-only window into the running client for end-to-end tests; documented in web/README.md.
 * Nothing in the client reads it.
 */
export const diagnostics = {
  gateway: {
    get state() {
      return gateway.state;
    },
    get latency() {
      return gateway.latency;
    },
  },
  voice: {
    get state() {
      return voice.phase;
    },
    get place() {
      return voice.place;
    },
    get failure() {
      return call.failure;
    },
    get speaking() {
      return Object.keys(speaking).filter((userId) => speaking[userId]);
    },
    stats: () => voice.stats(),
    remoteStream: (userId: string) => voice.remoteStream(userId),
    pictureStats: () => voice.pictureStats(),
  },
};
