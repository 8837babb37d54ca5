//! Auto moderation: the rules of a guild, and what of a text triggers them (Discord: Auto
//! Moderation). Pure; compiled once when a rule changes, never per message.
//!
//! `rule` is what a rule says and its compiled form, `words` finds words and patterns in a text,
//! `presets` are our own word lists, `spam` knows what generic spam and mention raids look like.

mod presets;
pub mod rule;
pub mod spam;
pub mod words;

use model::id::ChannelId;
use model::id::MessageId;
use model::id::RuleId;
use model::id::UserId;
use model::wire::guild::Permissions;

use crate::guild::Guild;
use crate::permissions::NO_TIMEOUTS;
use crate::record::MemberRecord;
use crate::record::UserRecord;
use rule::Action;
use rule::Rule;
use words::Found;
use words::Text;

/// Member flag: kept from interacting for what their profile says (Discord: Guild Member Flags,
/// AUTOMOD_QUARANTINED_USERNAME).
pub const QUARANTINED: u64 = 1 << 7;

/// One action that a rule took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Which rule.
    pub rule: RuleId,
    /// Discord's number of its trigger.
    pub trigger: u8,
    /// Which of its actions.
    pub action: Action,
    /// Whose text triggered it.
    pub user: UserId,
    /// Where; nowhere for a profile.
    pub channel: Option<ChannelId>,
    /// The message, if it stands.
    pub message: Option<MessageId>,
    /// The alert that was posted.
    pub alert: Option<MessageId>,
    /// The whole text.
    pub content: String,
    /// The word or pattern of the rule.
    pub keyword: Option<String>,
    /// What of the text it met.
    pub matched: Option<String>,
}

impl Guild {
    /// The rules that judge what `author` says in `channel`, by ascending id.
    ///
    /// None judge whoever manages the guild, nor who is not in it. A channel's exemption covers
    /// its threads, a category's its channels.
    pub fn rules_for(
        &self,
        author: UserId,
        channel: ChannelId,
    ) -> impl Iterator<Item = &std::sync::Arc<Rule>> {
        let thread = self.threads.get(&channel).map(|thread| thread.record.parent);
        let parent = thread.unwrap_or(channel);
        let category = self.channels.get(&parent).and_then(|channel| channel.parent_id);
        let exempt = move |id: &ChannelId| {
            *id == channel || *id == parent || category.is_some_and(|category| category == *id)
        };
        let member = self.judged(author);
        self.rules.values().filter(move |rule| {
            let record = &rule.record;
            record.enabled
                && !record.trigger.is_of_profiles()
                && member.as_ref().is_some_and(|member| !is_exempt(member, rule))
                && !record.exempt_channels.iter().any(exempt)
        })
    }

    /// The first rule for profiles that a member's names trigger, and by what. Bots have none.
    #[must_use]
    pub fn judge_profile(
        &self,
        member: &MemberRecord,
        user: &UserRecord,
    ) -> Option<(&std::sync::Arc<Rule>, Found)> {
        if user.bot || self.manages(member) {
            return None;
        }
        let names = [Some(&*user.username), user.global_name.as_deref(), member.nick.as_deref()];
        let rules = self.rules.values().filter(|rule| {
            let record = &rule.record;
            record.enabled && record.trigger.is_of_profiles() && !is_exempt(member, rule)
        });
        rules
            .flat_map(|rule| names.into_iter().flatten().map(move |name| (rule, name)))
            .find_map(|(rule, name)| Some((rule, rule.words()?.find(&Text::new(name))?)))
    }

    /// Whether any rule keeps members from interacting for what their profiles say.
    #[must_use]
    pub fn quarantines(&self) -> bool {
        self.rules.values().any(|rule| rule.record.quarantines())
    }

    /// A member whom rules judge at all.
    fn judged(&self, user: UserId) -> Option<std::sync::Arc<MemberRecord>> {
        let member = self.members.get(&user)?;
        (!self.manages(&member)).then_some(member)
    }

    fn manages(&self, member: &MemberRecord) -> bool {
        // Of members who are about to join, too.
        member.user == self.settings.owner
            || member.roles.iter().any(|role| {
                let role = self.roles.get(role);
                role.is_some_and(|role| {
                    let free = Permissions::ADMINISTRATOR | Permissions::MANAGE_GUILD;
                    role.permissions.intersects(free)
                })
            })
            || self.permissions(member.user, NO_TIMEOUTS).has(Permissions::MANAGE_GUILD)
    }
}

fn is_exempt(member: &MemberRecord, rule: &Rule) -> bool {
    rule.record.exempt_roles.iter().any(|role| member.roles.contains(role))
}
