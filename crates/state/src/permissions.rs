//! The one place that computes permissions (Discord: Permissions/Permission Overwrites).

use model::error_code::ErrorCode;
use model::id::ChannelId;
use model::id::UserId;
use model::wire::channel::ChannelType;
use model::wire::channel::permission_overwrite::PermissionOverwrite;
use model::wire::channel::permission_overwrite::PermissionOverwriteType;
use model::wire::guild::Permissions;

use crate::guild::Guild;
use crate::record::MemberRecord;

/// What a user may do, ready to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed(pub Permissions);

impl Allowed {
    /// Whether all of `needed` is there.
    #[must_use]
    pub const fn has(self, needed: Permissions) -> bool {
        self.0.contains(needed)
    }

    /// Demands all of `needed`.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::MissingAccess`] when the channel cannot even be seen, else
    /// [`ErrorCode::MissingPermissions`].
    pub const fn require(self, needed: Permissions) -> Result<(), ErrorCode> {
        if self.0.contains(needed) {
            Ok(())
        } else if needed.contains(Permissions::VIEW_CHANNEL)
            && !self.0.contains(Permissions::VIEW_CHANNEL)
        {
            Err(ErrorCode::MissingAccess)
        } else {
            Err(ErrorCode::MissingPermissions)
        }
    }
}

impl Guild {
    /// What `user` may do in the guild at large; nothing when not a member.
    ///
    /// `now_ms`, Unix milliseconds, decides whether a timeout still holds.
    #[must_use]
    pub fn permissions(&self, user: UserId, now_ms: u64) -> Allowed {
        let Some(member) = self.members.get(&user) else { return Allowed(Permissions::empty()) };
        let granted = self.granted(member);
        if granted.contains(Permissions::ADMINISTRATOR) {
            return Allowed(Permissions::all());
        }
        Allowed(granted & left_by_timeout(member, now_ms))
    }

    /// What `user` may do in a channel; nothing when not a member or the channel is not here.
    ///
    /// Without VIEW_CHANNEL nothing is left. `now_ms` as in [`permissions`](Self::permissions).
    #[must_use]
    pub fn permissions_in(&self, user: UserId, channel: ChannelId, now_ms: u64) -> Allowed {
        let (Some(member), Some(channel)) = (self.members.get(&user), self.channels.get(&channel))
        else {
            return Allowed(Permissions::empty());
        };
        let granted = self.granted(member);
        if granted.contains(Permissions::ADMINISTRATOR) {
            return Allowed(Permissions::all());
        }
        let overwrites = channel.permission_overwrites.as_deref().unwrap_or_default();
        let overwritten = self.overwritten(granted, member, overwrites);
        let implied = without_dependants(overwritten, channel.kind);
        Allowed(implied & left_by_timeout(member, now_ms))
    }

    /// Whether `user` may do everything: is the owner, or has a role with ADMINISTRATOR.
    #[must_use]
    pub fn is_administrator(&self, user: UserId) -> bool {
        let member = self.members.get(&user);
        member.is_some_and(|member| self.granted(member).contains(Permissions::ADMINISTRATOR))
    }

    /// `@everyone` and the member's roles together; all for owner and administrators.
    fn granted(&self, member: &MemberRecord) -> Permissions {
        if self.settings.owner == member.user {
            return Permissions::all();
        }
        let roles = member.roles.iter().filter_map(|role| self.roles.get(role));
        let everyone = self.roles.get(&self.id.cast());
        let granted = everyone
            .into_iter()
            .chain(roles)
            .fold(Permissions::empty(), |sum, role| sum | role.permissions);
        if granted.contains(Permissions::ADMINISTRATOR) { Permissions::all() } else { granted }
    }

    /// Discord's order: `@everyone`, then all roles as one, then the member; allow after deny.
    fn overwritten(
        &self,
        granted: Permissions,
        member: &MemberRecord,
        overwrites: &[PermissionOverwrite],
    ) -> Permissions {
        let mut everyone = Masks::NONE;
        let mut roles = Masks::NONE;
        let mut own = Masks::NONE;
        for overwrite in overwrites {
            let id = overwrite.id.get();
            match overwrite.kind {
                PermissionOverwriteType::Role if id == self.id.get() => everyone.add(overwrite),
                PermissionOverwriteType::Role
                    if member.roles.iter().any(|role| role.get() == id) =>
                {
                    roles.add(overwrite);
                }
                PermissionOverwriteType::Member if id == member.user.get() => own.add(overwrite),
                _ => {}
            }
        }
        own.over(roles.over(everyone.over(granted)))
    }
}

/// What overwrites of one rank add up to.
struct Masks {
    allow: Permissions,
    deny: Permissions,
}

impl Masks {
    const NONE: Self = Self { allow: Permissions::empty(), deny: Permissions::empty() };

    fn add(&mut self, overwrite: &PermissionOverwrite) {
        self.allow |= overwrite.allow & !GUILD_ONLY;
        self.deny |= overwrite.deny & !GUILD_ONLY;
    }

    fn over(&self, below: Permissions) -> Permissions {
        (below & !self.deny) | self.allow
    }
}

/// Takes away what has no use without what it depends on (Discord: Permissions/Implicit
/// Permissions).
fn without_dependants(mut allowed: Permissions, kind: ChannelType) -> Permissions {
    if !allowed.contains(Permissions::VIEW_CHANNEL) {
        return Permissions::empty();
    }
    if !allowed.contains(Permissions::SEND_MESSAGES) {
        allowed &= !SAYING;
    }
    let voice = matches!(kind, ChannelType::GuildVoice | ChannelType::GuildStageVoice);
    if voice && !allowed.contains(Permissions::CONNECT) {
        allowed &= !CONNECTED;
    }
    allowed
}

/// What a timeout lets through: all when it is over.
fn left_by_timeout(member: &MemberRecord, now_ms: u64) -> Permissions {
    if is_timed_out(member, now_ms) {
        Permissions::VIEW_CHANNEL.union(Permissions::READ_MESSAGE_HISTORY)
    } else {
        Permissions::all()
    }
}

/// Whether a timeout of the member holds at `now_ms`, Unix milliseconds.
pub(crate) fn is_timed_out(member: &MemberRecord, now_ms: u64) -> bool {
    member
        .communication_disabled_until
        .is_some_and(|until| i128::from(until.as_micros()) > i128::from(now_ms) * 1_000)
}

/// Needs SEND_MESSAGES too (Discord: Permissions/Implicit Permissions).
const SAYING: Permissions = Permissions::MENTION_EVERYONE
    .union(Permissions::SEND_TTS_MESSAGES)
    .union(Permissions::ATTACH_FILES)
    .union(Permissions::EMBED_LINKS);

/// Needs CONNECT too, in voice and stage channels (Discord: Permissions/Implicit Permissions says
/// "such as MANAGE_CHANNELS"; the others are what clients grey out with it).
const CONNECTED: Permissions = Permissions::MANAGE_CHANNELS
    .union(Permissions::MANAGE_ROLES)
    .union(Permissions::SPEAK)
    .union(Permissions::STREAM)
    .union(Permissions::MUTE_MEMBERS)
    .union(Permissions::DEAFEN_MEMBERS)
    .union(Permissions::MOVE_MEMBERS)
    .union(Permissions::USE_VAD)
    .union(Permissions::PRIORITY_SPEAKER)
    .union(Permissions::REQUEST_TO_SPEAK)
    .union(Permissions::USE_SOUNDBOARD)
    .union(Permissions::USE_EXTERNAL_SOUNDS)
    .union(Permissions::USE_EMBEDDED_ACTIVITIES);

/// Means nothing in a channel: an overwrite neither gives nor takes it. Without this an overwrite
/// that allows ADMINISTRATOR would make an administrator of one channel.
const GUILD_ONLY: Permissions = Permissions::ADMINISTRATOR
    .union(Permissions::KICK_MEMBERS)
    .union(Permissions::BAN_MEMBERS)
    .union(Permissions::MANAGE_GUILD)
    .union(Permissions::VIEW_AUDIT_LOG)
    .union(Permissions::VIEW_GUILD_INSIGHTS)
    .union(Permissions::CHANGE_NICKNAME)
    .union(Permissions::MANAGE_NICKNAMES)
    .union(Permissions::MANAGE_GUILD_EXPRESSIONS)
    .union(Permissions::MODERATE_MEMBERS)
    .union(Permissions::VIEW_CREATOR_MONETIZATION_ANALYTICS)
    .union(Permissions::CREATE_GUILD_EXPRESSIONS);

/// The `now_ms` at which every timeout is over: to ask when timeouts are not the question.
pub(crate) const NO_TIMEOUTS: u64 = u64::MAX;
