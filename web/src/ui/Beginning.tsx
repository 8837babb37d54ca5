// What stands above the first message of a conversation; to whoever is alone in a guild it says
// what to do next.

import { createSignal, Show } from "solid-js";
import { hall } from "../app";
import type { Guild } from "../state/guilds";
import { Permission, permissionsIn } from "../state/permissions";
import { en } from "../strings/en";
import { InviteDialog } from "./Dialogs";
import { GuildSettings } from "./GuildSettings";
import { Icon } from "./icons";

export function Beginning(props: { name: string; guild: Guild | null }) {
  const [inviting, setInviting] = createSignal(false);
  const [arranging, setArranging] = createSignal(false);
  const may = (right: bigint) => props.guild !== null && (permissionsIn(props.guild, hall.me?.id ?? "") & right) !== 0n;
  const alone = () => props.guild !== null && props.guild.memberCount <= 1 && may(Permission.CreateInvite);
  return (
    <div class="beginning">
      <h2>{en.chat.beginning(props.name)}</h2>
      <Show when={alone()} fallback={<p class="muted">{en.chat.beginningText}</p>}>
        <p class="muted">{en.chat.alone(props.guild!.name)}</p>
        <div class="row">
          <button type="button" class="button primary" onClick={() => setInviting(true)}><Icon.Invite /> {en.nav.invite}</button>
          <Show when={may(Permission.ManageGuild)}>
            <button type="button" class="button" onClick={() => setArranging(true)}><Icon.Gear /> {en.chat.arrange}</button>
          </Show>
        </div>
      </Show>
      <Show when={inviting()}><InviteDialog guild={props.guild!} onClose={() => setInviting(false)} /></Show>
      <Show when={arranging()}><GuildSettings guild={props.guild!} onClose={() => setArranging(false)} /></Show>
    </div>
  );
}
