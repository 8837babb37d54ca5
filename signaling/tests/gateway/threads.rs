//! Who hears of threads, and what.

use model::id::ChannelId;
use model::id::UserId;
use model::wire::channel::ChannelType;
use model::wire::channel::permission_overwrite::PermissionOverwrite;
use model::wire::channel::permission_overwrite::PermissionOverwriteType;
use model::wire::guild::Permissions;
use model::wire::id::Id;
use serde_json::Value;
use serde_json::json;
use state::GuildCommand;
use state::guild::command::ThreadDraft;
use state::guild::command::ThreadPatch;

use crate::JSON;
use crate::stage::ANA;
use crate::stage::BEN;
use crate::stage::BOT;
use crate::stage::Client;
use crate::stage::GUILD;
use crate::stage::Stage;
use crate::stage::TEXT;

impl Stage {
    async fn thread(&self, user: UserId, kind: ChannelType) -> ChannelId {
        let id = self.parts.ids.next();
        let draft = ThreadDraft {
            id,
            parent: TEXT,
            kind,
            name: "Bread".to_owned(),
            auto_archive_minutes: None,
            rate_limit_per_user: None,
            invitable: None,
            tags: Vec::new(),
        };
        self.change(user, GuildCommand::CreateThread(draft)).await;
        id
    }
}

/// Names of what comes before the next message, and the payloads.
async fn until_message(client: &mut Client) -> Vec<(String, Value)> {
    let mut heard = Vec::new();
    loop {
        let message = client.next().await;
        let name = message["t"].as_str().unwrap_or_default().to_owned();
        if name == "MESSAGE_CREATE" {
            return heard;
        }
        if name != "PRESENCE_UPDATE" && name != "GUILD_AUDIT_LOG_ENTRY_CREATE" {
            heard.push((name, message["d"].clone()));
        }
    }
}

#[tokio::test]
async fn a_public_thread_is_told_to_all_who_see_its_channel() {
    let stage = Stage::open().await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;

    let thread = stage.thread(ANA, ChannelType::PublicThread).await;
    let patch = ThreadPatch { archived: Some(true), ..ThreadPatch::default() };
    stage.change(ANA, GuildCommand::UpdateThread(thread, patch)).await;
    stage.change(ANA, GuildCommand::DeleteChannel(thread)).await;
    stage.say("done").await;

    let heard = until_message(&mut ben).await;
    let names: Vec<_> = heard.iter().map(|(name, _)| name.as_str()).collect();
    let expected = ["THREAD_CREATE", "THREAD_MEMBERS_UPDATE", "THREAD_UPDATE", "THREAD_DELETE"];
    assert_eq!(names, expected);
    let created = &heard[0].1;
    assert_eq!((&created["newly_created"], &created["guild_id"]), (&json!(true), &json!(GUILD)));
    assert!(created.get("member").is_none(), "ben is not in it");
    assert_eq!(heard[1].1["added_members"][0]["member"]["user"]["username"], "ana");
    assert_eq!(heard[1].1["member_count"], 1);
    assert_eq!(heard[2].1["thread_metadata"]["archived"], true);
    let gone = json!({ "id": thread, "guild_id": GUILD, "parent_id": TEXT, "type": 11 });
    assert_eq!(heard[3].1, gone);
    let heard = until_message(&mut ana).await;
    assert_eq!(heard[0].1["member"]["user_id"], json!(ANA));
}

#[tokio::test]
async fn a_private_thread_is_told_to_nobody_until_they_are_added() {
    let stage = Stage::open().await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    let (mut bot, _) = stage.identify(BOT, JSON).await;

    let thread = stage.thread(ANA, ChannelType::PrivateThread).await;
    stage.change(ANA, GuildCommand::AddThreadMembers(thread, vec![BOT])).await;
    stage.change(ANA, GuildCommand::RemoveThreadMember(thread, BOT)).await;
    let patch = ThreadPatch { name: Some("Rye".to_owned()), ..ThreadPatch::default() };
    stage.change(ANA, GuildCommand::UpdateThread(thread, patch)).await;
    stage.say("done").await;

    assert_eq!(until_message(&mut ben).await, []);
    let heard = until_message(&mut bot).await;
    let names: Vec<_> = heard.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["THREAD_CREATE", "THREAD_MEMBERS_UPDATE", "THREAD_MEMBERS_UPDATE"]);
    assert!(heard[0].1.get("newly_created").is_none());
    assert_eq!(heard[0].1["member"]["user_id"], json!(BOT));
    assert_eq!(heard[2].1["removed_member_ids"], json!([BOT]));
}

#[tokio::test]
async fn without_the_intent_for_members_others_who_join_are_not_told() {
    let stage = Stage::open().await;
    let thread = stage.thread(ANA, ChannelType::PublicThread).await;
    let mut bot = stage.connect(JSON).await;
    // GUILDS and GUILD_MESSAGES.
    bot.send(2, json!({ "token": stage.token(BOT), "intents": 513, "properties": {} })).await;
    let created = bot.hear("GUILD_CREATE").await;
    assert_eq!(created["d"]["threads"][0]["id"], json!(thread));

    stage.change(BEN, GuildCommand::AddThreadMembers(thread, vec![BEN])).await;
    stage.change(BOT, GuildCommand::AddThreadMembers(thread, vec![BOT])).await;
    stage.change(BOT, GuildCommand::SetThreadFlags(thread, 8)).await;
    stage.say("done").await;

    let heard = until_message(&mut bot).await;
    let names: Vec<_> = heard.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["THREAD_CREATE", "THREAD_MEMBERS_UPDATE", "THREAD_MEMBER_UPDATE"]);
    assert_eq!(heard[1].1["added_members"][0]["user_id"], json!(BOT));
    assert_eq!((&heard[2].1["flags"], &heard[2].1["guild_id"]), (&json!(8), &json!(GUILD)));
}

#[tokio::test]
async fn a_channel_that_comes_into_view_brings_its_threads() {
    let stage = Stage::open().await;
    let thread = stage.thread(BEN, ChannelType::PublicThread).await;
    stage.thread(ANA, ChannelType::PrivateThread).await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    let (view, none) = (Permissions::VIEW_CHANNEL, Permissions::empty());
    let overwrite = |allow, deny| {
        let kind = PermissionOverwriteType::Member;
        let id = Id::new(BEN.get());
        GuildCommand::SetOverwrite(TEXT, PermissionOverwrite { allow, deny, id, kind })
    };

    stage.change(ANA, overwrite(none, view)).await;
    stage.change(ANA, overwrite(view, none)).await;
    stage.say("done").await;

    let heard = until_message(&mut ben).await;
    let names: Vec<_> = heard.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["CHANNEL_DELETE", "CHANNEL_CREATE", "THREAD_LIST_SYNC"]);
    let sync = &heard[2].1;
    assert_eq!(sync["channel_ids"], json!([TEXT]));
    assert_eq!(sync["threads"].as_array().map(Vec::len), Some(1), "not the private one");
    assert_eq!(sync["threads"][0]["id"], json!(thread));
    assert_eq!(sync["members"][0]["user_id"], json!(BEN));
}
