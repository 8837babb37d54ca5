// REST v10 as methods. Knows URLs, the token and 429; knows no state and no user interface.

import type { Application, Channel, Consent, FilledField, Instance, Invite, JoinRequest, Message, Overwrite, OwnApplication, Role, Snowflake, StreamKey, User, Verification } from "./types";

/** What the server refused, with Discord's numeric code and its tree of field errors flattened. */
export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 when no answer came at all. */
    readonly status: number,
    /** Discord's JSON error code, 0 when there is none. */
    readonly code: number,
    message: string,
    /** Field name (dotted path) to the first complaint about it. */
    readonly fields: Readonly<Record<string, string>> = {},
    /** Where an application is told of it; of consents only. */
    readonly location: string | null = null,
  ) {
    super(message);
  }
}

/** Flattens `{a: {b: {_errors: [{message}]}}}` into `{"a.b": message}`. */
export function flattenFieldErrors(tree: unknown, path = ""): Record<string, string> {
  if (typeof tree !== "object" || tree === null) return {};
  const found: Record<string, string> = {};
  for (const [key, value] of Object.entries(tree)) {
    if (key === "_errors") {
      const first = Array.isArray(value) ? (value[0] as { message?: unknown }) : undefined;
      if (typeof first?.message === "string") found[path] = first.message;
    } else {
      Object.assign(found, flattenFieldErrors(value, path ? `${path}.${key}` : key));
    }
  }
  return found;
}

/** An emoji in a reaction's path: `name:id` for a custom one, else the character itself. */
export function emojiPath(emoji: { id: string | null; name: string | null }): string {
  return encodeURIComponent(emoji.id ? `${emoji.name ?? "_"}:${emoji.id}` : (emoji.name ?? ""));
}

export interface OutgoingMessage {
  content: string;
  nonce: string;
  replyTo?: Snowflake | undefined;
  files?: File[] | undefined;
  /** Called with 0..1 while files go up. */
  onProgress?: ((part: number) => void) | undefined;
}

/** Longest 429 wait that is sat out silently; anything longer is told to the person. */
const PATIENCE_MS = 10_000;

export class Rest {
  private token: string | null = null;
  /** Called once per 401 on an authenticated request: the token is no longer good. */
  onUnauthorized: () => void = () => {};

  constructor(private readonly base = "/api/v10") {}

  setToken(token: string | null): void {
    this.token = token;
  }

  // -- accounts ------------------------------------------------------------------------------

  instance = () => this.get<Instance>("/instance");
  login = (login: string, password: string) =>
    this.call<{ token: string; user_id: Snowflake }>("POST", "/auth/login", { login, password });
  register = (body: { username: string; password: string; global_name?: string; invite?: string }) =>
    this.call<{ token: string; user_id: Snowflake }>("POST", "/auth/register", body);
  logout = () => this.call<void>("POST", "/auth/logout", {});
  updateMe = (body: { global_name?: string | null; avatar?: string | null }) => this.call<User>("PATCH", "/users/@me", body);

  // -- applications --------------------------------------------------------------------------

  /** `query` is that of the application's link, untouched. */
  consent = (query: string) => this.get<Consent>(`/oauth2/authorize?${query}`);
  answerConsent = (query: string, body: { authorize: boolean; permissions?: string; guild_id?: Snowflake }) =>
    this.call<{ location: string }>("POST", `/oauth2/authorize?${query}`, body);

  applications = () => this.get<OwnApplication[]>("/applications");
  createApplication = (name: string) => this.call<OwnApplication>("POST", "/applications", { name });
  updateApplication = (id: Snowflake, body: { description?: string; redirect_uris?: string[]; bot_public?: boolean }) =>
    this.call<OwnApplication>("PATCH", `/applications/${id}`, body);
  deleteApplication = (id: Snowflake) => this.call<void>("POST", `/applications/${id}/delete`, {});
  resetBotToken = (id: Snowflake) => this.call<{ token: string }>("POST", `/applications/${id}/bot/reset`, {});
  resetClientSecret = (id: Snowflake) => this.call<{ secret: string }>("POST", `/applications/${id}/reset`, {});
  grants = () => this.get<{ id: Snowflake; scopes: string[]; application: Application }[]>("/oauth2/tokens");
  revokeGrant = (id: Snowflake) => this.call<void>("DELETE", `/oauth2/tokens/${id}`);

  // -- invites and guilds --------------------------------------------------------------------

  invite = (code: string) =>
    this.get<Invite>(`/invites/${encodeURIComponent(code)}?with_counts=true`);
  acceptInvite = (code: string) => this.call<Invite>("POST", `/invites/${encodeURIComponent(code)}`, {});
  createInvite = (channel: Snowflake, body: { max_age: number; max_uses: number }) =>
    this.call<Invite>("POST", `/channels/${channel}/invites`, body);
  createGuild = (name: string) => this.call<{ id: Snowflake }>("POST", "/guilds", { name });
  updateGuild = (guild: Snowflake, body: { name?: string; icon?: string | null }) =>
    this.call<{ id: Snowflake }>("PATCH", `/guilds/${guild}`, body);
  deleteGuild = (guild: Snowflake) => this.call<void>("DELETE", `/guilds/${guild}`);
  createRole = (guild: Snowflake, body: { name: string }) => this.call<Role>("POST", `/guilds/${guild}/roles`, body);
  updateRole = (guild: Snowflake, role: Snowflake, body: { name?: string; color?: number; permissions?: string }) =>
    this.call<Role>("PATCH", `/guilds/${guild}/roles/${role}`, body);
  orderRoles = (guild: Snowflake, body: { id: Snowflake; position: number }[]) =>
    this.call<Role[]>("PATCH", `/guilds/${guild}/roles`, body);
  deleteRole = (guild: Snowflake, role: Snowflake) => this.call<void>("DELETE", `/guilds/${guild}/roles/${role}`);
  giveRole = (guild: Snowflake, user: Snowflake, role: Snowflake) =>
    this.call<void>("PUT", `/guilds/${guild}/members/${user}/roles/${role}`, {});
  takeRole = (guild: Snowflake, user: Snowflake, role: Snowflake) =>
    this.call<void>("DELETE", `/guilds/${guild}/members/${user}/roles/${role}`);
  guildInvites = (guild: Snowflake) => this.get<Invite[]>(`/guilds/${guild}/invites`);
  revokeInvite = (code: string) => this.call<Invite>("DELETE", `/invites/${encodeURIComponent(code)}`);
  bans = (guild: Snowflake) => this.get<{ user: User; reason: string | null }[]>(`/guilds/${guild}/bans`);
  unban = (guild: Snowflake, user: Snowflake) => this.call<void>("DELETE", `/guilds/${guild}/bans/${user}`);
  verification = (guild: Snowflake) => this.get<Verification>(`/guilds/${guild}/member-verification`);
  fillIn = (guild: Snowflake, body: { version: string | null; form_fields: FilledField[] }) =>
    this.call<JoinRequest>("PUT", `/guilds/${guild}/requests/@me`, body);
  leaveGuild = (guild: Snowflake) => this.call<void>("DELETE", `/users/@me/guilds/${guild}`);
  createChannel = (
    guild: Snowflake,
    body: { name: string; type: number; parent_id?: Snowflake | null; permission_overwrites?: Overwrite[] },
  ) => this.call<Channel>("POST", `/guilds/${guild}/channels`, body);
  updateChannel = (channel: Snowflake, body: { name?: string; topic?: string | null; user_limit?: number; bitrate?: number; permission_overwrites?: Overwrite[] }) =>
    this.call<Channel>("PATCH", `/channels/${channel}`, body);
  deleteChannel = (channel: Snowflake) => this.call<Channel>("DELETE", `/channels/${channel}`);
  streamKeys = (channel: Snowflake) => this.get<StreamKey[]>(`/channels/${channel}/stream-keys`);
  createStreamKey = (channel: Snowflake, body: { way: StreamKey["way"]; name: string }) =>
    this.call<StreamKey>("POST", `/channels/${channel}/stream-keys`, body);
  revokeStreamKey = (channel: Snowflake, key: Snowflake) =>
    this.call<void>("DELETE", `/channels/${channel}/stream-keys/${key}`);
  updateMember = (guild: Snowflake, user: Snowflake, body: { mute?: boolean; deaf?: boolean; channel_id?: Snowflake | null }) =>
    this.call<unknown>("PATCH", `/guilds/${guild}/members/${user}`, body);
  kick = (guild: Snowflake, user: Snowflake) => this.call<void>("DELETE", `/guilds/${guild}/members/${user}`);
  ban = (guild: Snowflake, user: Snowflake, reason: string) =>
    this.call<void>("PUT", `/guilds/${guild}/bans/${user}`, {}, reason);
  openDm = (recipient: Snowflake) =>
    this.call<Channel>("POST", "/users/@me/channels", { recipient_id: recipient });

  // -- messages ------------------------------------------------------------------------------

  messages = (channel: Snowflake, query: { before?: Snowflake; after?: Snowflake; limit?: number }) => {
    const search = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) {
      if (value !== undefined) search.set(key, String(value));
    }
    return this.get<Message[]>(`/channels/${channel}/messages?${search}`);
  };

  /**
   * Posts a message. `enforce_nonce` makes a repeated nonce return the first message instead of
   * storing a second one, so a retry after a lost answer cannot double it.
   */
  createMessage(channel: Snowflake, message: OutgoingMessage): Promise<Message> {
    const body = {
      content: message.content,
      nonce: message.nonce,
      enforce_nonce: true,
      ...(message.replyTo
        ? { message_reference: { message_id: message.replyTo, channel_id: channel, fail_if_not_exists: false } }
        : {}),
    };
    const path = `/channels/${channel}/messages`;
    if (!message.files?.length) return this.call<Message>("POST", path, body);
    const form = new FormData();
    const attachments = message.files.map((file, id) => ({ id: String(id), filename: file.name }));
    form.append("payload_json", JSON.stringify({ ...body, attachments }));
    message.files.forEach((file, index) => form.append(`files[${index}]`, file, file.name));
    return this.upload<Message>(path, form, message.onProgress);
  }

  editMessage = (channel: Snowflake, id: Snowflake, content: string) =>
    this.call<Message>("PATCH", `/channels/${channel}/messages/${id}`, { content });
  deleteMessage = (channel: Snowflake, id: Snowflake) =>
    this.call<void>("DELETE", `/channels/${channel}/messages/${id}`);
  react = (channel: Snowflake, id: Snowflake, emoji: string) =>
    this.call<void>("PUT", `/channels/${channel}/messages/${id}/reactions/${emoji}/@me`);
  unreact = (channel: Snowflake, id: Snowflake, emoji: string) =>
    this.call<void>("DELETE", `/channels/${channel}/messages/${id}/reactions/${emoji}/@me`);
  acknowledge = (channel: Snowflake, id: Snowflake) =>
    this.call<void>("POST", `/channels/${channel}/messages/${id}/ack`, {});
  /** Rings everybody else in a private channel; we are in its call. */
  ring = (channel: Snowflake) => this.call<void>("POST", `/channels/${channel}/call/ring`, { recipients: null });
  /** Declines a call. */
  stopRinging = (channel: Snowflake) => this.call<void>("POST", `/channels/${channel}/call/stop-ringing`, {});
  typing = (channel: Snowflake) => this.call<void>("POST", `/channels/${channel}/typing`, {});

  // -- the wire ------------------------------------------------------------------------------

  private get<T>(path: string): Promise<T> {
    return this.call<T>("GET", path);
  }

  private async call<T>(method: string, path: string, body?: unknown, reason = ""): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      const headers: Record<string, string> = {};
      if (this.token) headers["Authorization"] = this.token;
      if (body !== undefined) headers["Content-Type"] = "application/json";
      if (reason) headers["X-Audit-Log-Reason"] = encodeURIComponent(reason);
      let response: Response;
      try {
        response = await fetch(this.base + path, {
          method,
          headers,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          credentials: "omit",
        });
      } catch {
        throw new ApiError(0, 0, "The server cannot be reached.");
      }
      const text = await response.text();
      if (response.status === 429 && attempt < 3) {
        const wait = retryAfterMs(text, response.headers.get("Retry-After"));
        if (wait <= PATIENCE_MS) {
          await new Promise((resolve) => setTimeout(resolve, wait));
          continue;
        }
      }
      return this.settle<T>(response.status, text);
    }
  }

  /** Multipart by XMLHttpRequest, because fetch does not report upload progress. */
  private upload<T>(path: string, form: FormData, onProgress?: (part: number) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", this.base + path);
      if (this.token) request.setRequestHeader("Authorization", this.token);
      request.upload.onprogress = (event) => {
        if (event.lengthComputable) onProgress?.(event.loaded / event.total);
      };
      request.onerror = () => reject(new ApiError(0, 0, "The server cannot be reached."));
      request.onload = () => {
        try {
          resolve(this.settle<T>(request.status, request.responseText));
        } catch (error) {
          reject(error as Error);
        }
      };
      request.send(form);
    });
  }

  private settle<T>(status: number, text: string): T {
    if (status >= 200 && status < 300) return (text ? JSON.parse(text) : undefined) as T;
    if (status === 401 && this.token) this.onUnauthorized();
    throw parseError(status, text);
  }
}

/** Reads Discord's error JSON; anything else (a proxy's HTML page) becomes a plain status. */
export function parseError(status: number, text: string): ApiError {
  try {
    const body = JSON.parse(text) as { message?: string; code?: number; errors?: unknown; location?: string };
    return new ApiError(status, body.code ?? 0, body.message ?? `HTTP ${status}`, flattenFieldErrors(body.errors), body.location ?? null);
  } catch {
    return new ApiError(status, 0, status === 413 ? "That is too large." : `The server answered ${status}.`);
  }
}

function retryAfterMs(body: string, header: string | null): number {
  let seconds = Number(header ?? "1");
  try {
    seconds = Number((JSON.parse(body) as { retry_after?: number }).retry_after ?? seconds);
  } catch {
    // A 429 without JSON comes from a proxy; its header is all there is.
  }
  return Number.isFinite(seconds) ? Math.max(50, seconds * 1000) : 1000;
}
