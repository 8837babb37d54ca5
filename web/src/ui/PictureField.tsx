// Choosing a picture for oneself or a guild: what it is now, another one, none.

import { createSignal, Show, type JSX } from "solid-js";
import { errorText } from "../app";
import { ApiError } from "../api/rest";
import { en } from "../strings/en";
import { pictureUri } from "./picture_file";

export function PictureField(props: {
  label: string;
  /** The picture as it is now. */
  face: JSX.Element;
  has: boolean;
  /** Stores a data URI, or with null takes the picture away. */
  onPick: (uri: string | null) => Promise<void>;
}) {
  let picker!: HTMLInputElement;
  const [busy, setBusy] = createSignal(false);
  const [problem, setProblem] = createSignal<string | null>(null);
  const change = async (uri: () => Promise<string | null>) => {
    setBusy(true);
    setProblem(null);
    try {
      await props.onPick(await uri());
    } catch (error) {
      setProblem(error instanceof Error && !(error instanceof ApiError) ? error.message : errorText(error));
    }
    setBusy(false);
  };
  return (
    <div class="picture-field" role="group" aria-label={props.label}>
      {props.face}
      <div class="picture-verbs">
        <div class="row">
          <button type="button" class="button small" disabled={busy()} onClick={() => picker.click()}>
            {busy() ? en.picture.busy : props.has ? en.picture.change : en.picture.choose}
          </button>
          <Show when={props.has}>
            <button type="button" class="button small" disabled={busy()} onClick={() => void change(() => Promise.resolve(null))}>{en.picture.remove}</button>
          </Show>
        </div>
        <p class="hint" classList={{ bad: problem() !== null }} role={problem() ? "alert" : undefined}>{problem() ?? en.picture.hint}</p>
      </div>
      <input
        ref={picker}
        type="file"
        accept="image/png,image/jpeg,image/gif,image/webp"
        hidden
        data-testid="picture-input"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file) void change(() => pictureUri(file));
        }}
      />
    </div>
  );
}
