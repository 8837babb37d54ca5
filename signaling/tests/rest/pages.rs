//! Pages of lists from outside: libraries say 0 for the beginning of all.

use serde_json::Value;
use serde_json::json;

use crate::support::hall::Hall;

/// The ids that an answer lists, by a path into each entry.
fn ids(answer: &Value, path: &str) -> Vec<String> {
    let all = answer.as_array().expect("a list");
    all.iter().map(|one| one.pointer(path).unwrap().as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_page_after_zero_begins_at_the_beginning_and_one_before_zero_is_empty() {
    let hall = Hall::open().await;
    let messages = format!("/channels/{}/messages", hall.place.text);
    let mut said = Vec::new();
    for text in ["first", "second", "third"] {
        let one = hall.ask(&hall.ana, "POST", &messages, json!({ "content": text })).await;
        said.push(one.body["id"].as_str().unwrap().to_owned());
    }
    let page = async |path: &str, key: &str| {
        let answer = hall.get(&hall.ana, path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        ids(&answer.body, key)
    };

    // Newest first, of the oldest two.
    let oldest = page(&format!("{messages}?after=0&limit=2"), "/id").await;
    assert_eq!(oldest, [&*said[1], &said[0]]);
    assert!(page(&format!("{messages}?before=0"), "/id").await.is_empty());
    assert!(page(&format!("{messages}?around=0&limit=3"), "/id").await.contains(&said[0]));

    let bans = format!("/guilds/{}/bans", hall.place.guild);
    let put = hall.ask(&hall.ana, "PUT", &format!("{bans}/{}", hall.bot.id), json!({})).await;
    assert_eq!(put.status, 204, "{put:?}");
    assert_eq!(page(&format!("{bans}?after=0"), "/user/id").await, [hall.bot.id.to_string()]);
    assert!(page(&format!("{bans}?before=0"), "/user/id").await.is_empty());

    let guilds = "/users/@me/guilds";
    assert_eq!(page(&format!("{guilds}?after=0"), "/id").await, [hall.place.guild.to_string()]);
    assert!(page(&format!("{guilds}?before=0"), "/id").await.is_empty());

    let thumb = "%F0%9F%91%8D";
    let reactions = format!("{messages}/{}/reactions/{thumb}", said[0]);
    let put = hall.ask(&hall.ana, "PUT", &format!("{reactions}/@me"), json!({})).await;
    assert_eq!(put.status, 204, "{put:?}");
    assert_eq!(page(&format!("{reactions}?after=0"), "/id").await, [hall.ana.id.to_string()]);
}

#[tokio::test]
async fn what_is_no_number_begins_no_page() {
    let hall = Hall::open().await;
    let messages = format!("/channels/{}/messages", hall.place.text);

    for wrong in ["yesterday", "-1", "99999999999999999999", ""] {
        let answer = hall.get(&hall.ana, &format!("{messages}?after={wrong}")).await;
        answer.refuses(400, 50_035);
    }
}
