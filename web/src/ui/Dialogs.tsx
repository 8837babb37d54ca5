// Making things: a guild, a channel, an invitation.

import { createEffect, createSignal, For, on, Show } from "solid-js";
import { errorText, hall, rest } from "../app";
import { ChannelType } from "../api/types";
import { withPrivate } from "../state/access";
import type { Guild } from "../state/guilds";
import { Permission, permissionsIn } from "../state/permissions";
import { en } from "../strings/en";
import { copy } from "./copy";
import { Field } from "./Entrance";
import { Icon } from "./icons";
import { Dialog } from "./Overlay";
import { go } from "./router";
import { firstTextChannel } from "./Sidebar";

export function CreateGuild(props: { onClose: () => void }) {
  const [name, setName] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  const [problem, setProblem] = createSignal<string | undefined>();
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      const guild = await rest.createGuild(name().trim());
      props.onClose();
      go(`/channels/${guild.id}`);
    } catch (error) {
      setProblem(errorText(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={en.make.guildTitle} onClose={props.onClose}>
      <p class="muted">{en.make.guildText}</p>
      <form class="form" onSubmit={submit}>
        <Field label={en.make.guildName} name="name" required minLength={2} maxLength={100} autofocus value={name()} error={problem()} onInput={setName} />
        <div class="row end">
          <button class="button primary" disabled={busy()}>{busy() ? en.make.creating : en.make.create}</button>
        </div>
      </form>
    </Dialog>
  );
}

export function CreateChannel(props: { guild: Guild; parent: string | null; voice: boolean; onClose: () => void }) {
  const [name, setName] = createSignal("");
  const [shut, setShut] = createSignal(false);
  const [kind, setKind] = createSignal<number>(props.voice ? ChannelType.Voice : ChannelType.Text);
  const [busy, setBusy] = createSignal(false);
  const [problem, setProblem] = createSignal<string | undefined>();
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      const channel = await rest.createChannel(props.guild.id, {
        name: name().trim(),
        type: kind(),
        ...(props.parent ? { parent_id: props.parent } : {}),
        ...(shut() ? { permission_overwrites: withPrivate([], props.guild.id, hall.me?.id ?? "", true) } : {}),
      });
      props.onClose();
      if (kind() === ChannelType.Text) go(`/channels/${props.guild.id}/${channel.id}`);
    } catch (error) {
      setProblem(errorText(error));
      setBusy(false);
    }
  };
  const mayShut = () => (permissionsIn(props.guild, hall.me?.id ?? "") & Permission.ManageRoles) !== 0n;
  const kinds = [
    { type: ChannelType.Text, title: en.make.textKind, hint: en.make.textKindHint, icon: Icon.Text },
    { type: ChannelType.Voice, title: en.make.voiceKind, hint: en.make.voiceKindHint, icon: Icon.Voice },
  ];
  return (
    <Dialog title={en.make.channelTitle} onClose={props.onClose}>
      <form class="form" onSubmit={submit}>
        <fieldset class="kinds">
          <legend>{en.make.kind}</legend>
          <For each={kinds}>
            {(option) => (
              <label class="kind">
                <input type="radio" name="kind" checked={kind() === option.type} onChange={() => setKind(option.type)} />
                <option.icon />
                <span><b>{option.title}</b><small>{option.hint}</small></span>
              </label>
            )}
          </For>
        </fieldset>
        <Field label={en.make.channelName} name="name" required maxLength={100} autofocus value={name()} error={problem()} onInput={setName} />
        <Show when={mayShut()}>
          <label class="switch">
            <input type="checkbox" role="switch" checked={shut()} onChange={(event) => setShut(event.currentTarget.checked)} />
            <span>{en.access.make}</span>
          </label>
        </Show>
        <div class="row end">
          <button class="button primary" disabled={busy()}>{busy() ? en.make.creating : en.make.create}</button>
        </div>
      </form>
    </Dialog>
  );
}

export function InviteDialog(props: { guild: Guild; onClose: () => void }) {
  let field!: HTMLInputElement;
  const [age, setAge] = createSignal("604800");
  const [uses, setUses] = createSignal("0");
  const [address, setAddress] = createSignal("");
  const [problem, setProblem] = createSignal<string | null>(null);
  const [copied, setCopied] = createSignal(false);
  createEffect(
    on([age, uses], async ([maxAge, maxUses]) => {
      const channel = firstTextChannel(props.guild) ?? Object.values(props.guild.channels).find((c) => c.type !== ChannelType.Category);
      setAddress("");
      setCopied(false);
      setProblem(null);
      if (!channel) return void setProblem(en.nav.noChannels);
      try {
        const invite = await rest.createInvite(channel.id, { max_age: Number(maxAge), max_uses: Number(maxUses) });
        // A later choice overtakes the answer to an earlier one.
        if (age() === maxAge && uses() === maxUses) setAddress(`${location.origin}/invite/${invite.code}`);
      } catch (error) {
        setProblem(errorText(error));
      }
    }),
  );
  return (
    <Dialog title={en.invite.title} onClose={props.onClose}>
      <p class="muted">{en.invite.lead(props.guild.name)}</p>
      <div class="copy-line">
        <input ref={field} readonly aria-label={en.invite.link} data-testid="invite-link" value={address() || en.invite.making} onFocus={(event) => event.currentTarget.select()} />
        <button type="button" class="button primary" autofocus disabled={!address()} onClick={async () => setCopied(await copy(address(), field))}>
          {copied() ? en.invite.copied : en.invite.copy}
        </button>
      </div>
      <Show when={problem()}><p class="form-problem" role="alert">{problem()}</p></Show>
      <div class="pair">
        <label>{en.invite.expires}
          <select value={age()} onChange={(event) => setAge(event.currentTarget.value)}>
            <For each={["1800", "86400", "604800", "0"]}>{(value) => <option value={value}>{en.invite.days[value]}</option>}</For>
          </select>
        </label>
        <label>{en.invite.uses}
          <select value={uses()} onChange={(event) => setUses(event.currentTarget.value)}>
            <For each={["0", "1", "5", "25"]}>{(value) => <option value={value}>{en.invite.useCounts[value]}</option>}</For>
          </select>
        </label>
      </div>
    </Dialog>
  );
}
