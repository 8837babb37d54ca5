//! Rules of auto moderation: who manages them, how many there may be, what they may say.

use std::sync::Arc;

use model::error_code::ErrorCode;
use model::id::RuleId;
use model::id::UserId;
use model::limits;
use model::wire::guild::Permissions;
use model::wire::util::Timestamp;

use super::Asked;
use super::Change;
use super::Denied;
use super::field;
use crate::automod::QUARANTINED;
use crate::automod::rule::Action;
use crate::automod::rule::Rule;
use crate::automod::rule::RuleRecord;
use crate::automod::rule::Trigger;
use crate::automod::words;
use crate::guild::command::is_textual;

impl Asked<'_> {
    pub(super) fn create_rule(self, record: &RuleRecord) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::MANAGE_GUILD)?;
        if self.guild.rules.contains_key(&record.id) {
            return Err(field::bad("id", "BASE_TYPE_ALREADY_EXISTS", "The id is taken."));
        }
        let number = record.trigger.number();
        let alike = self.guild.rules.values();
        let alike = alike.filter(|rule| rule.record.trigger.number() == number).count();
        let most = record.trigger.most();
        if alike >= most {
            let message = format!("Maximum number of rules with trigger type {number} is {most}");
            return Err(field::bad("", "AUTO_MODERATION_MAX_RULES_OF_TYPE_EXCEEDED", message));
        }
        self.put_rule(record)
    }

    pub(super) fn replace_rule(self, record: &RuleRecord) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::MANAGE_GUILD)?;
        let old = &self.guild.rules.get(&record.id).ok_or(ErrorCode::General)?.record;
        let alike =
            old.creator == record.creator && old.trigger.number() == record.trigger.number();
        if !alike {
            let message = "The trigger of a rule cannot become another.";
            return Err(field::bad("trigger_type", "BASE_TYPE_BAD_VALUE", message));
        }
        if old == record {
            return Ok(Vec::new());
        }
        let mut changes = self.put_rule(record)?;
        if old.quarantines() && !record.quarantines() {
            changes.extend(self.release());
        }
        Ok(changes)
    }

    pub(super) fn delete_rule(self, id: RuleId) -> Result<Vec<Change>, Denied> {
        self.require(Permissions::MANAGE_GUILD)?;
        let old = self.guild.rules.get(&id).ok_or(ErrorCode::General)?;
        let mut changes = vec![Change::DeleteRule(id)];
        if old.record.quarantines() {
            changes.extend(self.release());
        }
        Ok(changes)
    }

    pub(super) fn rule_timeout(
        self,
        user: UserId,
        until: Timestamp,
    ) -> Result<Vec<Change>, Denied> {
        let old = self.guild.members.get(&user).ok_or(ErrorCode::UnknownMember)?;
        let longer = old
            .communication_disabled_until
            .is_some_and(|old| old.as_micros() >= until.as_micros());
        if longer || self.guild.is_administrator(user) {
            return Ok(Vec::new());
        }
        let mut member = (*old).clone();
        member.communication_disabled_until = Some(until);
        Ok(vec![Change::PutMember(Arc::new(member))])
    }

    /// Names a member to be judged; what comes of it is known where accounts are.
    pub(super) fn judge_profile(self, user: UserId) -> Result<Vec<Change>, Denied> {
        let member = self.guild.members.get(&user).ok_or(ErrorCode::UnknownMember)?;
        Ok(vec![Change::PutMember(member)])
    }

    /// Lets everyone go whom the only rule for it kept from interacting.
    fn release(self) -> impl Iterator<Item = Change> {
        let kept = self.guild.members.peeks().filter(|one| one.flags() & QUARANTINED != 0);
        let kept: Vec<_> = kept.map(|one| one.record()).collect();
        kept.into_iter().map(|mut member| {
            member.flags &= !QUARANTINED;
            Change::PutMember(Arc::new(member))
        })
    }

    fn put_rule(self, record: &RuleRecord) -> Result<Vec<Change>, Denied> {
        field::length("name", &record.name, limits::NAME)?;
        self.check_actions(record)?;
        check_trigger(&record.trigger)?;
        count("exempt_roles", record.exempt_roles.len(), limits::RULE_EXEMPT_ROLES)?;
        count("exempt_channels", record.exempt_channels.len(), limits::RULE_EXEMPT_CHANNELS)?;
        let rule = Rule::new(record.clone()).map_err(|fault| {
            let path = format!("trigger_metadata.regex_patterns.{}", fault.pattern);
            field::bad(&path, "AUTO_MODERATION_INVALID_REGEX", fault.reason)
        })?;
        Ok(vec![Change::PutRule(Arc::new(rule))])
    }

    fn check_actions(self, record: &RuleRecord) -> Result<(), Denied> {
        let number = record.actions.len();
        if !limits::RULE_ACTIONS.contains(&number) {
            let (min, max) = (limits::RULE_ACTIONS.start(), limits::RULE_ACTIONS.end());
            let message = format!("Must be between {min} and {max} in length.");
            return Err(field::bad("actions", "BASE_TYPE_BAD_LENGTH", message));
        }
        for (at, action) in record.actions.iter().enumerate() {
            let path = |field: &str| format!("actions.{at}.{field}");
            let same = |other: &Action| other.number() == action.number();
            if record.actions[..at].iter().any(same) {
                let message = "An action of this type is there already.";
                return Err(field::bad(&path("type"), "BASE_TYPE_ALREADY_EXISTS", message));
            }
            let profiles = record.trigger.is_of_profiles();
            let times_out =
                matches!(record.trigger, Trigger::Keyword(_) | Trigger::Mentions { .. });
            let fits = match action {
                Action::Block { .. } => !profiles,
                Action::Alert { .. } => true,
                Action::Timeout { .. } => times_out,
                Action::Quarantine => profiles,
            };
            if !fits {
                let message = "This action cannot be taken for this trigger.";
                return Err(field::bad(
                    &path("type"),
                    "AUTO_MODERATION_INVALID_ACTION_TYPE",
                    message,
                ));
            }
            match action {
                Action::Block { message } => {
                    let text = message.as_deref().unwrap_or_default();
                    field::at_most(&path("metadata.custom_message"), text, limits::RULE_MESSAGE)?;
                }
                Action::Alert { channel } => {
                    let there = self.guild.channels.get(channel);
                    let textual = there.is_some_and(|channel| is_textual(channel));
                    if !textual && !self.guild.threads.contains_key(channel) {
                        let path = path("metadata.channel_id");
                        return Err(field::bad(&path, "CHANNEL_TYPE_INVALID", "Invalid channel."));
                    }
                }
                Action::Timeout { seconds } => {
                    self.require(Permissions::MODERATE_MEMBERS)?;
                    let most = u32::try_from(limits::TIMEOUT.as_secs()).unwrap_or(u32::MAX);
                    field::number(&path("metadata.duration_seconds"), *seconds, &(1..=most))?;
                }
                Action::Quarantine => self.require(Permissions::MODERATE_MEMBERS)?,
            }
        }
        Ok(())
    }
}

fn check_trigger(trigger: &Trigger) -> Result<(), Denied> {
    let keywords = |field: &str, list: &[String], most: usize| {
        let field = format!("trigger_metadata.{field}");
        count(&field, list.len(), most)?;
        for (at, word) in list.iter().enumerate() {
            let path = format!("{field}.{at}");
            field::length(&path, word, limits::RULE_KEYWORD)?;
            if words::bare(word).is_empty() {
                let message = "A keyword is more than wildcards.";
                return Err(field::bad(&path, "STRING_TYPE_REGEX", message));
            }
        }
        Ok(())
    };
    match trigger {
        Trigger::Keyword(lists) | Trigger::Profile(lists) => {
            keywords("keyword_filter", &lists.keywords, limits::RULE_KEYWORDS)?;
            keywords("allow_list", &lists.allow, limits::RULE_ALLOWED)?;
            let field = "trigger_metadata.regex_patterns";
            count(field, lists.patterns.len(), limits::RULE_PATTERNS)?;
            for (at, pattern) in lists.patterns.iter().enumerate() {
                field::length(&format!("{field}.{at}"), pattern, limits::RULE_PATTERN)?;
            }
            if lists.keywords.is_empty() && lists.patterns.is_empty() {
                let message = "A rule needs a keyword or a pattern.";
                let field = "trigger_metadata.keyword_filter";
                return Err(field::bad(field, "BASE_TYPE_REQUIRED", message));
            }
            Ok(())
        }
        Trigger::Preset { allow, .. } => keywords("allow_list", allow, limits::PRESET_ALLOWED),
        Trigger::Mentions { limit, .. } => {
            let field = "trigger_metadata.mention_total_limit";
            field::number(field, *limit, &(0..=limits::RULE_MENTIONS))
        }
        Trigger::Spam => Ok(()),
    }
}

fn count(field: &str, length: usize, most: usize) -> Result<(), Denied> {
    if length <= most {
        return Ok(());
    }
    Err(field::bad(field, "BASE_TYPE_MAX_LENGTH", format!("Must be {most} or fewer in length.")))
}
