// Roles of a guild: made, named, coloured, given rights, ordered, deleted. Offers only what the
// server would not refuse: roles below one's own, rights that one has.

import { createMemo, createSignal, For, Show } from "solid-js";
import { errorText, hall, rest, tell } from "../app";
import type { Role } from "../api/types";
import type { Guild } from "../state/guilds";
import { commands, Permission, permissionsIn, rolesInOrder } from "../state/permissions";
import { en } from "../strings/en";
import { Icon } from "./icons";

/** Rights that are offered, in groups; a role keeps all others as they are. */
const RIGHTS: readonly [title: string, rights: readonly (keyof typeof Permission)[]][] = [
  [en.roles.talking, ["Connect", "Speak", "Stream", "MuteMembers", "DeafenMembers", "MoveMembers"]],
  [en.roles.writing, ["ViewChannel", "SendMessages", "AttachFiles", "AddReactions", "MentionEveryone", "ManageMessages"]],
  [en.roles.guild, ["CreateInvite", "ManageChannels", "ManageRoles", "ManageGuild", "KickMembers", "BanMembers", "Administrator"]],
];

const hex = (color: number) => `#${color.toString(16).padStart(6, "0")}`;

function RoleEditor(props: { guild: Guild; role: Role; onDone: () => void }) {
  const everyone = () => props.role.id === props.guild.id;
  const mine = () => permissionsIn(props.guild, hall.me?.id ?? "");
  const [name, setName] = createSignal(props.role.name);
  const [color, setColor] = createSignal(props.role.color);
  const [rights, setRights] = createSignal(BigInt(props.role.permissions));
  const [busy, setBusy] = createSignal(false);
  const [problem, setProblem] = createSignal<string | null>(null);
  const [sure, setSure] = createSignal(false);
  const run = async (change: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(null);
    try {
      await change();
      props.onDone();
    } catch (error) {
      setProblem(errorText(error));
      setBusy(false);
    }
  };
  const save = (event: SubmitEvent) => {
    event.preventDefault();
    void run(() =>
      rest.updateRole(props.guild.id, props.role.id, {
        permissions: rights().toString(),
        ...(everyone() ? {} : { name: name().trim(), color: color() }),
      }),
    );
  };
  return (
    <form class="role-editor form" onSubmit={save}>
      <Show when={!everyone()}>
        <div class="role-name">
          <label class="field"><span class="label">{en.roles.name}</span>
            <input type="text" required maxLength={100} value={name()} onInput={(event) => setName(event.currentTarget.value)} />
          </label>
          <label class="field"><span class="label">{en.roles.color}</span>
            <input type="color" value={hex(color() || 0x99aab5)} onInput={(event) => setColor(parseInt(event.currentTarget.value.slice(1), 16))} />
          </label>
        </div>
      </Show>
      <For each={RIGHTS}>
        {([title, names]) => (
          <fieldset class="rights">
            <legend>{title}</legend>
            <For each={names}>
              {(right) => {
                const bit = Permission[right];
                return (
                  <label class="switch">
                    <input
                      type="checkbox"
                      role="switch"
                      disabled={(mine() & bit) === 0n}
                      checked={(rights() & bit) !== 0n}
                      onChange={(event) => setRights(event.currentTarget.checked ? rights() | bit : rights() & ~bit)}
                    />
                    <span>{en.roles.rights[right]}</span>
                  </label>
                );
              }}
            </For>
          </fieldset>
        )}
      </For>
      <Show when={problem()}><p class="form-problem" role="alert">{problem()}</p></Show>
      <div class="row">
        <Show when={!everyone()}>
          <button type="button" class="button danger" disabled={busy()} onClick={() => (sure() ? void run(() => rest.deleteRole(props.guild.id, props.role.id)) : setSure(true))}>
            {sure() ? en.roles.sure : en.roles.remove}
          </button>
        </Show>
        <button type="button" class="button push" onClick={() => props.onDone()}>{en.make.cancel}</button>
        <button class="button primary" disabled={busy()}>{en.settings.save}</button>
      </div>
    </form>
  );
}

export function RolesPanel(props: { guild: Guild }) {
  const me = () => hall.me?.id ?? "";
  const roles = createMemo(() => rolesInOrder(props.guild));
  const [open, setOpen] = createSignal<string | null>(null);
  const count = (role: Role) =>
    role.id === props.guild.id ? props.guild.memberCount : Object.values(props.guild.members).filter((member) => member.roles.includes(role.id)).length;
  const make = () =>
    rest.createRole(props.guild.id, { name: en.roles.fresh }).then((role) => setOpen(role.id), (error: unknown) => tell(errorText(error)));
  /** Changes places with the role next to it; positions of both are told, as Discord's clients do. */
  const move = (role: Role, step: -1 | 1) => {
    const list = roles().filter((one) => one.id !== props.guild.id);
    const at = list.findIndex((one) => one.id === role.id);
    list.splice(at, 1);
    list.splice(at + step, 0, role);
    const moved = list.map((one, index) => ({ id: one.id, position: list.length - index })).filter(({ id, position }) => props.guild.roles[id]?.position !== position);
    void rest.orderRoles(props.guild.id, moved).catch((error: unknown) => tell(errorText(error)));
  };
  const movable = (role: Role | undefined) => role !== undefined && role.id !== props.guild.id && commands(props.guild, me(), role);
  return (
    <div class="roles-panel">
      <p class="muted small">{en.roles.lead}</p>
      <ul class="role-list">
        <For each={roles()}>
          {(role, index) => (
            <li>
              <div class="role-line">
                <span class="role-dot" style={role.color ? { "--role": hex(role.color) } : {}} aria-hidden="true" />
                <b>{role.id === props.guild.id ? en.roles.everyone : role.name}</b>
                <span class="muted small">{en.invite.members(count(role))}</span>
                <span class="push" />
                <Show when={movable(role)}>
                  <button type="button" class="quiet" aria-label={en.roles.up(role.name)} title={en.roles.up(role.name)} disabled={!movable(roles()[index() - 1])} onClick={() => move(role, -1)}><Icon.Up /></button>
                  <button type="button" class="quiet" aria-label={en.roles.down(role.name)} title={en.roles.down(role.name)} disabled={!movable(roles()[index() + 1])} onClick={() => move(role, 1)}><Icon.Down /></button>
                </Show>
                <Show when={commands(props.guild, me(), role)}>
                  <button type="button" class="button small" aria-expanded={open() === role.id} onClick={() => setOpen(open() === role.id ? null : role.id)}>{en.chat.edit}</button>
                </Show>
              </div>
              <Show when={open() === role.id}><RoleEditor guild={props.guild} role={role} onDone={() => setOpen(null)} /></Show>
            </li>
          )}
        </For>
      </ul>
      <button type="button" class="button" onClick={() => void make()}><Icon.Plus /> {en.roles.make}</button>
    </div>
  );
}
