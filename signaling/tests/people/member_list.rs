//! Member lists, READY of full clients, and how they find an instance.

use serde_json::Value;
use serde_json::json;
use state::GuildCommand;
use state::guild::command::MemberPatch;

use crate::JSON;
use crate::rest::done;
use crate::stage::ANA;
use crate::stage::BEN;
use crate::stage::BOT;
use crate::stage::Client;
use crate::stage::GUILD;
use crate::stage::Stage;
use crate::stage::TEXT;
use crate::stage::VOICE;

const LIST: &str = "GUILD_MEMBER_LIST_UPDATE";

/// Op 14 for the first hundred rows of a channel.
async fn look(client: &mut Client, channel: model::id::ChannelId) -> Value {
    let channels = json!({ channel.to_string(): [[0, 99]] });
    client.send(14, json!({ "guild_id": GUILD, "channels": channels })).await;
    client.hear(LIST).await["d"].clone()
}

fn row(item: &Value) -> String {
    let group = item["group"]["id"].as_str();
    group.or_else(|| item["member"]["user"]["username"].as_str()).expect("a row").to_owned()
}

fn rows(op: &Value) -> Vec<String> {
    op["items"].as_array().expect("items").iter().map(row).collect()
}

#[tokio::test]
async fn a_list_is_shown_and_follows_who_comes_and_goes() {
    let stage = Stage::open().await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;

    let list = look(&mut ana, TEXT).await;

    assert_eq!((&list["id"], &list["member_count"]), (&json!("everyone"), &json!(3)));
    assert_eq!(list["online_count"], 1);
    let sync = &list["ops"][0];
    assert_eq!((&sync["op"], &sync["range"]), (&json!("SYNC"), &json!([0, 99])));
    assert_eq!(rows(sync), ["online", "ana", "offline", "ben", "bot"]);
    assert_eq!(sync["items"][1]["member"]["presence"]["status"], "online");

    let (ben, _) = stage.identify(BEN, JSON).await;
    let here = ana.hear(LIST).await["d"].clone();
    let ops = here["ops"].as_array().expect("ops");
    let names: Vec<_> = ops.iter().map(|op| op["op"].clone()).collect();
    assert_eq!(names, ["DELETE", "INSERT"]);
    assert_eq!((&ops[0]["index"], &ops[1]["index"]), (&json!(3), &json!(2)));
    assert_eq!(row(&ops[1]["item"]), "ben");
    assert_eq!(here["groups"][0], json!({ "id": "online", "count": 2 }));
    // A new name moves whoever has it.
    let patch = MemberPatch { nick: Some(Some("Aaron".to_owned())), ..MemberPatch::default() };
    stage.change(ANA, GuildCommand::UpdateMember(BEN, patch)).await;
    let named = ana.hear(LIST).await["d"].clone();
    assert_eq!(named["ops"][1]["index"], 1);
    assert_eq!(named["ops"][1]["item"]["member"]["nick"], "Aaron");
    ben.close(1000).await;
    assert_eq!(ana.hear(LIST).await["d"]["online_count"], 1);
}

#[tokio::test]
async fn a_hidden_channel_lists_who_sees_it_to_those_alone() {
    let stage = Stage::open().await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    let path = format!("/channels/{TEXT}/permissions/{GUILD}");
    done(&stage, ANA, "PUT", &path, json!({ "type": 0, "allow": "0", "deny": "1024" })).await;

    let list = look(&mut ana, TEXT).await;

    assert_ne!(list["id"], "everyone");
    assert_eq!(rows(&list["ops"][0]), ["online", "ana"]);
    // What Ben asks for in vain is passed over: the next answer is that of the other channel.
    let channels = json!({ TEXT.to_string(): [[0, 99]], VOICE.to_string(): [[0, 1]] });
    let subscriptions = json!({ GUILD.to_string(): { "channels": channels } });
    ben.send(37, json!({ "subscriptions": subscriptions })).await;
    let seen = ben.hear(LIST).await["d"].clone();
    assert_eq!(seen["id"], "everyone");
    assert_eq!(rows(&seen["ops"][0]), ["online", "ana"]);
    // The channel opens: it is another list now.
    done(&stage, ANA, "DELETE", &path, Value::Null).await;
    assert_eq!(ana.hear(LIST).await["d"]["id"], "everyone");
}

#[tokio::test]
async fn a_new_hoisted_role_changes_the_list() {
    let stage = Stage::open().await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    look(&mut ana, TEXT).await;
    let path = format!("/guilds/{GUILD}/roles");
    let role = done(&stage, ANA, "POST", &path, json!({ "name": "crew", "hoist": true })).await;
    assert_eq!(ana.hear(LIST).await["d"]["ops"][0]["op"], "SYNC");

    let role = role["id"].as_str().expect("an id");
    let path = format!("/guilds/{GUILD}/members/{ANA}/roles/{role}");
    done(&stage, ANA, "PUT", &path, Value::Null).await;

    let moved = ana.hear(LIST).await["d"].clone();
    assert_eq!(moved["groups"][0], json!({ "id": role, "count": 1 }));
}

#[tokio::test]
async fn bots_have_no_lists() {
    let stage = Stage::open().await;
    let (mut bot, _) = stage.identify(BOT, JSON).await;

    bot.send(14, json!({ "guild_id": GUILD })).await;

    assert_eq!(bot.close_code().await, 4001);
}

#[tokio::test]
async fn a_full_client_finds_its_guilds_in_ready() {
    let stage = Stage::open().await;
    let mut client = stage.connect(JSON).await;
    let identify = json!({
        "token": stage.token(BEN), "capabilities": 16_381,
        "properties": { "browser": "test" }, "large_threshold": 100_000_000,
    });
    client.send(2, identify).await;

    let ready = client.next().await;

    assert_eq!((&ready["t"], &ready["s"]), (&json!("READY"), &json!(1)));
    let d = &ready["d"];
    let guild = &d["guilds"][0];
    assert_eq!((&guild["id"], &guild["properties"]["name"]), (&json!(GUILD), &json!("Harbour")));
    assert!(guild["channels"].as_array().is_some_and(|channels| channels.len() == 4));
    assert!(guild["properties"].get("channels").is_none());
    let own = &d["merged_members"][0][0];
    assert_eq!((&own["guild_id"], &own["user"]["id"]), (&json!(GUILD), &json!(BEN)));
    assert_eq!(own["id"], json!(BEN), "Spacebar's clients know members by it");
    for key in ["sessions", "users", "experiments", "connected_accounts", "consents"] {
        assert!(!d[key].is_null(), "{key}");
    }
    let supplement = client.next().await;
    assert_eq!((&supplement["t"], &supplement["s"]), (&json!("READY_SUPPLEMENTAL"), &json!(2)));
    assert_eq!(supplement["d"]["guilds"][0]["id"], json!(GUILD));
    // And hears what comes after.
    stage.say("hail").await;
    assert_eq!(client.hear("MESSAGE_CREATE").await["d"]["content"], "hail");
}

#[tokio::test]
async fn who_is_in_no_guild_is_ready_at_once() {
    let stage = Stage::open().await;
    stage.change(BEN, GuildCommand::Leave).await;
    let mut client = stage.connect(JSON).await;
    client.send(2, json!({ "token": stage.token(BEN), "capabilities": 0 })).await;

    assert_eq!(client.next().await["d"]["guilds"], json!([]));
    assert_eq!(client.next().await["t"], "READY_SUPPLEMENTAL");
}
