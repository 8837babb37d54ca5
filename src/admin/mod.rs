//! What the owner does from the command line: the same commands through a running server's
//! socket, or on the data folder when no server runs.

mod command;
mod execute;
mod socket;

pub use command::AdminCommand;
pub use command::AdminReply;
pub use command::BotRow;
pub use command::GuildRow;
pub use command::InviteRow;
pub use command::Status;
pub use command::UserRow;
pub use execute::AdminError;
pub use execute::Live;
pub use execute::Office;
pub use socket::SOCKET;
pub(crate) use socket::listen;
pub(crate) use socket::serve;

use std::path::Path;

use crate::config::Config;
use crate::lock::DataLock;
use crate::wire::Ground;

/// Carries out a command: by the server that runs on the data folder, or by opening the folder.
///
/// # Errors
///
/// A sentence for the operator.
pub async fn ask(config: &Config, command: AdminCommand) -> anyhow::Result<AdminReply> {
    let dir = &config.server.data_dir;
    if let Some(answer) = socket::ask(&dir.join(SOCKET), &command).await? {
        return Ok(answer?);
    }
    anyhow::ensure!(
        dir.exists(),
        "there is no data folder {}: start the server once, or name the right --data-dir",
        dir.display()
    );
    offline(config, dir, command).await
}

/// The state of the server that runs on the data folder; `None` when none does.
pub(crate) async fn status(dir: &Path) -> Option<Status> {
    match socket::ask(&dir.join(SOCKET), &AdminCommand::Status).await {
        Ok(Some(Ok(AdminReply::Status(status)))) => Some(status),
        _ => None,
    }
}

async fn offline(config: &Config, dir: &Path, command: AdminCommand) -> anyhow::Result<AdminReply> {
    let _lock = DataLock::take(dir)?;
    let ground = Ground::open(dir).await?;
    let office = Office {
        accounts: ground.accounts.clone(),
        link_base: crate::welcome::link_base(config, config.server.listen),
        live: None,
    };
    let reply = office.execute(command).await;
    ground.close().await;
    Ok(reply?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServerConfig;

    fn config(dir: &Path) -> Config {
        let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let mut config = Config {
            server: ServerConfig {
                listen: any,
                data_dir: dir.to_owned(),
                private_listen: None,
                ..ServerConfig::default()
            },
            ..Config::default()
        };
        config.media.listen = any;
        config
    }

    fn add_user(name: &str) -> AdminCommand {
        AdminCommand::UserAdd { username: name.to_owned(), password: None, owner: false }
    }

    async fn usernames(config: &Config) -> Vec<String> {
        match ask(config, AdminCommand::UserList).await.expect("answered") {
            AdminReply::Users(users) => users.into_iter().map(|user| user.username).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn commands_act_with_and_without_a_server() {
        let dir = tempfile::tempdir().expect("a folder");
        let config = config(dir.path());

        ask(&config, add_user("ana")).await.expect("without a server");
        let running = crate::start(config.clone()).await.expect("started");
        ask(&config, add_user("ben")).await.expect("through the server");
        assert_eq!(usernames(&config).await, ["ana", "ben"]);
        assert!(status(dir.path()).await.is_some());
        running.stop().await;

        assert!(status(dir.path()).await.is_none());
        assert_eq!(usernames(&config).await, ["ana", "ben"]);
    }

    #[tokio::test]
    async fn a_refusal_reaches_the_operator_as_a_sentence() {
        let dir = tempfile::tempdir().expect("a folder");
        let config = config(dir.path());
        let running = crate::start(config.clone()).await.expect("started");
        ask(&config, add_user("ana")).await.expect("free");

        let taken = ask(&config, add_user("Ana")).await.expect_err("taken").to_string();
        let unknown = AdminCommand::UserDisable { user: "cai".to_owned(), disabled: true };
        let unknown = ask(&config, unknown).await.expect_err("unknown").to_string();

        assert!(taken.contains("username"), "{taken}");
        assert!(unknown.contains("cai"), "{unknown}");
        running.stop().await;
    }

    #[tokio::test]
    async fn a_bot_gets_a_token_and_its_place_in_a_guild() {
        let dir = tempfile::tempdir().expect("a folder");
        let config = config(dir.path());
        let running = crate::start(config.clone()).await.expect("started");
        ask(&config, add_user("ana")).await.expect("free");
        let found = AdminCommand::GuildCreate { name: "House".to_owned(), owner: "ana".to_owned() };
        let AdminReply::Guild(guild) = ask(&config, found).await.expect("founded") else {
            panic!("no guild")
        };

        let add = AdminCommand::BotAdd {
            name: "Echo".to_owned(),
            guild: Some(guild.id.parse().expect("an id")),
            members: true,
            content: true,
            presences: false,
        };
        let AdminReply::Bot { bot, token } = ask(&config, add).await.expect("added") else {
            panic!("no bot")
        };

        let token = token.expect("shown once");
        let identity = running.accounts().auth.authenticate(&format!("Bot {token}")).await;
        assert_eq!(identity.expect("stored").expect("known").id().to_string(), bot.id);
        let show = AdminCommand::GuildShow { guild: guild.id.parse().expect("an id") };
        let AdminReply::Guild(shown) = ask(&config, show).await.expect("shown") else {
            panic!("no guild")
        };
        assert_eq!(shown.members, 2);
        running.stop().await;
    }

    #[tokio::test]
    async fn a_second_server_on_the_folder_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let config = config(dir.path());
        let running = crate::start(config.clone()).await.expect("started");

        let refused = crate::start(config.clone()).await.err().expect("refused").to_string();

        assert!(refused.contains("is using the data folder"), "{refused}");
        running.stop().await;
        crate::start(config).await.expect("free again").stop().await;
    }

    #[tokio::test]
    async fn the_owner_is_invited_until_there_is_one() {
        let dir = tempfile::tempdir().expect("a folder");
        let config = config(dir.path());
        let first = crate::start(config.clone()).await.expect("started");
        let invite = first.owner_invite.clone();
        assert!(invite.is_some());
        first.stop().await;

        let second = crate::start(config.clone()).await.expect("started");
        assert_eq!(second.owner_invite, invite, "the same invite, not one more");
        let owner =
            AdminCommand::UserAdd { username: "ana".to_owned(), password: None, owner: true };
        ask(&config, owner).await.expect("added");
        second.stop().await;

        let third = crate::start(config).await.expect("started");
        assert_eq!(third.owner_invite, None);
        third.stop().await;
    }
}
