// What this client knows of guilds, direct messages, people and who is where: a pure reducer of
// gateway dispatches. Messages are in `messages.ts`, the call itself in `voice/`.
//
// `applyGuildDispatch` changes the draft it is given; the shell gives it a Solid store draft, the
// tests a plain object.

import type { Channel, Dispatch, GuildCreate, JoinRequest, Member, Presence, Ready, Role, Snowflake, Status, User, VoiceState } from "../api/types";
import { ChannelType } from "../api/types";
import { compareIds } from "../api/snowflake";

export interface MemberRow {
  userId: Snowflake;
  nick: string | null;
  roles: Snowflake[];
  /** Only looks on: has yet to pass the guild's screening. */
  pending?: boolean;
}

export interface Guild {
  id: Snowflake;
  name: string;
  icon: string | null;
  ownerId: Snowflake;
  memberCount: number;
  unavailable: boolean;
  roles: Record<Snowflake, Role>;
  channels: Record<Snowflake, Channel>;
  members: Record<Snowflake, MemberRow>;
  /** By user: a person is in at most one voice channel of a guild. */
  voice: Record<Snowflake, VoiceState>;
}

export interface HallState {
  me: User | null;
  guilds: Record<Snowflake, Guild>;
  dms: Record<Snowflake, Channel>;
  users: Record<Snowflake, User>;
  presences: Record<Snowflake, Status>;
  /** What came so far of our requests to be full members, by guild. */
  requests: Record<Snowflake, JoinRequest["application_status"]>;
  /** False until the first READY: nothing is known, as opposed to nothing being there. */
  ready: boolean;
}

export function emptyHall(): HallState {
  return { me: null, guilds: {}, dms: {}, users: {}, presences: {}, requests: {}, ready: false };
}

export function applyGuildDispatch(hall: HallState, { t, d }: Dispatch): void {
  switch (t) {
    case "READY":
      return ready(hall, d as Ready);
    case "GUILD_CREATE":
      if (d.unavailable === true) return;
      hall.guilds[d.id] = guildFrom(hall, d as GuildCreate);
      return;
    case "GUILD_UPDATE": {
      const guild = hall.guilds[d.id];
      if (!guild) return;
      if (d.name !== undefined) guild.name = d.name;
      if (d.icon !== undefined) guild.icon = d.icon;
      if (d.owner_id !== undefined) guild.ownerId = d.owner_id;
      if (Array.isArray(d.roles)) guild.roles = byId(d.roles as Role[]);
      return;
    }
    case "GUILD_DELETE":
      if (d.unavailable === true) {
        const guild = hall.guilds[d.id];
        if (guild) guild.unavailable = true;
      } else {
        delete hall.guilds[d.id];
      }
      return;
    case "CHANNEL_CREATE":
    case "CHANNEL_UPDATE":
      return putChannel(hall, d as Channel);
    case "CHANNEL_DELETE":
      if (d.guild_id) delete hall.guilds[d.guild_id]?.channels[d.id];
      else delete hall.dms[d.id];
      return;
    case "GUILD_ROLE_CREATE":
    case "GUILD_ROLE_UPDATE": {
      const guild = hall.guilds[d.guild_id];
      if (guild) guild.roles[d.role.id] = d.role as Role;
      return;
    }
    case "GUILD_ROLE_DELETE":
      delete hall.guilds[d.guild_id]?.roles[d.role_id];
      return;
    case "GUILD_MEMBER_ADD": {
      const guild = hall.guilds[d.guild_id];
      if (!guild) return;
      if (!guild.members[d.user.id]) guild.memberCount += 1;
      putMember(hall, guild, d as Member);
      return;
    }
    case "GUILD_MEMBER_UPDATE": {
      const guild = hall.guilds[d.guild_id];
      if (guild) putMember(hall, guild, d as Member);
      return;
    }
    case "GUILD_MEMBER_REMOVE": {
      const guild = hall.guilds[d.guild_id];
      if (!guild) return;
      if (guild.members[d.user.id]) guild.memberCount = Math.max(0, guild.memberCount - 1);
      delete guild.members[d.user.id];
      delete guild.voice[d.user.id];
      return;
    }
    case "GUILD_MEMBERS_CHUNK": {
      const guild = hall.guilds[d.guild_id];
      if (!guild) return;
      for (const member of d.members as Member[]) putMember(hall, guild, member);
      for (const presence of (d.presences ?? []) as Presence[]) hall.presences[presence.user.id] = presence.status;
      return;
    }
    case "GUILD_JOIN_REQUEST_CREATE":
    case "GUILD_JOIN_REQUEST_UPDATE":
      if (d.request.user_id === hall.me?.id) hall.requests[d.guild_id] = d.status;
      return;
    case "PRESENCE_UPDATE":
      if (d.user?.id) hall.presences[d.user.id] = d.status as Status;
      return;
    case "USER_UPDATE":
      if (hall.me && d.id === hall.me.id) hall.me = { ...hall.me, ...d };
      putUser(hall, d as User);
      return;
    case "VOICE_STATE_UPDATE": {
      const state = d as VoiceState;
      const guild = state.guild_id ? hall.guilds[state.guild_id] : undefined;
      if (!guild) return;
      if (state.member?.user) putMember(hall, guild, state.member);
      if (state.channel_id === null) delete guild.voice[state.user_id];
      else guild.voice[state.user_id] = voiceFrom(state);
      return;
    }
    case "MESSAGE_CREATE": {
      const channel = channelOf(hall, d.channel_id);
      if (channel && (!channel.last_message_id || compareIds(d.id, channel.last_message_id) > 0)) {
        channel.last_message_id = d.id;
      }
      if (!d.webhook_id && d.author) putUser(hall, d.author as User);
      const guild = d.guild_id ? hall.guilds[d.guild_id] : undefined;
      if (guild && d.member?.roles && d.author && !guild.members[d.author.id]) {
        putMember(hall, guild, { ...d.member, user: d.author } as Member);
      }
      return;
    }
    default:
      return;
  }
}

function ready(hall: HallState, d: Ready): void {
  hall.me = d.user;
  putUser(hall, d.user);
  hall.presences = { [d.user.id]: "online" };
  hall.dms = {};
  for (const channel of d.private_channels ?? []) putChannel(hall, channel);
  hall.requests = {};
  for (const request of d.guild_join_requests ?? []) hall.requests[request.guild_id] = request.application_status;
  // Guilds known from before stay on screen until their GUILD_CREATE replaces them, unless gone.
  const still = new Set(d.guilds.map((guild) => guild.id));
  for (const id of Object.keys(hall.guilds)) if (!still.has(id)) delete hall.guilds[id];
  for (const guild of d.guilds) {
    if (guild.channels && guild.roles) hall.guilds[guild.id] = guildFrom(hall, guild as GuildCreate);
  }
  hall.ready = true;
}

function guildFrom(hall: HallState, d: GuildCreate): Guild {
  const guild: Guild = {
    id: d.id,
    name: d.name,
    icon: d.icon ?? null,
    ownerId: d.owner_id,
    memberCount: d.member_count ?? d.members?.length ?? 0,
    unavailable: false,
    roles: byId(d.roles),
    channels: {},
    members: {},
    voice: {},
  };
  for (const channel of d.channels) guild.channels[channel.id] = { ...channel, guild_id: d.id };
  for (const member of d.members ?? []) putMember(hall, guild, member);
  for (const presence of d.presences ?? []) hall.presences[presence.user.id] = presence.status;
  for (const state of d.voice_states ?? []) {
    if (state.member?.user) putMember(hall, guild, state.member);
    if (state.channel_id !== null) guild.voice[state.user_id] = voiceFrom({ ...state, guild_id: d.id });
  }
  return guild;
}

function voiceFrom(state: VoiceState): VoiceState {
  const { member: _member, ...rest } = state;
  return rest;
}

function byId<T extends { id: Snowflake }>(items: T[]): Record<Snowflake, T> {
  return Object.fromEntries(items.map((item) => [item.id, item]));
}

function putUser(hall: HallState, user: User): void {
  if (!user.username) return;
  const known = hall.users[user.id];
  if (known?.username === user.username && known.global_name === user.global_name && known.avatar === user.avatar) {
    return;
  }
  hall.users[user.id] = user;
}

function putMember(hall: HallState, guild: Guild, member: Member): void {
  putUser(hall, member.user);
  guild.members[member.user.id] = { userId: member.user.id, nick: member.nick ?? null, roles: member.roles ?? [], pending: member.pending ?? false };
}

function putChannel(hall: HallState, channel: Channel): void {
  if (channel.guild_id) {
    const guild = hall.guilds[channel.guild_id];
    if (!guild) return;
    const known = guild.channels[channel.id];
    guild.channels[channel.id] = { ...known, ...channel };
  } else if (channel.type === ChannelType.Dm || channel.type === ChannelType.GroupDm) {
    for (const user of channel.recipients ?? []) putUser(hall, user);
    hall.dms[channel.id] = { ...hall.dms[channel.id], ...channel };
  }
}

// -- reading ---------------------------------------------------------------------------------

export function channelOf(hall: HallState, id: Snowflake): Channel | undefined {
  if (hall.dms[id]) return hall.dms[id];
  for (const guild of Object.values(hall.guilds)) {
    const channel = guild.channels[id];
    if (channel) return channel;
  }
  return undefined;
}

/** What a person is called, here: nickname, else display name, else user name. */
export function displayName(hall: HallState, userId: Snowflake, guild?: Guild | null, fallback?: User): string {
  const user = hall.users[userId] ?? fallback;
  return guild?.members[userId]?.nick || user?.global_name || user?.username || "…";
}

export interface ChannelGroup {
  category: Channel | null;
  channels: Channel[];
}

const isVoice = (channel: Channel) => channel.type === ChannelType.Voice || channel.type === ChannelType.Stage;

/** Channels in the order that Discord's clients show: text above voice, by position, per category. */
export function groupChannels(channels: Channel[]): ChannelGroup[] {
  const order = (a: Channel, b: Channel) =>
    Number(isVoice(a)) - Number(isVoice(b)) || (a.position ?? 0) - (b.position ?? 0) || compareIds(a.id, b.id);
  const categories = channels
    .filter((channel) => channel.type === ChannelType.Category)
    .sort((a, b) => (a.position ?? 0) - (b.position ?? 0) || compareIds(a.id, b.id));
  const known = new Set(categories.map((category) => category.id));
  const rest = channels.filter((channel) => channel.type !== ChannelType.Category);
  const loose = rest.filter((channel) => !channel.parent_id || !known.has(channel.parent_id)).sort(order);
  return [
    ...(loose.length ? [{ category: null, channels: loose }] : []),
    ...categories.map((category) => ({
      category,
      channels: rest.filter((channel) => channel.parent_id === category.id).sort(order),
    })),
  ];
}

/** Who is in a voice channel, in the order of their ids so that seats do not jump. */
export function voiceRoster(guild: Guild, channelId: Snowflake): VoiceState[] {
  return Object.values(guild.voice)
    .filter((state) => state.channel_id === channelId)
    .sort((a, b) => compareIds(a.user_id, b.user_id));
}

