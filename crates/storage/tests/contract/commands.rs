//! Bots' commands: unique by name in their place, replaced at once, with what guilds say of them.

use model::id::ApplicationId;
use model::id::CommandId;
use model::id::GuildId;
use model::wire::id::Id;
use state::GuildCommand;
use state::apps::CommandPermission;
use state::apps::CommandRecord;
use state::repo::RepoError;
use storage::Repos;

use crate::fixtures::ANA;
use crate::fixtures::guild;

const APP: ApplicationId = Id::new(900);

fn command(id: u64, guild: Option<GuildId>, name: &str) -> CommandRecord {
    CommandRecord {
        id: Id::new(id),
        application: APP,
        guild,
        version: Id::new(id),
        kind: 1,
        name: name.to_owned(),
        name_localizations: None,
        description: "does it".to_owned(),
        description_localizations: None,
        options: Vec::new(),
        default_member_permissions: Some(8),
        nsfw: false,
        contexts: None,
        integration_types: None,
    }
}

fn everyone_may_not(guild: GuildId) -> Vec<CommandPermission> {
    vec![CommandPermission { id: guild.get(), kind: 1, permission: false }]
}

pub(crate) async fn a_command_is_replaced_by_id_and_taken_by_name(repos: &Repos) {
    let here = Some(guild().id);
    let first = command(7, None, "roll");
    repos.commands.put(&first).await.expect("stored");
    repos.commands.put(&command(8, here, "roll")).await.expect("another place");
    let user = CommandRecord { kind: 2, ..command(9, None, "roll") };
    repos.commands.put(&user).await.expect("another kind");

    let taken = repos.commands.put(&command(10, None, "roll")).await;
    assert!(matches!(taken, Err(RepoError::Exists)), "{taken:?}");
    let renamed = CommandRecord { name: "throw".to_owned(), ..first };
    repos.commands.put(&renamed).await.expect("replaced");

    assert_eq!(repos.commands.command(APP, Id::new(7)).await.expect("read"), Some(renamed.clone()));
    assert_eq!(repos.commands.list(APP, None).await.expect("read"), [renamed, user]);
    assert_eq!(repos.commands.command(Id::new(901), Id::new(7)).await.expect("read"), None);
}

pub(crate) async fn commands_of_a_place_are_replaced_at_once_or_not_at_all(repos: &Repos) {
    let here = Some(guild().id);
    repos.commands.put(&command(1, here, "kept")).await.expect("stored");
    repos.commands.put(&command(2, None, "old")).await.expect("stored");

    let new = [command(3, None, "a"), command(4, None, "b")];
    repos.commands.replace(APP, None, &new).await.expect("replaced");
    let twice = [command(5, None, "c"), command(6, None, "c")];
    let twice = repos.commands.replace(APP, None, &twice).await;

    assert!(matches!(twice, Err(RepoError::Exists)), "{twice:?}");
    assert_eq!(repos.commands.list(APP, None).await.expect("read"), new);
    assert_eq!(repos.commands.list(APP, here).await.expect("read").len(), 1);
}

pub(crate) async fn what_a_guild_says_of_a_command_ends_with_the_command(repos: &Repos) {
    let here = guild().id;
    let said = everyone_may_not(here);
    let whole: CommandId = APP.cast();
    repos.commands.put(&command(3, None, "a")).await.expect("stored");
    for id in [Id::new(3), whole] {
        repos.commands.set_permissions(APP, here, id, &said).await.expect("said");
    }
    assert_eq!(
        repos.commands.permissions(APP, here).await.expect("read"),
        [(Id::new(3), said.clone()), (whole, said.clone())]
    );

    repos.commands.remove(APP, Id::new(3)).await.expect("removed");
    let again = repos.commands.remove(APP, Id::new(3)).await;

    assert!(matches!(again, Err(RepoError::NotFound)), "{again:?}");
    assert_eq!(repos.commands.permissions(APP, here).await.expect("read"), [(whole, said)]);
    repos.commands.set_permissions(APP, here, whole, &[]).await.expect("unsaid");
    assert_eq!(repos.commands.permissions(APP, here).await.expect("read"), []);
}

pub(crate) async fn a_deleted_guild_takes_its_commands_along(repos: &Repos) {
    let guild = guild();
    repos.guilds.create(&guild).await.expect("created");
    repos.commands.put(&command(1, Some(guild.id), "here")).await.expect("stored");
    repos.commands.put(&command(2, None, "everywhere")).await.expect("stored");
    let said = everyone_may_not(guild.id);
    repos.commands.set_permissions(APP, guild.id, Id::new(2), &said).await.expect("said");

    let plan = guild.plan(ANA, &GuildCommand::Delete, 0).expect("allowed");
    repos.guilds.commit(&plan).await.expect("committed");

    assert_eq!(repos.commands.list(APP, Some(guild.id)).await.expect("read"), []);
    assert_eq!(repos.commands.list(APP, None).await.expect("read").len(), 1);
    assert_eq!(repos.commands.permissions(APP, guild.id).await.expect("read"), []);
}
