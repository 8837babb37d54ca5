//! Widget, welcome screen, incidents and onboarding: what they may say, and what answers bring.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::PromptId;
use model::id::RoleId;
use model::limits;
use model::wire::guild::Permissions;
use model::wire::util::Timestamp;

use super::Asked;
use super::Change;
use super::Denied;
use super::field;
use crate::guild::command::SettingsPatch;
use crate::guild::community::COMPLETED_ONBOARDING;
use crate::guild::community::NewMemberWelcome;
use crate::guild::community::Onboarding;
use crate::guild::community::Prompt;
use crate::guild::community::STARTED_ONBOARDING;

impl Asked<'_> {
    /// What settings say of widget, welcome screen and incidents.
    pub(super) fn check_community(self, patch: &SettingsPatch) -> Result<(), Denied> {
        if let Some(channel) = patch.widget.and_then(|widget| widget.channel) {
            self.known_channel("channel_id", channel)?;
        }
        if let Some(incidents) = patch.incidents {
            self.within_a_day("invites_disabled_until", incidents.invites_disabled_until)?;
            self.within_a_day("dms_disabled_until", incidents.dms_disabled_until)?;
        }
        if let Some(welcome) = &patch.new_members {
            self.check_new_members(welcome)?;
        }
        let Some(welcome) = &patch.welcome else { return Ok(()) };
        let description = welcome.description.as_deref().unwrap_or_default();
        field::at_most("description", description, limits::WELCOME_DESCRIPTION)?;
        field::many("welcome_channels", welcome.channels.len(), 0, limits::WELCOME_CHANNELS)?;
        for (at, shown) in welcome.channels.iter().enumerate() {
            let path = |name: &str| format!("welcome_channels.{at}.{name}");
            self.known_channel(&path("channel_id"), shown.channel)?;
            let description = &shown.description;
            field::length(&path("description"), description, limits::WELCOME_CHANNEL)?;
            self.known_emoji(&path("emoji_id"), shown.emoji.id)?;
        }
        Ok(())
    }

    /// Demands that newcomers can follow what they are told (userdoccers: New Member Welcome Object).
    fn check_new_members(self, welcome: &NewMemberWelcome) -> Result<(), Denied> {
        field::at_most("welcome_message.message", &welcome.message, limits::NEW_MEMBER_MESSAGE)?;
        let authors = "welcome_message.author_ids";
        field::many(authors, welcome.authors.len(), 0, limits::NEW_MEMBER_AUTHORS)?;
        for (at, author) in welcome.authors.iter().enumerate() {
            let may = self.guild.permissions(*author, self.now_ms);
            if !may.has(Permissions::MANAGE_GUILD) && !may.has(Permissions::MANAGE_ROLES) {
                let message = "Must manage the guild or its roles.";
                return Err(field::bad(&format!("{authors}.{at}"), "BASE_TYPE_BAD_VALUE", message));
            }
        }
        let fewest = if welcome.enabled { *limits::NEW_MEMBER_ACTIONS.start() } else { 0 };
        let most = *limits::NEW_MEMBER_ACTIONS.end();
        field::many("new_member_actions", welcome.actions.len(), fewest, most)?;
        field::many("resource_channels", welcome.resources.len(), 0, limits::RESOURCE_CHANNELS)?;
        let actions = welcome.actions.iter().enumerate().map(|(at, action)| {
            let needed = if action.speaks { CHATTING } else { Permissions::VIEW_CHANNEL };
            (format!("new_member_actions.{at}"), &action.shown, needed)
        });
        let resources = welcome.resources.iter().enumerate().map(|(at, shown)| {
            (format!("resource_channels.{at}"), shown, Permissions::VIEW_CHANNEL)
        });
        for (path, shown, needed) in actions.chain(resources) {
            let channel = format!("{path}.channel_id");
            self.known_channel(&channel, shown.channel)?;
            field::length(&format!("{path}.title"), &shown.title, limits::NEW_MEMBER_TITLE)?;
            let description = format!("{path}.description");
            field::at_most(&description, &shown.description, limits::NEW_MEMBER_DESCRIPTION)?;
            let emoji = shown.emoji.as_ref().and_then(|emoji| emoji.id);
            self.known_emoji(&format!("{path}.emoji.id"), emoji)?;
            if welcome.enabled && !self.guild.everyone_in(shown.channel).has(needed) {
                let message = "Everyone must be able to see it, and to speak where they are to.";
                return Err(field::bad(&channel, "BASE_TYPE_BAD_VALUE", message));
            }
        }
        Ok(())
    }

    pub(super) fn set_onboarding(self, wanted: &Onboarding) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::MANAGE_GUILD | Permissions::MANAGE_ROLES)?;
        let old = &self.guild.settings.onboarding;
        if old == wanted {
            return Ok(Vec::new());
        }
        field::many("prompts", wanted.prompts.len(), 0, limits::ONBOARDING_PROMPTS)?;
        field::many("default_channel_ids", wanted.default_channels.len(), 0, limits::CHANNELS)?;
        for (at, channel) in wanted.default_channels.iter().enumerate() {
            self.known_channel(&format!("default_channel_ids.{at}"), *channel)?;
        }
        for (at, prompt) in wanted.prompts.iter().enumerate() {
            self.check_prompt(old, prompt, &format!("prompts.{at}"))?;
        }
        let prompts = wanted.prompts.iter().map(|prompt| prompt.id);
        let options = wanted.options().map(|option| option.id);
        if !all_different(prompts) || !all_different(options) {
            return Err(field::bad("prompts", "BASE_TYPE_ALREADY_EXISTS", "Ids must be unique."));
        }
        if wanted.enabled && !self.suffices(wanted) {
            let code = match old.enabled {
                false => ErrorCode::OnboardingRequirements,
                true => ErrorCode::OnboardingBelowRequirements,
            };
            return Err(code.into());
        }
        let mut settings = (*self.guild.settings).clone();
        settings.onboarding = wanted.clone();
        Ok(vec![Change::Settings(Arc::new(settings))])
    }

    /// Gives the actor the roles of the answers that they choose, and takes those of answers that
    /// they chose before and do not now. Nobody's right is asked for: who set the questions had it.
    pub(super) fn answer_onboarding(self, chosen: &[PromptId]) -> Result<Vec<Change>, Denied> {
        let onboarding = &self.guild.settings.onboarding;
        let old = self.guild.members.get(&self.actor).ok_or(ErrorCode::UnknownMember)?;
        let path = "onboarding_responses";
        if chosen.iter().any(|id| !onboarding.options().any(|option| option.id == *id)) {
            return Err(field::bad(path, "BASE_TYPE_CHOICES", "Unknown answer."));
        }
        for prompt in &onboarding.prompts {
            let given = prompt.options.iter().filter(|one| chosen.contains(&one.id)).count();
            if prompt.single_select && given > 1 {
                let message = "Only one answer can be given.";
                return Err(field::bad(path, "BASE_TYPE_MAX_LENGTH", message));
            }
            if prompt.required && prompt.in_onboarding && given == 0 {
                let message = "A question must be answered.";
                return Err(field::bad(path, "BASE_TYPE_REQUIRED", message));
            }
        }
        let roles_of = |ids: &[PromptId]| -> Vec<RoleId> {
            let options = onboarding.options().filter(|option| ids.contains(&option.id));
            let roles = options.flat_map(|option| option.roles.iter().copied());
            // What was set long ago may have become too mighty to be had for an answer.
            roles.filter(|role| self.is_given_freely(*role)).collect()
        };
        let (was, is) = (roles_of(&old.onboarding), roles_of(chosen));
        let mut member = (*old).clone();
        member.roles.retain(|role| is.contains(role) || !was.contains(role));
        for role in is {
            if !member.roles.contains(&role) {
                member.roles.push(role);
            }
        }
        member.onboarding = chosen.to_vec();
        member.onboarding.sort_unstable();
        member.onboarding.dedup();
        member.flags |= STARTED_ONBOARDING | COMPLETED_ONBOARDING;
        if member == *old {
            return Ok(Vec::new());
        }
        Ok(vec![Change::PutMember(Arc::new(member))])
    }

    fn check_prompt(self, old: &Onboarding, prompt: &Prompt, path: &str) -> Result<(), Denied> {
        let at = |name: &str| format!("{path}.{name}");
        field::length(&at("title"), prompt.title.trim(), limits::ONBOARDING_TITLE)?;
        field::many(&at("options"), prompt.options.len(), 1, limits::ONBOARDING_OPTIONS)?;
        field::choice(&at("type"), prompt.kind.into(), &[0, 1])?;
        for (number, option) in prompt.options.iter().enumerate() {
            let at = |name: &str| format!("{path}.options.{number}.{name}");
            field::length(&at("title"), option.title.trim(), limits::ONBOARDING_OPTION)?;
            let description = &option.description;
            field::at_most(&at("description"), description, limits::ONBOARDING_DESCRIPTION)?;
            field::many(&at("role_ids"), option.roles.len(), 0, limits::ONBOARDING_OPTIONS)?;
            field::many(&at("channel_ids"), option.channels.len(), 0, limits::ONBOARDING_OPTIONS)?;
            self.known_emoji(&at("emoji_id"), option.emoji.id)?;
            for channel in &option.channels {
                self.known_channel(&at("channel_ids"), *channel)?;
            }
            // Those that the answer gives already need not be the actor's to give.
            let before = old.options().find(|before| before.id == option.id);
            let new = |role: &&RoleId| !before.is_some_and(|one| one.roles.contains(role));
            for role in option.roles.iter().filter(new) {
                if !self.guild.roles.contains_key(role) {
                    return Err(ErrorCode::UnknownRole.into());
                }
                if !self.guild.outranks_role(self.actor, *role) || !self.is_given_freely(*role) {
                    return Err(ErrorCode::MissingPermissions.into());
                }
            }
        }
        Ok(())
    }

    /// Whether a role may be had for an answer: it is no bot's and moderates nothing.
    fn is_given_freely(self, role: RoleId) -> bool {
        let everyone = self.guild.id.cast();
        let role = self.guild.roles.get(&role).filter(|role| role.id != everyone);
        role.is_some_and(|role| !role.managed && !role.permissions.intersects(MODERATING))
    }

    /// Discord's demand before newcomers are asked (Discord: Modify Guild Onboarding): 7 channels
    /// that everyone sees, in 5 of which everyone may speak.
    fn suffices(self, wanted: &Onboarding) -> bool {
        let answers = wanted.options().flat_map(|option| &option.channels);
        let answers = answers.filter(|_| wanted.advanced);
        let mut channels: Vec<_> = wanted.default_channels.iter().chain(answers).collect();
        channels.sort_unstable();
        channels.dedup();
        let of_everyone = |needed: Permissions| {
            let open = |id: &&&ChannelId| self.guild.everyone_in(***id).has(needed);
            channels.iter().filter(open).count()
        };
        of_everyone(Permissions::VIEW_CHANNEL) >= limits::ONBOARDING_CHANNELS
            && of_everyone(Permissions::VIEW_CHANNEL | Permissions::SEND_MESSAGES)
                >= limits::ONBOARDING_TALK_CHANNELS
    }

    fn known_channel(self, path: &str, channel: ChannelId) -> Result<(), Denied> {
        if self.guild.channels.contains_key(&channel) {
            return Ok(());
        }
        Err(field::bad(path, "CHANNEL_TYPE_INVALID", "Invalid channel."))
    }

    fn known_emoji(self, path: &str, emoji: Option<model::id::EmojiId>) -> Result<(), Denied> {
        if emoji.is_none_or(|emoji| self.guild.emojis.contains_key(&emoji)) {
            return Ok(());
        }
        Err(field::bad(path, "BASE_TYPE_BAD_VALUE", "Unknown emoji."))
    }

    /// Discord: Modify Guild Incident Actions.
    fn within_a_day(self, path: &str, until: Option<Timestamp>) -> Result<(), Denied> {
        let until_ms =
            until.map_or(0, |until| u64::try_from(until.as_micros() / 1_000).unwrap_or(0));
        // A minute of grace for the caller's clock.
        if until_ms > self.now_ms.saturating_add(limits::INCIDENT_MS).saturating_add(60_000) {
            let message = "Must be at most 24 hours from now.";
            return Err(field::bad(path, "DATE_TYPE_MAX", message));
        }
        Ok(())
    }
}

/// What nobody gets for an answer (Discord's client offers no roles with these).
const MODERATING: Permissions = Permissions::ADMINISTRATOR
    .union(Permissions::KICK_MEMBERS)
    .union(Permissions::BAN_MEMBERS)
    .union(Permissions::MODERATE_MEMBERS)
    .union(Permissions::MANAGE_GUILD)
    .union(Permissions::MANAGE_ROLES)
    .union(Permissions::MANAGE_CHANNELS)
    .union(Permissions::MANAGE_MESSAGES)
    .union(Permissions::MANAGE_WEBHOOKS)
    .union(Permissions::MANAGE_NICKNAMES)
    .union(Permissions::MANAGE_THREADS);

fn all_different(ids: impl Iterator<Item = PromptId>) -> bool {
    let mut ids: Vec<_> = ids.collect();
    let length = ids.len();
    ids.sort_unstable();
    ids.dedup();
    ids.len() == length
}

/// To say something in a channel, it has to be seen.
const CHATTING: Permissions = Permissions::VIEW_CHANNEL.union(Permissions::SEND_MESSAGES);
