// Addresses of the client and nothing else: reading one, going to one.

import { createSignal } from "solid-js";

export type Route =
  | { page: "invite"; code: string }
  | { page: "login" }
  | { page: "authorize" }
  | { page: "authorized" }
  | { page: "home"; channel: string | null }
  | { page: "guild"; guild: string; channel: string | null }
  | { page: "start" };

/** Reads a path; whatever is not known leads to the start. */
export function parsePath(path: string): Route {
  const parts = path.split("/").filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  const [first, second, third] = parts;
  if (first === "invite" && second) return { page: "invite", code: second };
  if (first === "login") return { page: "login" };
  if (first === "oauth2" && second === "authorize") return { page: "authorize" };
  if (first === "oauth2" && second === "authorized") return { page: "authorized" };
  if (first === "channels" && second === "@me") return { page: "home", channel: third ?? null };
  if (first === "channels" && second) return { page: "guild", guild: second, channel: third ?? null };
  return { page: "start" };
}

const [path, setPath] = createSignal(location.pathname);
addEventListener("popstate", () => setPath(location.pathname));

export const route = (): Route => parsePath(path());

export function go(to: string, replace = false): void {
  if (to === location.pathname) return;
  history[replace ? "replaceState" : "pushState"](null, "", to);
  setPath(location.pathname);
}

/** Click handler that keeps an ordinary link inside the page; new-tab clicks stay the browser's. */
export function follow(event: MouseEvent & { currentTarget: HTMLAnchorElement }): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go(event.currentTarget.getAttribute("href") ?? "/");
}
