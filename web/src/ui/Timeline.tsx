// The messages of one channel, scrolled as people expect: it stays at the newest while one reads
// there, and what one is reading never moves when something above or below it changes.
//
// The anchor is our own, because not every browser has scroll anchoring and none has it at the
// top, where history is fetched: the first visible row and its offset are remembered on every
// scroll, and put back whenever the content changes size.

import { createEffect, createMemo, createSignal, For, on, onCleanup, onMount, Show, untrack } from "solid-js";
import { errorText, hall, link, loadLatest, loadNewer, loadOlder, markRead, marks, texts } from "../app";
import { compareIds, isNewer } from "../api/snowflake";
import type { Message } from "../api/types";
import type { Guild } from "../state/guilds";
import { en } from "../strings/en";
import { Beginning } from "./Beginning";
import { MessageRow, PendingRow, type Rights } from "./MessageRow";
import { sticks } from "./stick";

/** Messages of one author within this share one head. */
const GROUP_MS = 7 * 60_000;
/** Distance from an end, in pixels, at which more is fetched. */
const NEAR = 600;

const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

function dayText(iso: string): string {
  const date = new Date(iso);
  const today = new Date();
  const days = Math.round((new Date(today).setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  return days === 0 ? en.chat.today : days === 1 ? en.chat.yesterday : day.format(date);
}

export function Timeline(props: {
  channelId: string;
  name: string;
  guild: Guild | null;
  rights: Rights;
  editing: string | null;
  onEdit: (id: string | null) => void;
  onReply: (message: Message) => void;
}) {
  let scroller!: HTMLDivElement;
  let content!: HTMLDivElement;
  const [problem, setProblem] = createSignal<string | null>(null);
  const [busy, setBusy] = createSignal(false);
  const [atEnd, setAtEnd] = createSignal(true);
  const [active, setActive] = createSignal<string | null>(null);
  const [unseen, setUnseen] = createSignal(0);
  const timeline = () => texts.timelines[props.channelId];
  const items = () => timeline()?.items ?? [];
  // Where "new messages" begins: as it was when the channel was opened.
  const [dividerAfter, setDividerAfter] = createSignal<string | null>(null);

  // -- fetching ------------------------------------------------------------------------------

  const fetching = async (what: (channelId: string) => Promise<void>) => {
    if (untrack(busy)) return;
    const channelId = props.channelId;
    setBusy(true);
    setProblem(null);
    try {
      await what(channelId);
    } catch (error) {
      if (channelId === props.channelId) setProblem(errorText(error));
    } finally {
      setBusy(false);
      requestAnimationFrame(more);
    }
  };

  createEffect(() => {
    if (link() !== "ready" && timeline()?.loaded) return;
    if (!timeline()?.loaded || timeline()?.stale) untrack(() => void fetching(loadLatest));
  });

  const more = () => {
    const held = timeline();
    if (!scroller || !held?.loaded || problem()) return;
    if (held.hasOlder && scroller.scrollTop < NEAR) void fetching(loadOlder);
    else if (held.hasNewer && scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR) void fetching(loadNewer);
  };

  // -- scrolling -----------------------------------------------------------------------------

  let stuck = true;
  let lastTop = 0;
  let anchor: { row: HTMLElement; top: number } | null = null;

  const rows = () => content.querySelectorAll<HTMLElement>("[data-message-id]");

  const remember = () => {
    const { scrollTop: top, scrollHeight, clientHeight } = scroller;
    stuck = sticks(stuck, { top, before: lastTop, below: scrollHeight - top - clientHeight }) && !timeline()?.hasNewer;
    lastTop = top;
    setAtEnd(stuck);
    anchor = null;
    if (stuck) return;
    const all = rows();
    const edge = scroller.getBoundingClientRect().top;
    let low = 0;
    let high = all.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (all[middle]!.getBoundingClientRect().bottom > edge) high = middle;
      else low = middle + 1;
    }
    const row = all[low];
    if (row) anchor = { row, top: row.getBoundingClientRect().top - edge };
  };

  const settle = () => {
    if (stuck) {
      scroller.scrollTop = scroller.scrollHeight;
      lastTop = scroller.scrollTop;
    } else if (anchor?.row.isConnected) {
      const moved = anchor.row.getBoundingClientRect().top - scroller.getBoundingClientRect().top - anchor.top;
      if (Math.abs(moved) > 0.5) scroller.scrollTop += moved;
    }
  };

  const toEnd = () => {
    stuck = true;
    setUnseen(0);
    if (timeline()?.hasNewer) void fetching(loadLatest).then(settle);
    else settle();
  };

  const seen = () => {
    if (stuck && document.visibilityState === "visible" && document.hasFocus()) {
      setUnseen(0);
      markRead(props.channelId);
    }
  };

  onMount(() => {
    const observer = new ResizeObserver(settle);
    observer.observe(content);
    observer.observe(scroller);
    addEventListener("focus", seen);
    document.addEventListener("visibilitychange", seen);
    onCleanup(() => {
      observer.disconnect();
      removeEventListener("focus", seen);
      document.removeEventListener("visibilitychange", seen);
    });
  });

  createEffect(
    on(
      () => props.channelId,
      (channelId) => {
        stuck = true;
        anchor = null;
        setActive(null);
        setProblem(null);
        setUnseen(0);
        const read = marks.read[channelId];
        setDividerAfter(read && read !== "0" ? read : null);
      },
    ),
  );

  createEffect(
    on(
      () => [props.channelId, items().at(-1)?.id] as const,
      ([channelId, newest], before) => {
        if (before && before[0] === channelId && isNewer(newest, before[1]) && before[1] !== undefined) {
          const mine = items().at(-1)?.author.id === hall.me?.id;
          if (mine) stuck = true;
          else if (!stuck) setUnseen(unseen() + 1);
        }
        queueMicrotask(() => (settle(), seen()));
      },
    ),
  );
  createEffect(
    on(
      () => timeline()?.pending.length,
      (count, before) => {
        if (count && count > (before ?? 0)) toEnd();
      },
    ),
  );

  const jump = (id: string) => {
    const row = content.querySelector<HTMLElement>(`[data-message-id="${CSS.escape(id)}"]`);
    if (!row) return;
    stuck = false;
    row.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    row.classList.remove("flash");
    void row.offsetWidth;
    row.classList.add("flash");
  };

  // -- keyboard: one stop for Tab, arrows between messages -------------------------------------

  /** A row under the pointer shows its tools, unless a palette of another row is open. */
  const point = (id: string) => content.querySelector(":popover-open") === null && setActive(id);
  const stop = () => active() ?? items().at(-1)?.id ?? null;
  const move = (event: KeyboardEvent) => {
    const step = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
    const target = event.target as HTMLElement;
    if (!step || !target.matches("[data-message-id]")) return;
    const all = [...rows()];
    const next = all[all.indexOf(target) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };

  const firstNew = createMemo(() => {
    const after = dividerAfter();
    if (!after) return null;
    return items().find((item) => isNewer(item.id, after) && item.author.id !== hall.me?.id)?.id ?? null;
  });

  return (
    <div class="timeline-box">
      <div class="timeline" ref={scroller} onScroll={() => (remember(), more(), seen())} tabindex="-1">
        <div class="timeline-content" ref={content} onKeyDown={move}>
          <Show when={timeline()?.loaded && !timeline()!.hasOlder}>
            <Beginning name={props.name} guild={props.guild} />
          </Show>
          <Show when={timeline()?.hasOlder && !problem()}>
            <p class="timeline-note" role="status">{en.chat.loadingOlder}</p>
          </Show>
          <Show when={problem()}>
            <p class="timeline-note" role="alert">
              {en.chat.loadFailed} {problem()}{" "}
              <button type="button" class="linkish" onClick={() => void fetching(timeline()?.loaded ? loadOlder : loadLatest)}>{en.chat.retry}</button>
            </p>
          </Show>
          <div role="log" aria-label={en.chat.history(props.name)} aria-live="polite" data-testid="messages">
            <For each={items()}>
              {(message, index) => {
                const above = () => items()[index() - 1];
                const newDay = () => !above() || dayText(above()!.timestamp) !== dayText(message.timestamp);
                const compact = () =>
                  !newDay() &&
                  above()!.author.id === message.author.id &&
                  above()!.type !== 7 &&
                  message.type === 0 &&
                  !message.message_reference &&
                  Date.parse(message.timestamp) - Date.parse(above()!.timestamp) < GROUP_MS &&
                  firstNew() !== message.id;
                return (
                  <>
                    <Show when={newDay()}>
                      <div class="divider" role="separator"><span>{dayText(message.timestamp)}</span></div>
                    </Show>
                    <Show when={firstNew() === message.id}>
                      <div class="divider new" role="separator"><span>{en.chat.newMessages}</span></div>
                    </Show>
                    <div
                      data-message-id={message.id}
                      data-testid="message"
                      class="message-slot"
                      tabindex={stop() === message.id ? 0 : -1}
                      onPointerEnter={(event) => event.pointerType === "mouse" && point(message.id)}
                      onPointerDown={(event) => event.pointerType !== "mouse" && setActive(message.id)}
                      onFocusIn={() => setActive(message.id)}
                    >
                      <MessageRow
                        message={message}
                        guild={props.guild}
                        compact={compact()}
                        active={active() === message.id}
                        editing={props.editing === message.id}
                        rights={props.rights}
                        onReply={() => props.onReply(message)}
                        onEdit={(on) => props.onEdit(on ? message.id : null)}
                        onJump={jump}
                      />
                    </div>
                  </>
                );
              }}
            </For>
            <Show when={!timeline()?.hasNewer}>
              <For each={timeline()?.pending}>
                {(pending) => <PendingRow pending={pending} channelId={props.channelId} guild={props.guild} />}
              </For>
            </Show>
          </div>
        </div>
      </div>
      <Show when={!atEnd() || timeline()?.hasNewer}>
        <button type="button" class="to-end" onClick={toEnd}>
          {unseen() > 0 ? en.chat.newBelow(unseen()) : en.chat.newer}
        </button>
      </Show>
    </div>
  );
}

/** The person's own newest message, which ArrowUp in an empty composer edits. */
export function lastOwn(channelId: string): Message | undefined {
  return [...(texts.timelines[channelId]?.items ?? [])]
    .sort((a, b) => compareIds(b.id, a.id))
    .find((item) => item.author.id === hall.me?.id && item.type !== 7);
}
