// Who may come into a guild and who may not: its invitations and its bans, to be taken back.

import { createResource, For, Show, type JSX } from "solid-js";
import { errorText, rest, tell } from "../app";
import type { Guild } from "../state/guilds";
import { en } from "../strings/en";
import { Avatar } from "./Avatar";

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A list that is fetched, and shortened when the server has taken an entry out. */
function Fetched<T>(props: { get: () => Promise<T[]>; none: string; remove: (item: T) => Promise<unknown>; verb: (item: T) => string; children: (item: T) => JSX.Element }) {
  const [items, { mutate, refetch }] = createResource(() => props.get());
  const remove = async (item: T) => {
    try {
      await props.remove(item);
      mutate((all) => all?.filter((one) => one !== item));
    } catch (error) {
      tell(errorText(error));
    }
  };
  return (
    <Show
      when={!items.error}
      fallback={
        <p class="form-problem" role="alert">
          {errorText(items.error)} <button type="button" class="linkish" onClick={() => void refetch()}>{en.chat.retry}</button>
        </p>
      }
    >
      <ul class="door-list" aria-busy={items.loading}>
        <For each={items()} fallback={<li class="muted">{items.loading ? en.doors.loading : props.none}</li>}>
          {(item) => (
            <li>
              {props.children(item)}
              <button type="button" class="button small push" onClick={() => void remove(item)}>{props.verb(item)}</button>
            </li>
          )}
        </For>
      </ul>
    </Show>
  );
}

export function InvitesPanel(props: { guild: Guild }) {
  return (
    <Fetched get={() => rest.guildInvites(props.guild.id)} none={en.doors.noInvites} verb={() => en.doors.revoke} remove={(invite) => rest.revokeInvite(invite.code)}>
      {(invite) => (
        <div>
          <code>{invite.code}</code>
          <p class="muted small">
            {en.doors.invite(invite.inviter?.global_name ?? invite.inviter?.username ?? "…", invite.uses ?? 0, invite.max_uses ?? 0)}
            {invite.expires_at ? ` · ${en.doors.until(day.format(new Date(invite.expires_at)))}` : ""}
          </p>
        </div>
      )}
    </Fetched>
  );
}

export function BansPanel(props: { guild: Guild }) {
  return (
    <Fetched get={() => rest.bans(props.guild.id)} none={en.doors.noBans} verb={() => en.doors.unban} remove={(ban) => rest.unban(props.guild.id, ban.user.id)}>
      {(ban) => (
        <>
          <Avatar id={ban.user.id} name={ban.user.global_name ?? ban.user.username} user={ban.user} size={32} />
          <div>
            <b>{ban.user.global_name ?? ban.user.username}</b> <span class="muted small">@{ban.user.username}</span>
            <p class="muted small">{ban.reason ?? en.doors.noReason}</p>
          </div>
        </>
      )}
    </Fetched>
  );
}
