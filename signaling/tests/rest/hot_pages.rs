//! The newest page of a channel that many ask for at once: what each is shown stays their own business.

use crate::support::hall::Hall;
use serde_json::Value;
use serde_json::json;
use tokio::task::JoinSet;

fn path(hall: &Hall) -> String {
    format!("/channels/{}/messages", hall.place.text)
}

#[tokio::test]
async fn what_was_said_edited_reacted_to_and_deleted_is_seen_by_the_next_who_asks() {
    let hall = Hall::open().await;
    let path = path(&hall);
    let newest = async || hall.get(&hall.ben, &path).await.body[0].clone();

    let said = hall.ask(&hall.ana, "POST", &path, json!({ "content": "Bread" })).await;
    assert_eq!(newest().await["content"], "Bread");
    let one = format!("{path}/{}", said.body["id"].as_str().unwrap());
    hall.ask(&hall.ana, "PATCH", &one, json!({ "content": "Rye" })).await;
    assert_eq!(newest().await["content"], "Rye");
    assert!(newest().await.get("reactions").is_none());
    let reaction = format!("{one}/reactions/%F0%9F%8D%9E/@me");
    assert_eq!(hall.ask(&hall.ana, "PUT", &reaction, Value::Null).await.status, 204);
    let reactions = newest().await["reactions"].clone();
    assert_eq!((&reactions[0]["count"], &reactions[0]["me"]), (&json!(1), &json!(false)));
    let own = hall.get(&hall.ana, &path).await.body[0]["reactions"][0].clone();
    assert_eq!(own["me"], true, "{own}");
    assert_eq!(hall.ask(&hall.ana, "DELETE", &one, Value::Null).await.status, 204);
    assert_ne!(newest().await["id"], said.body["id"]);
}

#[tokio::test]
async fn a_page_in_memory_is_for_those_alone_who_may_read_it() {
    let mut hall = Hall::open().await;
    let path = path(&hall);
    let deny = |bits: &str| json!({ "type": 1, "deny": bits });
    let of_ben = format!("/channels/{}/permissions/{}", hall.place.text, hall.ben.id);
    hall.ask(&hall.ana, "POST", &path, json!({ "content": "Bread" })).await;
    let mut asked = JoinSet::new();
    for person in [&hall.ana, &hall.ben].into_iter().cycle().take(40) {
        asked.spawn(person.ask(&hall.api, "GET", &path).send());
    }
    let answers = asked.join_all().await;
    assert!(answers.iter().all(|page| page.body[0]["content"] == "Bread"));

    hall.api.forget_limits();

    // READ_MESSAGE_HISTORY, then VIEW_CHANNEL.
    assert_eq!(hall.ask(&hall.ana, "PUT", &of_ben, deny("65536")).await.status, 204);
    assert_eq!(hall.get(&hall.ben, &path).await.body, json!([]));
    assert_eq!(hall.ask(&hall.ana, "PUT", &of_ben, deny("1024")).await.status, 204);
    hall.get(&hall.ben, &path).await.refuses(403, 50_001);
    assert_eq!(hall.get(&hall.ana, &path).await.body[0]["content"], "Bread");
}
