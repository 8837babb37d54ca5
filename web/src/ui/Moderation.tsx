// What a moderator does to a member, from their card: voice, kick, ban. Offers only what the
// server would not refuse.

import { createSignal, For, Match, Show, Switch, type JSX } from "solid-js";
import { errorText, hall, rest, tell } from "../app";
import { ChannelType } from "../api/types";
import { displayName, groupChannels, type Guild } from "../state/guilds";
import { outranks, Permission, permissionsIn } from "../state/permissions";
import { en } from "../strings/en";
import { Icon } from "./icons";
import { Confirm } from "./Overlay";

export type Removal = "kick" | "ban";

export function Moderation(props: { userId: string; guild: Guild; onRemove: (how: Removal) => void }) {
  const me = () => hall.me?.id ?? "";
  const other = () => props.userId !== me();
  const state = () => props.guild.voice[props.userId];
  const room = () => (state()?.channel_id ? props.guild.channels[state()!.channel_id!] : undefined);
  /** Voice: no rank is asked, the right where the member sits counts (Discord: Modify Guild Member). */
  const inVoice = (right: bigint) => room() !== undefined && (permissionsIn(props.guild, me(), room()) & right) !== 0n;
  const inGuild = (right: bigint) =>
    other() && props.guild.members[props.userId] !== undefined && (permissionsIn(props.guild, me()) & right) !== 0n && outranks(props.guild, me(), props.userId);
  const rooms = () =>
    groupChannels(Object.values(props.guild.channels))
      .flatMap((group) => group.channels)
      .filter((channel) => channel.type === ChannelType.Voice && channel.id !== room()?.id);
  const change = (body: { mute?: boolean; deaf?: boolean; channel_id?: string | null }) =>
    void rest.updateMember(props.guild.id, props.userId, body).catch((error: unknown) => tell(errorText(error)));
  const Verb = (verb: { label: string; on?: boolean | undefined; bad?: boolean; icon: JSX.Element; onClick: () => void }) => (
    <button type="button" class="button small" classList={{ danger: verb.bad === true }} aria-pressed={verb.on} onClick={verb.onClick}>
      {verb.icon} {verb.label}
    </button>
  );
  const voiceRights = () => inVoice(Permission.MuteMembers | Permission.DeafenMembers | Permission.MoveMembers);
  const any = () => voiceRights() || inGuild(Permission.KickMembers | Permission.BanMembers);
  return (
    <Show when={any()}>
      <div class="moderation" role="group" aria-label={en.moderation.title}>
        <Show when={voiceRights()}>
          <div class="row">
            <Show when={inVoice(Permission.MuteMembers)}>
              <Verb label={state()?.mute ? en.moderation.unmute : en.moderation.mute} on={state()?.mute} icon={<Icon.MicOff />} onClick={() => change({ mute: !state()?.mute })} />
            </Show>
            <Show when={inVoice(Permission.DeafenMembers)}>
              <Verb label={state()?.deaf ? en.moderation.undeafen : en.moderation.deafen} on={state()?.deaf} icon={<Icon.EarOff />} onClick={() => change({ deaf: !state()?.deaf })} />
            </Show>
            <Show when={inVoice(Permission.MoveMembers)}>
              <Verb label={en.moderation.disconnect} icon={<Icon.Leave />} onClick={() => change({ channel_id: null })} />
            </Show>
          </div>
          <Show when={inVoice(Permission.MoveMembers) && rooms().length}>
            <select aria-label={en.moderation.move} onChange={(event) => event.currentTarget.value && change({ channel_id: event.currentTarget.value })}>
              <option value="">{en.moderation.move}</option>
              <For each={rooms()}>{(channel) => <option value={channel.id}>{channel.name}</option>}</For>
            </select>
          </Show>
        </Show>
        <Show when={inGuild(Permission.KickMembers | Permission.BanMembers)}>
          <div class="row">
            <Show when={inGuild(Permission.KickMembers)}><Verb label={en.moderation.kick} bad icon={<Icon.Door />} onClick={() => props.onRemove("kick")} /></Show>
            <Show when={inGuild(Permission.BanMembers)}><Verb label={en.moderation.ban} bad icon={<Icon.Close />} onClick={() => props.onRemove("ban")} /></Show>
          </div>
        </Show>
      </div>
    </Show>
  );
}

/** Asks once more before a member is removed; a ban may have a reason. */
export function RemoveMember(props: { how: Removal; userId: string; guild: Guild; onClose: () => void }) {
  const [reason, setReason] = createSignal("");
  const name = () => displayName(hall, props.userId, props.guild);
  const remove = () => {
    const done = props.how === "ban" ? rest.ban(props.guild.id, props.userId, reason().trim()) : rest.kick(props.guild.id, props.userId);
    void done.catch((error: unknown) => tell(errorText(error)));
  };
  return (
    <Switch>
      <Match when={props.how === "kick"}>
        <Confirm title={en.moderation.kickTitle(name())} text={en.moderation.kickText} action={en.moderation.kick} onYes={remove} onClose={props.onClose} />
      </Match>
      <Match when={props.how === "ban"}>
        <Confirm title={en.moderation.banTitle(name())} text={en.moderation.banText} action={en.moderation.ban} onYes={remove} onClose={props.onClose}>
          <label class="field">
            <span class="small">{en.moderation.reason}</span>
            <input type="text" maxLength={512} value={reason()} onInput={(event) => setReason(event.currentTarget.value)} />
          </label>
        </Confirm>
      </Match>
    </Switch>
  );
}
