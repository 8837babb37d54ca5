//! Discord's JSON error codes (Discord: Opcodes and Status Codes/JSON), with their HTTP status.

/// Why a REST request failed, as clients switch on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
#[expect(missing_docs, reason = "each variant is explained by its message below")]
pub enum ErrorCode {
    General = 0,
    UnknownAccount = 10_001,
    UnknownApplication = 10_002,
    UnknownChannel = 10_003,
    UnknownGuild = 10_004,
    UnknownIntegration = 10_005,
    UnknownInvite = 10_006,
    UnknownMember = 10_007,
    UnknownMessage = 10_008,
    UnknownOverwrite = 10_009,
    UnknownRole = 10_011,
    UnknownUser = 10_013,
    UnknownEmoji = 10_014,
    UnknownToken = 10_012,
    UnknownWebhook = 10_015,
    UnknownBan = 10_026,
    UnknownSku = 10_027,
    UnknownEntitlement = 10_029,
    UnknownLobby = 10_031,
    UnknownTemplate = 10_057,
    UnknownSticker = 10_060,
    UnknownStickerPack = 10_061,
    UnknownInteraction = 10_062,
    UnknownCommand = 10_063,
    UnknownVoiceState = 10_065,
    UnknownCommandPermissions = 10_066,
    UnknownStageInstance = 10_067,
    UnknownScheduledEvent = 10_070,
    UnknownScheduledEventUser = 10_071,
    UnknownSound = 10_097,
    UnknownInviteTargetsJob = 10_124,
    UnknownInviteTargets = 10_129,
    UnknownVerificationForm = 10_068,
    UnknownWelcomeScreen = 10_069,
    BotsCannotUse = 20_001,
    OnlyBotsCanUse = 20_002,
    NotThisApplication = 20_012,
    OwnerOnly = 20_018,
    AgeRestricted = 20_024,
    MaximumGuilds = 30_001,
    MaximumFriends = 30_002,
    MaximumPins = 30_003,
    MaximumRecipients = 30_004,
    MaximumBlocked = 30_093,
    MaximumWebhooks = 30_007,
    MaximumEmojis = 30_008,
    MaximumRoles = 30_005,
    MaximumReactions = 30_010,
    MaximumChannels = 30_013,
    MaximumInvites = 30_016,
    GuildHasTemplate = 30_031,
    MaximumThreadMembers = 30_033,
    MaximumScheduledEvents = 30_038,
    MaximumStickers = 30_039,
    MaximumSounds = 30_045,
    MaximumPinnedThreads = 30_047,
    MaximumCommands = 30_032,
    Unauthorized = 40_001,
    AccountDisabled = 40_002,
    RequestTooLarge = 40_005,
    TemporarilyDisabled = 40_006,
    BannedFromGuild = 40_007,
    NotConnectedToVoice = 40_032,
    AlreadyCrossposted = 40_033,
    CannotSendInForum = 40_058,
    TagNamesUnique = 40_061,
    TagRequired = 40_067,
    InteractionAnswered = 40_060,
    CommandNameTaken = 40_041,
    MissingAccess = 50_001,
    InvalidAccountType = 50_002,
    CannotExecuteOnPrivateChannel = 50_003,
    WidgetDisabled = 50_004,
    CannotEditOthersMessage = 50_005,
    EmptyMessage = 50_006,
    CannotMessageUser = 50_007,
    CannotSendInNonText = 50_008,
    MissingPermissions = 50_013,
    InvalidToken = 50_014,
    BulkDeleteCount = 50_016,
    CannotExecuteOnSystemMessage = 50_021,
    MessageTooOld = 50_034,
    InvalidFormBody = 50_035,
    InvalidApiVersion = 50_041,
    FileTooLarge = 50_045,
    InvalidFile = 50_046,
    CannotSelfModerate = 50_060,
    CannotExecuteOnChannelType = 50_024,
    InvalidAccessToken = 50_025,
    MissingScope = 50_026,
    InvalidWebhookToken = 50_027,
    InvalidRole = 50_028,
    CannotDeleteRequiredChannel = 50_074,
    OwnerPending = 50_131,
    InvalidSticker = 50_081,
    ThreadArchived = 50_083,
    InvalidJson = 50_109,
    VoiceMessageAlone = 50_159,
    VoiceMessageFile = 50_160,
    VoiceMessageMetadata = 50_161,
    VoiceMessageEdit = 50_162,
    VoiceMessageForbidden = 50_173,
    StickerForbidden = 50_600,
    FriendRequestBlocked = 80_001,
    BotsHaveNoFriends = 80_002,
    FriendOfOneself = 80_003,
    NoSuchUser = 80_004,
    AlreadyFriends = 80_007,
    ReactionBlocked = 90_001,
    Overloaded = 130_000,
    StageAlreadyOpen = 150_006,
    ThreadExists = 160_004,
    ThreadLocked = 160_005,
    MaximumActiveThreads = 160_006,
    MessageBlocked = 200_000,
    TitleBlocked = 200_001,
    LottieJson = 170_001,
    LottieRaster = 170_002,
    StickerTooFast = 170_003,
    StickerFrames = 170_004,
    LottieSize = 170_005,
    StickerRate = 170_006,
    StickerTooLong = 170_007,
    WebhookNeedsThread = 220_001,
    WebhookThreadTwice = 220_002,
    WebhookNeedsForum = 220_003,
    WebhookServiceInForum = 220_004,
    EventFinished = 180_000,
    EmptyEventException = 180_005,
    OnboardingRequirements = 350_000,
    OnboardingBelowRequirements = 350_001,
    FailedToBan = 500_000,
    PollExpired = 520_001,
    PollChannel = 520_002,
    PollEdit = 520_003,
    NotAPoll = 520_006,
}

impl ErrorCode {
    /// The number that clients read.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The sentence that comes with the number.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::General => "The request could not be carried out",
            Self::UnknownAccount => "Unknown account",
            Self::UnknownApplication => "Unknown application",
            Self::UnknownChannel => "Unknown Channel",
            Self::UnknownGuild => "Unknown Guild",
            Self::UnknownIntegration => "Unknown integration",
            Self::UnknownInvite => "Unknown Invite",
            Self::UnknownMember => "Unknown Member",
            Self::UnknownMessage => "Unknown Message",
            Self::UnknownOverwrite => "Unknown permission overwrite",
            Self::UnknownRole => "Unknown Role",
            Self::UnknownUser => "Unknown User",
            Self::UnknownEmoji => "Unknown Emoji",
            Self::UnknownSku => "Unknown SKU",
            Self::UnknownEntitlement => "Unknown entitlement",
            Self::UnknownLobby => "Unknown lobby",
            Self::UnknownToken => "Unknown token",
            Self::InvalidAccessToken => "Invalid OAuth2 access token provided",
            Self::MissingScope => "Missing required OAuth2 scope",
            Self::UnknownWebhook => "Unknown Webhook",
            Self::UnknownTemplate => "Unknown guild template",
            Self::UnknownSticker => "Unknown sticker",
            Self::UnknownStickerPack => "Unknown sticker pack",
            Self::UnknownInteraction => "Unknown interaction",
            Self::UnknownCommand => "Unknown application command",
            Self::UnknownCommandPermissions => "Unknown application command permissions",
            Self::NotThisApplication => {
                "You are not authorized to perform this action on this application"
            }
            Self::MaximumWebhooks => "Maximum number of webhooks reached",
            Self::MaximumEmojis => "Maximum number of emojis reached",
            Self::MaximumCommands => "Maximum number of application commands reached",
            Self::InteractionAnswered => "Interaction has already been acknowledged.",
            Self::CommandNameTaken => "An application command with that name already exists",
            Self::InvalidWebhookToken => "Invalid Webhook Token",
            Self::UnknownBan => "Unknown Ban",
            Self::UnknownVoiceState => "Unknown Voice State",
            Self::UnknownStageInstance => "Unknown Stage Instance",
            Self::UnknownScheduledEvent => "Unknown Guild Scheduled Event",
            Self::UnknownScheduledEventUser => "Unknown Guild Scheduled Event User",
            Self::UnknownVerificationForm => "Unknown Guild Member Verification Form",
            Self::UnknownWelcomeScreen => "Unknown Guild Welcome Screen",
            Self::OnboardingRequirements => "Cannot enable onboarding, requirements are not met",
            Self::OnboardingBelowRequirements => {
                "Cannot update onboarding while below requirements"
            }
            Self::WidgetDisabled => "Widget Disabled",
            Self::FailedToBan => "Failed to ban users",
            Self::StageAlreadyOpen => "The Stage is already open",
            Self::UnknownSound => "Unknown sound",
            Self::UnknownInviteTargetsJob => "Unknown invite target users job",
            Self::UnknownInviteTargets => "Unknown invite target users",
            Self::BotsCannotUse => "Bots cannot use this endpoint",
            Self::OnlyBotsCanUse => "Only bots can use this endpoint",
            Self::AgeRestricted => "This can only be used in age restricted channels",
            Self::OwnerOnly => "Only the owner of this account can perform this action",
            Self::MaximumGuilds => "Maximum number of guilds reached",
            Self::MaximumFriends => "Maximum number of friends reached",
            Self::MaximumRecipients => "Maximum number of group DM recipients reached (10)",
            Self::MaximumBlocked => "Maximum number of blocked users reached",
            Self::FriendRequestBlocked => "Friend request blocked",
            Self::BotsHaveNoFriends => "Bots cannot have friends",
            Self::FriendOfOneself => "Cannot send friend request to self",
            Self::NoSuchUser => "No users with that name exist",
            Self::AlreadyFriends => "You are already friends with that user",
            Self::MaximumPins => "Maximum number of pins reached for the channel",
            Self::MaximumRoles => "Maximum number of guild roles reached",
            Self::MaximumReactions => "Maximum number of reactions reached",
            Self::MaximumChannels => "Maximum number of guild channels reached",
            Self::MaximumInvites => "Maximum number of invites reached",
            Self::GuildHasTemplate => "Guild already has a template",
            Self::MaximumThreadMembers => "Maximum number of thread participants has been reached",
            Self::MaximumSounds => "Maximum number of soundboard sounds reached",
            Self::MaximumStickers => "Maximum number of stickers reached",
            Self::MaximumScheduledEvents => {
                "Maximum number of uncompleted guild scheduled events reached"
            }
            Self::MaximumPinnedThreads => {
                "Maximum number of pinned threads in a forum channel has been reached"
            }
            Self::Unauthorized => "401: Unauthorized",
            Self::AccountDisabled => "This account is disabled",
            Self::RequestTooLarge => "Request entity too large",
            Self::TemporarilyDisabled => "This feature has been temporarily disabled server-side",
            Self::BannedFromGuild => "The user is banned from this guild",
            Self::NotConnectedToVoice => "Target user is not connected to voice",
            Self::AlreadyCrossposted => "This message has already been crossposted",
            Self::CannotSendInForum => "Cannot send a message in a forum channel",
            Self::TagNamesUnique => "Tag names must be unique",
            Self::WebhookNeedsThread => {
                "Webhooks posted to forum channels must have a thread_name or thread_id"
            }
            Self::WebhookThreadTwice => {
                "Webhooks posted to forum channels cannot have both a thread_name and thread_id"
            }
            Self::WebhookNeedsForum => "Webhooks can only create threads in forum channels",
            Self::WebhookServiceInForum => "Webhook services cannot be used in forum channels",
            Self::TagRequired => "A tag is required to create a forum post in this channel",
            Self::MissingAccess => "Missing Access",
            Self::InvalidAccountType => "Invalid account type",
            Self::CannotExecuteOnPrivateChannel => "Cannot execute action on a DM channel",
            Self::CannotEditOthersMessage => "Cannot edit a message authored by another user",
            Self::EmptyMessage => "Cannot send an empty message",
            Self::CannotMessageUser => "Cannot send messages to this user",
            Self::CannotSendInNonText => "Cannot send messages in a non-text channel",
            Self::MissingPermissions => "Missing Permissions",
            Self::InvalidToken => "Invalid authentication token provided",
            Self::BulkDeleteCount => "Provided too few or too many messages to delete",
            Self::CannotExecuteOnSystemMessage => "Cannot execute action on a system message",
            Self::MessageTooOld => "A message provided was too old to bulk delete",
            Self::InvalidFormBody => "Invalid Form Body",
            Self::InvalidApiVersion => "An invalid API version was provided",
            Self::FileTooLarge => "File uploaded exceeds the maximum size",
            Self::InvalidFile => "Invalid file uploaded",
            Self::CannotSelfModerate => "Cannot perform this action on yourself",
            Self::CannotExecuteOnChannelType => "Cannot execute action on this channel type",
            Self::InvalidRole => "Invalid role",
            Self::CannotDeleteRequiredChannel => "Cannot delete a required channel",
            Self::OwnerPending => "Owner cannot be pending member",
            Self::InvalidSticker => "Invalid sticker sent",
            Self::ThreadArchived => "This thread is archived",
            Self::InvalidJson => "The request body contains invalid JSON",
            Self::VoiceMessageAlone => "Voice messages do not support additional content",
            Self::VoiceMessageFile => "Voice messages must have a single audio attachment",
            Self::VoiceMessageMetadata => "Voice messages must have supporting metadata",
            Self::VoiceMessageEdit => "Voice messages cannot be edited",
            Self::VoiceMessageForbidden => "You cannot send voice messages in this channel",
            Self::StickerForbidden => "You do not have permission to send this sticker",
            Self::ReactionBlocked => "Reaction was blocked",
            Self::Overloaded => "API resource is currently overloaded. Try again a little later",
            Self::ThreadExists => "A thread has already been created for this message",
            Self::ThreadLocked => "Thread is locked",
            Self::MaximumActiveThreads => "Maximum number of active threads has been reached",
            Self::MessageBlocked => "Message was blocked by automatic moderation",
            Self::TitleBlocked => "Title was blocked by automatic moderation",
            Self::LottieJson => "Invalid JSON for uploaded Lottie file",
            Self::LottieRaster => {
                "Uploaded Lotties cannot contain rasterized images such as PNG or JPEG"
            }
            Self::StickerTooFast => "Sticker maximum framerate exceeded",
            Self::StickerFrames => "Sticker frame count exceeds maximum of 1000 frames",
            Self::LottieSize => "Lottie animation maximum dimensions exceeded",
            Self::StickerRate => "Sticker frame rate is either too small or too large",
            Self::StickerTooLong => "Sticker animation duration exceeds maximum of 5 seconds",
            Self::EventFinished => "Cannot update a finished event",
            Self::EmptyEventException => "An exception must say what is otherwise",
            Self::PollExpired => "Poll expired",
            Self::PollChannel => "Invalid channel type for poll creation",
            Self::PollEdit => "Cannot edit a poll message",
            Self::NotAPoll => "Cannot expire a non-poll message",
        }
    }

    /// The HTTP status that goes with the number.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Unauthorized | Self::InvalidToken | Self::InvalidWebhookToken => 401,
            Self::BotsCannotUse
            | Self::OnlyBotsCanUse
            | Self::OwnerOnly
            | Self::MissingScope
            | Self::NotThisApplication
            | Self::AgeRestricted
            | Self::AccountDisabled
            | Self::BannedFromGuild
            | Self::MissingAccess
            | Self::InvalidAccountType
            | Self::CannotExecuteOnPrivateChannel
            | Self::WidgetDisabled
            | Self::CannotEditOthersMessage
            | Self::CannotMessageUser
            | Self::MissingPermissions
            | Self::ThreadLocked
            | Self::VoiceMessageForbidden
            | Self::CannotExecuteOnSystemMessage
            | Self::CannotSelfModerate
            | Self::StickerForbidden
            | Self::ReactionBlocked => 403,
            Self::RequestTooLarge | Self::FileTooLarge => 413,
            Self::Overloaded | Self::TemporarilyDisabled => 503,
            _ if self.number() / 1_000 == 10 => 404,
            _ => 400,
        }
    }
}
