// Inside: doors, channels, conversation, members. On a narrow screen one of them at a time.

import { createEffect, createMemo, createSignal, Match, Show, Switch } from "solid-js";
import { call, calls, changeSettings, hall, link, marks, settings, startCall } from "../app";
import type { Channel } from "../api/types";
import { Permission, permissionsIn } from "../state/permissions";
import { recall, remember } from "../state/session";
import { en } from "../strings/en";
import { IncomingCalls } from "./Calls";
import { ChannelSettings } from "./ChannelSettings";
import { ChatPane, channelTitle } from "./ChatPane";
import { CreateGuild } from "./Dialogs";
import { Dock } from "./Dock";
import { Icon, Logo } from "./icons";
import { Members } from "./Members";
import { go, route } from "./router";
import { firstTextChannel, GuildRail, isVoiceChannel, Sidebar } from "./Sidebar";
import { Stage } from "./Stage";

type Pane = "side" | "main" | "members";

export function Hall() {
  const [pane, setPane] = createSignal<Pane>("main");
  const [making, setMaking] = createSignal(false);
  const [arranging, setArranging] = createSignal<Channel | null>(null);
  // On a narrow screen a voice channel shows either its seats or its chat.
  const [voiceTab, setVoiceTab] = createSignal<"call" | "chat">("call");

  const guild = createMemo(() => {
    const at = route();
    return at.page === "guild" ? (hall.guilds[at.guild] ?? null) : null;
  });
  const channel = createMemo(() => {
    const at = route();
    if (at.page === "guild") return at.channel ? guild()?.channels[at.channel] : undefined;
    if (at.page === "home") return at.channel ? hall.dms[at.channel] : undefined;
    return undefined;
  });

  // Addresses that name no conversation lead to one.
  createEffect(() => {
    if (!hall.ready) return;
    const at = route();
    if (at.page === "start" || at.page === "login") {
      const last = recall<string | null>("last", null);
      const first = Object.keys(hall.guilds)[0];
      if (last) go(last, true);
      else if (first) go(`/channels/${first}`, true);
    } else if (at.page === "guild" && guild() && (!at.channel || !guild()!.channels[at.channel])) {
      const first = firstTextChannel(guild()!);
      if (first) go(`/channels/${at.guild}/${first.id}`, true);
      else setPane("side");
    } else if (at.page === "home" && !at.channel) {
      setPane("side");
    }
  });
  createEffect(() => {
    const at = channel();
    if (at) remember("last", `/channels/${at.guild_id ?? "@me"}/${at.id}`);
  });
  createEffect(() => {
    const at = channel();
    const waiting = Object.values(marks.mentions).reduce((sum, count) => sum + count, 0);
    const count = waiting > 0 ? `(${waiting}) ` : "";
    document.title = count + (at ? `${channelTitle(at)} · ${guild()?.name ?? en.app}` : en.app);
  });

  let closeMembers: HTMLButtonElement | undefined;
  createEffect(() => pane() === "members" && closeMembers?.focus());

  /** Whether there is a call to begin or to join: not with a bot, and not where we are. */
  const callable = (at: Channel) => {
    const others = at.recipients ?? [];
    return !at.guild_id && others.some((user) => !user.bot) && !(call.place?.channelId === at.id && call.phase !== "failed");
  };

  const showsMembers = () => settings.showMembers && !!guild() && !!channel() && !isVoiceChannel(channel()!);

  return (
    <div class="hall" data-pane={pane()} classList={{ "with-members": showsMembers() }}>
      <a class="skip" href="#conversation">{en.skip}</a>
      <GuildRail />
      <Sidebar guild={guild()} onEnter={() => setPane("main")} />
      <Dock onEnter={() => setPane("main")} />
      <IncomingCalls onEnter={() => setPane("main")} />
      <main class="main" id="conversation" tabindex="-1">
        <Show when={link() !== "ready"}>
          <div class="link-state" role="status" data-testid="link-state">
            {link() === "connecting" ? en.link.connecting : en.link.reconnecting}
          </div>
        </Show>
        <Switch>
          <Match when={channel()}>
            {(at) => (
              <>
                <header class="main-head">
                  <button type="button" class="quiet narrow-only" aria-label={en.nav.back} onClick={() => setPane("side")}><Icon.Back /></button>
                  <span class="head-icon">{isVoiceChannel(at()) ? <Icon.Voice /> : at().guild_id ? <Icon.Text /> : <Icon.Letter />}</span>
                  <h1>{channelTitle(at())}</h1>
                  <Show when={at().topic}><p class="topic" title={at().topic!}>{at().topic}</p></Show>
                  <span class="push" />
                  <Show when={callable(at())}>
                    <button type="button" class="quiet" data-testid="call-start" aria-label={calls[at().id] ? en.calls.join : en.calls.start} title={calls[at().id] ? en.calls.join : en.calls.start} onClick={() => startCall(at().id)}>
                      <Icon.Phone />
                    </button>
                  </Show>
                  <Show when={isVoiceChannel(at())}>
                    <div class="segments narrow-voice" role="tablist">
                      <button type="button" role="tab" aria-selected={voiceTab() === "call"} onClick={() => setVoiceTab("call")}>{en.nav.call}</button>
                      <button type="button" role="tab" aria-selected={voiceTab() === "chat"} onClick={() => setVoiceTab("chat")}>{en.nav.chat}</button>
                    </div>
                  </Show>
                  <Show when={guild() && (permissionsIn(guild()!, hall.me?.id ?? "", at()) & Permission.ManageChannels) !== 0n}>
                    <button type="button" class="quiet" aria-label={en.channelSettings.title} title={en.channelSettings.title} onClick={() => setArranging(at())}><Icon.Gear /></button>
                  </Show>
                  <Show when={guild() && !isVoiceChannel(at())}>
                    <button
                      type="button"
                      class="quiet wide-only"
                      aria-pressed={settings.showMembers}
                      aria-label={settings.showMembers ? en.nav.hideMembers : en.nav.showMembers}
                      title={settings.showMembers ? en.nav.hideMembers : en.nav.showMembers}
                      onClick={() => changeSettings({ showMembers: !settings.showMembers })}
                    >
                      <Icon.People />
                    </button>
                    <button type="button" class="quiet narrow-only" aria-label={en.nav.showMembers} onClick={() => setPane(pane() === "members" ? "main" : "members")}><Icon.People /></button>
                  </Show>
                </header>
                <Show when={isVoiceChannel(at()) && guild()} fallback={
                  <Show when={!at().guild_id} fallback={<ChatPane channel={at()} guild={guild()} />}>
                    <div class="private-view">
                      <Show when={calls[at().id] || call.place?.channelId === at().id}><Stage guild={null} channel={at()} /></Show>
                      <ChatPane channel={at()} guild={null} />
                    </div>
                  </Show>
                }>
                  <div class="voice-view" data-tab={voiceTab()}>
                    <Stage guild={guild()!} channel={at()} />
                    <ChatPane channel={at()} guild={guild()} />
                  </div>
                </Show>
              </>
            )}
          </Match>
          <Match when={hall.ready && Object.keys(hall.guilds).length === 0}>
            <div class="welcome">
              <Logo size={72} />
              <h1>{en.nav.noGuilds}</h1>
              <p class="muted">{en.nav.noGuildsText}</p>
              <button type="button" class="button primary large" onClick={() => setMaking(true)}>{en.nav.newGuild}</button>
            </div>
          </Match>
          <Match when={hall.ready}>
            <div class="welcome">
              <Logo size={72} />
              <h1>{en.nav.pick}</h1>
              <button type="button" class="button narrow-only" onClick={() => setPane("side")}>{en.nav.back}</button>
            </div>
          </Match>
          <Match when={true}>
            <div class="welcome"><span class="breathing"><Logo size={72} /></span></div>
          </Match>
        </Switch>
      </main>
      <Show when={guild()}>
        <aside class="members-pane" aria-label={en.nav.members} onKeyDown={(event) => event.key === "Escape" && pane() === "members" && setPane("main")}>
          <div class="main-head narrow-only">
            <button ref={closeMembers} type="button" class="quiet" aria-label={en.nav.hideMembers} onClick={() => setPane("main")}><Icon.Back /></button>
            <h1>{en.nav.members}</h1>
          </div>
          <Members guild={guild()!} />
        </aside>
      </Show>
      <Show when={guild() ? arranging() : null}>{(at) => <ChannelSettings guild={guild()!} channel={at()} onClose={() => setArranging(null)} />}</Show>
      <Show when={making()}><CreateGuild onClose={() => setMaking(false)} /></Show>
    </div>
  );
}

