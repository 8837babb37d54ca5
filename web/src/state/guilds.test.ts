// Guilds, members and who is in which voice channel, as the gateway tells them.

import { beforeEach, describe, expect, it } from "vitest";
import type { Channel } from "../api/types";
import { applyGuildDispatch, channelOf, displayName, emptyHall, groupChannels, voiceRoster, type HallState } from "./guilds";

let hall: HallState;
const dispatch = (t: string, d: unknown) => applyGuildDispatch(hall, { t, d });
const user = (id: string, username: string) => ({ id, username, global_name: null });
const channel = (id: string, type: number, extra: Partial<Channel> = {}): Channel => ({ id, type, name: `c${id}`, position: 0, ...extra });

beforeEach(() => {
  hall = emptyHall();
  dispatch("READY", { user: user("1", "ana"), guilds: [{ id: "10", unavailable: true }], private_channels: [] });
  dispatch("GUILD_CREATE", {
    id: "10",
    name: "Hall",
    owner_id: "1",
    member_count: 2,
    roles: [{ id: "10", name: "@everyone", permissions: "0", position: 0, color: 0, hoist: false }],
    channels: [channel("20", 0), channel("21", 2)],
    members: [{ user: user("1", "ana"), roles: [] }, { user: user("2", "ben"), roles: [], nick: "Benny" }],
    presences: [{ user: { id: "2" }, status: "idle" }],
    voice_states: [{ channel_id: "21", user_id: "2", session_id: "s", mute: false, deaf: false, self_mute: false, self_deaf: false }],
  });
});

const voice = (userId: string, channelId: string | null, extra = {}) =>
  dispatch("VOICE_STATE_UPDATE", { guild_id: "10", channel_id: channelId, user_id: userId, session_id: "s", mute: false, deaf: false, self_mute: false, self_deaf: false, ...extra });

describe("who is where", () => {
  it("shows a roster before anyone joins, and follows moves and leaves", () => {
    expect(voiceRoster(hall.guilds["10"]!, "21").map((s) => s.user_id)).toEqual(["2"]);

    voice("3", "21", { member: { user: user("3", "cai"), roles: [] } });
    expect(voiceRoster(hall.guilds["10"]!, "21").map((s) => s.user_id)).toEqual(["2", "3"]);
    expect(displayName(hall, "3")).toBe("cai");

    voice("2", "99");
    voice("3", null);
    expect(voiceRoster(hall.guilds["10"]!, "21")).toEqual([]);
  });

  it("a member who leaves the guild leaves its voice channel too", () => {
    dispatch("GUILD_MEMBER_REMOVE", { guild_id: "10", user: { id: "2" } });

    expect(voiceRoster(hall.guilds["10"]!, "21")).toEqual([]);
    expect(hall.guilds["10"]!.memberCount).toBe(1);
  });
});

describe("names", () => {
  it("prefers nickname, then display name, then user name", () => {
    expect(displayName(hall, "2", hall.guilds["10"])).toBe("Benny");
    expect(displayName(hall, "2")).toBe("ben");
    dispatch("USER_UPDATE", { id: "1", username: "ana", global_name: "Ana" });
    expect(displayName(hall, "1")).toBe("Ana");
    expect(hall.me?.global_name).toBe("Ana");
  });
});

describe("channels", () => {
  it("an update keeps what it does not mention", () => {
    dispatch("CHANNEL_UPDATE", { ...channel("20", 0), guild_id: "10", name: "renamed", last_message_id: "5" });
    dispatch("CHANNEL_UPDATE", { id: "20", type: 0, guild_id: "10", name: "again" });

    expect(channelOf(hall, "20")).toMatchObject({ name: "again", last_message_id: "5" });
  });

  it("direct messages come and stay with READY and CHANNEL_CREATE", () => {
    dispatch("CHANNEL_CREATE", { id: "70", type: 1, recipients: [user("2", "ben")] });

    expect(channelOf(hall, "70")?.recipients?.[0]?.username).toBe("ben");
  });

  it("a message moves the channel's newest id forward, never back", () => {
    dispatch("MESSAGE_CREATE", { id: "100", channel_id: "20", guild_id: "10", author: user("2", "ben") });
    dispatch("MESSAGE_CREATE", { id: "99", channel_id: "20", guild_id: "10", author: user("2", "ben") });

    expect(channelOf(hall, "20")?.last_message_id).toBe("100");
  });

  it("groups by category, text above voice", () => {
    const groups = groupChannels([
      channel("1", 4, { position: 1 }),
      channel("2", 4, { position: 0 }),
      channel("3", 2, { parent_id: "2", position: 0 }),
      channel("4", 0, { parent_id: "2", position: 5 }),
      channel("5", 0),
      channel("6", 0, { parent_id: "gone" }),
    ]);

    expect(groups.map((g) => [g.category?.id ?? null, g.channels.map((c) => c.id)])).toEqual([
      [null, ["5", "6"]],
      ["2", ["4", "3"]],
      ["1", []],
    ]);
  });
});

describe("a new session", () => {
  it("keeps guilds on screen that are still ours and drops the others", () => {
    dispatch("READY", { user: user("1", "ana"), guilds: [{ id: "11", unavailable: true }] });

    expect(Object.keys(hall.guilds)).toEqual([]);
    expect(hall.presences).toEqual({ "1": "online" });
  });

  it("an outage is no goodbye", () => {
    dispatch("GUILD_DELETE", { id: "10", unavailable: true });
    expect(hall.guilds["10"]?.unavailable).toBe(true);

    dispatch("GUILD_DELETE", { id: "10" });
    expect(hall.guilds["10"]).toBeUndefined();
  });
});
