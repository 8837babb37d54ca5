//! From the event on that takes a guild, or its channels, from someone, their open session hears
//! nothing more of it.

use model::wire::guild::Permissions;
use model::wire::id::Id;
use serde_json::Value;
use serde_json::json;
use state::GuildCommand;
use state::guild::command::MemberPatch;
use state::guild::command::RolePatch;

use super::JSON;
use super::stage::ANA;
use super::stage::BEN;
use super::stage::BOT;
use super::stage::Client;
use super::stage::GUILD;
use super::stage::Stage;
use super::stage::TEXT;

/// Everything that a guild tells, many times.
async fn much_happens(stage: &Stage) {
    for round in 0..20_u64 {
        stage.say(&format!("secret {round}")).await;
        let nick = Some(Some(format!("Bot {round}")));
        let patch = MemberPatch { nick, ..MemberPatch::default() };
        stage.change(ANA, GuildCommand::UpdateMember(BOT, patch)).await;
        let role = Id::new(7_000 + round);
        stage.change(ANA, GuildCommand::CreateRole(role, RolePatch::default())).await;
        stage.change(ANA, GuildCommand::DeleteRole(role)).await;
    }
    stage.say("the end").await;
}

/// All that a session was told before it answered a beat, once the bot heard that all is over.
async fn heard(stage: &Stage, client: &mut Client, bot: &mut Client) -> Vec<Value> {
    for _ in 0..2 {
        loop {
            if bot.hear("MESSAGE_CREATE").await["d"]["content"] == "the end" {
                break;
            }
        }
        // Whoever heard this one, heard all before.
        stage.say("the end").await;
    }
    client.send(1, Value::Null).await;
    let mut heard = Vec::new();
    loop {
        let message = client.next().await;
        match message["op"].as_u64() {
            Some(11) => return heard,
            _ => heard.push(message),
        }
    }
}

/// What was told after the dispatch that took the guild away.
fn after_it_was_gone(heard: &[Value]) -> &[Value] {
    let gone = |one: &Value| one["t"] == "GUILD_DELETE" && one["d"]["id"] == GUILD.to_string();
    let at = heard.iter().position(gone).expect("the guild was taken away");
    &heard[at + 1..]
}

#[tokio::test]
async fn whoever_is_kicked_or_banned_hears_nothing_more_of_the_guild() {
    for command in [GuildCommand::Kick(BEN), GuildCommand::Ban { user: BEN, reason: None }] {
        let stage = Stage::open().await;
        let (mut ben, _) = stage.identify(BEN, JSON).await;
        let (mut bot, _) = stage.identify(BOT, JSON).await;
        stage.say("hail").await;
        assert_eq!(ben.hear("MESSAGE_CREATE").await["d"]["content"], "hail");

        stage.change(ANA, command.clone()).await;
        much_happens(&stage).await;

        let heard = heard(&stage, &mut ben, &mut bot).await;
        assert_eq!(after_it_was_gone(&heard), [] as [Value; 0], "{command:?}");
    }
}

#[tokio::test]
async fn whom_everyone_was_blinded_with_hears_nothing_more_of_the_channels() {
    let stage = Stage::open().await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    // The bot goes on to see, to tell when all is over.
    let sees = RolePatch { permissions: Some(Permissions::VIEW_CHANNEL), ..RolePatch::default() };
    stage.change(ANA, GuildCommand::CreateRole(Id::new(6_000), sees)).await;
    let roles = MemberPatch { roles: Some(vec![Id::new(6_000)]), ..MemberPatch::default() };
    stage.change(ANA, GuildCommand::UpdateMember(BOT, roles)).await;
    let (mut bot, _) = stage.identify(BOT, JSON).await;

    let blind = RolePatch { permissions: Some(Permissions::empty()), ..RolePatch::default() };
    stage.change(ANA, GuildCommand::UpdateRole(GUILD.cast(), blind)).await;
    much_happens(&stage).await;

    let heard = heard(&stage, &mut ben, &mut bot).await;
    let gone = |one: &Value| one["t"] == "CHANNEL_DELETE" && one["d"]["id"] == TEXT.to_string();
    let at = heard.iter().position(gone).expect("the channel went out of sight");
    let of_channels = |one: &&Value| {
        let d = &one["d"];
        let deleted = one["t"] == "CHANNEL_DELETE";
        !deleted && (d["channel_id"] != Value::Null || one["t"].as_str().is_some_and(is_of_channel))
    };
    let more: Vec<_> = heard[at..].iter().filter(of_channels).collect();
    assert_eq!(more, [] as [&Value; 0]);
    assert!(!json!(heard).to_string().contains("secret"));
}

fn is_of_channel(name: &str) -> bool {
    ["MESSAGE_", "CHANNEL_", "TYPING_", "THREAD_", "VOICE_"].iter().any(|of| name.starts_with(of))
}
