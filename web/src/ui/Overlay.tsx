// Things above the page: dialogs (modal, native) and popovers (light, native). Focus, Escape and
// the click outside are the browser's work.

import { createSignal, createUniqueId, onCleanup, onMount, Show, type JSX } from "solid-js";
import { Portal } from "solid-js/web";
import { en } from "../strings/en";
import { Icon } from "./icons";

export function Dialog(props: { title: string; onClose: () => void; wide?: boolean; children: JSX.Element }) {
  let element!: HTMLDialogElement;
  const titleId = createUniqueId();
  onMount(() => {
    element.showModal();
    element.querySelector<HTMLElement>("[autofocus]")?.focus();
  });
  // In the body: a dialog inside a pane would vanish with it when the window becomes narrow.
  return (
    <Portal>
      <dialog
        ref={element}
        class="dialog"
        classList={{ wide: props.wide === true }}
        aria-labelledby={titleId}
        onClose={() => props.onClose()}
        onClick={(event) => event.target === element && element.close()}
      >
        <div class="dialog-body">
          <header class="dialog-head">
            <h2 id={titleId}>{props.title}</h2>
            <button type="button" class="quiet round" aria-label={en.make.close} onClick={() => element.close()}>
              <Icon.Close />
            </button>
          </header>
          {props.children}
        </div>
      </dialog>
    </Portal>
  );
}

export function Confirm(props: { title: string; text: string; action: string; onYes: () => void; onClose: () => void; children?: JSX.Element }) {
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <p class="muted">{props.text}</p>
      {props.children}
      <div class="row end">
        <button type="button" class="button" onClick={() => props.onClose()}>{en.make.cancel}</button>
        <button type="button" class="button danger" autofocus onClick={() => { props.onYes(); props.onClose(); }}>{props.action}</button>
      </div>
    </Dialog>
  );
}

/** Opens beside `anchor`, on whichever side has room, and stays inside the window. */
export function Popover(props: { anchor: HTMLElement; label: string; onClose: () => void; class?: string; children: JSX.Element }) {
  let element!: HTMLDivElement;
  const place = () => {
    const at = props.anchor.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = element;
    const gap = 8;
    const above = at.top - gap - height;
    const below = at.bottom + gap;
    const top = below + height <= innerHeight - gap || above < gap ? Math.min(below, innerHeight - gap - height) : above;
    element.style.top = `${Math.max(gap, top)}px`;
    element.style.left = `${Math.max(gap, Math.min(at.left, innerWidth - gap - width))}px`;
  };
  onMount(() => {
    element.showPopover();
    place();
    (element.querySelector<HTMLElement>("[autofocus]") ?? element).focus();
    const observer = new ResizeObserver(place);
    observer.observe(element);
    addEventListener("resize", place);
    // What it stands beside may scroll; scrolling inside the popover moves nothing.
    const scrolled = (event: Event) => element.contains(event.target as Node) || place();
    addEventListener("scroll", scrolled, { capture: true, passive: true });
    onCleanup(() => {
      observer.disconnect();
      removeEventListener("resize", place);
      removeEventListener("scroll", scrolled, { capture: true });
    });
  });
  return (
    <div
      ref={element}
      popover="auto"
      class={`popover ${props.class ?? ""}`}
      role="dialog"
      aria-label={props.label}
      tabindex="-1"
      onToggle={(event) => {
        if ((event as ToggleEvent).newState === "closed") {
          const inside = element.contains(document.activeElement) || document.activeElement === document.body;
          props.onClose();
          if (inside) props.anchor.focus();
        }
      }}
    >
      {props.children}
    </div>
  );
}

/** A button that opens a popover. */
export function PopoverButton(props: {
  label: string;
  class?: string;
  icon: JSX.Element;
  popoverClass?: string;
  children: (close: () => void) => JSX.Element;
}) {
  let anchor!: HTMLButtonElement;
  const [open, setOpen] = createSignal(false);
  let closedAt = -Infinity;
  const close = () => {
    closedAt = performance.now();
    setOpen(false);
  };
  return (
    <>
      <button
        ref={anchor}
        type="button"
        class={props.class}
        aria-label={props.label}
        title={props.label}
        aria-haspopup="dialog"
        aria-expanded={open()}
        // The press that closes a popover must not open it again.
        onClick={() => setOpen(performance.now() - closedAt > 150)}
      >
        {props.icon}
      </button>
      <Show when={open()}>
        <Popover anchor={anchor} label={props.label} class={props.popoverClass ?? ""} onClose={close}>
          {props.children(close)}
        </Popover>
      </Show>
    </>
  );
}
