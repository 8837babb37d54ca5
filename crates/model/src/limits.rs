//! Every limit of the server, with its source. What is not here is not limited.

use std::num::NonZeroUsize;
use std::time::Duration;

/// Largest payload that a gateway client may send, in bytes (Discord: Gateway/Sending Events).
pub const GATEWAY_PAYLOAD: usize = 4_096;
/// Largest payload that a voice gateway client may send, in bytes. An SDP offer passes here, so
/// it is larger than the main gateway's; higher would let a peer hold more memory.
pub const VOICE_GATEWAY_PAYLOAD: usize = 64 * 1_024;
/// Messages that a gateway client may send within [`GATEWAY_SENDS_WINDOW`] (Discord: Gateway/Rate Limiting).
pub const GATEWAY_SENDS: u32 = 120;
/// The window of [`GATEWAY_SENDS`].
pub const GATEWAY_SENDS_WINDOW: Duration = Duration::from_secs(60);
/// Members from which on a guild is told passively to clients that ask for it and do not look at the guild.
/// Lower keeps events from clients that never say where they look; higher sends more of them in vain.
pub const PASSIVE_FROM_MEMBERS: usize = 1_000;
/// Time from accepting a socket to the end of its TLS and HTTP handshake (safety: slowloris).
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// Time from Hello to Identify or Resume.
pub const IDENTIFY: Duration = Duration::from_secs(30);
/// How often gateway clients beat. Discord uses 41.25 s; libraries take what Hello says.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(41_250);
/// How often voice gateway clients beat.
pub const VOICE_HEARTBEAT_INTERVAL: Duration = Duration::from_millis(13_750);
/// How long a gateway session without a socket can be resumed.
pub const RESUME_WINDOW: Duration = Duration::from_secs(180);
/// Dispatches that a session keeps for Resume; older ones make it not resumable.
pub const REPLAY_DISPATCHES: usize = 4_096;
/// Bytes of dispatches that a session keeps for Resume.
pub const REPLAY_BYTES: usize = 1_024 * 1_024;
/// Events waiting for a gateway session; a fuller one is closed, and resumes.
pub const SESSION_MAILBOX: usize = 1_024;
/// Messages that one history request returns at most (Discord: Get Channel Messages).
pub const MESSAGES_PAGE: u16 = 100;
/// Members in one chunk (Discord: Guild Members Chunk).
pub const MEMBERS_CHUNK: usize = 1_000;
/// Longest message content, in characters (Discord: Create Message).
pub const CONTENT_LENGTH: usize = 2_000;
/// Longest nonce, in characters (Discord: Create Message).
pub const NONCE_LENGTH: usize = 25;
/// Attachments on one message (Discord: Uploading Files).
pub const ATTACHMENTS: usize = 10;
/// Largest upload by default, in bytes; an operator may raise it.
pub const UPLOAD: u64 = 25 * 1_024 * 1_024;
/// Largest JSON body of a REST request, in bytes.
pub const JSON_BODY: usize = 1_024 * 1_024;
/// Largest icon or avatar, in bytes. Discord takes more and serves it made smaller; we serve what
/// was given, so a larger one would cost every reader.
pub const PICTURE: usize = 4 * 1_024 * 1_024;
/// Largest JSON body that may hold a picture, in bytes: base64 makes four bytes of three.
pub const PICTURE_BODY: usize = PICTURE / 3 * 4 + 64 * 1_024;
/// Most pixels of an icon or avatar: a few bytes can unfold to gigabytes in every reader's browser.
pub const PICTURE_PIXELS: u64 = 40_000_000;
/// Reactions of different emoji on one message (Discord error 30010).
pub const REACTIONS: usize = 20;
/// Pinned messages of one channel (Discord error 30003).
pub const PINS: usize = 250;
/// Roles of one guild (Discord error 30005).
pub const ROLES: usize = 250;
/// Channels of one guild (Discord error 30013).
pub const CHANNELS: usize = 500;
/// Guilds that one person may be in (Discord error 30001).
pub const GUILDS: usize = 100;
/// Overwrites of one channel.
pub const OVERWRITES: usize = 100;
/// Largest SDP offer, in bytes (safety: huge SDP).
pub const SDP_BYTES: usize = 64 * 1_024;
/// Most `m=` lines of an SDP offer (safety: huge SDP).
pub const SDP_MEDIA_LINES: usize = 64;
/// Stream keys that one account may have for one channel: a program each, and some that were
/// forgotten.
pub const STREAM_KEYS: usize = 25;
/// Players that one account may have listening to one channel: more need another account. Each takes a
/// place on the node.
pub const AUDIENCE: usize = 200;
/// Audio packets per second that one peer may send before the rest is dropped: 50 at 20 ms, and
/// as many again for bursts (safety: SRTP flood by a member).
pub const AUDIO_PACKETS_PER_SECOND: u32 = 100;
/// How many times its channel's bitrate one peer may send before the rest is dropped: frames of a
/// variable rate, and two older ones along with each (safety: SRTP flood by a member).
pub const AUDIO_OVER_BITRATE: u32 = 4;
/// The bitrate that [`AUDIO_OVER_BITRATE`] is of at least: bots encode at one of their own, mostly this,
/// and never ask what the channel's is.
pub const AUDIO_BITRATE_OF_BOTS: u32 = 128_000;
/// Peers of one room that one thread carries before those who join later go to others, by default:
/// at 2 us a listener and packet, one speaker's take 2 % of it, and of sixteen a third.
pub const PEERS_TOGETHER: NonZeroUsize = NonZeroUsize::new(200).unwrap();
/// Packets of pictures per second that one peer may send before the rest is dropped: about 14 million
/// bits a second, more than three layers and their repair have (safety: flood by a member).
pub const VIDEO_PACKETS_PER_SECOND: u32 = 1_500;
/// Tracks that one viewer may name in what it wants to see.
pub const WANTS: usize = 128;
/// IP discovery answers per second and peer (safety: reflector).
pub const DISCOVERY_PER_SECOND: u32 = 5;
/// Largest datagram that is carried over TCP, in bytes: no browser sends more than 1,500 (safety:
/// memory before anything is authenticated).
pub const RELAYED_FRAME: usize = 2_048;
/// Bytes that wait to be written to one TCP connection that carries media: a moment of three pictures.
pub const RELAY_BACKLOG: usize = 128 * 1_024;
/// Time from the first byte of a TCP connection that carries media to the first check that is
/// answered, or to its authentication (safety: connections of nobody).
pub const RELAY_PROOF: Duration = Duration::from_secs(10);
/// Silence of either end after which a TCP connection that carries media is closed. Browsers check a
/// path that they keep in reserve every 25 s at most.
pub const RELAY_SILENCE: Duration = Duration::from_secs(60);
/// TCP connections that carry media from one address (IPv6: from one /64). A whole office may be behind
/// one; a browser opens one or two.
pub const RELAYS_PER_ADDRESS: usize = 256;
/// How long a pass to the relay may be used for a new allocation: a long evening, in which the browser
/// may have to begin anew.
pub const RELAY_PASS: Duration = Duration::from_secs(12 * 60 * 60);
/// Username length, in characters (Discord: Usernames).
pub const USERNAME: std::ops::RangeInclusive<usize> = 2..=32;
/// Password length, in bytes: short ones are guessed, long ones cost argon2 time.
pub const PASSWORD: std::ops::RangeInclusive<usize> = 8..=256;
/// Name of a guild, in characters (Discord: Guild Resource).
pub const GUILD_NAME: std::ops::RangeInclusive<usize> = 2..=100;
/// Description of a guild, in characters.
pub const GUILD_DESCRIPTION: usize = 300;
/// Name of a channel or a role, in characters (Discord: Channel Resource, Create Guild Role).
pub const NAME: std::ops::RangeInclusive<usize> = 1..=100;
/// Name of a member in a guild, in characters (Discord: Modify Guild Member).
pub const NICK: usize = 32;
/// Topic of a channel, in characters (Discord: Modify Channel).
pub const TOPIC: usize = 1_024;
/// Audio of a voice channel, in bits per second (Discord: Modify Channel; 384,000 is its largest).
pub const BITRATE: std::ops::RangeInclusive<u32> = 8_000..=384_000;
/// Audio of a new voice channel, in bits per second (Discord: Channel Resource).
pub const BITRATE_DEFAULT: u32 = 64_000;
/// Largest user limit of a voice channel (Discord: Modify Channel).
pub const VOICE_USERS: u32 = 99;
/// Topic of a stage that is on, in characters (Discord: Create Stage Instance).
pub const STAGE_TOPIC: std::ops::RangeInclusive<usize> = 1..=120;
/// Scheduled events of one guild that have not ended (Discord error 30038).
pub const SCHEDULED_EVENTS: usize = 100;
/// Description of a scheduled event, in characters (Discord: Guild Scheduled Event Object).
pub const EVENT_DESCRIPTION: usize = 1_000;
/// Where a scheduled event takes place outside the guild, in characters (Discord: Entity Metadata).
pub const EVENT_LOCATION: std::ops::RangeInclusive<usize> = 1..=100;
/// Occurrences of one event that are not as its rule says (safety: they are read with the event).
pub const EVENT_EXCEPTIONS: usize = 100;
/// How long a channel is empty before the event that is on there ends (Discord: Status Update
/// Automation, "on the order of minutes").
pub const EVENT_EMPTY: Duration = Duration::from_secs(3 * 60);
/// How late an event may begin before it is called off (Discord: Status Update Automation, "on the
/// order of hours").
pub const EVENT_LATE: Duration = Duration::from_secs(3 * 60 * 60);
/// How long an event that has ended can still be asked for by its id.
pub const EVENT_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long someone is rung who neither answers nor declines. Ours: Discord tells no figure.
pub const RING: Duration = Duration::from_secs(60);
/// Status of a voice channel, in characters (Discord: Set Voice Channel Status).
pub const VOICE_STATUS: usize = 500;
/// How long a stage stays on without a speaker, in milliseconds (Discord: Stage Instance Resource,
/// Auto Closing: in the order of minutes).
pub const STAGE_DESERTED_MS: u64 = 180_000;
/// Largest user limit of a stage (Discord: Modify Channel).
pub const STAGE_USERS: u32 = 10_000;
/// Longest pause between messages, in seconds (Discord: Modify Channel).
pub const SLOWMODE: u16 = 21_600;
/// Topic of a forum, its guidelines, in characters (Discord: Modify Channel).
pub const FORUM_TOPIC: usize = 4_096;
/// Threads of one guild that are not archived (Discord error 160006).
pub const ACTIVE_THREADS: usize = 1_000;
/// Threads of one guild, archived ones too: all are in memory, at about half a kilobyte.
pub const THREADS: usize = 100_000;
/// People in one thread (Discord error 30033).
pub const THREAD_MEMBERS: usize = 1_000;
/// Question of a poll, in characters (Discord: Poll Media Object).
pub const POLL_QUESTION: usize = 300;
/// Answer of a poll, in characters (Discord: Poll Media Object).
pub const POLL_ANSWER: usize = 55;
/// Answers of a poll (Discord: Poll Create Request Object).
pub const POLL_ANSWERS: usize = 10;
/// Hours that a poll may be open: 32 days (Discord: Poll Create Request Object).
pub const POLL_HOURS: std::ops::RangeInclusive<u32> = 1..=768;
/// Tags of one forum (Discord: Channel Resource, `available_tags`).
pub const FORUM_TAGS: usize = 20;
/// Tags of one post (Discord: Channel Resource, `applied_tags`).
pub const APPLIED_TAGS: usize = 5;
/// Name of a tag, in characters (OpenAPI: CreateOrUpdateThreadTagRequest).
pub const TAG_NAME: std::ops::RangeInclusive<usize> = 0..=50;
/// Channels in one category (Discord: Guild Channels).
pub const CATEGORY_CHANNELS: usize = 50;
/// Longest timeout of a member (Discord: Modify Guild Member).
pub const TIMEOUT: Duration = Duration::from_secs(28 * 24 * 60 * 60);
/// Reason of a ban, in characters (Discord: Audit Log Reason).
pub const REASON: usize = 512;
/// Commands of type CHAT_INPUT that a bot has in one place (Discord: Application Commands/Limits).
pub const COMMANDS: usize = 100;
/// Commands of type USER, and as many of type MESSAGE, that a bot has in one place.
pub const MENU_COMMANDS: usize = 15;
/// Name of a command or an option, in characters (Discord: Create Global Application Command).
pub const COMMAND_NAME: std::ops::RangeInclusive<usize> = 1..=32;
/// Description of a command or an option, in characters.
pub const COMMAND_DESCRIPTION: std::ops::RangeInclusive<usize> = 1..=100;
/// Options of a command, and choices of an option.
pub const COMMAND_OPTIONS: usize = 25;
/// Name of a choice, in characters.
pub const CHOICE_NAME: std::ops::RangeInclusive<usize> = 1..=100;
/// Text of an option or a choice, in characters.
pub const OPTION_TEXT: usize = 6_000;
/// All names, descriptions and values of a command together, in characters.
pub const COMMAND_CHARACTERS: usize = 8_000;
/// What a guild says of one command (Discord: Edit Application Command Permissions).
pub const COMMAND_PERMISSIONS: usize = 100;
/// Description of an application, in characters (OpenAPI: ApplicationFormPartial).
pub const APPLICATION_DESCRIPTION: usize = 400;
/// Tags of an application (OpenAPI: ApplicationFormPartial).
pub const APPLICATION_TAGS: usize = 5;
/// Links that an application tells, as JSON, in bytes.
pub const APPLICATION_LINKS: usize = 16 * 1_024;
/// Applications that one person may have; each brings a bot's account.
pub const APPLICATIONS: usize = 25;
/// Emojis of one application (Discord: Emoji Resource, Application-Owned Emoji).
pub const APPLICATION_EMOJIS: usize = 2_000;
/// What an application may know of people (Discord: Application Role Connection Metadata, at most 5).
pub const ROLE_CONNECTION_FIELDS: usize = 5;
/// Redirect URIs of one application.
pub const REDIRECT_URIS: usize = 10;
/// Grants of one person to one application that live at once: a device each. The oldest end first.
pub const GRANTS: usize = 50;
/// Secrets of one grant that are remembered, spent ones too: a refresh token that is shown again after
/// thirty exchanges is unknown rather than a sign of theft.
pub const GRANT_SECRETS: usize = 64;
/// How long a code may be exchanged (RFC 6749 §4.1.2: at most 10 minutes). Shorter fails slow servers,
/// longer serves thieves.
pub const CODE_LIFE: Duration = Duration::from_secs(5 * 60);
/// How long an access token opens the API (Discord: OAuth2, `expires_in` 604800).
pub const ACCESS_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long a refresh token may lie unused before its grant is over (RFC 9700 §4.14).
pub const REFRESH_LIFE: Duration = Duration::from_secs(180 * 24 * 60 * 60);
/// Length of a verifier and of a challenge, in characters (RFC 7636 §4.1, §4.2).
pub const CODE_VERIFIER: std::ops::RangeInclusive<usize> = 43..=128;
/// Longest `state` of an authorization request, in bytes: it comes back in a URL.
pub const OAUTH_STATE: usize = 4 * 1_024;
/// How long an interaction may be answered and followed up (Discord: Receiving and Responding).
pub const INTERACTION_LIFE: Duration = Duration::from_secs(15 * 60);
/// How long a bot has for its first answer (Discord: Receiving and Responding).
pub const INTERACTION_ANSWER: Duration = Duration::from_secs(3);
/// Interactions that a node remembers at once; further ones are refused with 503. A few hundred bytes
/// each, the message of a component beside.
pub const INTERACTIONS: usize = 50_000;
/// Bytes of ephemeral messages and modals that a node remembers; the oldest are forgotten first.
pub const EPHEMERAL_BYTES: usize = 64 * 1_024 * 1_024;
/// Suggestions of one autocomplete answer (Discord: Autocomplete).
pub const SUGGESTIONS: usize = 25;
/// Title of a modal, in characters (OpenAPI: ModalInteractionCallbackRequestData).
pub const MODAL_TITLE: std::ops::RangeInclusive<usize> = 1..=45;
/// Id that a bot gives to a component or a modal, in characters.
pub const CUSTOM_ID: std::ops::RangeInclusive<usize> = 1..=100;
/// Message that welcomes newcomers, in characters (userdoccers: New Member Welcome Message).
pub const NEW_MEMBER_MESSAGE: usize = 300;
/// Who welcome newcomers (userdoccers: New Member Welcome Message).
pub const NEW_MEMBER_AUTHORS: usize = 10;
/// Things for newcomers to do, while they are shown (userdoccers: New Member Welcome Object).
pub const NEW_MEMBER_ACTIONS: std::ops::RangeInclusive<usize> = 3..=5;
/// Channels for newcomers to read (userdoccers: New Member Welcome Structure).
pub const RESOURCE_CHANNELS: usize = 7;
/// What newcomers are shown is called so, in characters (userdoccers: New Member Action Structure).
pub const NEW_MEMBER_TITLE: std::ops::RangeInclusive<usize> = 1..=60;
/// And so described, in characters (userdoccers: New Member Action Structure).
pub const NEW_MEMBER_DESCRIPTION: usize = 200;
/// Fields of the form that newcomers fill in (userdoccers: Member Verification Structure).
pub const SCREENING_FIELDS: usize = 5;
/// What a guild says of itself above that form, in characters (userdoccers: Member Verification
/// Structure).
pub const SCREENING_DESCRIPTION: usize = 300;
/// What a field of that form asks, and what is said below it, in characters (userdoccers: Member
/// Verification Form Field Structure).
pub const SCREENING_LABEL: std::ops::RangeInclusive<usize> = 1..=300;
/// Rules that newcomers agree to (userdoccers: Member Verification Form Field Structure).
pub const SCREENING_TERMS: std::ops::RangeInclusive<usize> = 1..=16;
/// One of those rules, in characters.
pub const SCREENING_TERM: std::ops::RangeInclusive<usize> = 1..=300;
/// Answers to choose from (userdoccers: Member Verification Form Field Structure).
pub const SCREENING_CHOICES: std::ops::RangeInclusive<usize> = 1..=8;
/// One of those answers, in characters.
pub const SCREENING_CHOICE: std::ops::RangeInclusive<usize> = 1..=150;
/// A short answer, in characters (userdoccers: Member Verification Form Field Type).
pub const SCREENING_TEXT: usize = 150;
/// A long answer, in characters (userdoccers: Member Verification Form Field Type).
pub const SCREENING_PARAGRAPH: usize = 1_000;
/// Why a join request was rejected, in characters (OpenAPI: action_guild_join_request).
pub const REJECTION_REASON: usize = 160;
/// Join requests of one guild that wait for a moderator (safety: their answers are in memory).
pub const JOIN_REQUESTS: usize = 1_000;
/// How long join requests are kept, in milliseconds: 180 days (userdoccers: Guild Join Request Object).
pub const JOIN_REQUESTS_KEPT_MS: u64 = 180 * 24 * 60 * 60 * 1_000;
/// People whom one invite can be for (safety: each is a row).
pub const INVITE_TARGETS: usize = 10_000;
/// Roles that one invite can give (Discord: OpenAPI, CreateGuildInviteRequest).
pub const INVITE_ROLES: usize = 250;
/// Members above which a guild's list leaves out who is not online (Discord: Guild Member List).
pub const OFFLINE_LISTED: usize = 1_000;
/// Channels of one guild whose member lists one session looks at (safety: each may be a list of its own).
pub const LISTED_CHANNELS: usize = 5;
/// Ranges of one list that one session looks at (safety: each is sent whole).
pub const LISTED_RANGES: usize = 5;
/// Rows of one range (Discord: a range is of a hundred).
pub const LISTED_ROWS: usize = 100;
/// Settings of one account as a JSON object, in bytes (safety: their meaning is the client's).
pub const SETTINGS_JSON: usize = 64 * 1_024;
/// Settings of one account as one protobuf message, in bytes. Discord takes 5 MiB of base64; what its
/// clients keep is some ten thousand.
pub const SETTINGS_PROTO: usize = 256 * 1_024;
/// Text of a custom status, in characters (userdoccers: User Settings).
pub const CUSTOM_STATUS: usize = 128;
/// A note about someone, in characters (userdoccers: User, Notes).
pub const NOTE: usize = 256;
/// Notes of one account (safety: a row each).
pub const NOTES: usize = 1_000;
/// What one says of oneself, in characters (userdoccers: Modify User Profile).
pub const BIO: usize = 190;
/// Pronouns, in characters (userdoccers: Modify User Profile).
pub const PRONOUNS: usize = 40;
/// Friends and requests to be friends of one account (Discord error 30002).
pub const FRIENDS: usize = 1_000;
/// People whom one account has blocked (userdoccers: Relationships).
pub const BLOCKED: usize = 5_000;
/// People in one private channel (Discord error 30004).
pub const GROUP_PEOPLE: usize = 10;
/// Read states of one account (safety: a row each; a busy account has some hundred).
pub const READ_STATES: usize = 20_000;
/// Read states that one request may change (Discord: Bulk Update Read States).
pub const READ_STATES_AT_ONCE: usize = 100;
/// Unread mentions of one channel that are counted; clients show "99+" long before.
pub const MENTIONS_COUNTED: u32 = 1_000;
/// Channels for which someone's notifications differ from those of the guild, or of private channels.
pub const NOTIFICATION_OVERRIDES: usize = 1_000;
/// Webhooks of one channel (Discord error 30007).
pub const WEBHOOKS: usize = 15;
/// Name of a webhook, in characters (Discord: Create Webhook).
pub const WEBHOOK_NAME: std::ops::RangeInclusive<usize> = 1..=80;
/// Description of a template, in characters (Discord: Create Guild Template).
pub const TEMPLATE_DESCRIPTION: usize = 120;
/// Longest URL of a picture or an endpoint, in bytes (OpenAPI: maxLength 2048).
pub const URL: usize = 2_048;

/// How long entries of audit logs are kept, in milliseconds (Discord: Audit Log, 45 days).
pub const AUDIT_KEPT_MS: u64 = 45 * 24 * 60 * 60 * 1_000;
/// Rules of one guild for words of its own (Discord: Auto Moderation/Trigger Types); of the other kinds
/// one each.
pub const KEYWORD_RULES: usize = 6;
/// Actions of a rule (OpenAPI: KeywordUpsertRequest).
pub const RULE_ACTIONS: std::ops::RangeInclusive<usize> = 1..=5;
/// Roles, and channels, that a rule leaves alone (Discord: Auto Moderation Rule Object).
pub const RULE_EXEMPT_ROLES: usize = 20;
/// See [`RULE_EXEMPT_ROLES`].
pub const RULE_EXEMPT_CHANNELS: usize = 50;
/// Keywords of a rule (Discord: Trigger Metadata Field Limits).
pub const RULE_KEYWORDS: usize = 1_000;
/// Patterns of a rule (Discord: Trigger Metadata Field Limits).
pub const RULE_PATTERNS: usize = 10;
/// Exceptions of a rule for words of the guild's own, and of one for presets (Discord: Trigger Metadata
/// Field Limits).
pub const RULE_ALLOWED: usize = 100;
/// See [`RULE_ALLOWED`].
pub const PRESET_ALLOWED: usize = 1_000;
/// A keyword or an exception, in characters (Discord: Trigger Metadata Field Limits).
pub const RULE_KEYWORD: std::ops::RangeInclusive<usize> = 1..=60;
/// A pattern, in characters (Discord: Trigger Metadata Field Limits).
pub const RULE_PATTERN: std::ops::RangeInclusive<usize> = 1..=260;
/// Largest limit of mentions of a rule (Discord: Trigger Metadata).
pub const RULE_MENTIONS: u32 = 50;
/// What a rule tells the author of a blocked message, in characters (Discord: Action Metadata).
pub const RULE_MESSAGE: usize = 150;

/// Description of a welcome screen, in characters (Discord: Modify Guild Welcome Screen).
pub const WELCOME_DESCRIPTION: usize = 140;
/// Channels of a welcome screen (OpenAPI: WelcomeScreenPatchRequestPartial).
pub const WELCOME_CHANNELS: usize = 5;
/// What a welcome screen says of a channel, in characters (OpenAPI: GuildWelcomeChannel).
pub const WELCOME_CHANNEL: std::ops::RangeInclusive<usize> = 1..=50;
/// Questions of onboarding (OpenAPI: UpdateGuildOnboardingRequest).
pub const ONBOARDING_PROMPTS: usize = 15;
/// Title of a question, in characters (OpenAPI: UpdateOnboardingPromptRequest).
pub const ONBOARDING_TITLE: std::ops::RangeInclusive<usize> = 1..=100;
/// Answers of a question, roles and channels of an answer (OpenAPI: UpdateOnboardingPromptRequest).
pub const ONBOARDING_OPTIONS: usize = 50;
/// Title of an answer, in characters (OpenAPI: OnboardingPromptOptionRequest).
pub const ONBOARDING_OPTION: std::ops::RangeInclusive<usize> = 1..=50;
/// Description of an answer, in characters (OpenAPI: OnboardingPromptOptionRequest).
pub const ONBOARDING_DESCRIPTION: usize = 100;
/// Channels that everyone must see before onboarding is enabled (Discord: Modify Guild Onboarding).
pub const ONBOARDING_CHANNELS: usize = 7;
/// Of these, where everyone must be able to speak (Discord: Modify Guild Onboarding).
pub const ONBOARDING_TALK_CHANNELS: usize = 5;
/// How long invites and direct messages may be closed, in milliseconds (Discord: Modify Guild Incident
/// Actions).
pub const INCIDENT_MS: u64 = 24 * 60 * 60 * 1_000;
/// People that a widget shows (Discord: Guild Widget Object).
pub const WIDGET_MEMBERS: usize = 100;
/// Days of absence after which members may be pruned (Discord: Get Guild Prune Count).
pub const PRUNE_DAYS: std::ops::RangeInclusive<u32> = 1..=30;
/// Roles that those who are pruned may have (OpenAPI: PruneGuildRequest).
pub const PRUNE_ROLES: usize = 100;
/// People who are banned at once (Discord: Bulk Guild Ban).
pub const BULK_BAN: usize = 200;
/// Emojis of one guild that stand still, and as many that move (Discord error 30008).
pub const EMOJIS: usize = 50;
/// Largest emoji, in bytes (Discord: Emoji Resource, 256 KiB).
pub const EMOJI: usize = 256 * 1_024;
/// Stickers of one guild (Discord: as many as at the highest level of boosts; error 30039).
pub const STICKERS: usize = 60;
/// Largest sticker, in bytes (Discord: Create Guild Sticker, 512 KiB).
pub const STICKER: usize = 512 * 1_024;
/// Widest and highest sticker, in pixels (Discord: Create Guild Sticker).
pub const STICKER_SIDE: u32 = 320;
/// Longest animation of a sticker (Discord error 170007).
pub const STICKER_LENGTH: Duration = Duration::from_secs(5);
/// Name of a sticker, in characters (Discord: Create Guild Sticker).
pub const STICKER_NAME: std::ops::RangeInclusive<usize> = 2..=30;
/// Description of a sticker that has one, in characters (Discord: Create Guild Sticker).
pub const STICKER_DESCRIPTION: std::ops::RangeInclusive<usize> = 2..=100;
/// Tags of a sticker together, in characters (OpenAPI: Create Guild Sticker).
pub const STICKER_TAGS: std::ops::RangeInclusive<usize> = 1..=200;
/// Stickers on one message (Discord: Create Message, `sticker_ids`).
pub const MESSAGE_STICKERS: usize = 3;
/// Sounds of one guild (Discord: as many as at the highest level of boosts; error 30045).
pub const SOUNDS: usize = 48;
/// Largest sound, in bytes (Discord: Create Guild Soundboard Sound, 512 KiB).
pub const SOUND: usize = 512 * 1_024;
/// Largest JSON body that may hold a sound, in bytes: base64 makes four bytes of three.
pub const SOUND_BODY: usize = SOUND / 3 * 4 + 64 * 1_024;
/// Longest sound (Discord: Create Guild Soundboard Sound).
pub const SOUND_LENGTH: Duration = Duration::from_millis(5_200);
/// Name of a sound, in characters (Discord: Create Guild Soundboard Sound).
pub const SOUND_NAME: std::ops::RangeInclusive<usize> = 2..=32;
/// The Unicode emoji of a sound, in characters (OpenAPI: SoundboardCreateRequest).
pub const SOUND_EMOJI: std::ops::RangeInclusive<usize> = 1..=32;
/// Length of an emoji's name, in characters (Discord: Emoji Resource).
pub const EMOJI_NAME: std::ops::RangeInclusive<usize> = 2..=32;
/// Bytes of messages and reactions that are kept in memory for those who read what others just read, as
/// messages are stored (ours). Less reads storage more often where many channels are hot.
pub const PAGES_BYTES: usize = 32 * 1_024 * 1_024;
/// Pages kept so at most, however little is on each (ours).
pub const PAGES: usize = 8_192;
/// Pages of one channel kept so at most (ours).
pub const PAGES_KEPT: usize = 8;
/// Reactions to the messages of one page above which these are not kept (ours).
pub const REACTIONS_KEPT: usize = 4_096;
