// What chat text means, and what it can never become.

import { describe, expect, it } from "vitest";
import { parseMarkdown, plainText, type MarkNode } from "./markdown";

const text = (value: string): MarkNode => ({ kind: "text", text: value });

describe("emphasis", () => {
  it.each([
    ["**a**", { kind: "bold", children: [text("a")] }],
    ["*a*", { kind: "italic", children: [text("a")] }],
    ["_a_", { kind: "italic", children: [text("a")] }],
    ["__a__", { kind: "underline", children: [text("a")] }],
    ["~~a~~", { kind: "strike", children: [text("a")] }],
    ["||a||", { kind: "spoiler", children: [text("a")] }],
    ["`a*b*`", { kind: "code", text: "a*b*" }],
  ])("%s", (source, node) => {
    expect(parseMarkdown(source)).toEqual([node]);
  });

  it("nests", () => {
    expect(parseMarkdown("**a *b***")).toEqual([
      { kind: "bold", children: [text("a "), { kind: "italic", children: [text("b")] }] },
    ]);
  });

  it("leaves arithmetic, snake_case and lone marks alone", () => {
    for (const source of ["2 * 3 * 4", "a_snake_case_name", "~~", "||", "`", "a ** b"]) {
      expect(parseMarkdown(source)).toEqual([text(source)]);
    }
  });

  it("shows escaped marks as they are", () => {
    expect(parseMarkdown("\\*a\\*")).toEqual([text("*a*")]);
  });
});

describe("blocks", () => {
  it("keeps code as written, with its language", () => {
    expect(parseMarkdown("see\n```rust\nlet a = **b;\n```\nend")).toEqual([
      text("see"),
      { kind: "block", language: "rust", text: "let a = **b;" },
      text("end"),
    ]);
  });

  it("gathers quoted lines", () => {
    expect(parseMarkdown("> a\n> b\nc")).toEqual([
      { kind: "quote", children: [text("a"), { kind: "break" }, text("b")] },
      text("c"),
    ]);
  });

  it("makes lists and headings only at the start of a line", () => {
    expect(parseMarkdown("# T\n- a\n- b")).toEqual([
      { kind: "heading", level: 1, children: [text("T")] },
      { kind: "list", items: [[text("a")], [text("b")]] },
    ]);
    expect(parseMarkdown("no # T")).toEqual([text("no # T")]);
  });
});

describe("links and mentions", () => {
  it("links addresses without the punctuation behind them", () => {
    expect(parseMarkdown("(https://example.org/a).")).toEqual([
      text("("),
      { kind: "link", href: "https://example.org/a", children: [text("https://example.org/a")] },
      text(")."),
    ]);
  });

  it("never links anything but http and https", () => {
    const sources = ["javascript:alert(1)", "[x](javascript:alert(1))", "<javascript:alert(1)>", "[x](data:text/html,a)"];

    for (const source of sources) {
      expect(JSON.stringify(parseMarkdown(source))).not.toContain('"link"');
    }
  });

  it("does not let a label pretend to be another address", () => {
    const nodes = parseMarkdown("[https://bank.example](https://thief.example)");

    for (const node of nodes) {
      if (node.kind === "link") expect(node.children).toEqual([text(node.href.replace(/\/$/, ""))]);
    }
  });

  it("knows people, roles, channels and everyone", () => {
    expect(parseMarkdown("<@1><@!2><@&3><#4>@everyone")).toEqual([
      { kind: "user", id: "1" },
      { kind: "user", id: "2" },
      { kind: "role", id: "3" },
      { kind: "channel", id: "4" },
      { kind: "everyone", text: "@everyone" },
    ]);
  });

  it("treats HTML as text", () => {
    expect(parseMarkdown("<img src=x onerror=alert(1)>")).toEqual([text("<img src=x onerror=alert(1)>")]);
  });
});

it("a full message of marks is parsed in a blink", () => {
  const started = performance.now();
  for (const mark of ["*", "_", "~", "|", "`", "[", "<", "**a", "||__*"]) {
    parseMarkdown(mark.repeat(Math.floor(4_000 / mark.length)));
  }

  expect(performance.now() - started).toBeLessThan(3_000);
});

it("a preview is one line without marks and without spoilers", () => {
  const preview = plainText(parseMarkdown("**a**\n||secret|| <@1>"), () => "@Ana");

  expect(preview).toBe("a ▮▮▮ @Ana");
});
