//! Auto moderation from outside: rules are kept and told, and what they forbid is not said.

use std::sync::Arc;

use crate::support::Answer;
use crate::support::Person;
use crate::support::hall::Ears;
use crate::support::hall::Hall;
use serde_json::Value;
use serde_json::json;
use state::GuildEvent;
use state::automod::Execution;
use state::event::ChatEvent;

fn rules(hall: &Hall) -> String {
    format!("/guilds/{}/auto-moderation/rules", hall.place.guild)
}

/// A rule of that trigger that is on.
fn rule(trigger: u8, metadata: Value, actions: Value) -> Value {
    json!({
        "name": "Rule", "event_type": if trigger == 6 { 2 } else { 1 }, "trigger_type": trigger,
        "trigger_metadata": metadata, "actions": actions, "enabled": true,
    })
}

fn block() -> Value {
    json!([{ "type": 1, "metadata": { "custom_message": "No boats." } }])
}

async fn make(hall: &Hall, body: Value) -> Value {
    let made = hall.ask(&hall.ana, "POST", &rules(hall), body).await;
    assert_eq!(made.status, 200, "{made:?}");
    made.body
}

async fn say(hall: &Hall, who: &Person, content: &str) -> Answer {
    let path = format!("/channels/{}/messages", hall.place.text);
    hall.ask(who, "POST", &path, json!({ "content": content })).await
}

async fn executed(ears: &mut Ears) -> Arc<Execution> {
    ears.guild(|event| match event {
        GuildEvent::RuleExecuted(done) => Some(Arc::clone(done)),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_rule_is_made_changed_and_deleted_by_those_who_manage_the_guild() {
    let hall = Hall::open().await;
    let mut ears = hall.ears(&hall.bot).await;
    let words = json!({ "keyword_filter": ["boat*"] });
    hall.ask(&hall.ben, "POST", &rules(&hall), rule(1, words.clone(), block()))
        .await
        .refuses(403, 50_013);

    let made = make(&hall, rule(1, words, block())).await;

    assert_eq!(made["creator_id"], hall.ana.id);
    assert_eq!(made["guild_id"], hall.place.guild);
    let lists = json!({ "keyword_filter": ["boat*"], "regex_patterns": [], "allow_list": [] });
    assert_eq!(made["trigger_metadata"], lists);
    assert_eq!(made["actions"], block());
    ears.guild(|event| matches!(event, GuildEvent::RuleCreated(_)).then_some(())).await;
    let one = format!("{}/{}", rules(&hall), made["id"].as_str().unwrap());
    assert_eq!(hall.get(&hall.ana, &one).await.body, made);
    assert_eq!(hall.get(&hall.ana, &rules(&hall)).await.body, json!([made]));
    hall.get(&hall.ben, &one).await.refuses(403, 50_013);

    let changed = hall.ask(&hall.ana, "PATCH", &one, json!({ "enabled": false })).await.body;
    assert_eq!((&changed["enabled"], &changed["name"]), (&json!(false), &made["name"]));
    ears.guild(|event| matches!(event, GuildEvent::RuleUpdated(_)).then_some(())).await;
    assert_eq!(say(&hall, &hall.ben, "a boat").await.status, 200, "the rule is off");

    assert_eq!(hall.ask(&hall.ana, "DELETE", &one, Value::Null).await.status, 204);
    ears.guild(|event| matches!(event, GuildEvent::RuleDeleted(_)).then_some(())).await;
    hall.get(&hall.ana, &one).await.refuses(404, 0);
    let log = hall.get(&hall.ana, &format!("/guilds/{}/audit-logs", hall.place.guild)).await;
    let entries = log.body["audit_log_entries"].as_array().unwrap();
    let numbers: Vec<_> = entries.iter().map(|entry| entry["action_type"].clone()).collect();
    assert_eq!(numbers, [142, 141, 140]);
    assert_eq!(entries[1]["changes"][0]["key"], "enabled");
}

#[tokio::test]
async fn what_a_rule_cannot_say_is_refused() {
    let hall = Hall::open().await;
    let words = || json!({ "keyword_filter": ["boat"] });
    // Body, field and code of the fault.
    let table = [
        (rule(2, words(), block()), "trigger_type", "BASE_TYPE_CHOICES"),
        (rule(1, json!({}), block()), "trigger_metadata.keyword_filter", "BASE_TYPE_REQUIRED"),
        (
            rule(1, json!({ "keyword_filter": ["a".repeat(61)] }), block()),
            "trigger_metadata.keyword_filter.0",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            rule(1, json!({ "keyword_filter": vec!["a"; 1_001] }), block()),
            "trigger_metadata.keyword_filter",
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            rule(1, json!({ "regex_patterns": ["(boat"] }), block()),
            "trigger_metadata.regex_patterns.0",
            "AUTO_MODERATION_INVALID_REGEX",
        ),
        (rule(1, words(), json!([])), "actions", "BASE_TYPE_BAD_LENGTH"),
        (
            rule(3, json!({}), json!([{ "type": 3, "metadata": { "duration_seconds": 60 } }])),
            "actions.0.type",
            "AUTO_MODERATION_INVALID_ACTION_TYPE",
        ),
        (
            rule(1, words(), json!([{ "type": 2, "metadata": { "channel_id": "77" } }])),
            "actions.0.metadata.channel_id",
            "CHANNEL_TYPE_INVALID",
        ),
        (
            rule(5, json!({ "mention_total_limit": 51 }), block()),
            "trigger_metadata.mention_total_limit",
            "NUMBER_TYPE_MAX",
        ),
    ];
    for (body, field, code) in table {
        hall.ask(&hall.ana, "POST", &rules(&hall), body).await.refuses_field(field, code);
    }

    make(&hall, rule(3, json!({}), block())).await;
    let second = hall.ask(&hall.ana, "POST", &rules(&hall), rule(3, json!({}), block())).await;
    second.refuses(400, 50_035);
    assert_eq!(
        second.body["errors"]["_errors"][0]["code"],
        "AUTO_MODERATION_MAX_RULES_OF_TYPE_EXCEEDED"
    );
}

#[tokio::test]
async fn a_blocked_message_is_not_said_and_its_author_is_told_why() {
    let mut hall = Hall::open().await;
    let made = make(&hall, rule(1, json!({ "keyword_filter": ["boat*"] }), block())).await;
    let mut ears = hall.ears(&hall.ana).await;

    for who in [&hall.ben, &hall.bot] {
        let refused = say(&hall, who, "Two Boats, please").await;
        refused.refuses(400, 200_000);
        assert_eq!(refused.body["errors"]["content"]["_errors"][0]["message"], "No boats.");
        let done = executed(&mut ears).await;
        assert_eq!(
            (done.rule.to_string(), done.user.to_string()),
            (made["id"].as_str().unwrap().to_owned(), who.id.clone(),)
        );
        assert_eq!(done.matched.as_deref(), Some("Boat"));
        assert_eq!(done.keyword.as_deref(), Some("boat*"));
        assert_eq!((done.message, done.content.as_str()), (None, "Two Boats, please"));
    }
    assert_eq!(hall.history().await, Vec::<Value>::new());
    assert_eq!(say(&hall, &hall.ana, "a boat").await.status, 200, "who manages the guild may");
    hall.api.forget_limits();
    let said = say(&hall, &hall.ben, "a canoe").await.body;
    let one = format!("/channels/{}/messages/{}", hall.place.text, said["id"].as_str().unwrap());
    let edited = hall.ask(&hall.ben, "PATCH", &one, json!({ "content": "a boat" })).await;
    edited.refuses(400, 200_000);
    assert_eq!(hall.history().await[0]["content"], "a canoe");
    let log = format!("/guilds/{}/audit-logs?action_type=143", hall.place.guild);
    let log = hall.get(&hall.ana, &log).await.body;
    let entry = &log["audit_log_entries"][1];
    assert_eq!(entry["target_id"], hall.bot.id);
    let options = json!({
        "auto_moderation_rule_name": "Rule", "auto_moderation_rule_trigger_type": "1",
        "channel_id": hall.place.text,
    });
    assert_eq!(entry["options"], options);
}

#[tokio::test]
async fn titles_of_threads_are_judged_too() {
    let hall = Hall::open().await;
    make(&hall, rule(1, json!({ "regex_patterns": ["b[o0]at"] }), block())).await;
    let threads = format!("/channels/{}/threads", hall.place.text);
    let start = |name: &str| json!({ "name": name, "type": 11 });

    hall.ask(&hall.ben, "POST", &threads, start("b0ats")).await.refuses(400, 200_001);

    let started = hall.ask(&hall.ben, "POST", &threads, start("canoes")).await;
    assert_eq!(started.status, 201, "{started:?}");
    let thread = format!("/channels/{}", started.body["id"].as_str().unwrap());
    let renamed = hall.ask(&hall.ben, "PATCH", &thread, json!({ "name": "boats" })).await;
    renamed.refuses(400, 200_001);
}

#[tokio::test]
async fn exempt_roles_and_channels_are_left_alone() {
    let hall = Hall::open().await;
    let guild = format!("/guilds/{}", hall.place.guild);
    let role = hall.ask(&hall.ana, "POST", &format!("{guild}/roles"), json!({})).await.body;
    let role = role["id"].as_str().unwrap();
    let mut body = rule(1, json!({ "keyword_filter": ["boat"] }), block());
    body["exempt_roles"] = json!([role]);
    let made = make(&hall, body).await;
    say(&hall, &hall.ben, "boat").await.refuses(400, 200_000);

    let give = format!("{guild}/members/{}/roles/{role}", hall.ben.id);
    assert_eq!(hall.ask(&hall.ana, "PUT", &give, Value::Null).await.status, 204);
    assert_eq!(say(&hall, &hall.ben, "boat").await.status, 200);

    let one = format!("{}/{}", rules(&hall), made["id"].as_str().unwrap());
    let channels = json!({ "exempt_roles": [], "exempt_channels": [hall.place.text] });
    hall.ask(&hall.ana, "PATCH", &one, channels).await;
    assert_eq!(say(&hall, &hall.bot, "boat").await.status, 200);
}

#[tokio::test]
async fn an_alert_tells_what_was_said_and_a_timeout_keeps_its_author_quiet() {
    let hall = Hall::open().await;
    let actions = json!([
        { "type": 2, "metadata": { "channel_id": hall.place.voice } },
        { "type": 3, "metadata": { "duration_seconds": 60 } },
    ]);
    let words = json!({ "keyword_filter": ["*boat*"], "allow_list": ["lifeboat"] });
    make(&hall, rule(1, words, actions)).await;
    let mut ears = hall.ears(&hall.ana).await;
    assert_eq!(say(&hall, &hall.ben, "a lifeboat").await.status, 200);

    let said = say(&hall, &hall.ben, "a rowboat").await;

    assert_eq!(said.status, 200, "nothing blocks it: {said:?}");
    let alert = ears
        .guild(|event| match event {
            GuildEvent::Chat(ChatEvent::MessageCreated(said)) if said.kind == 24 => {
                Some(Arc::clone(said))
            }
            _ => None,
        })
        .await;
    assert_eq!(alert.channel.to_string(), hall.place.voice);
    assert_eq!(alert.author.to_string(), hall.ben.id);
    let embed = &alert.embeds[0];
    assert_eq!(embed.kind, "auto_moderation_message");
    assert_eq!(embed.description.as_deref(), Some("a rowboat"));
    let field = |name: &str| {
        let field = embed.fields.iter().find(|field| field.name == name);
        field.unwrap_or_else(|| panic!("no {name}")).value.clone()
    };
    assert_eq!(field("keyword"), "*boat*");
    assert_eq!(field("flagged_message_id"), said.body["id"].as_str().unwrap());
    assert_eq!(executed(&mut ears).await.alert, Some(alert.id));
    assert_eq!(executed(&mut ears).await.action.number(), 3);
    say(&hall, &hall.ben, "a canoe").await.refuses(403, 50_013);
    let log = format!("/guilds/{}/audit-logs", hall.place.guild);
    let entries = hall.get(&hall.ana, &log).await.body["audit_log_entries"].clone();
    let numbers: Vec<_> =
        entries.as_array().unwrap().iter().map(|entry| entry["action_type"].clone()).collect();
    assert_eq!(numbers[..2], [145, 144]);
}

#[tokio::test]
async fn mentions_spam_and_presets_trigger_their_rules() {
    let mut hall = Hall::open().await;
    make(&hall, rule(5, json!({ "mention_total_limit": 2 }), block())).await;
    make(&hall, rule(3, json!({}), block())).await;
    make(&hall, rule(4, json!({ "presets": [1] }), block())).await;

    say(&hall, &hall.ben, "<@1> <@2> <@&3>").await.refuses(400, 200_000);
    assert_eq!(say(&hall, &hall.ben, "<@1> <@1> <@1>").await.status, 200, "one, thrice");
    say(&hall, &hall.ben, &"buy ".repeat(30)).await.refuses(400, 200_000);
    say(&hall, &hall.ben, "what a load of Bullshit").await.refuses(400, 200_000);
    hall.api.forget_limits();
    for _ in 0..3 {
        assert_eq!(say(&hall, &hall.bot, "Hear hear!").await.status, 200);
    }
    say(&hall, &hall.bot, "hear hear").await.refuses(400, 200_000);
}

#[tokio::test]
async fn a_name_that_a_rule_forbids_keeps_its_member_quiet_until_it_is_changed() {
    let hall = Hall::open().await;
    let actions = json!([
        { "type": 4 },
        { "type": 2, "metadata": { "channel_id": hall.place.voice } },
    ]);
    let made = make(&hall, rule(6, json!({ "keyword_filter": ["*boat*"] }), actions)).await;
    let me = format!("/guilds/{}/members/@me", hall.place.guild);
    let mut ears = hall.ears(&hall.ana).await;

    let named = hall.ask(&hall.ben, "PATCH", &me, json!({ "nick": "Boaty" })).await;

    assert_eq!((named.status.as_u16(), &named.body["flags"]), (200, &json!(1 << 7)));
    assert_eq!(executed(&mut ears).await.action.number(), 4);
    let alert = executed(&mut ears).await;
    assert!(alert.alert.is_some() && alert.channel.is_none());
    assert_eq!(alert.content, "Boaty");
    say(&hall, &hall.ben, "hello").await.refuses(403, 50_013);

    let renamed = hall.ask(&hall.ben, "PATCH", &me, json!({ "nick": null })).await;
    assert_eq!(renamed.body["flags"], 0);
    assert_eq!(say(&hall, &hall.ben, "hello").await.status, 200);

    // A new name of the account counts in all its guilds, and a rule that is gone lets go.
    let account = json!({ "global_name": "Boat Face" });
    assert_eq!(hall.ask(&hall.ben, "PATCH", "/users/@me", account).await.status, 200);
    say(&hall, &hall.ben, "hello").await.refuses(403, 50_013);
    let one = format!("{}/{}", rules(&hall), made["id"].as_str().unwrap());
    assert_eq!(hall.ask(&hall.ana, "DELETE", &one, Value::Null).await.status, 204);
    assert_eq!(say(&hall, &hall.ben, "hello").await.status, 200);
}
