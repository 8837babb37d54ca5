// A voice channel seen from inside, or through its door: seats, and the buttons of the call.

import { createMemo, For, Show } from "solid-js";
import { call, calls, hall, pictures, ringOthers, speaking, startCall } from "../app";
import type { Channel } from "../api/types";
import { seats as seatsOf } from "../state/calls";
import { displayName, voiceRoster, type Guild } from "../state/guilds";
import { en } from "../strings/en";
import { Avatar } from "./Avatar";
import { enterVoice } from "./call";
import { channelTitle } from "./ChatPane";
import { CallControls, CallProblems, phaseText } from "./Dock";
import { Icon } from "./icons";
import { PersonButton } from "./Person";
import { Pictures } from "./Pictures";
import { VoiceFlags } from "./Sidebar";

/** `guild`: null for the call of a private channel, where whoever is rung has a seat already. */
export function Stage(props: { guild: Guild | null; channel: Channel }) {
  const roster = createMemo(() =>
    props.guild
      ? voiceRoster(props.guild, props.channel.id).map((state) => ({ userId: state.user_id, rings: false }))
      : seatsOf(calls[props.channel.id]),
  );
  const voiceOf = (userId: string) => (props.guild ? props.guild.voice : calls[props.channel.id]?.voice)?.[userId];
  const rung = createMemo(() => new Set(roster().filter((seat) => seat.rings).map((seat) => seat.userId)));
  const name = () => channelTitle(props.channel);
  const alone = () => !props.guild && live() && roster().length === 1;
  const enter = () => (props.guild ? enterVoice(props.guild, props.channel) : startCall(props.channel.id));
  const inside = () => call.place?.channelId === props.channel.id;
  const shows = () => inside() && pictures().length > 0;
  const live = () => inside() && call.phase === "connected";
  return (
    <section class="stage" classList={{ showing: shows() }} aria-label={en.voice.roster(name())} data-testid="stage">
      <Show when={shows()}><Pictures guild={props.guild} /></Show>
      <div class="seats-scroll">
        <Show when={roster().length} fallback={<p class="stage-empty"><Icon.Door /> {en.voice.empty}</p>}>
          <ul class="seats" data-count={Math.min(roster().length, 9)}>
            <For each={roster().map((seat) => seat.userId)}>
              {(userId) => {
                const state = () => voiceOf(userId);
                const rings = () => rung().has(userId);
                const name = () => displayName(hall, userId, props.guild);
                const talks = () => inside() && speaking[userId] === true;
                return (
                  <li class="seat" classList={{ speaking: talks(), rings: rings() }} data-user-id={userId} data-speaking={talks()} data-rings={rings()} data-testid="seat">
                    <PersonButton userId={userId} guild={props.guild} class="seat-person">
                      <span class="seat-face"><Avatar id={userId} name={name()} size={88} /></span>
                      <span class="seat-name">{name()}</span>
                      <Show when={rings()}><span class="seat-rings">{en.calls.rings}</span></Show>
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
            <button type="button" class="button primary large" onClick={enter}>
              {props.guild ? <><Icon.Voice /> {en.voice.join}</> : <><Icon.Phone /> {en.calls.join}</>}
            </button>
          }
        >
          <Show when={!live() && call.phase !== "failed"}><p class="stage-state" role="status">{phaseText()}</p></Show>
          <CallProblems />
          <Show when={alone()}>
            <p class="stage-alone" role="status">{en.calls.alone} <button type="button" class="linkish" onClick={() => ringOthers(props.channel.id)}>{en.calls.ringAgain}</button></p>
          </Show>
          <Show when={call.phase !== "failed"}><CallControls large /></Show>
        </Show>
      </div>
    </section>
  );
}
