// The consent: what an application asks for, in plain words, and yes or no.

import { createEffect, createResource, createSignal, For, Match, Show, Switch } from "solid-js";
import { account, errorText, hall, logout, rest } from "../app";
import { ApiError } from "../api/rest";
import type { Consent } from "../api/types";
import { displayName } from "../state/guilds";
import { askedRights, isSafeAddress, without } from "../state/consent";
import { en } from "../strings/en";
import { Avatar } from "./Avatar";
import { Frame, LoginForm } from "./Entrance";
import { Icon } from "./icons";
import { go } from "./router";

export function ConsentPage() {
  const query = location.search.slice(1);
  const [consent] = createResource(() => account()?.userId, () => rest.consent(query));
  return (
    <Frame>
      <Switch>
        <Match when={!account()}>
          <h1>{en.consent.login}</h1>
          <p class="muted">{en.consent.loginText}</p>
          <LoginForm onDone={() => {}} />
        </Match>
        <Match when={consent.loading}>
          <p class="muted" role="status">{en.consent.loading}</p>
        </Match>
        <Match when={consent.error}>
          <Refused error={consent.error} />
        </Match>
        <Match when={consent()}>{(asked) => <Question asked={asked()} query={query} />}</Match>
      </Switch>
    </Frame>
  );
}

/** Something is wrong with the link: whether the application is to hear of it, the person decides. */
function Refused(props: { error: unknown }) {
  const back = () => {
    const where = props.error instanceof ApiError ? props.error.location : null;
    return where && isSafeAddress(where) ? where : null;
  };
  return (
    <>
      <h1>{en.consent.failed}</h1>
      <p class="form-problem" role="alert">{errorText(props.error)}</p>
      <Show when={back()} fallback={<p class="muted small">{en.consent.failedText}</p>}>
        {(where) => <a class="button" href={where()}>{en.consent.goBack(hostOf(where()))}</a>}
      </Show>
    </>
  );
}

const hostOf = (address: string) => {
  const url = new URL(address);
  return url.host || url.protocol;
};

function Question(props: { asked: Consent; query: string }) {
  const app = () => props.asked.application;
  const guilds = () => props.asked.guilds ?? [];
  const proposed = () => guilds().find((guild) => guild.id === props.asked.guild_id) ?? (guilds().length === 1 ? guilds()[0] : undefined);
  const [guild, setGuild] = createSignal(proposed()?.id ?? "");
  const [refused, setRefused] = createSignal<readonly bigint[]>([]);
  const [busy, setBusy] = createSignal(false);
  const [problem, setProblem] = createSignal<string | null>(null);
  const rights = () => askedRights(props.asked.permissions ?? "0");
  const wantsGuild = () => props.asked.guilds !== undefined;
  const scopes = () => props.asked.scopes.filter((scope) => en.consent.scopes[scope]);

  const answer = async (authorize: boolean) => {
    setBusy(true);
    setProblem(null);
    try {
      const permissions = without(props.asked.permissions ?? "0", refused());
      const body = { authorize, ...(wantsGuild() ? { permissions, ...(guild() ? { guild_id: guild() } : {}) } : {}) };
      const { location: where } = await rest.answerConsent(props.query, body);
      const url = new URL(where);
      if (!isSafeAddress(where)) throw new ApiError(0, 0, en.consent.failed);
      // Ours, or that of an application which needs no answer.
      if (url.host === location.host && url.pathname === "/oauth2/authorized") go(authorize ? "/oauth2/authorized" : "/");
      else location.assign(where);
    } catch (error) {
      setProblem(errorText(error));
      setBusy(false);
    }
  };
  // What was allowed before is not asked again when the application does not want it to be.
  createEffect(() => {
    if (!props.asked.prompts && !busy() && !problem()) void answer(true);
  });
  const toggle = (bit: bigint, allowed: boolean) =>
    setRefused((bits) => (allowed ? bits.filter((other) => other !== bit) : [...bits, bit]));

  return (
    <>
      <div class="consent-faces" aria-hidden="true">
        <Avatar id={app().id} name={app().name} size={56} user={{ id: app().id, username: app().name, avatar: app().icon ?? null }} />
        <span class="consent-link"><Icon.Lock /></span>
        <Avatar id={props.asked.user.id} name={props.asked.user.global_name ?? props.asked.user.username} size={56} user={props.asked.user} />
      </div>
      <h1 data-testid="consent-app">{wantsGuild() ? en.consent.asksGuild(app().name) : en.consent.asks(app().name)}</h1>
      <p class="muted small">
        {en.consent.as(hall.me ? displayName(hall, hall.me.id) : props.asked.user.username)}{" "}
        <button type="button" class="linkish" onClick={() => void logout()}>{en.consent.notYou}</button>
      </p>
      <Show when={app().description}><p class="consent-about">{app().description}</p></Show>
      <Show when={scopes().length}>
        <h2 class="consent-head">{en.consent.may}</h2>
        <ul class="consent-list">
          <For each={scopes()}>{(scope) => <li><Icon.Door /><span>{en.consent.scopes[scope]}</span></li>}</For>
        </ul>
      </Show>
      <Show when={wantsGuild()}>
        <Show when={guilds().length} fallback={<p class="form-problem" role="alert">{en.consent.noGuilds}</p>}>
          <label class="field">
            <span class="label">{en.consent.guild}</span>
            <select name="guild" value={guild()} onChange={(event) => setGuild(event.currentTarget.value)}>
              <option value="" disabled>{en.consent.chooseGuild}</option>
              <For each={guilds()}>{(one) => <option value={one.id}>{one.has_bot ? en.consent.isThere(one.name) : one.name}</option>}</For>
            </select>
          </label>
        </Show>
        <Show when={rights().length}>
          <fieldset class="consent-rights">
            <legend>{en.consent.rights}</legend>
            <For each={rights()}>
              {(right) => (
                <label class="switch">
                  <input type="checkbox" role="switch" checked={!refused().includes(right.bit)} onChange={(event) => toggle(right.bit, event.currentTarget.checked)} />
                  <span>{right.name}</span>
                </label>
              )}
            </For>
          </fieldset>
        </Show>
      </Show>
      <Show when={problem()}><p class="form-problem" role="alert">{problem()}</p></Show>
      <div class="consent-verbs">
        <button type="button" class="button large" disabled={busy()} onClick={() => void answer(false)}>{en.consent.no}</button>
        <button type="button" class="button primary large" disabled={busy() || (wantsGuild() && !guild())} onClick={() => void answer(true)}>
          {busy() ? en.consent.busy : en.consent.yes}
        </button>
      </div>
      <Show when={props.asked.redirect_uri}>
        {(where) => <p class="muted small consent-where">{en.consent.leadsTo(hostOf(where()))}</p>}
      </Show>
    </>
  );
}

/** After a bot came into a guild: there is nothing to go back to. */
export function AuthorizedPage() {
  return (
    <Frame>
      <h1>{en.consent.done}</h1>
      <p class="muted">{en.consent.doneText}</p>
      <button type="button" class="button primary large" onClick={() => go("/", true)}>{en.invite.enter}</button>
    </Frame>
  );
}
