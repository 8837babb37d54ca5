// The pages before the hall: log in, and an invitation (register, log in or join).

import { createResource, createSignal, createUniqueId, Match, Show, Switch, type JSX } from "solid-js";
import { account, errorText, hall, rest, takeAccount } from "../app";
import { ApiError } from "../api/rest";
import type { Invite } from "../api/types";
import { displayName } from "../state/guilds";
import { en } from "../strings/en";
import { GuildFace } from "./Avatar";
import { Logo } from "./icons";
import { go, route } from "./router";

export function Frame(props: { children: JSX.Element }) {
  return (
    <main class="entrance">
      <div class="entrance-card">
        <div class="entrance-brand">
          <Logo size={44} />
          <span>{en.app}</span>
        </div>
        {props.children}
      </div>
      <p class="entrance-foot">{en.tagline}</p>
    </main>
  );
}

export function Field(props: {
  label: string;
  name: string;
  type?: string;
  hint?: string;
  error?: string | undefined;
  autocomplete?: string;
  required?: boolean;
  minLength?: number;
  maxLength?: number;
  value?: string;
  autofocus?: boolean;
  onInput?: (value: string) => void;
}) {
  const id = createUniqueId();
  const [shown, setShown] = createSignal(false);
  const secret = () => props.type === "password";
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <div class="field-box">
        <input
          id={id}
          name={props.name}
          type={secret() && shown() ? "text" : (props.type ?? "text")}
          autocomplete={props.autocomplete}
          autocapitalize="none"
          spellcheck={false}
          required={props.required}
          minLength={props.minLength}
          maxLength={props.maxLength}
          value={props.value ?? ""}
          autofocus={props.autofocus}
          aria-invalid={props.error ? "true" : undefined}
          aria-describedby={`${id}-hint`}
          onInput={(event) => props.onInput?.(event.currentTarget.value)}
        />
        <Show when={secret()}>
          <button type="button" class="quiet peek" aria-pressed={shown()} onClick={() => setShown(!shown())}>
            {shown() ? en.auth.hide : en.auth.show}
          </button>
        </Show>
      </div>
      <p id={`${id}-hint`} class="hint" classList={{ bad: !!props.error }} role={props.error ? "alert" : undefined}>
        {props.error ?? props.hint ?? ""}
      </p>
    </div>
  );
}

export function LoginForm(props: { onDone: () => void }) {
  const [busy, setBusy] = createSignal(false);
  const [problem, setProblem] = createSignal<string | null>(null);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setProblem(null);
    try {
      takeAccount(await rest.login(String(data.get("username")).trim(), String(data.get("password"))));
      props.onDone();
    } catch (error) {
      const refused = error instanceof ApiError && (error.status === 400 || error.status === 401);
      setProblem(refused ? en.auth.wrong : errorText(error));
      setBusy(false);
    }
  };
  return (
    <form onSubmit={submit} class="form">
      <Field label={en.auth.username} name="username" autocomplete="username" required autofocus />
      <Field label={en.auth.password} name="password" type="password" autocomplete="current-password" required />
      <Show when={problem()}>
        <p class="form-problem" role="alert">{problem()}</p>
      </Show>
      <button class="button primary large" disabled={busy()}>{busy() ? en.auth.loginBusy : en.auth.login}</button>
    </form>
  );
}

function RegisterForm(props: { invite: string | undefined; onDone: () => void }) {
  const [busy, setBusy] = createSignal(false);
  const [fields, setFields] = createSignal<Readonly<Record<string, string>>>({});
  const [problem, setProblem] = createSignal<string | null>(null);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const shownAs = String(data.get("global_name")).trim();
    setBusy(true);
    setFields({});
    setProblem(null);
    try {
      takeAccount(
        await rest.register({
          username: String(data.get("username")).trim(),
          password: String(data.get("password")),
          ...(shownAs ? { global_name: shownAs } : {}),
          ...(props.invite ? { invite: props.invite } : {}),
        }),
      );
      props.onDone();
    } catch (error) {
      const known = error instanceof ApiError ? error.fields : {};
      setFields(known);
      // A complaint about a field that this form does not show would otherwise stay unsaid.
      const placed = ["username", "password", "global_name"].some((name) => known[name]);
      setProblem(placed ? null : errorText(error));
      setBusy(false);
    }
  };
  return (
    <form onSubmit={submit} class="form">
      <Field label={en.auth.username} name="username" autocomplete="username" required autofocus minLength={2} maxLength={32} hint={en.auth.usernameHint} error={fields()["username"]} />
      <Field label={en.auth.displayName} name="global_name" autocomplete="nickname" maxLength={32} hint={en.auth.displayNameHint} error={fields()["global_name"]} />
      <Field label={en.auth.password} name="password" type="password" autocomplete="new-password" required minLength={8} hint={en.auth.passwordHint} error={fields()["password"]} />
      <Show when={problem()}>
        <p class="form-problem" role="alert">{problem()}</p>
      </Show>
      <button class="button primary large" disabled={busy()}>{busy() ? en.auth.registerBusy : en.auth.register}</button>
    </form>
  );
}

export function LoginPage() {
  const [instance] = createResource(() => rest.instance().catch(() => null));
  const [registering, setRegistering] = createSignal(false);
  // An address that was asked for before logging in is kept.
  const leave = () => route().page === "login" && go("/", true);
  return (
    <Frame>
      <Show
        when={registering()}
        fallback={
          <>
            <h1>{en.auth.welcome}</h1>
            <p class="muted">{instance()?.name ?? en.auth.welcomeText}</p>
            <LoginForm onDone={leave} />
          </>
        }
      >
        <h1>{en.auth.register}</h1>
        <RegisterForm invite={undefined} onDone={leave} />
      </Show>
      <Show when={instance()?.registration === "open"} fallback={<p class="muted small">{en.auth.needInvite}</p>}>
        <button type="button" class="linkish" onClick={() => setRegistering(!registering())}>
          {registering() ? en.auth.haveAccount : en.auth.newHere}
        </button>
      </Show>
    </Frame>
  );
}

export function InvitePage(props: { code: string }) {
  const [invite, { refetch }] = createResource(() => props.code, (code) => rest.invite(code));
  const [instance] = createResource(() => rest.instance().catch(() => null));
  const [registering, setRegistering] = createSignal(true);
  const [busy, setBusy] = createSignal(false);
  const [problem, setProblem] = createSignal<string | null>(null);

  const enter = (given: Invite) => {
    if (given.guild && given.channel && given.channel.type !== 2) go(`/channels/${given.guild.id}/${given.channel.id}`, true);
    else if (given.guild) go(`/channels/${given.guild.id}`, true);
    else go("/", true);
  };
  const join = async (given: Invite) => {
    setBusy(true);
    setProblem(null);
    try {
      await rest.acceptInvite(given.code);
      enter(given);
    } catch (error) {
      setProblem(errorText(error));
      setBusy(false);
    }
  };
  const gone = () => invite.error instanceof ApiError && invite.error.status === 404;

  return (
    <Frame>
      <Switch>
        <Match when={invite.loading}>
          <p class="muted" role="status">{en.invite.loading}</p>
        </Match>
        <Match when={invite.error}>
          <h1>{gone() ? en.invite.gone : en.invite.failed}</h1>
          <p class="muted">{gone() ? en.invite.goneText : errorText(invite.error)}</p>
          <Show when={!gone()}>
            <button type="button" class="button primary" onClick={() => void refetch()}>{en.invite.retry}</button>
          </Show>
          <Show when={!account()}>
            <button type="button" class="linkish" onClick={() => go("/login")}>{en.auth.login}</button>
          </Show>
        </Match>
        <Match when={invite()}>
          {(given) => {
            const place = () => given().guild?.name ?? instance()?.name ?? en.app;
            return (
              <>
                <p class="muted">
                  {given().owner
                    ? en.invite.owner
                    : given().inviter
                      ? en.invite.invitedBy(given().inviter!.global_name ?? given().inviter!.username)
                      : en.invite.invited}
                </p>
                <Show when={given().guild?.icon ? given().guild : null}>
                  {(guild) => <span class="door large"><GuildFace id={guild().id} name={guild().name} icon={guild().icon} /></span>}
                </Show>
                <h1 data-testid="invite-name">{place()}</h1>
                <Show when={given().owner}>
                  <p class="muted">{en.invite.ownerText}</p>
                </Show>
                <Show when={given().guild && given().approximate_member_count}>
                  <p class="muted small">{en.invite.members(given().approximate_member_count!)}</p>
                </Show>
                <Show
                  when={account()}
                  fallback={
                    <>
                      <Show
                        when={registering() || given().owner}
                        fallback={<LoginForm onDone={() => (given().guild ? void join(given()) : go("/", true))} />}
                      >
                        <RegisterForm invite={given().code} onDone={() => enter(given())} />
                      </Show>
                      <Show when={!given().owner}>
                        <button type="button" class="linkish" onClick={() => setRegistering(!registering())}>
                          {registering() ? en.auth.haveAccount : en.auth.newHere}
                        </button>
                      </Show>
                    </>
                  }
                >
                  <Show when={hall.me}>
                    <p class="muted small">{en.invite.as(displayName(hall, hall.me!.id))}</p>
                  </Show>
                  <Show
                    when={given().guild}
                    fallback={
                      <>
                        <p class="muted">{en.invite.already}</p>
                        <button type="button" class="button primary large" onClick={() => go("/", true)}>{en.invite.enter}</button>
                      </>
                    }
                  >
                    <button type="button" class="button primary large" disabled={busy()} onClick={() => void join(given())}>
                      {busy() ? en.invite.joinBusy : en.invite.join(place())}
                    </button>
                  </Show>
                </Show>
                <Show when={problem()}>
                  <p class="form-problem" role="alert">{problem()}</p>
                </Show>
              </>
            );
          }}
        </Match>
      </Switch>
    </Frame>
  );
}
