//! Interactions from both sides: a person's client calls, a bot answers, everyone hears what they may.

use crate::support::hall::Ears;
use crate::support::hall::Hall;
use crate::support::hall::callback;
use crate::support::hall::followups;
use axum::http::StatusCode;
use serde_json::Value;
use serde_json::json;
use state::GuildEvent;
use state::event::ChatEvent;

/// Calls the slash command of that id.
async fn slash(hall: &Hall, id: &str, options: Value) -> crate::support::Answer {
    let call = hall.call(2, json!({ "id": id, "name": "x", "type": 1, "options": options }));
    hall.ask(&hall.ben, "POST", "/interactions", call).await
}

/// A hall in which Ben called `/ping`, the bot's ears, and what it was told.
async fn called() -> (Hall, Ears, std::sync::Arc<state::event::Personal>) {
    let hall = Hall::open().await;
    let ids = hall.commands(json!([{ "name": "ping", "description": "Pongs" }])).await;
    let mut ears = hall.ears(&hall.bot).await;
    assert_eq!(slash(&hall, &ids[0], json!([])).await.status, StatusCode::NO_CONTENT);
    let told = ears.personal("INTERACTION_CREATE").await;
    (hall, ears, told)
}

fn button(id: &str) -> Value {
    json!([{ "type": 1, "components": [
        { "type": 2, "style": 1, "label": "Go", "custom_id": id },
        { "type": 2, "style": 2, "label": "No", "custom_id": "off", "disabled": true },
    ] }])
}

#[tokio::test]
async fn a_command_reaches_its_bot_and_its_answer_the_channel() {
    let hall = Hall::open().await;
    let option = json!({ "type": 6, "name": "whom", "description": "d", "required": true });
    let greet = json!([{ "name": "greet", "description": "Greets", "options": [option] }]);
    let ids = hall.commands(greet).await;
    let (mut bot, mut ben) = (hall.ears(&hall.bot).await, hall.ears(&hall.ben).await);
    let german = json!({ "locale": "de" });
    assert_eq!(hall.ask(&hall.ben, "PATCH", "/users/@me/settings", german).await.status, 200);

    let given = json!([{ "name": "whom", "type": 6, "value": hall.ana.id }]);
    assert_eq!(slash(&hall, &ids[0], given).await.status, StatusCode::NO_CONTENT);

    let told = bot.personal("INTERACTION_CREATE").await;
    let body = &told.body;
    assert_eq!((&body["type"], &body["version"]), (&json!(2), &json!(1)));
    assert_eq!((&body["locale"], &body["guild_locale"]), (&json!("de"), &json!("en-US")));
    assert_eq!(body["data"]["name"], "greet");
    assert_eq!(body["data"]["options"][0]["value"], hall.ana.id);
    assert_eq!(body["data"]["resolved"]["users"][&hall.ana.id]["username"], "ana");
    assert!(body["data"]["resolved"]["members"][&hall.ana.id]["permissions"].is_string());
    assert_eq!(body["member"]["user"]["id"], hall.ben.id);
    assert!(body["member"]["permissions"].is_string() && body["app_permissions"].is_string());
    assert_eq!((&body["guild_id"], &body["context"]), (&json!(hall.place.guild), &json!(0)));
    assert_eq!(body["authorizing_integration_owners"]["0"], hall.place.guild);
    let made = ben.personal("INTERACTION_CREATE").await;
    assert_eq!(made.body, json!({ "id": body["id"], "nonce": "n1" }));

    let answer = json!({ "type": 4, "data": { "content": "Hail, <@1>!" } });
    let path = format!("{}?with_response=true", callback(&told));
    let answered = hall.nobody("POST", &path, answer.clone()).await;

    assert_eq!(answered.status, StatusCode::OK, "{answered:?}");
    let message = &answered.body["resource"]["message"];
    assert_eq!(message["content"], "Hail, <@1>!");
    assert_eq!(message["author"]["id"], hall.bot.id);
    assert_eq!((&message["type"], &message["application_id"]), (&json!(20), &json!(hall.bot.id)));
    assert_eq!(message["interaction_metadata"]["id"], body["id"]);
    assert_eq!(message["interaction_metadata"]["user"]["id"], hall.ben.id);
    assert_eq!(message["interaction"]["name"], "greet");
    assert_eq!(answered.body["interaction"]["response_message_id"], message["id"]);
    assert_eq!(hall.history().await[0]["id"], message["id"]);
    let done = ben.personal("INTERACTION_SUCCESS").await;
    assert_eq!(done.body, json!({ "id": body["id"], "nonce": "n1" }));
    hall.nobody("POST", &callback(&told), answer).await.refuses(400, 40_060);
}

#[tokio::test]
async fn what_does_not_fit_the_command_never_reaches_the_bot() {
    let hall = Hall::open().await;
    let options = json!([
        { "type": 4, "name": "sides", "description": "d", "required": true, "max_value": 20 },
        { "type": 7, "name": "where", "description": "d", "channel_types": [2] },
    ]);
    let ids =
        hall.commands(json!([{ "name": "roll", "description": "d", "options": options }])).await;
    let mut bot = hall.ears(&hall.bot).await;

    let large = slash(&hall, &ids[0], json!([{ "name": "sides", "value": 21 }])).await;
    large.refuses_field("data.options.0.value", "NUMBER_TYPE_MAX");
    let missing = slash(&hall, &ids[0], json!([])).await;
    missing.refuses_field("data.options", "APPLICATION_COMMAND_REQUIRED_OPTION");
    let wrong = json!([{ "name": "sides", "value": 6 },
        { "name": "where", "value": hall.place.text }]);
    slash(&hall, &ids[0], wrong).await.refuses_field("data.options.1.value", "BASE_TYPE_CHOICES");
    slash(&hall, "999", json!([])).await.refuses(404, 10_063);
    let old = hall.call(2, json!({ "id": ids[0], "version": "5", "options": [] }));
    let old = hall.ask(&hall.ben, "POST", "/interactions", old).await;
    old.refuses_field("data.version", "INTERACTION_APPLICATION_COMMAND_INVALID_VERSION");
    let call = hall.call(2, json!({ "id": ids[0] }));
    hall.ask(&hall.bot, "POST", "/interactions", call).await.refuses(403, 20_001);

    assert!(bot.names().is_empty());
}

#[tokio::test]
async fn commands_are_for_those_who_may_use_them() {
    let hall = Hall::open().await;
    let ids = hall
        .commands(json!([
            { "name": "ping", "description": "d" },
            { "name": "ban", "description": "d", "default_member_permissions": "4" },
            { "name": "hush", "description": "d", "nsfw": true },
            { "name": "dm", "description": "d", "contexts": [1] },
        ]))
        .await;

    slash(&hall, &ids[1], json!([])).await.refuses(403, 50_013);
    slash(&hall, &ids[2], json!([])).await.refuses(403, 20_024);
    slash(&hall, &ids[3], json!([])).await.refuses(404, 10_063);
    assert_eq!(slash(&hall, &ids[0], json!([])).await.status, StatusCode::NO_CONTENT);
    // USE_APPLICATION_COMMANDS is bit 31.
    let path = format!("/channels/{}/permissions/{}", hall.place.text, hall.place.guild);
    let deny = json!({ "type": 0, "deny": (1_u64 << 31).to_string(), "allow": "0" });
    assert_eq!(hall.ask(&hall.ana, "PUT", &path, deny).await.status, StatusCode::NO_CONTENT);
    slash(&hall, &ids[0], json!([])).await.refuses(403, 50_013);
    let dan = hall.api.register("dan").await;
    let call = hall.call(2, json!({ "id": ids[0] }));
    hall.ask(&dan, "POST", "/interactions", call).await.refuses(403, 50_001);
}

#[tokio::test]
async fn a_deferred_answer_is_said_by_a_change_and_followed_up() {
    let (hall, mut bot, told) = called().await;
    let (path, follow) = (callback(&told), followups(&told));
    let early = json!({ "content": "early" });
    hall.nobody("POST", &follow, early).await.refuses(401, 50_027);

    assert_eq!(hall.nobody("POST", &path, json!({ "type": 5 })).await.status, 204);
    let thinking = &hall.history().await[0];
    assert_eq!((&thinking["flags"], &thinking["content"]), (&json!(128), &json!("")));
    let original = format!("{follow}/messages/@original");
    let changed = hall.nobody("PATCH", &original, json!({ "content": "Pong" })).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!((&changed.body["flags"], &changed.body["content"]), (&json!(0), &json!("Pong")));
    assert_eq!(changed.body["id"], thinking["id"]);
    assert!(changed.body["edited_timestamp"].is_null());
    let updated = bot
        .guild(|event| match event {
            GuildEvent::Chat(ChatEvent::MessageUpdated(message)) => Some(message.content.clone()),
            _ => None,
        })
        .await;
    assert_eq!(updated, "Pong");

    let more = hall.nobody("POST", &follow, json!({ "content": "And more" })).await;
    assert_eq!(more.status, 200, "{more:?}");
    let metadata = &more.body["interaction_metadata"];
    assert_eq!(metadata["original_response_message_id"], thinking["id"]);
    assert_eq!(more.body["message_reference"]["message_id"], thinking["id"]);
    let one = format!("{follow}/messages/{}", more.body["id"].as_str().unwrap());
    let shown = hall.nobody("GET", &one, Value::Null).await;
    assert_eq!(shown.body["content"], "And more");
    let edited = hall.nobody("PATCH", &one, json!({ "content": "Less" })).await;
    assert!(edited.body["edited_timestamp"].is_string(), "{edited:?}");
    assert_eq!(hall.nobody("DELETE", &one, Value::Null).await.status, 204);
    hall.nobody("GET", &one, Value::Null).await.refuses(404, 10_008);
    let wrong = format!("/webhooks/{}/guess/messages/@original", hall.bot.id);
    hall.nobody("GET", &wrong, Value::Null).await.refuses(401, 50_027);
}

#[tokio::test]
async fn by_its_token_a_bot_reaches_no_message_of_others() {
    let (hall, _, told) = called().await;
    let said = format!("/channels/{}/messages", hall.place.text);
    let said = hall.ask(&hall.ana, "POST", &said, json!({ "content": "mine" })).await;
    hall.nobody("POST", &callback(&told), json!({ "type": 4, "data": { "content": "a" } })).await;

    let one = format!("{}/messages/{}", followups(&told), said.body["id"].as_str().unwrap());

    hall.nobody("GET", &one, Value::Null).await.refuses(404, 10_008);
    hall.nobody("PATCH", &one, json!({ "content": "b" })).await.refuses(404, 10_008);
    hall.nobody("DELETE", &one, Value::Null).await.refuses(404, 10_008);
    assert_eq!(hall.history().await.len(), 2);
}

#[tokio::test]
async fn a_whisper_is_heard_by_its_caller_alone_and_kept_in_no_history() {
    let (hall, mut bot, told) = called().await;
    let (mut ben, mut ana) = (hall.ears(&hall.ben).await, hall.ears(&hall.ana).await);

    let answer = json!({ "type": 4, "data": {
        "content": "psst", "flags": 64, "components": button("again"),
    } });
    let path = format!("{}?with_response=1", callback(&told));
    let answered = hall.nobody("POST", &path, answer).await;

    let id = answered.body["resource"]["message"]["id"].as_str().unwrap().to_owned();
    assert_eq!(answered.body["interaction"]["response_message_ephemeral"], true);
    let heard = ben.personal("MESSAGE_CREATE").await;
    assert_eq!(heard.messages[0].1.content, "psst");
    assert_eq!(heard.messages[0].1.flags, 64);
    assert!(hall.history().await.is_empty());
    let one = format!("/channels/{}/messages/{id}", hall.place.text);
    hall.get(&hall.ben, &one).await.refuses(404, 10_008);

    let press = |who: &crate::support::Person| {
        let mut call = hall.call(3, json!({ "component_type": 2, "custom_id": "again" }));
        call["message_id"] = json!(id);
        call["message_flags"] = json!(64);
        (who.clone(), call)
    };
    let (who, call) = press(&hall.ana);
    hall.ask(&who, "POST", "/interactions", call).await.refuses(404, 10_008);
    let (who, call) = press(&hall.ben);
    assert_eq!(hall.ask(&who, "POST", "/interactions", call).await.status, 204);
    let pressed = bot.personal("INTERACTION_CREATE").await;
    assert_eq!(pressed.messages[0].1.content, "psst");
    let update = json!({ "type": 7, "data": { "content": "psst again", "components": [] } });
    assert_eq!(hall.nobody("POST", &callback(&pressed), update).await.status, 204);
    let changed = ben.personal("MESSAGE_UPDATE").await;
    assert_eq!(changed.messages[0].1.content, "psst again");
    let original = format!("{}/messages/@original", followups(&told));
    assert_eq!(hall.nobody("DELETE", &original, Value::Null).await.status, 204);
    assert_eq!(ben.personal("MESSAGE_DELETE").await.body["id"], id);
    assert!(ana.names().is_empty(), "others heard of it");
}

#[tokio::test]
async fn a_button_changes_its_message_and_only_real_ones_are_pressed() {
    let (hall, mut bot, told) = called().await;
    let answer = json!({ "type": 4, "data": { "content": "Press", "components": button("go") } });
    hall.nobody("POST", &callback(&told), answer).await;
    let id = hall.history().await[0]["id"].as_str().unwrap().to_owned();
    let press = async |kind: u8, custom: &str| {
        let mut call = hall.call(3, json!({ "component_type": kind, "custom_id": custom }));
        call["message_id"] = json!(id);
        hall.ask(&hall.ana, "POST", "/interactions", call).await
    };

    for (kind, custom) in [(2, "other"), (2, "off"), (3, "go")] {
        let refused = press(kind, custom).await;
        refused.refuses_field("data.custom_id", "COMPONENT_VALIDATION_FAILED");
    }
    assert_eq!(press(2, "go").await.status, 204);
    let pressed = bot.personal("INTERACTION_CREATE").await;
    assert_eq!(pressed.body["type"], 3);
    assert_eq!(pressed.body["data"]["custom_id"], "go");
    assert_eq!(pressed.messages[0].0, "/message");

    let update = json!({ "type": 7, "data": { "content": "Pressed", "components": [] } });
    let path = format!("{}?with_response=true", callback(&pressed));
    let updated = hall.nobody("POST", &path, update).await;
    assert_eq!(updated.body["resource"]["message"]["content"], "Pressed", "{updated:?}");
    assert_eq!(hall.history().await[0]["components"], json!([]));
    let follow = hall.nobody("POST", &followups(&pressed), json!({ "content": "Thanks" })).await;
    let metadata = &follow.body["interaction_metadata"];
    assert_eq!((&metadata["type"], &metadata["interacted_message_id"]), (&json!(3), &json!(id)));
}

#[tokio::test]
async fn what_is_chosen_from_a_menu_is_resolved() {
    let (hall, mut bot, told) = called().await;
    let menus = json!([
        { "type": 1, "components": [{ "type": 3, "custom_id": "s", "max_values": 2,
            "options": [{ "label": "A", "value": "a" }, { "label": "B", "value": "b" }] }] },
        { "type": 1, "components": [{ "type": 7, "custom_id": "m" }] },
    ]);
    let answer = json!({ "type": 4, "data": { "components": menus } });
    assert_eq!(hall.nobody("POST", &callback(&told), answer).await.status, 204);
    let id = hall.history().await[0]["id"].clone();
    let choose = async |kind: u8, custom: &str, values: Value| {
        let data = json!({ "component_type": kind, "custom_id": custom, "values": values });
        let mut call = hall.call(3, data);
        call["message_id"] = id.clone();
        hall.ask(&hall.ben, "POST", "/interactions", call).await
    };

    assert_eq!(choose(3, "s", json!(["b", "a"])).await.status, 204);
    let told = bot.personal("INTERACTION_CREATE").await;
    assert_eq!(told.body["data"]["values"], json!(["b", "a"]));
    assert_eq!(choose(7, "m", json!([hall.place.guild])).await.status, 204);
    let told = bot.personal("INTERACTION_CREATE").await;
    assert_eq!(told.body["data"]["resolved"]["roles"][&hall.place.guild]["name"], "@everyone");
    for values in [json!(["c"]), json!([]), json!(["a", "a"])] {
        let refused = choose(3, "s", values).await;
        refused.refuses_field("data.values", "COMPONENT_VALIDATION_FAILED");
    }
}

#[tokio::test]
async fn a_bot_suggests_while_one_types() {
    let hall = Hall::open().await;
    let option = json!({ "type": 3, "name": "song", "description": "d", "autocomplete": true });
    let play = json!([{ "name": "play", "description": "d", "options": [option] }]);
    let ids = hall.commands(play).await;
    let (mut bot, mut ben) = (hall.ears(&hall.bot).await, hall.ears(&hall.ben).await);
    let typed = json!([{ "name": "song", "type": 3, "value": "gre", "focused": true }]);

    let call = hall.call(4, json!({ "id": ids[0], "type": 1, "options": typed }));
    assert_eq!(hall.ask(&hall.ben, "POST", "/interactions", call).await.status, 204);
    let told = bot.personal("INTERACTION_CREATE").await;
    assert_eq!(told.body["type"], 4);
    assert_eq!(told.body["data"]["options"][0]["focused"], true);
    let many: Vec<_> = (0..26).map(|n| json!({ "name": n.to_string(), "value": "x" })).collect();
    let many = json!({ "type": 8, "data": { "choices": many } });
    let many = hall.nobody("POST", &callback(&told), many).await;
    many.refuses_field("data.choices", "BASE_TYPE_MAX_LENGTH");
    let message = json!({ "type": 4, "data": { "content": "no" } });
    let message = hall.nobody("POST", &callback(&told), message).await;
    message.refuses_field("type", "INTERACTION_CALLBACK_TYPE_INVALID");
    let choices = json!([{ "name": "Greensleeves", "value": "green" }]);
    let answer = json!({ "type": 8, "data": { "choices": choices } });
    assert_eq!(hall.nobody("POST", &callback(&told), answer).await.status, 204);

    let heard = ben.personal("APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE").await;
    assert_eq!(heard.body, json!({ "choices": choices, "nonce": "n1" }));
    assert!(hall.history().await.is_empty());
}

#[tokio::test]
async fn a_form_is_shown_filled_in_and_read() {
    let (hall, mut bot, told) = called().await;
    let mut ben = hall.ears(&hall.ben).await;
    let input = json!({ "type": 4, "custom_id": "name", "style": 1, "label": "Name",
        "min_length": 2 });
    let modal = json!({ "custom_id": "who", "title": "Who are you?",
        "components": [{ "type": 1, "components": [input] }] });

    let empty = json!({ "type": 9, "data": { "custom_id": "who", "title": "", "components": [] } });
    let empty = hall.nobody("POST", &callback(&told), empty).await;
    empty.refuses_field("data.title", "BASE_TYPE_BAD_LENGTH");
    let answer = json!({ "type": 9, "data": modal });
    assert_eq!(hall.nobody("POST", &callback(&told), answer).await.status, 204);
    let shown = ben.personal("INTERACTION_MODAL_CREATE").await;
    assert_eq!(shown.body["title"], "Who are you?");
    assert_eq!(shown.body["application"]["id"], hall.bot.id);
    let send = async |who: &crate::support::Person, text: &str| {
        let row = json!({ "type": 1, "components":
            [{ "type": 4, "custom_id": "name", "value": text }] });
        let data = json!({ "id": shown.body["id"], "custom_id": "who", "components": [row] });
        hall.ask(who, "POST", "/interactions", hall.call(5, data)).await
    };

    send(&hall.ana, "Ana").await.refuses(404, 10_062);
    send(&hall.ben, "B").await.refuses_field("data.components.name", "COMPONENT_VALIDATION_FAILED");
    assert_eq!(send(&hall.ben, "Ben").await.status, 204);
    let sent = bot.personal("INTERACTION_CREATE").await;
    assert_eq!((&sent.body["type"], &sent.body["data"]["custom_id"]), (&json!(5), &json!("who")));
    let filled = &sent.body["data"]["components"][0]["components"][0];
    assert_eq!((&filled["custom_id"], &filled["value"]), (&json!("name"), &json!("Ben")));
    let again = json!({ "type": 9, "data": modal });
    let again = hall.nobody("POST", &callback(&sent), again).await;
    again.refuses_field("type", "INTERACTION_CALLBACK_TYPE_INVALID");
    let answer = json!({ "type": 4, "data": { "content": "Hail, Ben" } });
    assert_eq!(hall.nobody("POST", &callback(&sent), answer).await.status, 204);
    let said = &hall.history().await[0];
    let trigger = &said["interaction_metadata"]["triggering_interaction_metadata"];
    assert_eq!(trigger["id"], told.body["id"]);
    send(&hall.ben, "Ben").await.refuses(404, 10_062);
}

#[tokio::test]
async fn menus_of_people_and_messages_name_their_target() {
    let hall = Hall::open().await;
    let ids =
        hall.commands(json!([{ "name": "Poke", "type": 2 }, { "name": "Quote", "type": 3 }])).await;
    let mut bot = hall.ears(&hall.bot).await;
    let said = format!("/channels/{}/messages", hall.place.text);
    let said = hall.ask(&hall.ana, "POST", &said, json!({ "content": "Wise words" })).await;
    let on = async |id: &str, kind: u8, target: &Value| {
        let call = hall.call(2, json!({ "id": id, "type": kind, "target_id": target }));
        hall.ask(&hall.ben, "POST", "/interactions", call).await
    };

    assert_eq!(on(&ids[0], 2, &json!(hall.ana.id)).await.status, 204);
    let poke = bot.personal("INTERACTION_CREATE").await;
    assert_eq!(poke.body["data"]["target_id"], hall.ana.id);
    assert_eq!(poke.body["data"]["resolved"]["users"][&hall.ana.id]["username"], "ana");
    assert_eq!(on(&ids[1], 3, &said.body["id"]).await.status, 204);
    let quote = bot.personal("INTERACTION_CREATE").await;
    let at = format!("/data/resolved/messages/{}", said.body["id"].as_str().unwrap());
    assert_eq!(
        (quote.messages[0].0.as_str(), quote.messages[0].1.content.as_str()),
        (at.as_str(), "Wise words")
    );
    on(&ids[1], 3, &json!("5")).await.refuses(404, 10_008);
    let answer = json!({ "type": 4, "data": { "content": "Quoted" } });
    hall.nobody("POST", &callback(&quote), answer).await;
    let message = &hall.history().await[0];
    assert_eq!(message["type"], 23);
    assert_eq!(message["interaction_metadata"]["target_message_id"], said.body["id"]);
}

#[tokio::test]
async fn whom_no_bot_answers_is_told_so_and_late_answers_are_nothing() {
    let hall = Hall::open().await;
    let ids = hall.commands(json!([{ "name": "ping", "description": "Pongs" }])).await;
    let (mut bot, mut ben) = (hall.ears(&hall.bot).await, hall.ears(&hall.ben).await);
    slash(&hall, &ids[0], json!([])).await;
    let told = bot.personal("INTERACTION_CREATE").await;

    let failed = ben.personal("INTERACTION_FAILURE").await;

    assert_eq!((&failed.body["id"], &failed.body["nonce"]), (&told.body["id"], &json!("n1")));
    let late = json!({ "type": 4, "data": { "content": "late" } });
    hall.nobody("POST", &callback(&told), late).await.refuses(404, 10_062);
    assert!(hall.history().await.is_empty());
}

#[tokio::test]
async fn a_bad_answer_may_be_given_again_while_there_is_time() {
    let (hall, _, told) = called().await;
    let path = callback(&told);

    let empty = json!({ "type": 4, "data": { "content": "" } });
    hall.nobody("POST", &path, empty).await.refuses(400, 50_006);
    let long = json!({ "type": 4, "data": { "content": "x".repeat(2_001) } });
    let long = hall.nobody("POST", &path, long).await;
    long.refuses_field("data.content", "BASE_TYPE_MAX_LENGTH");
    let update = json!({ "type": 7, "data": { "content": "x" } });
    let update = hall.nobody("POST", &path, update).await;
    update.refuses_field("type", "INTERACTION_CALLBACK_TYPE_INVALID");
    let (id, _) = path.trim_start_matches("/interactions/").split_once('/').unwrap();
    let guess = format!("/interactions/{id}/guess/callback");
    hall.nobody("POST", &guess, json!({ "type": 5 })).await.refuses(404, 10_062);

    assert_eq!(hall.nobody("POST", &path, json!({ "type": 5 })).await.status, 204);
}

#[tokio::test]
async fn files_come_with_commands_and_with_answers() {
    let hall = Hall::open().await;
    let option = json!({ "type": 11, "name": "map", "description": "d", "required": true });
    let ids =
        hall.commands(json!([{ "name": "keep", "description": "d", "options": [option] }])).await;
    let mut bot = hall.ears(&hall.bot).await;
    let form = |payload: &Value, name: &str| {
        let head = "Content-Disposition: form-data; name=";
        format!(
            "--b\r\n{head}\"payload_json\"\r\n\r\n{payload}\r\n--b\r\n{head}\"files[0]\"; \
             filename=\"{name}\"\r\nContent-Type: text/plain\r\n\r\nhail\r\n--b--\r\n"
        )
    };
    let kind = "multipart/form-data; boundary=b";

    let given = json!([{ "name": "map", "type": 11, "value": 0 }]);
    let call = hall.call(2, json!({ "id": ids[0], "type": 1, "options": given }));
    let ask = hall.ben.ask(&hall.api, "POST", "/interactions");
    assert_eq!(ask.body(kind, form(&call, "map.txt")).send().await.status, 204);
    let told = bot.personal("INTERACTION_CREATE").await;
    let file = told.body["data"]["options"][0]["value"].as_str().unwrap();
    assert_eq!(told.files[0].0, format!("/data/resolved/attachments/{file}"));
    assert_eq!(told.files[0].1.filename, "map.txt");
    let answer = json!({ "type": 4, "data": { "attachments": [{ "id": 0, "description": "x" }] } });
    let ask = hall.api.ask("POST", &callback(&told));
    let answered = ask.body(kind, form(&answer, "back.txt")).send().await;
    assert_eq!(answered.status, 204, "{answered:?}");
    let said = &hall.history().await[0]["attachments"][0];
    assert_eq!((&said["filename"], &said["description"]), (&json!("back.txt"), &json!("x")));
    let none = slash(&hall, &ids[0], json!([{ "name": "map", "type": 11, "value": 0 }])).await;
    none.refuses_field("data.options.0.value", "MESSAGE_ATTACHMENT_NOT_FOUND");
}

#[tokio::test]
async fn an_answer_may_be_a_form_without_files() {
    let (hall, _, told) = called().await;
    let kind = "application/x-www-form-urlencoded";

    // {"type":4,"data":{"content":"Pong & ping"}}
    let form = "payload_json=%7B%22type%22%3A4%2C%22data%22%3A%7B%22content%22%3A%22Pong+%26+ping%22%7D%7D";
    let answered = hall.api.ask("POST", &callback(&told)).body(kind, form).send().await;

    assert_eq!(answered.status, 204, "{answered:?}");
    assert_eq!(hall.history().await[0]["content"], "Pong & ping");
    let more =
        hall.api.ask("POST", &followups(&told)).body(kind, "content=Hail%2C+%C3%A7a").send().await;
    assert_eq!(more.body["content"], "Hail, ça", "{more:?}");
}

#[tokio::test]
async fn bots_are_called_in_their_private_channels_too() {
    let hall = Hall::open().await;
    let ids = hall.commands(json!([{ "name": "ping", "description": "Pongs" }])).await;
    let mut bot = hall.ears(&hall.bot).await;
    let open = json!({ "recipient_id": hall.bot.id });
    let private = hall.ask(&hall.ben, "POST", "/users/@me/channels", open).await;
    let mut call = hall.call(2, json!({ "id": ids[0], "type": 1 }));
    call["channel_id"] = private.body["id"].clone();

    assert_eq!(hall.ask(&hall.ben, "POST", "/interactions", call).await.status, 204);

    let told = bot.personal("INTERACTION_CREATE").await;
    assert_eq!((&told.body["user"]["id"], &told.body["context"]), (&json!(hall.ben.id), &json!(1)));
    assert!(told.body.get("member").is_none() && told.body.get("guild_id").is_none());
    let answer = json!({ "type": 4, "data": { "content": "Pong" } });
    assert_eq!(hall.nobody("POST", &callback(&told), answer).await.status, 204);
    let path = format!("/channels/{}/messages", private.body["id"].as_str().unwrap());
    assert_eq!(hall.get(&hall.ben, &path).await.body[0]["content"], "Pong");
}
