// The form of newcomers: what is missing of it, what is sent, and what they may do until it is passed.

import { describe, expect, it } from "vitest";
import type { Verification } from "../api/types";
import { applyGuildDispatch, emptyHall } from "./guilds";
import { Permission, permissionsIn } from "./permissions";
import { filledIn, isReviewed, missing } from "./screening";

const rules: Verification = {
  version: "2026-01-01T00:00:00.000000+00:00",
  description: null,
  form_fields: [{ field_type: "TERMS", label: "Rules", required: true, values: ["Be kind."] }],
};
const asking: Verification = {
  ...rules,
  form_fields: [
    ...rules.form_fields,
    { field_type: "TEXT_INPUT", label: "Who sent you?", required: true },
    { field_type: "PARAGRAPH", label: "Anything else?", required: false },
    { field_type: "MULTIPLE_CHOICE", label: "How?", required: true, choices: ["Sail", "Steam"] },
  ],
};

describe("the form", () => {
  it("is decided on by a moderator only if it asks something", () => {
    expect(isReviewed(rules)).toBe(false);
    expect(isReviewed(asking)).toBe(true);
  });

  it("misses what has to be answered and is not, or not well", () => {
    expect(missing(asking, {})).toEqual([0, 1, 3]);
    expect(missing(asking, { 0: false, 1: "  ", 3: 2 })).toEqual([0, 1, 3]);
    expect(missing(asking, { 0: true, 1: "x".repeat(151), 3: 0 })).toEqual([1]);
    expect(missing(asking, { 0: true, 1: "Ana", 3: 0 })).toEqual([]);
  });

  it("is sent as it was shown, with answers where there are any", () => {
    const sent = filledIn(asking, { 0: true, 1: "Ana", 2: "", 3: 1 });

    expect(sent.version).toBe(asking.version);
    expect(sent.form_fields.map((field) => field.response)).toEqual([true, "Ana", undefined, 1]);
    expect(sent.form_fields[0]).toMatchObject({ field_type: "TERMS", label: "Rules", values: ["Be kind."] });
    expect("response" in sent.form_fields[2]!).toBe(false);
  });
});

describe("a newcomer", () => {
  const user = (id: string) => ({ id, username: `u${id}` });
  const everything = ((1n << 17n) - 1n) & ~Permission.Administrator;

  it("looks on until they pass, whatever everyone may do", () => {
    const hall = emptyHall();
    const dispatch = (t: string, d: unknown) => applyGuildDispatch(hall, { t, d });
    const request = (status: string) => ({ guild_id: "10", status, request: { user_id: "2", guild_id: "10" } });
    dispatch("READY", { user: user("2"), guilds: [], guild_join_requests: [{ guild_id: "10", application_status: "STARTED" }] });
    dispatch("GUILD_CREATE", {
      id: "10",
      name: "Hall",
      owner_id: "1",
      roles: [{ id: "10", name: "@everyone", permissions: String(everything), position: 0, color: 0, hoist: false }],
      channels: [{ id: "20", type: 0, name: "general" }],
      members: [{ user: user("2"), roles: [], pending: true }],
    });
    const guild = () => hall.guilds["10"]!;
    const may = () => permissionsIn(guild(), "2", guild().channels["20"]);

    expect(hall.requests).toEqual({ "10": "STARTED" });
    expect(may()).toBe(Permission.ViewChannel | (1n << 16n));
    dispatch("GUILD_JOIN_REQUEST_UPDATE", request("SUBMITTED"));
    expect(hall.requests["10"]).toBe("SUBMITTED");
    // Those of others, which moderators hear of, are not ours.
    dispatch("GUILD_JOIN_REQUEST_UPDATE", { guild_id: "10", status: "REJECTED", request: { user_id: "3" } });
    expect(hall.requests["10"]).toBe("SUBMITTED");
    dispatch("GUILD_MEMBER_UPDATE", { guild_id: "10", user: user("2"), roles: [], pending: false });
    expect(may()).toBe(everything);
  });
});
