// One message, stored or on its way, with what can be done to it.

import { createSignal, For, Match, Show, Switch } from "solid-js";
import { discardPending, errorText, hall, rest, sendAgain, tell, toggleReaction } from "../app";
import type { Emoji, Message } from "../api/types";
import { displayName, type Guild } from "../state/guilds";
import { CALL_MESSAGE } from "../state/calls";
import type { Pending } from "../state/messages";
import { en } from "../strings/en";
import { Attachments, sizeText } from "./Attachments";
import { Avatar } from "./Avatar";
import { CallLine } from "./Calls";
import { EmojiPicker } from "./EmojiPicker";
import { Icon } from "./icons";
import { Markdown, previewOf } from "./MarkdownView";
import { Confirm, PopoverButton } from "./Overlay";
import { PersonButton } from "./Person";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

export interface Rights {
  send: boolean;
  react: boolean;
  manage: boolean;
}

/** System messages that we have words for (Discord: Message Types). */
const JOINED = 7;

function Reactions(props: { message: Message; may: boolean }) {
  return (
    <Show when={props.message.reactions?.length}>
      <div class="reactions">
        <For each={props.message.reactions}>
          {(reaction) => (
            <button
              type="button"
              class="reaction"
              aria-pressed={reaction.me}
              aria-label={en.chat.reaction(reaction.emoji.name ?? "?", reaction.count, reaction.me)}
              disabled={!props.may && !reaction.me}
              onClick={() => void toggleReaction(props.message, { ...reaction.emoji })}
            >
              <span>{reaction.emoji.id ? `:${reaction.emoji.name}:` : reaction.emoji.name}</span>
              <b>{reaction.count}</b>
            </button>
          )}
        </For>
      </div>
    </Show>
  );
}

function Embeds(props: { message: Message; guild: Guild | null }) {
  return (
    <For each={props.message.embeds}>
      {(embed) => (
        <div class="embed" style={embed.color ? { "border-left-color": `#${embed.color.toString(16).padStart(6, "0")}` } : {}}>
          <Show when={embed.author}><small>{embed.author!.name}</small></Show>
          <Show when={embed.title}><strong>{embed.title}</strong></Show>
          <Show when={embed.description}><Markdown source={embed.description!} guild={props.guild} /></Show>
          <For each={embed.fields}>
            {(field) => <div><strong>{field.name}</strong><Markdown source={field.value} guild={props.guild} /></div>}
          </For>
          <Show when={embed.footer}><small>{embed.footer!.text}</small></Show>
        </div>
      )}
    </For>
  );
}

function Editor(props: { message: Message; onDone: () => void }) {
  const [text, setText] = createSignal(props.message.content);
  const save = async () => {
    const content = text().trim();
    if (content === "" || content === props.message.content) return props.onDone();
    try {
      await rest.editMessage(props.message.channel_id, props.message.id, content);
      props.onDone();
    } catch (error) {
      tell(errorText(error));
    }
  };
  return (
    <form class="editor" onSubmit={(event) => (event.preventDefault(), void save())}>
      <textarea
        aria-label={en.chat.edit}
        rows={Math.min(12, text().split("\n").length + 1)}
        value={text()}
        ref={(element) => queueMicrotask(() => (element.focus(), element.setSelectionRange(element.value.length, element.value.length)))}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.isComposing) return;
          if (event.key === "Enter" && !event.shiftKey) {
            event.preventDefault();
            void save();
          } else if (event.key === "Escape") {
            event.stopPropagation();
            props.onDone();
          }
        }}
      />
      <div class="row">
        <button class="button primary small">{en.chat.save}</button>
        <button type="button" class="button small" onClick={() => props.onDone()}>{en.chat.cancel}</button>
        <span class="hint">{en.chat.editHint}</span>
      </div>
    </form>
  );
}

export function MessageRow(props: {
  message: Message;
  guild: Guild | null;
  /** Continues the message above: same author, moments later. */
  compact: boolean;
  active: boolean;
  editing: boolean;
  rights: Rights;
  onReply: () => void;
  onEdit: (on: boolean) => void;
  onJump: (id: string) => void;
}) {
  const [removing, setRemoving] = createSignal(false);
  const mine = () => props.message.author.id === hall.me?.id;
  const name = () => displayName(hall, props.message.author.id, props.guild, props.message.author);
  const date = () => new Date(props.message.timestamp);
  const forMe = () =>
    props.message.mention_everyone === true || props.message.mentions?.some((user) => user.id === hall.me?.id);
  const replied = () => props.message.referenced_message;
  const react = (emoji: string) => {
    const wanted: Emoji = { id: null, name: emoji };
    if (!props.message.reactions?.some((r) => r.me && r.emoji.name === emoji)) void toggleReaction(props.message, wanted);
  };
  return (
    <article class="message" classList={{ compact: props.compact, "for-me": forMe() === true }} aria-label={`${name()}, ${clock.format(date())}`}>
      <Show when={props.message.type === 19 || props.message.message_reference}>
        <div class="reply-line">
          <Icon.Reply />
          <Show when={replied()} fallback={<em>{en.chat.replyGone}</em>}>
            {(original) => (
              <button type="button" class="linkish" onClick={() => props.onJump(original().id)}>
                <b>{displayName(hall, original().author.id, props.guild, original().author)}</b>
                <span>{previewOf(original().content, props.guild) || original().attachments[0]?.filename || "…"}</span>
              </button>
            )}
          </Show>
        </div>
      </Show>
      <Show
        when={!props.compact}
        fallback={<time class="message-gutter" datetime={props.message.timestamp} title={full.format(date())}>{clock.format(date())}</time>}
      >
        <div class="message-gutter">
          <Avatar id={props.message.author.id} name={name()} size={40} user={props.message.author} />
        </div>
      </Show>
      <div class="message-body">
        <Show when={!props.compact}>
          <header class="message-head">
            <PersonButton userId={props.message.author.id} guild={props.guild} class="author">{name()}</PersonButton>
            <Show when={props.message.author.bot}><span class="tag">{en.chat.bot}</span></Show>
            <time datetime={props.message.timestamp} title={full.format(date())}>{clock.format(date())}</time>
          </header>
        </Show>
        <Switch>
          <Match when={props.editing}>
            <Editor message={props.message} onDone={() => props.onEdit(false)} />
          </Match>
          <Match when={props.message.type === JOINED}>
            <p class="system"><Icon.Door /> {name()} {en.chat.joined}</p>
          </Match>
          <Match when={props.message.type === CALL_MESSAGE}><CallLine message={props.message} /></Match>
          <Match when={true}>
            <Show when={props.message.content}>
              <div class="content" data-testid="message-content"><Markdown source={props.message.content} guild={props.guild} /></div>
            </Show>
          </Match>
        </Switch>
        <Show when={props.message.edited_timestamp && !props.editing}>
          <span class="edited" title={full.format(new Date(props.message.edited_timestamp!))}>({en.chat.edited})</span>
        </Show>
        <Show when={props.message.attachments?.length}><Attachments files={props.message.attachments} /></Show>
        <Show when={props.message.embeds?.length}><Embeds message={props.message} guild={props.guild} /></Show>
        <Reactions message={props.message} may={props.rights.react} />
      </div>
      <Show when={props.active && !props.editing}>
        <div class="toolbar" role="toolbar" aria-label={en.chat.actions}>
          <Show when={props.rights.react}>
            <PopoverButton label={en.chat.react} class="quiet" icon={<Icon.Smile />}>
              {(close) => <EmojiPicker onPick={(emoji) => (react(emoji), close())} />}
            </PopoverButton>
          </Show>
          <Show when={props.rights.send}>
            <button type="button" class="quiet" aria-label={en.chat.reply} title={en.chat.reply} onClick={() => props.onReply()}><Icon.Reply /></button>
          </Show>
          <Show when={mine() && props.message.type !== JOINED && props.message.type !== CALL_MESSAGE}>
            <button type="button" class="quiet" aria-label={en.chat.edit} title={en.chat.edit} onClick={() => props.onEdit(true)}><Icon.Edit /></button>
          </Show>
          <Show when={mine() || props.rights.manage}>
            <button type="button" class="quiet" aria-label={en.chat.remove} title={en.chat.remove} onClick={() => setRemoving(true)}><Icon.Trash /></button>
          </Show>
        </div>
      </Show>
      <Show when={removing()}>
        <Confirm
          title={en.chat.removeTitle}
          text={en.chat.removeText}
          action={en.chat.remove}
          onYes={() => void rest.deleteMessage(props.message.channel_id, props.message.id).catch((error: unknown) => tell(errorText(error)))}
          onClose={() => setRemoving(false)}
        >
          <blockquote class="confirm-quote">{previewOf(props.message.content, props.guild) || props.message.attachments[0]?.filename}</blockquote>
        </Confirm>
      </Show>
    </article>
  );
}

export function PendingRow(props: { pending: Pending; channelId: string; guild: Guild | null }) {
  const me = () => hall.me!;
  return (
    <article class="message pending" classList={{ failed: props.pending.error !== null }} data-testid="pending-message">
      <div class="message-gutter"><Avatar id={me().id} name={displayName(hall, me().id, props.guild)} size={40} /></div>
      <div class="message-body">
        <header class="message-head"><span class="author">{displayName(hall, me().id, props.guild)}</span></header>
        <Show when={props.pending.content}><div class="content"><Markdown source={props.pending.content} guild={props.guild} /></div></Show>
        <For each={props.pending.files}>{(file) => <p class="hint">{file.name} ({sizeText(file.size)})</p>}</For>
        <Show
          when={props.pending.error}
          fallback={
            <Show when={props.pending.files.length}>
              <progress max="1" value={props.pending.progress} aria-label={en.chat.sending} />
            </Show>
          }
        >
          <p class="send-problem" role="alert">
            <Icon.Warn /> {en.chat.notSent}: {props.pending.error}
            <button type="button" class="linkish" onClick={() => void sendAgain(props.channelId, props.pending)}>{en.chat.again}</button>
            <button type="button" class="linkish" onClick={() => discardPending(props.channelId, props.pending.nonce)}>{en.chat.discard}</button>
          </p>
        </Show>
      </div>
    </article>
  );
}
