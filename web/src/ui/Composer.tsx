// Where one writes: text that is kept as a draft, files, emoji, mentions, a reply.

import { createEffect, createMemo, createSignal, For, on, onCleanup, onMount, Show } from "solid-js";
import { drafts, hall, send, setDraft, tell, typing } from "../app";
import type { Message } from "../api/types";
import { displayName, type Guild } from "../state/guilds";
import { en } from "../strings/en";
import { sizeText } from "./Attachments";
import { Avatar } from "./Avatar";
import { EmojiPicker } from "./EmojiPicker";
import { Icon } from "./icons";
import { mentionAt, resolveMentions } from "./mentions";
import { PopoverButton } from "./Overlay";

/** Discord's limit for people without a subscription. */
const MAX_LENGTH = 2_000;
const MAX_FILES = 10;

export function Composer(props: {
  channelId: string;
  name: string;
  guild: Guild | null;
  /** Who can be mentioned here. */
  people: string[];
  replyTo: Message | null;
  onReplyDone: () => void;
  onEditLast: () => void;
}) {
  let area!: HTMLTextAreaElement;
  let picker!: HTMLInputElement;
  const [files, setFiles] = createSignal<{ file: File; preview: string | null }[]>([]);
  const [dragging, setDragging] = createSignal(false);
  const [query, setQuery] = createSignal<{ from: number; text: string } | null>(null);
  const [choice, setChoice] = createSignal(0);
  const text = () => drafts[props.channelId] ?? "";
  const over = () => [...text()].length - MAX_LENGTH;
  const ready = () => (text().trim() !== "" || files().length > 0) && over() <= 0;

  const candidates = createMemo(() => {
    const wanted = query();
    if (!wanted) return [];
    const needle = wanted.text.toLowerCase();
    return props.people
      .map((id) => ({ id, name: displayName(hall, id, props.guild), username: hall.users[id]?.username ?? "" }))
      .filter((person) => person.name.toLowerCase().includes(needle) || person.username.toLowerCase().startsWith(needle))
      .slice(0, 6);
  });

  const grow = () => {
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, innerHeight * 0.4)}px`;
  };
  createEffect(on([text, () => props.channelId], grow));
  createEffect(
    on(
      () => props.channelId,
      () => {
        clearFiles();
        setQuery(null);
        // A keyboard that pops up by itself covers half of a phone.
        if (matchMedia("(hover: hover)").matches) area.focus();
      },
    ),
  );
  createEffect(on(() => props.replyTo, (message) => message && area.focus(), { defer: true }));

  const clearFiles = () => {
    for (const { preview } of files()) if (preview) URL.revokeObjectURL(preview);
    setFiles([]);
  };
  onCleanup(clearFiles);

  const add = (list: Iterable<File>) => {
    const fresh = [...list].map((file) => ({
      file,
      preview: file.type.startsWith("image/") ? URL.createObjectURL(file) : null,
    }));
    const all = [...files(), ...fresh];
    if (all.length > MAX_FILES) tell(en.chat.tooMany);
    for (const { preview } of all.slice(MAX_FILES)) if (preview) URL.revokeObjectURL(preview);
    setFiles(all.slice(0, MAX_FILES));
    area.focus();
  };

  const remove = (index: number) => {
    const gone = files()[index];
    if (gone?.preview) URL.revokeObjectURL(gone.preview);
    setFiles(files().filter((_, at) => at !== index));
  };

  const insert = (piece: string) => {
    area.setRangeText(piece, area.selectionStart, area.selectionEnd, "end");
    setDraft(props.channelId, area.value);
    area.focus();
  };

  const submit = () => {
    if (!ready()) return;
    const content = resolveMentions(text().trim(), props.people, (id) => hall.users[id]?.username);
    void send(props.channelId, content, files().map(({ file }) => file), props.replyTo);
    setDraft(props.channelId, "");
    clearFiles();
    setQuery(null);
    props.onReplyDone();
    area.focus();
  };

  const complete = (index: number) => {
    const wanted = query();
    const person = candidates()[index];
    if (!wanted || !person) return;
    area.setRangeText(`@${person.username} `, wanted.from, area.selectionStart, "end");
    setDraft(props.channelId, area.value);
    setQuery(null);
    area.focus();
  };

  const key = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const list = candidates();
    if (list.length) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        setChoice((choice() + (event.key === "ArrowDown" ? 1 : list.length - 1)) % list.length);
        return;
      }
      if (event.key === "Tab" || event.key === "Enter") {
        event.preventDefault();
        complete(choice());
        return;
      }
      if (event.key === "Escape") {
        setQuery(null);
        return;
      }
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === "ArrowUp" && text() === "") {
      event.preventDefault();
      props.onEditLast();
    } else if (event.key === "Escape" && props.replyTo) {
      props.onReplyDone();
    }
  };

  // Files may be dropped anywhere on the page, not only on this small field.
  onMount(() => {
    let depth = 0;
    const carries = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const enter = (event: DragEvent) => carries(event) && ((depth += 1), setDragging(true));
    const leave = () => setDragging((depth = Math.max(0, depth - 1)) > 0);
    const hover = (event: DragEvent) => carries(event) && event.preventDefault();
    const drop = (event: DragEvent) => {
      depth = 0;
      setDragging(false);
      if (!carries(event)) return;
      event.preventDefault();
      add(event.dataTransfer!.files);
    };
    const listeners = { dragenter: enter, dragleave: leave, dragover: hover, drop } as Record<string, (event: DragEvent) => void>;
    for (const [name, listener] of Object.entries(listeners)) addEventListener(name, listener as EventListener);
    onCleanup(() => {
      for (const [name, listener] of Object.entries(listeners)) removeEventListener(name, listener as EventListener);
    });
  });

  return (
    <form class="composer" onSubmit={(event) => (event.preventDefault(), submit())}>
      <Show when={dragging()}><div class="drop-hint">{en.chat.drop}</div></Show>
      <Show when={query() && candidates().length}>
        <ul class="candidates" role="listbox" id="mention-candidates" aria-label={en.nav.members}>
          <For each={candidates()}>
            {(person, index) => (
              <li
                role="option"
                id={`candidate-${index()}`}
                aria-selected={choice() === index()}
                onPointerDown={(event) => (event.preventDefault(), complete(index()))}
              >
                <Avatar id={person.id} name={person.name} size={24} /> <b>{person.name}</b> <span class="muted">@{person.username}</span>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <Show when={props.replyTo}>
        {(message) => (
          <div class="composer-reply">
            <Icon.Reply />
            <span>{en.chat.replyingTo(displayName(hall, message().author.id, props.guild, message().author))}</span>
            <button type="button" class="quiet" aria-label={en.chat.cancel} onClick={() => props.onReplyDone()}><Icon.Close /></button>
          </div>
        )}
      </Show>
      <Show when={files().length}>
        <ul class="composer-files">
          <For each={files()}>
            {({ file, preview }, index) => (
              <li>
                <Show when={preview} fallback={<Icon.File />}><img src={preview!} alt="" /></Show>
                <span class="file-name">{file.name}<small>{sizeText(file.size)}</small></span>
                <button type="button" class="quiet" aria-label={en.chat.removeFile(file.name)} onClick={() => remove(index())}><Icon.Close /></button>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <div class="composer-line">
        <button type="button" class="quiet" aria-label={en.chat.attach} title={en.chat.attach} onClick={() => picker.click()}><Icon.Attach /></button>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          data-testid="file-input"
          onChange={(event) => {
            add(event.currentTarget.files ?? []);
            event.currentTarget.value = "";
          }}
        />
        <textarea
          ref={area}
          rows={1}
          aria-label={en.chat.label(props.name)}
          placeholder={en.chat.placeholder(props.name)}
          value={text()}
          data-testid="composer"
          aria-autocomplete="list"
          aria-controls={candidates().length ? "mention-candidates" : undefined}
          aria-activedescendant={candidates().length ? `candidate-${choice()}` : undefined}
          onInput={(event) => {
            setDraft(props.channelId, event.currentTarget.value);
            setQuery(mentionAt(event.currentTarget.value, event.currentTarget.selectionStart));
            setChoice(0);
            if (event.currentTarget.value.trim()) typing(props.channelId);
          }}
          onBlur={() => setQuery(null)}
          onKeyDown={key}
          onPaste={(event) => {
            const pasted = event.clipboardData?.files;
            if (!pasted?.length) return;
            event.preventDefault();
            add(pasted);
          }}
        />
        <Show when={over() > -200}>
          <span class="count" classList={{ bad: over() > 0 }} role={over() > 0 ? "alert" : undefined}>
            {over() > 0 ? en.chat.tooLong(over()) : -over()}
          </span>
        </Show>
        <PopoverButton label={en.chat.emoji} class="quiet" icon={<Icon.Smile />}>
          {(close) => <EmojiPicker onPick={(emoji) => (close(), insert(emoji))} />}
        </PopoverButton>
        <button class="send" aria-label={en.chat.send} title={en.chat.send} disabled={!ready()}><Icon.Send /></button>
      </div>
    </form>
  );
}
