// A small palette of emoji, and a field for any other.

import { createSignal, For } from "solid-js";
import { en } from "../strings/en";
import { EMOJI } from "./emoji";

export function EmojiPicker(props: { onPick: (emoji: string) => void }) {
  const [other, setOther] = createSignal("");
  return (
    <div class="emoji-picker">
      <div class="emoji-grid">
        <For each={EMOJI}>
          {([emoji, name], index) => (
            <button type="button" class="quiet" aria-label={name} title={name} autofocus={index() === 0} onClick={() => props.onPick(emoji)}>
              {emoji}
            </button>
          )}
        </For>
      </div>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          const emoji = other().trim();
          if (emoji) props.onPick(emoji);
        }}
      >
        <input aria-label={en.chat.otherEmoji} placeholder={en.chat.otherEmoji} maxLength={16} value={other()} onInput={(event) => setOther(event.currentTarget.value)} />
        <button class="button">{en.chat.add}</button>
      </form>
    </div>
  );
}
