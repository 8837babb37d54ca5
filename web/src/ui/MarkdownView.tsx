// Draws a Markdown tree as elements. No string here is ever parsed as HTML.

import { createMemo, createSignal, For, type JSX } from "solid-js";
import { hall } from "../app";
import { channelOf, displayName, type Guild } from "../state/guilds";
import { en } from "../strings/en";
import { parseMarkdown, plainText, type MarkNode } from "./markdown";
import { follow } from "./router";

function Spoiler(props: { children: JSX.Element }) {
  const [shown, setShown] = createSignal(false);
  return (
    <span
      class="spoiler"
      classList={{ shown: shown() }}
      role={shown() ? undefined : "button"}
      tabindex={shown() ? undefined : 0}
      aria-label={shown() ? undefined : en.chat.spoiler}
      onClick={() => setShown(true)}
      onKeyDown={(event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), setShown(true))}
    >
      <span aria-hidden={!shown()}>{props.children}</span>
    </span>
  );
}

const dateTime = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

/** What a mention is called. */
export function nameOf(node: MarkNode, guild: Guild | null): string {
  switch (node.kind) {
    case "user":
      return `@${displayName(hall, node.id, guild)}`;
    case "role":
      return `@${guild?.roles[node.id]?.name ?? "…"}`;
    case "channel":
      return `#${channelOf(hall, node.id)?.name ?? "…"}`;
    case "emoji":
      return `:${node.name}:`;
    case "time":
      return dateTime.format(node.unix * 1000);
    default:
      return "";
  }
}

function draw(nodes: MarkNode[], guild: () => Guild | null): JSX.Element {
  return (
    <For each={nodes}>
      {(node) => {
        switch (node.kind) {
          case "text":
            return node.text;
          case "break":
            return <br />;
          case "bold":
            return <strong>{draw(node.children, guild)}</strong>;
          case "italic":
            return <em>{draw(node.children, guild)}</em>;
          case "underline":
            return <u>{draw(node.children, guild)}</u>;
          case "strike":
            return <s>{draw(node.children, guild)}</s>;
          case "quote":
            return <blockquote>{draw(node.children, guild)}</blockquote>;
          case "heading":
            return <strong class={`md-h md-h${node.level}`}>{draw(node.children, guild)}</strong>;
          case "list":
            return (
              <ul>
                <For each={node.items}>{(item) => <li>{draw(item, guild)}</li>}</For>
              </ul>
            );
          case "spoiler":
            return <Spoiler>{draw(node.children, guild)}</Spoiler>;
          case "code":
            return <code>{node.text}</code>;
          case "block":
            return (
              <pre tabindex="0">
                <code>{node.text}</code>
              </pre>
            );
          case "link":
            return (
              <a href={node.href} target="_blank" rel="noopener noreferrer nofollow">
                {draw(node.children, guild)}
              </a>
            );
          case "channel": {
            const channel = channelOf(hall, node.id);
            return channel?.guild_id ? (
              <a class="mention" href={`/channels/${channel.guild_id}/${channel.id}`} onClick={follow}>
                {nameOf(node, guild())}
              </a>
            ) : (
              <span class="mention">{nameOf(node, guild())}</span>
            );
          }
          case "everyone":
            return <span class="mention me">{node.text}</span>;
          case "time":
            return <time class="md-time">{nameOf(node, guild())}</time>;
          case "emoji":
            return <span>{nameOf(node, guild())}</span>;
          default:
            return (
              <span class="mention" classList={{ me: node.kind === "user" && node.id === hall.me?.id }}>
                {nameOf(node, guild())}
              </span>
            );
        }
      }}
    </For>
  );
}

export function Markdown(props: { source: string; guild: Guild | null }) {
  const tree = createMemo(() => parseMarkdown(props.source));
  // A message of nothing but a few emoji is shown large.
  const jumbo = () => /^(?:\s*(?:\p{Extended_Pictographic}|\p{Regional_Indicator}{2})[\u200d\ufe0f\p{Emoji_Modifier}\p{Extended_Pictographic}]*){1,6}\s*$/u.test(props.source);
  return (
    <div class="md" classList={{ jumbo: jumbo() }}>
      {draw(tree(), () => props.guild)}
    </div>
  );
}

export function previewOf(source: string, guild: Guild | null): string {
  return plainText(parseMarkdown(source), (node) => nameOf(node, guild));
}
