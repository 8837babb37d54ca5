// Discord's flavour of Markdown, the small part of it that chat needs, as a tree. Pure; the tree
// is drawn by `MarkdownView.tsx` as elements, so nothing a person writes ever becomes HTML.

export type MarkNode =
  | { kind: "text"; text: string }
  | { kind: "bold" | "italic" | "underline" | "strike" | "spoiler" | "quote"; children: MarkNode[] }
  | { kind: "heading"; level: 1 | 2 | 3; children: MarkNode[] }
  | { kind: "list"; items: MarkNode[][] }
  | { kind: "code"; text: string }
  | { kind: "block"; language: string; text: string }
  | { kind: "link"; href: string; children: MarkNode[] }
  | { kind: "user" | "role" | "channel"; id: string }
  | { kind: "everyone"; text: string }
  | { kind: "emoji"; name: string }
  | { kind: "time"; unix: number }
  | { kind: "break" };

/** Nesting deeper than this is shown as written: nobody means it, and it costs time. */
const DEPTH = 8;

export function parseMarkdown(source: string): MarkNode[] {
  return blocks(source.replace(/\r\n?/g, "\n"), 0);
}

function blocks(source: string, depth: number): MarkNode[] {
  const out: MarkNode[] = [];
  let rest = source;
  while (rest !== "") {
    const fence = /```(?:([a-zA-Z0-9_+#.-]*)\n)?([\s\S]+?)```\n?/.exec(rest);
    const before = fence ? rest.slice(0, fence.index) : rest;
    if (before !== "") out.push(...lines(before.replace(fence ? /\n$/ : /$^/, ""), depth));
    if (!fence) break;
    out.push({ kind: "block", language: fence[1] ?? "", text: (fence[2] ?? "").replace(/\n$/, "") });
    rest = rest.slice(fence.index + fence[0].length);
  }
  return out;
}

/** Quotes, headings and lists live at the beginning of lines; the lines between are inline text. */
function lines(source: string, depth: number): MarkNode[] {
  const out: MarkNode[] = [];
  const all = source.split("\n");
  let plain: string[] = [];
  const flush = () => {
    if (plain.length) out.push(...inline(plain.join("\n"), depth));
    plain = [];
  };
  for (let at = 0; at < all.length; at += 1) {
    const line = all[at]!;
    if (depth === 0 && line.startsWith(">>> ")) {
      flush();
      const quoted = [line.slice(4), ...all.slice(at + 1)].join("\n");
      out.push({ kind: "quote", children: lines(quoted, depth + 1) });
      return out;
    }
    if (depth === 0 && /^> /.test(line)) {
      flush();
      const quoted = [line.slice(2)];
      while (all[at + 1]?.startsWith("> ")) quoted.push(all[(at += 1)]!.slice(2));
      out.push({ kind: "quote", children: lines(quoted.join("\n"), depth + 1) });
      continue;
    }
    const heading = /^(#{1,3}) +(\S.*)$/.exec(line);
    if (heading) {
      flush();
      out.push({ kind: "heading", level: heading[1]!.length as 1 | 2 | 3, children: inline(heading[2]!, depth + 1) });
      continue;
    }
    if (/^ ?[-*] +\S/.test(line)) {
      flush();
      const items = [inline(line.replace(/^ ?[-*] +/, ""), depth + 1)];
      while (/^ ?[-*] +\S/.test(all[at + 1] ?? "")) items.push(inline(all[(at += 1)]!.replace(/^ ?[-*] +/, ""), depth + 1));
      out.push({ kind: "list", items });
      continue;
    }
    plain.push(line);
  }
  flush();
  return out;
}

type Rule = { pattern: RegExp; node: (match: RegExpExecArray, depth: number) => MarkNode | null };

const nest = (kind: "bold" | "italic" | "underline" | "strike" | "spoiler"): Rule["node"] =>
  (match, depth) => ({ kind, children: inline(match[1]!, depth + 1) });

/** Only these schemes become links; `javascript:` and friends stay text. */
function safeHref(text: string): string | null {
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

/** Tried in order at every position; each pattern is anchored (`y`). */
const RULES: Rule[] = [
  { pattern: /\\([!-/:-@[-`{-~])/y, node: (match) => ({ kind: "text", text: match[1]! }) },
  { pattern: /(`+)([\s\S]*?[^`])\1(?!`)/y, node: (match) => ({ kind: "code", text: match[2]!.replace(/^ (?=.* $)| (?<=^ .*)$/g, "") }) },
  { pattern: /\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)/y, node: nest("bold") },
  { pattern: /__((?:\\[\s\S]|[^\\])+?)__(?!_)/y, node: nest("underline") },
  { pattern: /~~((?:\\[\s\S]|[^\\])+?)~~/y, node: nest("strike") },
  { pattern: /\|\|((?:\\[\s\S]|[^\\])+?)\|\|/y, node: nest("spoiler") },
  { pattern: /\*(?=\S)((?:\*\*|\\[\s\S]|[^\\*])+?)(?<=\S)\*(?!\*)/y, node: nest("italic") },
  { pattern: /(?<![a-zA-Z0-9])_(?=\S)((?:__|\\[\s\S]|[^\\_])+?)(?<=\S)_(?![a-zA-Z0-9_])/y, node: nest("italic") },
  { pattern: /<@!?(\d{1,20})>/y, node: (match) => ({ kind: "user", id: match[1]! }) },
  { pattern: /<@&(\d{1,20})>/y, node: (match) => ({ kind: "role", id: match[1]! }) },
  { pattern: /<#(\d{1,20})>/y, node: (match) => ({ kind: "channel", id: match[1]! }) },
  { pattern: /@(?:everyone|here)\b/y, node: (match) => ({ kind: "everyone", text: match[0] }) },
  { pattern: /<a?:(\w{2,32}):\d{1,20}>/y, node: (match) => ({ kind: "emoji", name: match[1]! }) },
  { pattern: /<t:(-?\d{1,12})(?::[tTdDfFR])?>/y, node: (match) => ({ kind: "time", unix: Number(match[1]) }) },
  {
    pattern: /\[((?:\\[\s\S]|[^\\\]])+)\]\(\s*<?(https?:\/\/[^\s)>]+)>?\s*\)/y,
    node: (match, depth) => {
      const href = safeHref(match[2]!);
      // A label that itself looks like an address could lie about where it leads.
      if (!href || /https?:\/\//.test(match[1]!)) return null;
      return { kind: "link", href, children: inline(match[1]!, depth + 1) };
    },
  },
  { pattern: /<(https?:\/\/[^\s>]+)>/y, node: (match) => bareLink(match[1]!) },
  { pattern: /https?:\/\/[^\s<]*[^\s<.,:;"'!?)\]*_~|`]/y, node: (match) => bareLink(match[0]) },
  { pattern: /\n/y, node: () => ({ kind: "break" }) },
];

function bareLink(text: string): MarkNode | null {
  const href = safeHref(text);
  return href ? { kind: "link", href, children: [{ kind: "text", text }] } : null;
}

const SPECIAL = /[\\`*_~|<@[\n]|https?:\/\//g;

function inline(source: string, depth: number): MarkNode[] {
  const out: MarkNode[] = [];
  const text = (piece: string) => {
    const last = out.at(-1);
    if (last?.kind === "text") last.text += piece;
    else if (piece) out.push({ kind: "text", text: piece });
  };
  if (depth > DEPTH) return [{ kind: "text", text: source }];
  let at = 0;
  scan: while (at < source.length) {
    SPECIAL.lastIndex = at;
    const next = SPECIAL.exec(source)?.index ?? source.length;
    text(source.slice(at, next));
    at = next;
    if (at >= source.length) break;
    for (const rule of RULES) {
      rule.pattern.lastIndex = at;
      const match = rule.pattern.exec(source);
      const end = rule.pattern.lastIndex;
      const node = match && rule.node(match, depth);
      if (!node) continue;
      if (node.kind === "text") text(node.text);
      else out.push(node);
      at = end;
      continue scan;
    }
    text(source[at]!);
    at += 1;
  }
  return out;
}

/** One line without marks, for reply previews and titles. */
export function plainText(nodes: MarkNode[], name: (node: MarkNode) => string): string {
  return nodes
    .map((node) => {
      switch (node.kind) {
        case "text":
        case "code":
        case "block":
        case "everyone":
          return node.text;
        case "break":
          return " ";
        case "spoiler":
          return "▮▮▮";
        case "list":
          return node.items.map((item) => plainText(item, name)).join(" ");
        case "user":
        case "role":
        case "channel":
        case "emoji":
        case "time":
          return name(node);
        default:
          return plainText(node.children, name);
      }
    })
    .join("");
}
