// A voice channel seen from inside, or through its door: seats, and the buttons of the call.

import { createMemo, For, Show } from "solid-js";
import { call, hall, pictures, speaking } from "../app";
import type { Channel } from "../api/types";
import { displayName, voiceRoster, type Guild } from "../state/guilds";
import { en } from "../strings/en";
import { Avatar } from "./Avatar";
import { enterVoice } from "./call";
import { CallControls, CallProblems, phaseText } from "./Dock";
import { Icon } from "./icons";
import { PersonButton } from "./Person";
import { Pictures } from "./Pictures";
import { VoiceFlags } from "./Sidebar";

export function Stage(props: { guild: Guild; channel: Channel }) {
  const roster = createMemo(() => voiceRoster(props.guild, props.channel.id));
  const inside = () => call.place?.channelId === props.channel.id;
  const shows = () => inside() && pictures().length > 0;
  const live = () => inside() && call.phase === "connected";
  return (
    <section class="stage" classList={{ showing: shows() }} aria-label={en.voice.roster(props.channel.name ?? "")} data-testid="stage">
      <Show when={shows()}><Pictures guild={props.guild} /></Show>
      <div class="seats-scroll">
        <Show when={roster().length} fallback={<p class="stage-empty"><Icon.Door /> {en.voice.empty}</p>}>
          <ul class="seats" data-count={Math.min(roster().length, 9)}>
            <For each={roster().map((state) => state.user_id)}>
              {(userId) => {
                const state = () => props.guild.voice[userId];
                const name = () => displayName(hall, userId, props.guild);
                const talks = () => inside() && speaking[userId] === true;
                return (
                  <li class="seat" classList={{ speaking: talks() }} data-user-id={userId} data-speaking={talks()} data-testid="seat">
                    <PersonButton userId={userId} guild={props.guild} class="seat-person">
                      <span class="seat-face"><Avatar id={userId} name={name()} size={88} /></span>
                      <span class="seat-name">{name()}</span>
                    </PersonButton>
                    <VoiceFlags mute={!!state()?.self_mute || !!state()?.mute} deaf={!!state()?.self_deaf || !!state()?.deaf} camera={state()?.self_video} screen={state()?.self_stream} />
                    <Show when={talks()}><span class="visually-hidden">{en.voice.speaking}</span></Show>
                  </li>
                );
              }}
            </For>
          </ul>
        </Show>
      </div>
      <div class="stage-foot">
        <Show
          when={inside()}
          fallback={
            <button type="button" class="button primary large" onClick={() => enterVoice(props.guild, props.channel)}>
              <Icon.Voice /> {en.voice.join}
            </button>
          }
        >
          <Show when={!live() && call.phase !== "failed"}><p class="stage-state" role="status">{phaseText()}</p></Show>
          <CallProblems />
          <Show when={call.phase !== "failed"}><CallControls large /></Show>
        </Show>
      </div>
    </section>
  );
}
