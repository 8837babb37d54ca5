// Applications: those that one made, with their secrets shown once, and those that one allows things.

import { createResource, createSignal, For, Show } from "solid-js";
import { errorText, rest, tell } from "../app";
import type { OwnApplication } from "../api/types";
import { en } from "../strings/en";
import { Avatar } from "./Avatar";
import { copy } from "./copy";
import { Field } from "./Entrance";

/** Runs what may fail, and says so. */
async function attempt(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    tell(errorText(error));
  }
}

function Face(props: { app: { id: string; name: string; icon?: string | null } }) {
  return <Avatar id={props.app.id} name={props.app.name} size={36} user={{ id: props.app.id, username: props.app.name, avatar: props.app.icon ?? null }} />;
}

/** A line to be copied into another program. */
function CopyLine(props: { label: string; value: string; testid?: string }) {
  let field!: HTMLInputElement;
  const [copied, setCopied] = createSignal(false);
  return (
    <label class="field">
      <span class="label">{props.label}</span>
      <div class="copy-line">
        <input ref={field} readonly data-testid={props.testid} value={props.value} onFocus={(event) => event.currentTarget.select()} />
        <button type="button" class="button" onClick={async () => setCopied(await copy(props.value, field))}>
          {copied() ? en.invite.copied : en.streams.copy}
        </button>
      </div>
    </label>
  );
}

function OwnApplicationRow(props: { app: OwnApplication; onChange: (app: OwnApplication) => void; onGone: () => void }) {
  const [secret, setSecret] = createSignal<{ label: string; value: string } | null>(null);
  const [sure, setSure] = createSignal(false);
  const [saved, setSaved] = createSignal(false);
  const [problem, setProblem] = createSignal<string | undefined>();
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    setProblem(undefined);
    try {
      const uris = String(data.get("redirect_uris")).split(/\s+/).filter(Boolean);
      const body = { description: String(data.get("description")), redirect_uris: uris, bot_public: data.get("public") !== null };
      props.onChange(await rest.updateApplication(props.app.id, body));
      setSaved(true);
    } catch (error) {
      setProblem(errorText(error));
    }
  };
  const link = () => `${location.origin}/oauth2/authorize?client_id=${props.app.id}&scope=bot%20applications.commands&permissions=0`;
  return (
    <li>
      <details class="streams">
        <summary><span class="row"><Face app={props.app} /><b>{props.app.name}</b></span></summary>
        <form class="form" onSubmit={save} onInput={() => setSaved(false)}>
          <CopyLine label={en.apps.id} value={props.app.id} />
          <CopyLine label={en.apps.link} value={link()} />
          <Field label={en.apps.description} name="description" maxLength={400} value={props.app.description} />
          <label class="field">
            <span class="label">{en.apps.redirects}</span>
            <textarea name="redirect_uris" rows={3} spellcheck={false}>{props.app.redirect_uris.join("\n")}</textarea>
          </label>
          <label class="switch">
            <input type="checkbox" role="switch" name="public" checked={props.app.bot_public} />
            <span>{en.apps.public}</span>
          </label>
          <Show when={problem()}><p class="form-problem" role="alert">{problem()}</p></Show>
          <div class="row">
            <button class="button primary">{saved() ? en.settings.saved : en.settings.save}</button>
            <button type="button" class="button" onClick={() => void attempt(async () => void setSecret({ label: en.apps.token, value: (await rest.resetBotToken(props.app.id)).token }))}>{en.apps.newToken}</button>
            <button type="button" class="button" onClick={() => void attempt(async () => void setSecret({ label: en.apps.secret, value: (await rest.resetClientSecret(props.app.id)).secret }))}>{en.apps.newSecret}</button>
            <button type="button" class="button danger push" onClick={() => (sure() ? void attempt(async () => (await rest.deleteApplication(props.app.id), props.onGone())) : setSure(true))}>
              {sure() ? en.apps.deleteSure : en.apps.delete}
            </button>
          </div>
          <Show when={secret()} keyed>
            {(made) => (
              <div role="status">
                <CopyLine label={made.label} value={made.value} testid="application-secret" />
                <p class="muted small">{en.apps.once}</p>
              </div>
            )}
          </Show>
        </form>
      </details>
    </li>
  );
}

/** One's own applications; loaded when they are looked at. */
function OwnApplications() {
  const [apps, { mutate }] = createResource(() => rest.applications());
  const [problem, setProblem] = createSignal<string | undefined>();
  const make = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    setProblem(undefined);
    try {
      const made = await rest.createApplication(String(new FormData(form).get("name")).trim());
      mutate((all) => [...(all ?? []), made]);
      form.reset();
    } catch (error) {
      setProblem(errorText(error));
    }
  };
  return (
    <div class="form">
      <p class="muted small">{en.apps.lead}</p>
      <Show when={!apps.error} fallback={<p class="form-problem" role="alert">{errorText(apps.error)}</p>}>
        <ul class="role-list" aria-busy={apps.loading} data-testid="applications">
          <For each={apps()}>
            {(app) => (
              <OwnApplicationRow
                app={app}
                onChange={(changed) => mutate((all) => all?.map((one) => (one.id === changed.id ? changed : one)))}
                onGone={() => mutate((all) => all?.filter((one) => one.id !== app.id))}
              />
            )}
          </For>
        </ul>
      </Show>
      <form class="form inline" onSubmit={make}>
        <Field label={en.apps.name} name="name" required minLength={2} maxLength={32} error={problem()} />
        <button class="button">{en.apps.make}</button>
      </form>
    </div>
  );
}

/** What one allowed others' applications. */
function Allowed() {
  const [grants, { mutate }] = createResource(() => rest.grants());
  const revoke = (id: string) =>
    attempt(async () => {
      await rest.revokeGrant(id);
      mutate((all) => all?.filter((one) => one.id !== id));
    });
  return (
    <Show when={!grants.error} fallback={<p class="form-problem" role="alert">{errorText(grants.error)}</p>}>
      <Show when={grants()?.length} fallback={<p class="muted small">{grants.loading ? "" : en.apps.noneAllowed}</p>}>
        <ul class="door-list" data-testid="allowed-applications">
          <For each={grants()}>
            {(grant) => (
              <li>
                <Face app={grant.application} />
                <div>
                  <b>{grant.application.name}</b>
                  <p class="muted small">{grant.scopes.map((scope) => en.consent.scopes[scope] ?? scope).join(" · ")}</p>
                </div>
                <button type="button" class="button small push" onClick={() => void revoke(grant.id)}>{en.doors.revoke}</button>
              </li>
            )}
          </For>
        </ul>
      </Show>
    </Show>
  );
}

export function ApplicationSettings() {
  const [open, setOpen] = createSignal({ own: false, allowed: false });
  return (
    <section class="settings-part">
      <h3>{en.apps.title}</h3>
      <details onToggle={(event) => event.currentTarget.open && setOpen((is) => ({ ...is, allowed: true }))}>
        <summary>{en.apps.allowed}</summary>
        <Show when={open().allowed}><Allowed /></Show>
      </details>
      <details onToggle={(event) => event.currentTarget.open && setOpen((is) => ({ ...is, own: true }))}>
        <summary>{en.apps.own}</summary>
        <Show when={open().own}><OwnApplications /></Show>
      </details>
    </section>
  );
}
