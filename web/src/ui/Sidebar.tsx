// The left side: guilds as doors of the hall, and behind each its channels with who is talking.

import { createMemo, createSignal, For, Match, Show, Switch } from "solid-js";
import { call, calls, hall, marks, rest, speaking, tell, errorText } from "../app";
import { compareIds } from "../api/snowflake";
import { ChannelType, type Channel } from "../api/types";
import { isPrivate } from "../state/access";
import { displayName, groupChannels, voiceRoster, type Guild } from "../state/guilds";
import { Permission, permissionsIn } from "../state/permissions";
import { isUnread } from "../state/unread";
import { en } from "../strings/en";
import { Avatar, GuildFace } from "./Avatar";
import { enterVoice } from "./call";
import { channelTitle } from "./ChatPane";
import { CreateChannel, CreateGuild, InviteDialog } from "./Dialogs";
import { GuildSettings, partsFor } from "./GuildSettings";
import { Icon } from "./icons";
import { Confirm, PopoverButton } from "./Overlay";
import { PersonButton, statusOf } from "./Person";
import { follow, go, route } from "./router";

export const isVoiceChannel = (channel: Channel) =>
  channel.type === ChannelType.Voice || channel.type === ChannelType.Stage;

export function visibleChannels(guild: Guild): Channel[] {
  const me = hall.me?.id ?? "";
  return Object.values(guild.channels).filter(
    (channel) => channel.type === ChannelType.Category || permissionsIn(guild, me, channel) !== 0n,
  );
}

/** Where a guild opens: its first readable text channel. */
export function firstTextChannel(guild: Guild): Channel | undefined {
  return groupChannels(visibleChannels(guild))
    .flatMap((group) => group.channels)
    .find((channel) => !isVoiceChannel(channel));
}

const guildsInOrder = () => Object.values(hall.guilds).sort((a, b) => compareIds(a.id, b.id));
const dmsInOrder = () =>
  Object.values(hall.dms).sort((a, b) => compareIds(b.last_message_id ?? b.id, a.last_message_id ?? a.id));

function mentionsOf(channels: Iterable<{ id: string }>): number {
  let sum = 0;
  for (const channel of channels) sum += marks.mentions[channel.id] ?? 0;
  return sum;
}

function Badge(props: { count: number }) {
  return (
    <Show when={props.count > 0}>
      <span class="badge" aria-label={en.nav.mentions(props.count)}>{props.count > 99 ? "99+" : props.count}</span>
    </Show>
  );
}

export function GuildRail() {
  const [making, setMaking] = createSignal(false);
  const here = () => {
    const at = route();
    return at.page === "guild" ? at.guild : at.page === "home" ? "@me" : "";
  };
  return (
    <nav class="rail" aria-label={en.nav.guilds}>
      <a class="door home" href="/channels/@me" onClick={follow} aria-label={en.nav.home} title={en.nav.home} aria-current={here() === "@me" ? "page" : undefined}>
        <Icon.Letter />
        <Badge count={mentionsOf(Object.values(hall.dms))} />
      </a>
      <span class="rail-line" aria-hidden="true" />
      <For each={guildsInOrder()}>
        {(guild) => {
          const channels = createMemo(() => visibleChannels(guild));
          const unread = () => channels().some((channel) => !isVoiceChannel(channel) && isUnread(marks, channel.id, channel.last_message_id));
          const talking = () => Object.keys(guild.voice).length > 0;
          return (
            <a
              class="door"
              classList={{ unread: unread(), lit: talking() }}
              href={`/channels/${guild.id}`}
              onClick={follow}
              aria-label={unread() ? `${guild.name}, ${en.nav.unread}` : guild.name}
              title={guild.name}
              aria-current={here() === guild.id ? "page" : undefined}
            >
              <GuildFace id={guild.id} name={guild.name} icon={guild.icon} />
              <Badge count={mentionsOf(channels())} />
            </a>
          );
        }}
      </For>
      <button type="button" class="door add" aria-label={en.nav.newGuild} title={en.nav.newGuild} onClick={() => setMaking(true)}>
        <Icon.Plus />
      </button>
      <Show when={making()}>
        <CreateGuild onClose={() => setMaking(false)} />
      </Show>
    </nav>
  );
}

function TextRow(props: { guild: Guild; channel: Channel; onEnter: () => void }) {
  const at = () => {
    const here = route();
    return here.page === "guild" && here.channel === props.channel.id;
  };
  const unread = () => isUnread(marks, props.channel.id, props.channel.last_message_id);
  return (
    <li>
      <a
        class="channel"
        classList={{ unread: unread() }}
        href={`/channels/${props.guild.id}/${props.channel.id}`}
        aria-current={at() ? "page" : undefined}
        aria-label={[props.channel.name, isPrivate(props.channel.permission_overwrites, props.guild.id) && en.access.lock, unread() && en.nav.unread].filter(Boolean).join(", ")}
        onClick={(event) => (follow(event), props.onEnter())}
      >
        <Icon.Text />
        <span class="channel-name">{props.channel.name}</span>
        <Show when={isPrivate(props.channel.permission_overwrites, props.guild.id)}><span class="lock" role="img" aria-label={en.access.lock} title={en.access.lock}><Icon.Lock /></span></Show>
        <Badge count={marks.mentions[props.channel.id] ?? 0} />
      </a>
    </li>
  );
}

function VoiceRow(props: { guild: Guild; channel: Channel; onEnter: () => void }) {
  const roster = createMemo(() => voiceRoster(props.guild, props.channel.id));
  const inside = () => call.place?.channelId === props.channel.id;
  const at = () => {
    const here = route();
    return here.page === "guild" && here.channel === props.channel.id;
  };
  return (
    <li class="voice-card" classList={{ inside: inside(), lit: roster().length > 0 }}>
      <button
        type="button"
        class="channel"
        aria-label={en.voice.joinChannel(props.channel.name ?? "")}
        aria-current={at() ? "page" : undefined}
        onClick={() => {
          go(`/channels/${props.guild.id}/${props.channel.id}`);
          enterVoice(props.guild, props.channel);
          props.onEnter();
        }}
      >
        <Icon.Voice />
        <span class="channel-name">{props.channel.name}</span>
        <Show when={isPrivate(props.channel.permission_overwrites, props.guild.id)}><span class="lock" role="img" aria-label={en.access.lock} title={en.access.lock}><Icon.Lock /></span></Show>
        <Show when={props.channel.user_limit}>
          <span class="limit">{en.voice.limit(roster().length, props.channel.user_limit!)}</span>
        </Show>
      </button>
      <Show when={roster().length}>
        <ul class="roster" aria-label={en.voice.roster(props.channel.name ?? "")}>
          <For each={roster().map((state) => state.user_id)}>
            {(userId) => {
              const state = () => props.guild.voice[userId];
              const name = () => displayName(hall, userId, props.guild);
              const talks = () => inside() && speaking[userId] === true;
              return (
                <li class="roster-row" classList={{ speaking: talks() }} data-user-id={userId} data-speaking={talks()}>
                  <PersonButton userId={userId} guild={props.guild} class="roster-person">
                    <Avatar id={userId} name={name()} size={24} />
                    <span class="channel-name">{name()}</span>
                  </PersonButton>
                  <VoiceFlags mute={!!state()?.self_mute || !!state()?.mute} deaf={!!state()?.self_deaf || !!state()?.deaf} camera={state()?.self_video} screen={state()?.self_stream} />
                </li>
              );
            }}
          </For>
        </ul>
      </Show>
    </li>
  );
}

export function VoiceFlags(props: { mute: boolean; deaf: boolean; camera?: boolean | undefined; screen?: boolean | undefined }) {
  return (
    <span class="flags">
      <Show when={props.screen}><span role="img" class="lit" aria-label={en.voice.showsScreen} title={en.voice.showsScreen}><Icon.Screen /></span></Show>
      <Show when={props.camera}><span role="img" class="lit" aria-label={en.voice.showsCamera} title={en.voice.showsCamera}><Icon.Camera /></span></Show>
      <Show when={props.mute && !props.deaf}><span role="img" aria-label={en.voice.muted} title={en.voice.muted}><Icon.MicOff /></span></Show>
      <Show when={props.deaf}><span role="img" aria-label={en.voice.deafened} title={en.voice.deafened}><Icon.EarOff /></span></Show>
    </span>
  );
}

function GuildSide(props: { guild: Guild; onEnter: () => void }) {
  const [making, setMaking] = createSignal<{ parent: string | null; voice: boolean } | null>(null);
  const [inviting, setInviting] = createSignal(false);
  const [leaving, setLeaving] = createSignal(false);
  const [arranging, setArranging] = createSignal(false);
  const bits = createMemo(() => permissionsIn(props.guild, hall.me?.id ?? ""));
  const manages = () => (bits() & Permission.ManageChannels) !== 0n;
  const invites = () => (bits() & Permission.CreateInvite) !== 0n;
  const arranges = () => partsFor(props.guild).length > 0;
  const owner = () => props.guild.ownerId === hall.me?.id;
  const groups = createMemo(() => groupChannels(visibleChannels(props.guild)));
  return (
    <>
      <div class="side-head">
        <h2 title={props.guild.name}>{props.guild.name}</h2>
        <Show when={invites()}>
          <button type="button" class="quiet" aria-label={en.nav.invite} title={en.nav.invite} onClick={() => setInviting(true)}><Icon.Invite /></button>
        </Show>
        <PopoverButton label={en.nav.guildMenu(props.guild.name)} class="quiet" icon={<Icon.Down />} popoverClass="menu">
          {(close) => (
            <>
              <Show when={invites()}><button type="button" onClick={() => (close(), setInviting(true))}><Icon.Invite /> {en.nav.invite}</button></Show>
              <Show when={manages()}><button type="button" onClick={() => (close(), setMaking({ parent: null, voice: false }))}><Icon.Plus /> {en.nav.newChannel}</button></Show>
              <Show when={arranges()}><button type="button" onClick={() => (close(), setArranging(true))}><Icon.Gear /> {en.guildSettings.title}</button></Show>
              <Show when={!owner()}><button type="button" class="bad" onClick={() => (close(), setLeaving(true))}><Icon.Door /> {en.nav.leaveGuild}</button></Show>
              <Show when={owner() && !invites() && !manages()}><p class="muted">{props.guild.name}</p></Show>
            </>
          )}
        </PopoverButton>
      </div>
      <nav class="side-scroll" aria-label={en.nav.channels}>
        <For each={groups()} fallback={<p class="muted pad">{en.nav.noChannels}</p>}>
          {(group) => (
            <Show when={group.channels.length || manages()}>
              <section class="channel-group">
                <Show when={group.category}>
                  <h3 class="group-head">
                    <span>{group.category!.name}</span>
                    <Show when={manages()}>
                      <button type="button" class="quiet tiny" aria-label={`${en.nav.newChannel}: ${group.category!.name}`} title={en.nav.newChannel} onClick={() => setMaking({ parent: group.category!.id, voice: group.channels.length > 0 && group.channels.every(isVoiceChannel) })}><Icon.Plus /></button>
                    </Show>
                  </h3>
                </Show>
                <ul>
                  <For each={group.channels}>
                    {(channel) =>
                      isVoiceChannel(channel) ? (
                        <VoiceRow guild={props.guild} channel={channel} onEnter={props.onEnter} />
                      ) : (
                        <TextRow guild={props.guild} channel={channel} onEnter={props.onEnter} />
                      )
                    }
                  </For>
                </ul>
              </section>
            </Show>
          )}
        </For>
      </nav>
      <Show when={making()}>
        {(wish) => <CreateChannel guild={props.guild} parent={wish().parent} voice={wish().voice} onClose={() => setMaking(null)} />}
      </Show>
      <Show when={arranging()}><GuildSettings guild={props.guild} onClose={() => setArranging(false)} /></Show>
      <Show when={inviting()}><InviteDialog guild={props.guild} onClose={() => setInviting(false)} /></Show>
      <Show when={leaving()}>
        <Confirm
          title={en.errors.leaveGuild(props.guild.name)}
          text={en.errors.leaveGuildText}
          action={en.nav.leaveGuild}
          onYes={() => void rest.leaveGuild(props.guild.id).then(() => go("/"), (error: unknown) => tell(errorText(error)))}
          onClose={() => setLeaving(false)}
        />
      </Show>
    </>
  );
}

function HomeSide(props: { onEnter: () => void }) {
  const at = () => {
    const here = route();
    return here.page === "home" ? here.channel : null;
  };
  return (
    <>
      <div class="side-head"><h2>{en.nav.home}</h2></div>
      <nav class="side-scroll" aria-label={en.nav.home}>
        <ul class="channel-group">
          <For each={dmsInOrder()} fallback={<p class="muted pad">{en.nav.noDms}</p>}>
            {(channel) => {
              const other = () => channel.recipients?.[0];
              return (
                <li>
                  <a
                    class="channel person"
                    classList={{ unread: isUnread(marks, channel.id, channel.last_message_id) }}
                    href={`/channels/@me/${channel.id}`}
                    aria-current={at() === channel.id ? "page" : undefined}
                    onClick={(event) => (follow(event), props.onEnter())}
                  >
                    <Avatar id={other()?.id ?? channel.id} name={channelTitle(channel)} user={other()} size={32} status={other() ? statusOf(other()!.id) : undefined} />
                    <span class="channel-name">{channelTitle(channel)}</span>
                    <Show when={calls[channel.id]}><span class="lit" role="img" aria-label={en.calls.on} title={en.calls.on}><Icon.Phone /></span></Show>
                    <Badge count={marks.mentions[channel.id] ?? 0} />
                  </a>
                </li>
              );
            }}
          </For>
        </ul>
      </nav>
    </>
  );
}

/** `onEnter`: a conversation was chosen; narrow screens then show it. */
export function Sidebar(props: { guild: Guild | null; onEnter: () => void }) {
  return (
    <section class="side" aria-label={props.guild?.name ?? en.nav.home}>
      <Switch>
        <Match when={props.guild} keyed>{(guild) => <GuildSide guild={guild} onEnter={props.onEnter} />}</Match>
        <Match when={true}><HomeSide onEnter={props.onEnter} /></Match>
      </Switch>
    </section>
  );
}
