//! Large guilds that a person's client does not look at.

use model::id::UserId;
use model::limits;
use model::wire::util::Timestamp;
use serde_json::json;
use state::GuildCommand;

use crate::JSON;
use crate::stage::ANA;
use crate::stage::BEN;
use crate::stage::GUILD;
use crate::stage::Stage;
use crate::stage::TEXT;

#[tokio::test]
async fn a_client_that_asks_for_it_hears_little_of_a_large_guild_until_it_looks_there() {
    let mut stage = Stage::open().await;
    let now = Timestamp::from_secs(1_700_000_000).expect("a time");
    for number in 0..limits::PASSIVE_FROM_MEMBERS as u64 {
        let user = UserId::new(5_000_000 + number);
        stage.welcome(user, &format!("crowd{number}")).await;
        stage.change(user, GuildCommand::Join { user, now, roles: vec![] }).await;
    }
    let mut client = stage.connect(JSON).await;
    client.send(2, json!({ "token": stage.token(BEN), "capabilities": 1 << 14 })).await;
    client.hear("READY_SUPPLEMENTAL").await;
    let (mut ana, _) = stage.identify(ANA, JSON).await;

    stage.say("not told").await;
    ana.hear("MESSAGE_CREATE").await;
    client.send(14, json!({ "guild_id": GUILD, "typing": true })).await;

    // Whatever came is told before it hears anything, and nothing was told by itself.
    let told = client.next().await;
    assert_eq!(told["t"], "PASSIVE_UPDATE_V2", "{told}");
    let d = &told["d"];
    assert_eq!(d["guild_id"], json!(GUILD));
    assert_eq!(d["updated_channels"][0]["id"], json!(TEXT));
    assert!(d["updated_channels"][0]["last_message_id"].is_string(), "{d}");
    stage.say("told").await;
    assert_eq!(client.next().await["d"]["content"], "told");
}
