// Which page is shown, in which theme, and the line of text that tells what just happened.

import { createEffect, Match, onCleanup, Show, Switch } from "solid-js";
import { account, hall, listen, notice, settings } from "../app";
import { noteOf } from "../state/notify";
import { showNote } from "./desktop";
import { AuthorizedPage, ConsentPage } from "./Consent";
import { InvitePage, LoginPage } from "./Entrance";
import { Hall } from "./Hall";
import { previewOf } from "./MarkdownView";
import { route } from "./router";

export function App() {
  createEffect(() => {
    if (settings.theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = settings.theme;
  });
  const preview = (content: string, guildId: string | undefined) => previewOf(content, guildId ? (hall.guilds[guildId] ?? null) : null);
  onCleanup(
    listen((dispatch, myRoles) => {
      const note = settings.notes && hall.me ? noteOf(hall, dispatch, hall.me.id, myRoles, preview) : null;
      if (note) showNote(note);
    }),
  );
  const invite = () => {
    const at = route();
    return at.page === "invite" ? at.code : null;
  };
  return (
    <>
      <Switch fallback={<LoginPage />}>
        <Match when={invite()}>{(code) => <InvitePage code={code()} />}</Match>
        <Match when={route().page === "authorize"}><ConsentPage /></Match>
        <Match when={route().page === "authorized"}><AuthorizedPage /></Match>
        <Match when={account()}><Hall /></Match>
      </Switch>
      <div class="notice-box" role="status" aria-live="polite">
        <Show when={notice()}><p class="notice" data-testid="notice">{notice()}</p></Show>
      </div>
    </>
  );
}
