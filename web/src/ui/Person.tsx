// A person's card: who it is, how loud they are for us, a way to write to them.

import { createMemo, createSignal, createUniqueId, For, Show, type JSX } from "solid-js";
import { errorText, hall, openDm, rest, setVolume, tell, volumes } from "../app";
import { displayName, type Guild } from "../state/guilds";
import { commands, rolesInOrder } from "../state/permissions";
import { en } from "../strings/en";
import { Avatar } from "./Avatar";
import { Icon } from "./icons";
import { Moderation, RemoveMember, type Removal } from "./Moderation";
import { PopoverButton } from "./Overlay";
import { go } from "./router";

export function statusOf(userId: string): string {
  const status = hall.presences[userId] ?? "offline";
  return status === "invisible" ? "offline" : status;
}

export function VolumeSlider(props: { userId: string; name: string }) {
  const id = createUniqueId();
  const percent = () => Math.round((volumes[props.userId] ?? 1) * 100);
  return (
    <div class="volume">
      <label for={id}>{en.members.volumeShort}</label>
      <output for={id}>{percent()} %</output>
      <input
        id={id}
        type="range"
        min="0"
        max="200"
        step="5"
        aria-label={en.members.volume(props.name)}
        value={percent()}
        onInput={(event) => setVolume(props.userId, Number(event.currentTarget.value) / 100)}
        onDblClick={() => setVolume(props.userId, 1)}
      />
    </div>
  );
}

function PersonCard(props: { userId: string; guild: Guild | null; close: () => void; onRemove: (how: Removal) => void }) {
  const name = () => displayName(hall, props.userId, props.guild);
  const user = () => hall.users[props.userId];
  const roles = createMemo(() => {
    const guild = props.guild;
    const ids = guild?.members[props.userId]?.roles ?? [];
    return ids
      .map((id) => guild!.roles[id])
      .filter((role) => role !== undefined)
      .sort((a, b) => b.position - a.position);
  });
  const givable = createMemo(() => {
    const guild = props.guild;
    const held = guild?.members[props.userId]?.roles;
    if (!guild || !held) return [];
    return rolesInOrder(guild).filter((role) => role.id !== guild.id && !held.includes(role.id) && commands(guild, hall.me?.id ?? "", role));
  });
  const change = (done: Promise<unknown>) => void done.catch((error: unknown) => tell(errorText(error)));
  const write = async () => {
    try {
      const channel = await openDm(props.userId);
      props.close();
      go(`/channels/@me/${channel.id}`);
    } catch (error) {
      tell(errorText(error));
    }
  };
  return (
    <div class="person-card">
      <div class="person-head">
        <Avatar id={props.userId} name={name()} size={64} status={statusOf(props.userId)} />
        <div>
          <h2>{name()}</h2>
          <p class="muted small">@{user()?.username} · {en.members.status[statusOf(props.userId)]}</p>
        </div>
      </div>
      <Show when={roles().length || givable().length}>
        <ul class="roles" aria-label={en.roles.of(name())}>
          <For each={roles()}>
            {(role) => (
              <li style={role.color ? { "--role": `#${role.color.toString(16).padStart(6, "0")}` } : {}}>
                {role.name}
                <Show when={commands(props.guild!, hall.me?.id ?? "", role)}>
                  <button type="button" class="quiet tiny" aria-label={en.roles.take(role.name)} title={en.roles.take(role.name)} onClick={() => change(rest.takeRole(props.guild!.id, props.userId, role.id))}><Icon.Close /></button>
                </Show>
              </li>
            )}
          </For>
        </ul>
        <Show when={givable().length}>
          <select
            aria-label={en.roles.give}
            onChange={(event) => {
              const role = event.currentTarget.value;
              event.currentTarget.value = "";
              if (role) change(rest.giveRole(props.guild!.id, props.userId, role));
            }}
          >
            <option value="">{en.roles.give}</option>
            <For each={givable()}>{(role) => <option value={role.id}>{role.name}</option>}</For>
          </select>
        </Show>
      </Show>
      <Show when={props.userId !== hall.me?.id}>
        <VolumeSlider userId={props.userId} name={name()} />
        <button type="button" class="button primary" onClick={() => void write()}>{en.members.message}</button>
      </Show>
      <Show when={props.guild}>{(guild) => <Moderation userId={props.userId} guild={guild()} onRemove={props.onRemove} />}</Show>
    </div>
  );
}

/** Anything that names a person, as the door to their card. */
export function PersonButton(props: { userId: string; guild: Guild | null; class?: string; children: JSX.Element }) {
  const name = () => displayName(hall, props.userId, props.guild);
  // Here and not on the card: a dialog closes the card that it was opened from.
  const [removing, setRemoving] = createSignal<Removal | null>(null);
  return (
    <>
      <PopoverButton label={en.members.profile(name())} class={`plain ${props.class ?? ""}`} icon={props.children}>
        {(close) => <PersonCard userId={props.userId} guild={props.guild} close={close} onRemove={setRemoving} />}
      </PopoverButton>
      <Show when={removing()}>
        {(how) => <RemoveMember how={how()} userId={props.userId} guild={props.guild!} onClose={() => setRemoving(null)} />}
      </Show>
    </>
  );
}
