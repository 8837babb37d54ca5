// The shapes of Discord's REST v10 and Gateway v10 that this client reads or writes.
//
// Only fields that are used are named; everything else a server sends is ignored. Nothing here
// has behaviour.

/** A 64-bit id; a string because JavaScript numbers lose digits beyond 2^53. */
export type Snowflake = string;

export interface User {
  id: Snowflake;
  username: string;
  global_name?: string | null;
  avatar?: string | null;
  bot?: boolean;
}

/** An application as everyone may see it. */
export interface Application {
  id: Snowflake;
  name: string;
  icon?: string | null;
  description: string;
}

/** An application as its owner sees it. */
export interface OwnApplication extends Application {
  redirect_uris: string[];
  bot_public: boolean;
}

/** What an application asks a person for. */
export interface Consent {
  user: User;
  application: Application;
  scopes: string[];
  /** Whether the person is asked, or all was allowed before. */
  prompts: boolean;
  redirect_uri: string | null;
  /** Where its bot may come: there when it asks to. */
  guilds?: { id: Snowflake; name: string; icon: string | null; permissions: string; has_bot: boolean }[];
  guild_id?: Snowflake | null;
  permissions?: string;
}

export interface Member {
  user: User;
  nick?: string | null;
  roles: Snowflake[];
  joined_at?: string;
  mute?: boolean;
  deaf?: boolean;
  /** Only looks on: has yet to pass the guild's screening. */
  pending?: boolean;
}

export interface Role {
  id: Snowflake;
  name: string;
  color: number;
  hoist: boolean;
  position: number;
  /** Decimal string of the permission bits. */
  permissions: string;
}

export interface Overwrite {
  id: Snowflake;
  /** 0 role, 1 member. */
  type: 0 | 1;
  allow: string;
  deny: string;
}

export const ChannelType = {
  Text: 0,
  Dm: 1,
  Voice: 2,
  GroupDm: 3,
  Category: 4,
  Announcement: 5,
  Stage: 13,
} as const;

export interface Channel {
  id: Snowflake;
  type: number;
  guild_id?: Snowflake;
  name?: string | null;
  topic?: string | null;
  position?: number;
  parent_id?: Snowflake | null;
  permission_overwrites?: Overwrite[];
  last_message_id?: Snowflake | null;
  /** Bits per second of a voice channel. */
  bitrate?: number;
  user_limit?: number;
  recipients?: User[];
}

export type Status = "online" | "idle" | "dnd" | "offline" | "invisible";

export interface Presence {
  user: { id: Snowflake };
  guild_id?: Snowflake;
  status: Status;
}

export interface VoiceState {
  guild_id?: Snowflake;
  channel_id: Snowflake | null;
  user_id: Snowflake;
  session_id: string;
  member?: Member;
  mute: boolean;
  deaf: boolean;
  self_mute: boolean;
  self_deaf: boolean;
  self_video?: boolean;
  self_stream?: boolean;
}

/** A guild as GUILD_CREATE carries it. */
export interface GuildCreate {
  id: Snowflake;
  unavailable?: boolean;
  name: string;
  icon?: string | null;
  owner_id: Snowflake;
  member_count?: number;
  roles: Role[];
  channels: Channel[];
  members?: Member[];
  presences?: Presence[];
  voice_states?: VoiceState[];
}

export interface Attachment {
  id: Snowflake;
  filename: string;
  size: number;
  url: string;
  content_type?: string | null;
  width?: number | null;
  height?: number | null;
  description?: string | null;
}

export interface Emoji {
  id: Snowflake | null;
  name: string | null;
}

export interface Reaction {
  emoji: Emoji;
  count: number;
  me: boolean;
}

export interface Embed {
  title?: string;
  description?: string;
  url?: string;
  color?: number;
  author?: { name: string };
  footer?: { text: string };
  fields?: { name: string; value: string; inline?: boolean }[];
}

/** What the message of a call tells of it. */
export interface CallInfo {
  participants: Snowflake[];
  ended_timestamp: string | null;
}

export interface Message {
  id: Snowflake;
  channel_id: Snowflake;
  guild_id?: Snowflake;
  author: User;
  member?: Partial<Member>;
  content: string;
  timestamp: string;
  edited_timestamp?: string | null;
  type: number;
  attachments: Attachment[];
  embeds: Embed[];
  mentions: User[];
  mention_everyone?: boolean;
  mention_roles?: Snowflake[];
  reactions?: Reaction[];
  nonce?: string | number | null;
  message_reference?: { message_id?: Snowflake; channel_id?: Snowflake } | null;
  referenced_message?: Message | null;
  call?: CallInfo;
}

export interface ReadState {
  id: Snowflake;
  last_message_id?: Snowflake | null;
  mention_count?: number;
}

/** A field of the form that newcomers fill in. */
export type FormField = { label: string; description?: string | null; required: boolean } & (
  | { field_type: "TERMS"; values: string[] }
  | { field_type: "TEXT_INPUT" | "PARAGRAPH"; placeholder?: string | null }
  | { field_type: "MULTIPLE_CHOICE"; choices: string[] }
);

/** The form that newcomers fill in before they take part. */
export interface Verification {
  version: string | null;
  form_fields: FormField[];
  description: string | null;
}

/** A field with its answer. */
export type FilledField = FormField & { response?: boolean | number | string };

/** Our own request to become a full member. */
export interface JoinRequest {
  guild_id: Snowflake;
  application_status: "STARTED" | "SUBMITTED" | "REJECTED" | "APPROVED";
  rejection_reason: string | null;
}

export interface Ready {
  v: number;
  user: User;
  session_id: string;
  resume_gateway_url?: string;
  guilds: ({ id: Snowflake; unavailable?: boolean } & Partial<GuildCreate>)[];
  private_channels?: Channel[];
  guild_join_requests?: JoinRequest[];
  /** Some servers keep read markers for people; others do not. */
  read_state?: ReadState[] | { entries?: ReadState[] };
}

export interface Invite {
  code: string;
  guild: { id: Snowflake; name: string; icon?: string | null } | null;
  channel?: { id: Snowflake; name: string; type: number } | null;
  inviter?: User | null;
  approximate_member_count?: number;
  approximate_presence_count?: number;
  /** Whoever registers with this invite becomes the owner of the instance. */
  owner?: boolean;
  max_age?: number;
  max_uses?: number;
  uses?: number;
  expires_at?: string | null;
}

/** A token for one voice channel and one direction; not Discord's. */
export interface StreamKey {
  id: Snowflake;
  channel_id: Snowflake;
  user_id: Snowflake;
  way: "publish" | "listen";
  name: string;
  created_at: string;
  /** Path of the endpoint that it opens. */
  path: string;
  /** The key itself: in the answer to its making, and never again. */
  key?: string;
}

export interface Instance {
  name: string;
  version: string;
  registration: "invite" | "open";
}

/** One numbered event of the gateway. */
export interface Dispatch {
  t: string;
  // The payload is checked by whoever knows the event's name.
  d: any;
}
