// The drawings: the mark of the house and the icons, all of one stroke.

import type { JSX } from "solid-js";

/** The mark: a guild hall, its gable, two pillars and a lit door. */
export function Logo(props: { size?: number }) {
  const size = () => props.size ?? 40;
  return (
    <svg class="logo" viewBox="0 0 64 64" width={size()} height={size()} aria-hidden="true">
      <rect width="64" height="64" rx="15" class="logo-wall" />
      <g class="logo-line" fill="none" stroke-width="4.5" stroke-linecap="round" stroke-linejoin="round">
        <path d="M10 28 32 12l22 16" />
        <path d="M15 29v22M49 29v22" />
        <path d="M10 52h44" />
      </g>
      <path class="logo-door" d="M24 52V42a8 8 0 0 1 16 0v10z" />
    </svg>
  );
}

const icon = (paths: () => JSX.Element) => (props: { class?: string }) => (
  <svg
    class={`icon ${props.class ?? ""}`}
    viewBox="0 0 24 24"
    width="20"
    height="20"
    fill="none"
    stroke="currentColor"
    stroke-width="1.8"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    {paths()}
  </svg>
);

export const Icon = {
  Text: icon(() => <><path d="M5 6h14M5 11h14M5 16h8" /></>),
  Voice: icon(() => <><path d="M4 10v4M8 7v10M12 4v16M16 8v8M20 10v4" /></>),
  Mic: icon(() => <><rect x="9" y="3" width="6" height="11" rx="3" /><path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" /></>),
  MicOff: icon(() => <><path d="M9 9v2a3 3 0 0 0 4.8 2.4M15 10V6a3 3 0 0 0-5.7-1.3M5.5 11.5a6.5 6.5 0 0 0 10.6 5M18.3 13.3c.1-.6.2-1.2.2-1.8M12 18v3M4 3l16 18" /></>),
  Ear: icon(() => <><path d="M4 15v-3a8 8 0 0 1 16 0v3" /><rect x="3" y="14" width="4.5" height="6.5" rx="2" /><rect x="16.5" y="14" width="4.5" height="6.5" rx="2" /></>),
  EarOff: icon(() => <><path d="M4 15v-3c0-2 .7-3.800 1.900-5.200M8.600 4.700A8 8 0 0 1 20 12v2" /><rect x="3" y="14" width="4.5" height="6.5" rx="2" /><path d="M16.500 17v1.500a2 2 0 0 0 2 2h.5M4 3l16 18" /></>),
  Camera: icon(() => <><rect x="3" y="6.500" width="12.500" height="11" rx="2.500" /><path d="m15.500 11 5.500-3.300v8.600L15.500 13" /></>),
  CameraOff: icon(() => <><path d="M7 6.500h6a2.500 2.500 0 0 1 2.500 2.500v2l5.500-3.300v8.600l-2-1.200M15.500 15.500a2.500 2.500 0 0 1-2.500 2H5.500A2.500 2.500 0 0 1 3 15V9c0-1 .6-1.900 1.500-2.300M4 3l16 18" /></>),
  Screen: icon(() => <><rect x="3" y="4.500" width="18" height="12" rx="2" /><path d="M9 20h6M12 16.500V20M12 13.500v-5M9.500 10.500 12 8l2.500 2.500" /></>),
  Enlarge: icon(() => <><path d="M9 4.500H4.500V9M15 4.500h4.500V9M9 19.500H4.500V15M15 19.500h4.500V15" /></>),
  Phone: icon(() => <><path d="M6.500 4h3l1.500 4-2 1.500a11 11 0 0 0 5.500 5.500l1.500-2 4 1.500v3a2 2 0 0 1-2.200 2A16 16 0 0 1 4.500 6.200 2 2 0 0 1 6.500 4z" /></>),
  Leave: icon(() => <><path d="M3 14.500c5-5 13-5 18 0l-1.800 2.700-3.700-1.200v-2.300c-2.300-.7-4.700-.7-7 0V16l-3.700 1.200z" /></>),
  Send: icon(() => <><path d="M4 12 20 4l-5 16-3.500-6.500z" /><path d="M11.500 13.500 20 4" /></>),
  Attach: icon(() => <><path d="M12 5v14M5 12h14" /></>),
  Plus: icon(() => <><path d="M12 5v14M5 12h14" /></>),
  Smile: icon(() => <><circle cx="12" cy="12" r="8.500" /><path d="M8.500 14a4.200 4.200 0 0 0 7 0M9 9.500h.01M15 9.500h.01" /></>),
  Reply: icon(() => <><path d="M9 7 4 12l5 5M4.500 12H14a6 6 0 0 1 6 6v1" /></>),
  Edit: icon(() => <><path d="M4 20l1-4L16 5l3 3L8 19zM14 7l3 3" /></>),
  Trash: icon(() => <><path d="M5 7h14M10 7V4.500h4V7M7 7l1 13h8l1-13M10.500 11v5M13.500 11v5" /></>),
  Close: icon(() => <><path d="M6 6l12 12M18 6 6 18" /></>),
  Back: icon(() => <><path d="M14.500 5.500 8 12l6.500 6.500" /></>),
  Lock: icon(() => <><rect x="5.500" y="11" width="13" height="9" rx="2" /><path d="M8.500 11V8a3.500 3.500 0 0 1 7 0v3" /></>),
  Up: icon(() => <><path d="M6 15.500l6-6 6 6" /></>),
  Down: icon(() => <><path d="M6 9.500l6 6 6-6" /></>),
  People: icon(() => <><circle cx="9" cy="8.500" r="3.500" /><path d="M2.500 19.500a6.500 6.500 0 0 1 13 0M16 5.500a3.300 3.300 0 0 1 0 6.300M18 14.500a6 6 0 0 1 3.500 5" /></>),
  Gear: icon(() => <><path d="M4 7h9M17 7h3M4 17h3M11 17h9" /><circle cx="15" cy="7" r="2.200" /><circle cx="9" cy="17" r="2.200" /></>),
  Letter: icon(() => <><rect x="3.500" y="5.500" width="17" height="13" rx="2.500" /><path d="M4 7.500l8 6 8-6" /></>),
  Signal: icon(() => <><path d="M5 18v-3M10 18v-6M15 18V9M20 18V5" /></>),
  File: icon(() => <><path d="M6 3.500h8l4.500 4.500v12.500H6zM14 3.500V8h4.500" /></>),
  Download: icon(() => <><path d="M12 4v11M7 11l5 5 5-5M5 20h14" /></>),
  Door: icon(() => <><path d="M6 20.500V10a6 6 0 0 1 12 0v10.500zM14.500 14h.01M3.500 20.500h17" /></>),
  Chat: icon(() => <><path d="M4 5.500h16v11H11l-4 3.500v-3.500H4z" /></>),
  Invite: icon(() => <><circle cx="10" cy="8.500" r="3.500" /><path d="M3.500 19.500a6.500 6.500 0 0 1 11-4.700M18.500 13v6M15.500 16h6" /></>),
  Warn: icon(() => <><path d="M12 4 2.800 20h18.400zM12 10v4.500M12 17.300h.01" /></>),
};
