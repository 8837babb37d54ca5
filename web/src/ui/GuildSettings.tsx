// Settings of a guild, for those who may manage it: its picture and its name.

import { createSignal } from "solid-js";
import { errorText, rest } from "../app";
import type { Guild } from "../state/guilds";
import { en } from "../strings/en";
import { GuildFace } from "./Avatar";
import { Field } from "./Entrance";
import { Dialog } from "./Overlay";
import { PictureField } from "./PictureField";

export function GuildSettings(props: { guild: Guild; onClose: () => void }) {
  const [name, setName] = createSignal(props.guild.name);
  const [saved, setSaved] = createSignal(false);
  const [problem, setProblem] = createSignal<string | undefined>();
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
  return (
    <Dialog title={en.guildSettings.title} onClose={props.onClose}>
      <section class="settings-part">
        <h3>{en.guildSettings.picture}</h3>
        <PictureField
          label={en.guildSettings.picture}
          face={<span class="door large"><GuildFace id={props.guild.id} name={props.guild.name} icon={props.guild.icon} /></span>}
          has={props.guild.icon !== null}
          onPick={async (icon) => void (await rest.updateGuild(props.guild.id, { icon }))}
        />
      </section>
      <section class="settings-part">
        <form class="form inline" onSubmit={save}>
          <Field label={en.make.guildName} name="guild_name" required minLength={2} maxLength={100} value={name()} error={problem()} onInput={(value) => (setName(value), setSaved(false))} />
          <button class="button">{saved() ? en.settings.saved : en.settings.save}</button>
        </form>
      </section>
    </Dialog>
  );
}
