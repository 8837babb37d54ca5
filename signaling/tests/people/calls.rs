//! Calls in private channels: op 4 without a guild, ringing by REST, and what the gateway and the history
//! tell of them. What the voice gateway makes of it is tested in `voice/`.

use std::collections::BTreeMap;
use std::time::Instant;

use model::id::ChannelId;
use model::id::UserId;
use model::limits;
use serde_json::Value;
use serde_json::json;
use state::call::CallCommand;

use crate::JSON;
use crate::relationships::befriend;
use crate::rest::ask;
use crate::rest::done;
use crate::rest::refused;
use crate::stage::ANA;
use crate::stage::BEN;
use crate::stage::BOT;
use crate::stage::Client;
use crate::stage::GUILD;
use crate::stage::Stage;
use crate::stage::TEXT;
use crate::stage::VOICE;

const CREATE: &str = "CALL_CREATE";
const UPDATE: &str = "CALL_UPDATE";
const DELETE: &str = "CALL_DELETE";
const STATE: &str = "VOICE_STATE_UPDATE";
const SERVER: &str = "VOICE_SERVER_UPDATE";
/// A friend of Ana's in no guild.
const CAI: UserId = UserId::new(4);

/// The direct messages of two.
async fn pair(stage: &Stage, me: UserId, other: UserId) -> String {
    let opened = json!({ "recipient_id": other });
    let channel = done(stage, me, "POST", "/users/@me/channels", opened).await;
    channel["id"].as_str().expect("an id").to_owned()
}

/// Somebody comes along who is in no guild, and befriends Ana.
async fn with_cai(stage: &mut Stage) {
    stage.welcome(CAI, "cai").await;
    done(stage, ANA, "PUT", &format!("/users/@me/relationships/{CAI}"), json!({})).await;
    done(stage, CAI, "PUT", &format!("/users/@me/relationships/{ANA}"), json!({})).await;
}

fn there(channel: &str) -> Value {
    json!({ "guild_id": null, "channel_id": channel, "self_mute": true, "self_deaf": false })
}

/// What a person's client says when it hangs up, and when it begins.
fn nowhere() -> Value {
    json!({ "guild_id": null, "channel_id": null, "self_mute": false, "self_deaf": false })
}

fn in_guild() -> Value {
    json!({ "guild_id": GUILD, "channel_id": VOICE, "self_mute": false, "self_deaf": false })
}

fn path(channel: &str, rest: &str) -> String {
    format!("/channels/{channel}/call{rest}")
}

/// The first dispatch of each of these names, in whatever order they come.
async fn hear_all<const N: usize>(client: &mut Client, names: [&str; N]) -> [Value; N] {
    let mut heard = BTreeMap::new();
    while heard.len() < N {
        let message = client.next().await;
        if let Some(name) = names.iter().find(|name| message["t"] == **name) {
            heard.entry(*name).or_insert_with(|| message["d"].clone());
        }
    }
    names.map(|name| heard.remove(name).expect("heard"))
}

/// The next CALL_UPDATE's ringing.
async fn ringing(client: &mut Client) -> Value {
    client.hear(UPDATE).await["d"]["ringing"].clone()
}

#[tokio::test]
async fn a_call_begins_rings_is_answered_and_ends_with_the_last_who_leaves() {
    let stage = Stage::open().await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    let channel = pair(&stage, ANA, BEN).await;

    ana.send(4, there(&channel)).await;

    let [server, said] = hear_all(&mut ana, [SERVER, "MESSAGE_CREATE"]).await;
    assert_eq!((&server["guild_id"], &server["channel_id"]), (&Value::Null, &json!(channel)));
    assert!(server["token"].as_str().is_some_and(|token| token.len() >= 32), "{server}");
    assert!(server["endpoint"].is_string(), "{server}");
    assert_eq!((&said["type"], &said["author"]["id"]), (&json!(3), &json!(ANA)));
    assert_eq!(said["call"], json!({ "participants": [ANA], "ended_timestamp": null }));
    let [call, state] = hear_all(&mut ben, [CREATE, STATE]).await;
    assert_eq!((&call["channel_id"], &call["message_id"]), (&json!(channel), &said["id"]));
    assert_eq!((&call["region"], &call["ringing"]), (&json!("guildhall"), &json!([])));
    assert_eq!(call["voice_states"], json!([state]));
    assert_eq!((&state["user_id"], &state["channel_id"]), (&json!(ANA), &json!(channel)));
    assert_eq!((&state["self_mute"], &state["self_deaf"]), (&json!(true), &json!(false)));
    assert!(state.get("guild_id").is_none(), "{state}");

    let may = done(&stage, ANA, "GET", &path(&channel, ""), Value::Null).await;
    assert_eq!(may, json!({ "ringable": true }));
    let wanted = json!({ "recipients": null });
    let (status, _) = ask(&stage, ANA, "POST", &path(&channel, "/ring"), wanted).await;
    assert_eq!(status, 204);
    let rung = ben.hear(UPDATE).await["d"].clone();
    assert_eq!(
        rung,
        json!({
            "channel_id": channel, "message_id": said["id"], "region": "guildhall", "ringing": [BEN],
        })
    );

    ben.send(4, there(&channel)).await;
    ben.hear(SERVER).await;
    assert_eq!(ringing(&mut ana).await, json!([BEN]));
    let [answered, joined, changed] = hear_all(&mut ana, [UPDATE, STATE, "MESSAGE_UPDATE"]).await;
    assert_eq!(answered["ringing"], json!([]));
    assert_eq!((&joined["user_id"], &joined["channel_id"]), (&json!(BEN), &json!(channel)));
    assert_eq!(changed["call"]["participants"], json!([ANA, BEN]));

    ana.send(4, nowhere()).await;
    let left = ana.hear(STATE).await["d"].clone();
    assert_eq!((&left["user_id"], &left["channel_id"]), (&json!(ANA), &Value::Null));
    // Whose client goes away leaves.
    ben.close(1_000).await;
    let [over, changed] = hear_all(&mut ana, [DELETE, "MESSAGE_UPDATE"]).await;
    assert_eq!(over, json!({ "channel_id": channel }));
    assert_eq!(changed["call"]["participants"], json!([ANA, BEN]));
    assert!(changed["call"]["ended_timestamp"].is_string(), "{changed}");
    let history = format!("/channels/{channel}/messages");
    let history = done(&stage, ANA, "GET", &history, Value::Null).await;
    assert_eq!(history[0]["call"], changed["call"]);
    let again = pair(&stage, BEN, ANA).await;
    assert_eq!(again, channel, "and it is where the two talk");
}

#[tokio::test]
async fn whoever_is_rung_declines_on_all_clients_and_whoever_rings_takes_it_back() {
    let stage = Stage::open().await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    let (mut phone, _) = stage.identify(BEN, JSON).await;
    let channel = pair(&stage, ANA, BEN).await;
    let (ring, stop) = (path(&channel, "/ring"), path(&channel, "/stop-ringing"));
    // Without a call there is nothing to hear of.
    assert_eq!(ask(&stage, ANA, "POST", &ring, json!({})).await.0, 204);
    ana.send(4, there(&channel)).await;
    ana.hear(SERVER).await;

    refused(&stage, BEN, ("POST", &ring), json!({ "recipients": [ANA] }), 40_032).await;
    done(&stage, ANA, "POST", &ring, json!({ "recipients": [BEN] })).await;
    assert_eq!(ringing(&mut ben).await, json!([BEN]));
    done(&stage, BEN, "POST", &stop, Value::Null).await;
    assert_eq!(ringing(&mut ben).await, json!([]));
    assert_eq!(ringing(&mut phone).await, json!([BEN]));
    assert_eq!(ringing(&mut phone).await, json!([]));

    done(&stage, ANA, "POST", &ring, Value::Null).await;
    assert_eq!(ringing(&mut ben).await, json!([BEN]));
    refused(&stage, BEN, ("POST", &stop), json!({ "recipients": [ANA] }), 40_032).await;
    done(&stage, ANA, "POST", &stop, json!({ "recipients": [BEN] })).await;
    assert_eq!(ringing(&mut ben).await, json!([]));
}

#[tokio::test]
async fn nobody_is_rung_for_longer_than_a_minute() {
    let stage = Stage::open().await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let channel = pair(&stage, ANA, BEN).await;
    ana.send(4, there(&channel)).await;
    ana.hear(SERVER).await;
    let channel: ChannelId = channel.parse().expect("an id");

    // As long ago as that.
    #[expect(clippy::disallowed_methods, reason = "tests are shells")]
    let now = Instant::now().checked_sub(limits::RING).expect("a machine that is up for a minute");
    let ring = CallCommand::Ring { channel, by: ANA, people: vec![BEN], now };
    stage.parts.store.call(ring).await.expect("allowed");

    assert_eq!(ringing(&mut ana).await, json!([BEN]));
    assert_eq!(ringing(&mut ana).await, json!([]));
}

#[tokio::test]
async fn who_may_not_call_is_told_in_discords_words() {
    let mut stage = Stage::open().await;
    with_cai(&mut stage).await;
    let channel = pair(&stage, ANA, BEN).await;
    let call = path(&channel, "");
    let ring = path(&channel, "/ring");

    for at in [("GET", call.as_str()), ("POST", &ring)] {
        refused(&stage, BOT, at, Value::Null, 20_001).await;
        refused(&stage, CAI, at, Value::Null, 50_001).await;
    }
    refused(&stage, ANA, ("GET", &path("999", "")), Value::Null, 10_003).await;
    refused(&stage, ANA, ("GET", &path(&TEXT.to_string(), "")), Value::Null, 50_024).await;
    refused(&stage, ANA, ("PATCH", &call), json!({ "region": "moon" }), 50_035).await;
    refused(&stage, ANA, ("POST", &ring), json!({ "recipients": "all" }), 50_035).await;
    refused(&stage, ANA, ("POST", &ring), json!({ "recipients": [CAI] }), 10_013).await;
    let robot = pair(&stage, ANA, BOT).await;
    refused(&stage, ANA, ("GET", &path(&robot, "")), Value::Null, 50_007).await;

    // Cai shares no guild with Ana: as a friend she is rung, and no more when she is none.
    let cai = pair(&stage, ANA, CAI).await;
    let may = done(&stage, ANA, "GET", &path(&cai, ""), Value::Null).await;
    assert_eq!(may, json!({ "ringable": true }));
    done(&stage, ANA, "DELETE", &format!("/users/@me/relationships/{CAI}"), Value::Null).await;
    let may = done(&stage, ANA, "GET", &path(&cai, ""), Value::Null).await;
    assert_eq!(may, json!({ "ringable": false }));
    refused(&stage, ANA, ("POST", &path(&cai, "/ring")), json!({}), 50_007).await;
}

#[tokio::test]
async fn the_region_is_told_again_and_there_is_one() {
    let stage = Stage::open().await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let channel = pair(&stage, ANA, BEN).await;
    ana.send(4, there(&channel)).await;
    ana.hear(SERVER).await;

    let regions = done(&stage, ANA, "GET", "/voice/regions", Value::Null).await;
    let region = json!({ "region": regions[0]["id"] });
    let (status, _) = ask(&stage, BEN, "PATCH", &path(&channel, ""), region).await;

    assert_eq!(status, 204);
    assert_eq!(ana.hear(UPDATE).await["d"]["region"], regions[0]["id"]);
}

#[tokio::test]
async fn a_block_ends_the_call_and_lets_no_other_begin() {
    let stage = Stage::open().await;
    befriend(&stage).await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    let channel = pair(&stage, ANA, BEN).await;
    ana.send(4, there(&channel)).await;
    ana.hear(SERVER).await;
    ben.hear(CREATE).await;

    let block = format!("/users/@me/relationships/{ANA}");
    done(&stage, BEN, "PUT", &block, json!({ "type": 2 })).await;

    let [over, left] = hear_all(&mut ana, [DELETE, STATE]).await;
    assert_eq!((&over["channel_id"], &left["channel_id"]), (&json!(channel), &Value::Null));
    refused(&stage, ANA, ("GET", &path(&channel, "")), Value::Null, 50_007).await;
    refused(&stage, ANA, ("POST", &path(&channel, "/ring")), json!({}), 50_007).await;
    // Neither of them joins; what they ask for next is answered.
    ana.send(4, there(&channel)).await;
    ana.send(4, in_guild()).await;
    assert_eq!(ana.hear(SERVER).await["d"]["guild_id"], json!(GUILD));
    assert!(stage.parts.store.calls_of(BEN).is_empty());
}

#[tokio::test]
async fn who_connects_later_is_told_of_calls_or_asks_for_them() {
    let stage = Stage::open().await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let channel = pair(&stage, ANA, BEN).await;
    ana.send(4, there(&channel)).await;
    ana.hear(SERVER).await;
    let greeted = async |capabilities: Option<u64>| {
        let mut client = stage.connect(JSON).await;
        let mut d = json!({ "token": stage.token(BEN), "properties": {} });
        if let Some(bits) = capabilities {
            d["capabilities"] = json!(bits);
        }
        client.send(2, d).await;
        client.hear("READY").await;
        client
    };

    // Clients that cannot say so, and those that do.
    for capabilities in [None, Some(1 << 12)] {
        let call = greeted(capabilities).await.hear(CREATE).await["d"].clone();
        assert_eq!(call["channel_id"], json!(channel), "{capabilities:?}");
        assert_eq!(call["voice_states"][0]["user_id"], json!(ANA));
    }
    let mut asking = greeted(Some(1)).await;
    asking.send(13, json!({ "channel_id": TEXT })).await;
    asking.send(13, json!({ "channel_id": channel })).await;
    loop {
        let message = asking.next().await;
        if message["t"] == CREATE {
            assert_eq!(message["d"]["channel_id"], json!(channel));
            break;
        }
        assert_ne!(message["t"], UPDATE, "nothing before it was asked for");
    }
    // Nobody hears of the calls of others.
    let mut bot = stage.identify(BOT, JSON).await.0;
    bot.send(13, json!({ "channel_id": channel })).await;
    assert_eq!(bot.close_code().await, 4_001);
}

#[tokio::test]
async fn one_is_in_one_place_a_guilds_channel_or_a_call() {
    let mut stage = Stage::open().await;
    with_cai(&mut stage).await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let channel = pair(&stage, ANA, BEN).await;
    let other = pair(&stage, ANA, CAI).await;
    let guild = stage.parts.store.guild(GUILD).expect("the guild");
    ana.send(4, in_guild()).await;
    ana.hear(SERVER).await;

    ana.send(4, there(&channel)).await;
    let left = ana.hear(STATE).await["d"].clone();
    assert_eq!((&left["guild_id"], &left["channel_id"]), (&json!(GUILD), &Value::Null));
    assert_eq!(ana.hear(SERVER).await["d"]["channel_id"], json!(channel));
    assert!(guild.view().voice.is_empty());

    ana.send(4, there(&other)).await;
    assert_eq!(ana.hear(DELETE).await["d"]["channel_id"], json!(channel));
    assert_eq!(ana.hear(SERVER).await["d"]["channel_id"], json!(other));

    ana.send(4, in_guild()).await;
    assert_eq!(ana.hear(DELETE).await["d"]["channel_id"], json!(other));
    assert_eq!(ana.hear(SERVER).await["d"]["guild_id"], json!(GUILD));
    // Another client that begins says that it is nowhere, and means itself.
    let (mut second, _) = stage.identify(ANA, JSON).await;
    second.send(4, nowhere()).await;
    second.send(4, there(&channel)).await;
    let left = second.hear(STATE).await["d"].clone();
    assert_eq!((&left["guild_id"], &left["channel_id"]), (&json!(GUILD), &Value::Null));
    second.hear(SERVER).await;
    second.send(4, nowhere()).await;
    second.hear(DELETE).await;
}

#[tokio::test]
async fn who_is_brought_into_a_group_is_told_of_its_call() {
    let mut stage = Stage::open().await;
    with_cai(&mut stage).await;
    befriend(&stage).await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let mut cai = stage.connect(JSON).await;
    cai.identify(&stage.token(CAI)).await;
    cai.hear("READY").await;
    let wanted = json!({ "recipients": [BEN, CAI] });
    let group = done(&stage, ANA, "POST", "/users/@me/channels", wanted).await;
    let group = group["id"].as_str().expect("an id").to_owned();
    let cais = format!("/channels/{group}/recipients/{CAI}");
    done(&stage, ANA, "DELETE", &cais, Value::Null).await;
    ana.send(4, there(&group)).await;
    ana.hear(SERVER).await;

    done(&stage, ANA, "PUT", &cais, json!({})).await;

    // Before anything else of that call, and after the channel.
    cai.hear("CHANNEL_DELETE").await;
    cai.hear("CHANNEL_CREATE").await;
    let opened = cai.next().await;
    assert_eq!(opened["t"], CREATE);
    let opened = &opened["d"];
    assert_eq!(opened["channel_id"], json!(group));
    assert_eq!(opened["voice_states"][0]["user_id"], json!(ANA));
    // Who knew of it does not hear that it begins.
    let next = loop {
        let next = ana.next().await;
        if next["t"] == CREATE || next["d"]["type"] == 1 {
            break next;
        }
    };
    assert_eq!(next["t"], "MESSAGE_CREATE", "{next}");
    let call = stage.parts.store.call_in(group.parse().expect("an id")).expect("a call");
    assert_eq!(opened["message_id"], json!(call.message));
}

#[tokio::test]
async fn who_is_removed_from_a_group_is_out_of_its_call() {
    let mut stage = Stage::open().await;
    with_cai(&mut stage).await;
    befriend(&stage).await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let (mut ben, _) = stage.identify(BEN, JSON).await;
    let wanted = json!({ "recipients": [BEN, CAI] });
    let group = done(&stage, ANA, "POST", "/users/@me/channels", wanted).await;
    let channel = group["id"].as_str().expect("an id").to_owned();
    for client in [&mut ana, &mut ben] {
        client.send(4, there(&channel)).await;
        client.hear(SERVER).await;
    }
    done(&stage, ANA, "POST", &path(&channel, "/ring"), json!({})).await;
    assert_eq!(ringing(&mut ana).await, json!([CAI]));

    for user in [BEN, CAI] {
        let recipient = format!("/channels/{channel}/recipients/{user}");
        done(&stage, ANA, "DELETE", &recipient, Value::Null).await;
    }

    loop {
        let left = ben.hear(STATE).await["d"].clone();
        if left["channel_id"].is_null() {
            assert_eq!(left["user_id"], json!(BEN));
            break;
        }
    }
    assert_eq!(ringing(&mut ana).await, json!([]));
    let call = stage.parts.store.call_in(channel.parse().expect("an id")).expect("a call");
    assert_eq!(call.voice.keys().collect::<Vec<_>>(), [&ANA]);
}

#[tokio::test]
async fn a_server_that_goes_down_writes_when_its_calls_ended() {
    let stage = Stage::open().await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;
    let channel = pair(&stage, ANA, BEN).await;
    ana.send(4, there(&channel)).await;
    ana.hear(SERVER).await;

    stage.parts.calls.shutdown().await;

    assert_eq!(ana.hear(DELETE).await["d"], json!({ "channel_id": channel, "unavailable": true }));
    let history = format!("/channels/{channel}/messages");
    let history = done(&stage, ANA, "GET", &history, Value::Null).await;
    assert_eq!(history[0]["call"]["participants"], json!([ANA]));
    assert!(history[0]["call"]["ended_timestamp"].is_string(), "{history}");
}
