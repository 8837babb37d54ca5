// Who belongs to the guild, those who are here first.

import { createMemo, For, Show } from "solid-js";
import { hall } from "../app";
import { displayName, type Guild } from "../state/guilds";
import { en } from "../strings/en";
import { Avatar } from "./Avatar";
import { PersonButton, statusOf } from "./Person";

/** Colour of the highest role that has one. */
function colourOf(guild: Guild, userId: string): string | undefined {
  const roles = (guild.members[userId]?.roles ?? []).map((id) => guild.roles[id]).filter((role) => role !== undefined);
  const top = roles.filter((role) => role.color !== 0).sort((a, b) => b.position - a.position)[0];
  return top ? `#${top.color.toString(16).padStart(6, "0")}` : undefined;
}

export function Members(props: { guild: Guild }) {
  const split = createMemo(() => {
    const byName = (a: string, b: string) => displayName(hall, a, props.guild).localeCompare(displayName(hall, b, props.guild));
    const ids = Object.keys(props.guild.members);
    return {
      here: ids.filter((id) => statusOf(id) !== "offline").sort(byName),
      away: ids.filter((id) => statusOf(id) === "offline").sort(byName),
    };
  });
  const Group = (group: { title: string; ids: string[]; away?: boolean }) => (
    <Show when={group.ids.length}>
      <h2 class="group-head"><span>{group.title} · {group.ids.length}</span></h2>
      <ul classList={{ away: group.away === true }}>
        <For each={group.ids}>
          {(id) => (
            <li data-user-id={id} data-status={statusOf(id)} data-testid="member">
              <PersonButton userId={id} guild={props.guild} class="member">
                <Avatar id={id} name={displayName(hall, id, props.guild)} size={32} status={statusOf(id)} />
                <span class="member-name" style={colourOf(props.guild, id) ? { "--role": colourOf(props.guild, id)! } : {}}>
                  <span>{displayName(hall, id, props.guild)}</span>
                  <Show when={hall.users[id]?.bot}><span class="tag">{en.chat.bot}</span></Show>
                </span>
              </PersonButton>
            </li>
          )}
        </For>
      </ul>
    </Show>
  );
  return (
    <div class="members">
      <Group title={en.members.online} ids={split().here} />
      <Group title={en.members.offline} ids={split().away} away />
    </div>
  );
}
