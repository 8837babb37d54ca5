// Which messages disturb, and with what words.

import { describe, expect, it } from "vitest";
import type { Message } from "../api/types";
import { applyGuildDispatch, emptyHall } from "./guilds";
import { noteOf } from "./notify";

const ana = { id: "1", username: "ana" };
const ben = { id: "2", username: "ben", global_name: "Ben" };

function hall() {
  const state = emptyHall();
  applyGuildDispatch(state, { t: "READY", d: { v: 10, user: ana, session_id: "s", guilds: [{ id: "10" }], private_channels: [{ id: "30", type: 1, recipients: [ben] }] } });
  applyGuildDispatch(state, { t: "GUILD_CREATE", d: { id: "10", name: "Hall", owner_id: "1", roles: [], channels: [{ id: "20", type: 0, name: "general" }], members: [{ user: ben, roles: [] }] } });
  return state;
}

const said = (changes: Partial<Message>) => ({
  t: "MESSAGE_CREATE",
  d: { id: "90", channel_id: "20", guild_id: "10", author: ben, content: "hello", timestamp: "", type: 0, attachments: [], embeds: [], mentions: [], ...changes } as Message,
});
const note = (changes: Partial<Message>, roles: string[] = []) => noteOf(hall(), said(changes), "1", roles, (content) => content);

describe("a note", () => {
  it("is made of what speaks to us, and of nothing else", () => {
    expect(note({})).toBeNull();
    expect(note({ mentions: [ana] })).toEqual({ title: "Ben · #general, Hall", body: "hello", path: "/channels/10/20", tag: "20" });
    expect(note({ mention_everyone: true })).not.toBeNull();
    expect(note({ mention_roles: ["5"] })).toBeNull();
    expect(note({ mention_roles: ["5"] }, ["5"])).not.toBeNull();
  });

  it("is made of every direct message but one's own", () => {
    const direct = { channel_id: "30" } as Partial<Message>;
    const { guild_id: _none, ...rest } = said(direct).d;
    expect(noteOf(hall(), { t: "MESSAGE_CREATE", d: rest }, "1", [], (content) => content)?.title).toBe("Ben");
    expect(note({ author: ana, mentions: [ana] })).toBeNull();
  });

  it("is short, and names the file where there is no text", () => {
    expect(note({ mentions: [ana], content: "x".repeat(500) })!.body).toHaveLength(160);
    const attachments = [{ id: "1", filename: "plan.pdf", size: 1, url: "" }];
    expect(note({ mentions: [ana], content: "", attachments })!.body).toBe("plan.pdf");
  });

  it("is not made of other events", () => {
    expect(noteOf(hall(), { t: "MESSAGE_UPDATE", d: said({ mentions: [ana] }).d }, "1", [], (content) => content)).toBeNull();
  });
});
