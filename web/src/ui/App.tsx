// Which page is shown, in which theme, and the line of text that tells what just happened.

import { createEffect, Match, Show, Switch } from "solid-js";
import { account, notice, settings } from "../app";
import { InvitePage, LoginPage } from "./Entrance";
import { Hall } from "./Hall";
import { route } from "./router";

export function App() {
  createEffect(() => {
    if (settings.theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = settings.theme;
  });
  const invite = () => {
    const at = route();
    return at.page === "invite" ? at.code : null;
  };
  return (
    <>
      <Switch fallback={<LoginPage />}>
        <Match when={invite()}>{(code) => <InvitePage code={code()} />}</Match>
        <Match when={account()}><Hall /></Match>
      </Switch>
      <div class="notice-box" role="status" aria-live="polite">
        <Show when={notice()}><p class="notice" data-testid="notice">{notice()}</p></Show>
      </div>
    </>
  );
}
