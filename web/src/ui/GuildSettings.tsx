// Settings of a guild: its picture and name, its roles, its invitations and bans, its end. Each
// part for those who may change it.

import { createSignal, For, Match, Show, Switch } from "solid-js";
import { errorText, hall, rest, tell } from "../app";
import type { Guild } from "../state/guilds";
import { Permission, permissionsIn } from "../state/permissions";
import { en } from "../strings/en";
import { GuildFace } from "./Avatar";
import { BansPanel, InvitesPanel } from "./DoorsPanel";
import { Field } from "./Entrance";
import { Dialog } from "./Overlay";
import { PictureField } from "./PictureField";
import { RolesPanel } from "./RolesPanel";
import { go } from "./router";

type Part = keyof typeof RIGHT;

/** What each part needs. */
const RIGHT = {
  overview: Permission.ManageGuild,
  roles: Permission.ManageRoles,
  invites: Permission.ManageGuild,
  bans: Permission.BanMembers,
} as const;

/** The parts that a person may change. */
export function partsFor(guild: Guild): Part[] {
  const bits = permissionsIn(guild, hall.me?.id ?? "");
  return (Object.keys(RIGHT) as Part[]).filter((part) => (bits & RIGHT[part]) !== 0n);
}

function Overview(props: { guild: Guild; onClose: () => void }) {
  const [name, setName] = createSignal(props.guild.name);
  const [saved, setSaved] = createSignal(false);
  const [problem, setProblem] = createSignal<string | undefined>();
  const [typed, setTyped] = createSignal("");
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    setProblem(undefined);
    try {
      // The guild itself changes by GUILD_UPDATE, for us as for everyone.
      await rest.updateGuild(props.guild.id, { name: name().trim() });
      setSaved(true);
    } catch (error) {
      setProblem(errorText(error));
    }
  };
  const end = () =>
    rest.deleteGuild(props.guild.id).then(() => (props.onClose(), go("/")), (error: unknown) => tell(errorText(error)));
  return (
    <>
      <PictureField
        label={en.guildSettings.picture}
        face={<span class="door large"><GuildFace id={props.guild.id} name={props.guild.name} icon={props.guild.icon} /></span>}
        has={props.guild.icon !== null}
        onPick={async (icon) => void (await rest.updateGuild(props.guild.id, { icon }))}
      />
      <form class="form inline" onSubmit={save}>
        <Field label={en.make.guildName} name="guild_name" required minLength={2} maxLength={100} value={name()} error={problem()} onInput={(value) => (setName(value), setSaved(false))} />
        <button class="button">{saved() ? en.settings.saved : en.settings.save}</button>
      </form>
      <Show when={props.guild.ownerId === hall.me?.id}>
        <details class="danger-zone">
          <summary>{en.guildSettings.end}</summary>
          <p class="muted small">{en.guildSettings.endText(props.guild.name)}</p>
          <div class="copy-line">
            <input type="text" aria-label={en.guildSettings.endLabel} value={typed()} onInput={(event) => setTyped(event.currentTarget.value)} />
            <button type="button" class="button danger" disabled={typed().trim() !== props.guild.name} onClick={() => void end()}>{en.guildSettings.end}</button>
          </div>
        </details>
      </Show>
    </>
  );
}

export function GuildSettings(props: { guild: Guild; onClose: () => void }) {
  const parts = () => partsFor(props.guild);
  const [chosen, setChosen] = createSignal<Part>(parts()[0] ?? "overview");
  const key = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const next = parts()[(parts().indexOf(chosen()) + step + parts().length) % parts().length]!;
    setChosen(next);
    document.getElementById(`guild-part-${next}`)?.focus();
  };
  return (
    <Dialog title={en.guildSettings.title} wide onClose={props.onClose}>
      <div class="segments" role="tablist" aria-label={en.guildSettings.title} onKeyDown={key}>
        <For each={parts()}>
          {(part) => (
            <button type="button" role="tab" id={`guild-part-${part}`} aria-controls="guild-part" aria-selected={chosen() === part} tabindex={chosen() === part ? 0 : -1} onClick={() => setChosen(part)}>
              {en.guildSettings.parts[part]}
            </button>
          )}
        </For>
      </div>
      <section class="settings-part" id="guild-part" role="tabpanel" aria-labelledby={`guild-part-${chosen()}`}>
        <Switch>
          <Match when={chosen() === "overview"}><Overview guild={props.guild} onClose={props.onClose} /></Match>
          <Match when={chosen() === "roles"}><RolesPanel guild={props.guild} /></Match>
          <Match when={chosen() === "invites"}><InvitesPanel guild={props.guild} /></Match>
          <Match when={chosen() === "bans"}><BansPanel guild={props.guild} /></Match>
        </Switch>
      </section>
    </Dialog>
  );
}
