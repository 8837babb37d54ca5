//! Bots' commands from outside: kept, checked, overwritten, permitted and listed as on Discord.

use crate::support::Api;
use crate::support::Person;
use crate::support::Place;
use serde_json::Value;
use serde_json::json;
use signaling::auth::Accounts;
use signaling::auth::PrivilegedIntents;

struct Hall {
    api: Api,
    ana: Person,
    bot: Person,
    place: Place,
}

impl Hall {
    async fn open() -> Self {
        let api = Api::new().await;
        let ana = api.register("ana").await;
        let place = api.guild(&ana, "Hall").await;
        let bot = api.bot("Dicer", PrivilegedIntents::ALL).await;
        let hall = Self { api, ana, bot, place };
        hall.seat(&hall.bot).await;
        hall
    }

    async fn seat(&self, person: &Person) {
        let accounts = Accounts::from(&self.api.parts);
        let (guild, user) = (self.place.guild.parse().unwrap(), person.id.parse().unwrap());
        accounts.join(guild, user).await.unwrap();
    }

    fn commands(&self) -> String {
        format!("/applications/{}/commands", self.bot.id)
    }

    fn guild_commands(&self) -> String {
        format!("/applications/{}/guilds/{}/commands", self.bot.id, self.place.guild)
    }

    async fn ask(
        &self,
        who: &Person,
        method: &str,
        path: &str,
        body: Value,
    ) -> crate::support::Answer {
        who.ask(&self.api, method, path).json(&body).send().await
    }
}

fn roll() -> Value {
    json!({
        "name": "roll", "description": "Rolls dice", "name_localizations": { "de": "würfeln" },
        "options": [{ "type": 4, "name": "sides", "description": "How many", "required": true,
            "min_value": 2, "max_value": 100, "name_localizations": { "de": "seiten" } }],
    })
}

#[tokio::test]
async fn a_command_is_made_found_changed_and_deleted() {
    let hall = Hall::open().await;
    let path = hall.commands();

    let made = hall.ask(&hall.bot, "POST", &path, roll()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.body["id"].as_str().unwrap();
    assert_eq!(made.body["application_id"], hall.bot.id);
    assert_eq!(made.body["options"][0]["max_value"], 100);
    assert_eq!(made.body["default_member_permissions"], Value::Null);
    let one = format!("{path}/{id}");
    let shown = hall.bot.ask(&hall.api, "GET", &one).send().await;
    assert_eq!(shown.body, made.body);

    let listed = hall.bot.ask(&hall.api, "GET", &path).send().await;
    assert_eq!(listed.body[0]["name"], "roll");
    assert!(listed.body[0].get("name_localizations").is_none(), "{}", listed.body);
    assert!(listed.body[0]["options"][0].get("name_localizations").is_none());
    let full = format!("{path}?with_localizations=true");
    let full = hall.bot.ask(&hall.api, "GET", &full).send().await;
    assert_eq!(full.body[0]["name_localizations"]["de"], "würfeln");

    let patch = json!({ "default_member_permissions": "32" });
    let changed = hall.ask(&hall.bot, "PATCH", &one, patch).await;
    assert_eq!(changed.body["default_member_permissions"], "32");
    assert_ne!(changed.body["version"], made.body["version"]);
    assert_eq!(hall.bot.ask(&hall.api, "DELETE", &one).send().await.status, 204);
    hall.bot.ask(&hall.api, "GET", &one).send().await.refuses(404, 10_063);
}

#[tokio::test]
async fn making_a_command_of_a_taken_name_replaces_it() {
    let hall = Hall::open().await;
    let path = hall.guild_commands();

    let first = hall.ask(&hall.bot, "POST", &path, roll()).await;
    let body = json!({ "name": "roll", "description": "Throws dice" });
    let second = hall.ask(&hall.bot, "POST", &path, body).await;
    let menu = json!({ "name": "roll", "type": 2 });
    let menu = hall.ask(&hall.bot, "POST", &path, menu).await;

    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 200));
    assert_eq!(second.body["id"], first.body["id"]);
    assert!(second.body.get("options").is_none());
    assert_eq!(second.body["guild_id"], hall.place.guild);
    assert_ne!(menu.body["id"], first.body["id"]);
    let patch = json!({ "name": "throw", "description": "x" });
    hall.ask(&hall.bot, "POST", &path, patch).await;
    let one = format!("{path}/{}", first.body["id"].as_str().unwrap());
    hall.ask(&hall.bot, "PATCH", &one, json!({ "name": "throw" })).await.refuses(400, 40_041);
}

#[tokio::test]
async fn an_overwrite_keeps_what_did_not_change_and_drops_the_rest() {
    let hall = Hall::open().await;
    let path = hall.commands();
    let two = json!([roll(), { "name": "flip", "description": "Flips a coin" }]);
    let before = hall.ask(&hall.bot, "PUT", &path, two).await;
    assert_eq!(before.status, 200, "{before:?}");

    let new = json!([roll(), { "name": "Praise", "type": 2 }]);
    let after = hall.ask(&hall.bot, "PUT", &path, new).await;

    assert_eq!(after.body[0], before.body[0]);
    let listed = hall.bot.ask(&hall.api, "GET", &path).send().await.body;
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["roll", "Praise"]);
    let twice = json!([roll(), roll()]);
    let twice = hall.ask(&hall.bot, "PUT", &path, twice).await;
    twice.refuses_field("1", "APPLICATION_COMMANDS_DUPLICATE_NAME");
    let none = hall.ask(&hall.bot, "PUT", &path, json!([])).await;
    assert_eq!(none.body, json!([]));
}

#[tokio::test]
async fn a_bad_command_is_told_by_its_path() {
    let hall = Hall::open().await;
    let bad = json!([roll(), { "name": "Bad Name", "description": "x", "options": [
        { "type": 3, "name": "a", "description": "y".repeat(101) }
    ] }]);

    let answer = hall.ask(&hall.bot, "PUT", &hall.commands(), bad).await;

    answer.refuses_field("1.name", "APPLICATION_COMMAND_INVALID_NAME");
    answer.refuses_field("1.options.0.description", "BASE_TYPE_BAD_LENGTH");
    let shapeless = json!([{ "name": "a", "description": "b", "options": [{ "type": "x" }] }]);
    let shapeless = hall.ask(&hall.bot, "PUT", &hall.commands(), shapeless).await;
    shapeless.refuses_field("0.options.0.type", "BASE_TYPE_BAD_VALUE");
    let many: Vec<_> = (0..16).map(|n| json!({ "name": format!("m{n}"), "type": 3 })).collect();
    let many = hall.ask(&hall.bot, "PUT", &hall.commands(), json!(many)).await;
    many.refuses(400, 30_032);
    let listed = hall.bot.ask(&hall.api, "GET", &hall.commands()).send().await;
    assert_eq!(listed.body, json!([]));
}

#[tokio::test]
async fn nobody_touches_the_commands_of_another_bot() {
    let hall = Hall::open().await;
    let other = hall.api.bot("Other", PrivilegedIntents::ALL).await;
    let path = hall.commands();

    for who in [&other, &hall.ana] {
        hall.ask(who, "POST", &path, roll()).await.refuses(403, 20_012);
        who.ask(&hall.api, "GET", &path).send().await.refuses(403, 20_012);
    }
    hall.api.ask("GET", &path).send().await.refuses(401, 0);
    let elsewhere = format!("/applications/{}/guilds/{}/commands", other.id, hall.place.guild);
    hall.ask(&other, "PUT", &elsewhere, json!([])).await.refuses(403, 50_001);
}

#[tokio::test]
async fn people_see_in_the_index_what_they_may_use() {
    let hall = Hall::open().await;
    let ben = hall.api.register("ben").await;
    hall.api.join(&hall.ana, &hall.place, &ben).await;
    let commands = json!([
        roll(),
        { "name": "ban", "description": "Bans", "default_member_permissions": "4" },
    ]);
    let made = hall.ask(&hall.bot, "PUT", &hall.commands(), commands).await;
    let ban = made.body[1]["id"].as_str().unwrap();
    let here = json!({ "name": "here", "description": "Here alone" });
    hall.ask(&hall.bot, "POST", &hall.guild_commands(), here).await;
    let index = format!("/guilds/{}/application-command-index", hall.place.guild);
    let names = async |who: &Person| -> Vec<String> {
        let shown = who.ask(&hall.api, "GET", &index).send().await;
        assert_eq!(shown.body["applications"][0]["name"], "Dicer", "{shown:?}");
        let commands = shown.body["application_commands"].as_array().unwrap();
        commands.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };

    assert_eq!(names(&hall.ana).await, ["roll", "ban", "here"]);
    assert_eq!(names(&ben).await, ["roll", "here"]);

    let said = format!("{}/{ban}/permissions", hall.guild_commands());
    let allow = json!({ "permissions": [{ "id": ben.id, "type": 2, "permission": true }] });
    hall.ask(&ben, "PUT", &said, allow.clone()).await.refuses(403, 50_013);
    hall.ask(&hall.bot, "PUT", &said, allow.clone()).await.refuses(403, 20_001);
    let set = hall.ask(&hall.ana, "PUT", &said, allow).await;
    assert_eq!(set.body["permissions"][0]["id"], ben.id, "{set:?}");
    assert_eq!(names(&ben).await, ["roll", "ban", "here"]);
    let shown = hall.bot.ask(&hall.api, "GET", &said).send().await;
    assert_eq!(shown.body, set.body);
    let log = format!("/guilds/{}/audit-logs", hall.place.guild);
    let log = hall.ana.ask(&hall.api, "GET", &log).send().await.body;
    let entry = &log["audit_log_entries"][0];
    assert_eq!((&entry["action_type"], &entry["target_id"]), (&json!(121), &json!(ban)));
    assert_eq!(entry["options"], json!({ "application_id": hall.bot.id }));
    let now = json!({ "id": ben.id, "type": 2, "permission": true });
    assert_eq!(entry["changes"], json!([{ "key": ben.id, "new_value": now }]));
    assert_eq!(log["application_commands"][0]["name"], "ban");
    let all = format!("{}/permissions", hall.guild_commands());
    let all = hall.bot.ask(&hall.api, "GET", &all).send().await;
    assert_eq!(all.body, json!([set.body]));
    let twice = json!({ "permissions": [
        { "id": ben.id, "type": 2, "permission": true },
        { "id": ben.id, "type": 2, "permission": false },
    ] });
    let twice = hall.ask(&hall.ana, "PUT", &said, twice).await;
    twice.refuses_field("permissions.1.id", "APPLICATION_COMMAND_PERMISSIONS_DUPLICATE");
}

#[tokio::test]
async fn an_application_says_what_its_bot_said_of_it() {
    let hall = Hall::open().await;
    let patch = json!({ "description": "Rolls for you", "tags": ["dice"], "flags": 0,
        "install_params": { "scopes": ["bot"], "permissions": "0" } });

    let changed = hall.ask(&hall.bot, "PATCH", "/applications/@me", patch).await;
    let shown = hall.bot.ask(&hall.api, "GET", "/oauth2/applications/@me").send().await;

    assert_eq!(changed.body, shown.body);
    assert_eq!(shown.body["description"], "Rolls for you");
    assert_eq!(shown.body["install_params"]["scopes"][0], "bot");
    assert_eq!(shown.body["verify_key"].as_str().unwrap().len(), 64);
    assert_ne!(shown.body["verify_key"], "0".repeat(64));
    assert_eq!(shown.body["flags"], json!(0));
    let long = json!({ "description": "x".repeat(401) });
    let long = hall.ask(&hall.bot, "PATCH", "/applications/@me", long).await;
    long.refuses_field("description", "BASE_TYPE_MAX_LENGTH");
    hall.ask(&hall.ana, "PATCH", "/applications/@me", json!({})).await.refuses(403, 20_002);
}
