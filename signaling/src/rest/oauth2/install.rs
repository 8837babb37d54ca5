//! Bringing a bot into a guild.

use model::error_code::ErrorCode;
use model::id::GuildId;
use model::wire::guild::Permissions;
use state::GuildCommand;
use state::audit::By;
use state::guild::command::BotDraft;
use state::record::ApplicationRecord;
use state::record::IntegrationRecord;
use state::record::UserRecord;

use crate::auth::Identity;
use crate::parts::Parts;
use crate::rest::ApiError;
use crate::rest::extract::member_view;

/// The scopes that an integration keeps (OpenAPI: DiscordIntegrationResponse).
pub(super) const SCOPES: [&str; 2] = ["bot", "applications.commands"];

/// An application and its bot.
pub(super) struct Bot<'a> {
    pub application: &'a ApplicationRecord,
    pub user: &'a UserRecord,
}

impl Bot<'_> {
    /// Brings the bot into a guild in which `me` may do so, with a role of its own.
    ///
    /// # Errors
    ///
    /// 20012 for a bot that only its owner may bring; 10004, 50013 and the like of the guild.
    pub(super) async fn install(
        &self,
        parts: &Parts,
        me: &Identity,
        guild: GuildId,
        permissions: Permissions,
        scopes: Vec<String>,
    ) -> Result<(), ApiError> {
        let by = By::from(me.id());
        let integration = integration(self.application, me, scopes)?;
        member_view(parts, guild, me.id())?;
        let draft = BotDraft {
            bot: self.user.id,
            now: parts.now(),
            role: parts.ids.next(),
            permissions,
            integration,
        };
        parts.store.execute(guild, by, GuildCommand::AddBot(draft)).await?;
        Ok(())
    }
}

/// What a guild keeps of an application that `me` brings into it.
///
/// # Errors
///
/// 20012 for a bot that only its owner may bring.
pub(in crate::rest) fn integration(
    application: &ApplicationRecord,
    me: &Identity,
    scopes: Vec<String>,
) -> Result<IntegrationRecord, ApiError> {
    if application.private && application.owner != Some(me.id()) {
        return Err(ErrorCode::NotThisApplication.into());
    }
    Ok(IntegrationRecord {
        name: application.name.clone(),
        description: application.description.clone(),
        user: me.id(),
        scopes,
    })
}
