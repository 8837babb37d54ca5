//! What Slack's and GitHub's senders write, in a message's own words.
//!
//! Pure (Discord: Execute Slack-Compatible Webhook, Execute GitHub-Compatible Webhook; Slack: Legacy
//! secondary message attachments; GitHub: Webhook events and payloads).

use serde_json::Value;
use serde_json::json;

use crate::rest::ApiError;
use crate::rest::extract;
use crate::rest::messages::draft::Body;
use crate::rest::messages::multipart;

/// The message of Slack's JSON, which may come as the field `payload` of a form.
///
/// # Errors
///
/// 50109, 50035.
pub(in crate::rest) fn slack(bytes: &[u8]) -> Result<Body, ApiError> {
    let form = multipart::pair(bytes, "payload");
    let value: Value = extract::parse(form.as_deref().unwrap_or(bytes))?;
    let text = |value: &Value, field: &str| -> Option<String> {
        value.get(field).and_then(Value::as_str).filter(|text| !text.is_empty()).map(links)
    };
    let attachments = value.get("attachments").and_then(Value::as_array);
    let attachments = attachments.map_or(&[][..], Vec::as_slice);
    let embeds = attachments.iter().take(10).map(|one| {
        let fields = one.get("fields").and_then(Value::as_array);
        let fields = fields.into_iter().flatten().map(|field| {
            json!({
                "name": text(field, "title").unwrap_or_else(|| "\u{200b}".to_owned()),
                "value": text(field, "value").unwrap_or_else(|| "\u{200b}".to_owned()),
                "inline": field.get("short").and_then(Value::as_bool).unwrap_or(false),
            })
        });
        let plain = |field: &str| one.get(field).and_then(Value::as_str).map(str::to_owned);
        let part = |field: &str| plain(field).map(|url| json!({ "url": url }));
        json!({
            "title": text(one, "title"),
            "url": plain("title_link"),
            "description": text(one, "text").or_else(|| text(one, "fallback")),
            "color": plain("color").and_then(|color| colour(&color)),
            "author": text(one, "author_name").map(|name| json!({
                "name": name, "url": plain("author_link"), "icon_url": plain("author_icon"),
            })),
            "footer": text(one, "footer").map(|text| json!({
                "text": text, "icon_url": plain("footer_icon"),
            })),
            "image": part("image_url"),
            "thumbnail": part("thumb_url"),
            "fields": fields.collect::<Vec<_>>(),
        })
    });
    let pretexts = attachments.iter().filter_map(|one| text(one, "pretext"));
    let content: Vec<_> = text(&value, "text").into_iter().chain(pretexts).collect();
    let body = json!({
        "content": content.join("\n"),
        "username": value.get("username"),
        "avatar_url": value.get("icon_url"),
        "embeds": embeds.collect::<Vec<_>>(),
    });
    extract::parse(body.to_string().as_bytes())
}

/// Slack's `<url|text>` as Markdown, and its `<!everyone>`.
fn links(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let Some((inside, after)) = after.split_once('>') else {
            out.push('<');
            rest = after;
            continue;
        };
        match inside.split_once('|') {
            _ if inside.starts_with('@') || inside.starts_with('#') => {
                out.push_str(&format!("<{inside}>"));
            }
            _ if matches!(inside, "!everyone" | "!channel") => out.push_str("@everyone"),
            _ if inside == "!here" => out.push_str("@here"),
            Some((url, label)) => out.push_str(&format!("[{label}]({url})")),
            None => out.push_str(inside),
        }
        rest = after;
    }
    out.push_str(rest);
    out.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// A colour of Slack's, by name or as `#rrggbb`.
fn colour(text: &str) -> Option<u32> {
    match text {
        "good" => Some(0x2f_a4_4f),
        "warning" => Some(0xde_9e_31),
        "danger" => Some(0xd5_02_00),
        hex => u32::from_str_radix(hex.trim_start_matches('#'), 16).ok(),
    }
    .filter(|colour| *colour <= 0xff_ff_ff)
}

/// The message of a GitHub event; none for events that nobody needs to read.
pub(super) fn github(event: &str, value: &Value) -> Option<Body> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    let repository = text("/repository/full_name").unwrap_or_default();
    let action = text("/action").unwrap_or_default();
    let number = |at: &str| value.pointer(at).and_then(Value::as_u64).unwrap_or(0);
    let named = |what: &str, at: &str| {
        format!(
            "[{repository}] {what} #{}: {}",
            number(&format!("{at}/number")),
            text(&format!("{at}/title")).unwrap_or_default()
        )
    };
    let (title, url, description) = match event {
        "push" => {
            let branch = text("/ref").unwrap_or_default();
            let branch = branch.strip_prefix("refs/heads/").unwrap_or(branch);
            let commits = value.get("commits").and_then(Value::as_array);
            let commits = commits.map_or(&[][..], Vec::as_slice);
            if commits.is_empty() {
                return None;
            }
            let lines = commits.iter().take(20).map(|commit| {
                let field = |field: &str| commit.get(field).and_then(Value::as_str);
                let id = cut(field("id").unwrap_or_default(), 7);
                let first = field("message").unwrap_or_default().lines().next();
                let message = cut(first.unwrap_or_default(), 100);
                let url = field("url").unwrap_or_default();
                let author = commit.pointer("/author/username").and_then(Value::as_str);
                format!("[`{id}`]({url}) {message} - {}", author.unwrap_or("unknown"))
            });
            let count = commits.len();
            let new = if count == 1 { "commit" } else { "commits" };
            let title = format!("[{repository}:{branch}] {count} new {new}");
            (title, text("/compare"), lines.collect::<Vec<_>>().join("\n"))
        }
        "issues" if matches!(action, "opened" | "closed" | "reopened") => (
            named(&format!("Issue {action}"), "/issue"),
            text("/issue/html_url"),
            if action == "opened" { text("/issue/body").unwrap_or_default() } else { "" }
                .to_owned(),
        ),
        "pull_request" if matches!(action, "opened" | "closed" | "reopened") => {
            let merged = value.pointer("/pull_request/merged") == Some(&Value::Bool(true));
            let done = if merged { "merged" } else { action };
            let body = text("/pull_request/body").unwrap_or_default();
            (
                named(&format!("Pull request {done}"), "/pull_request"),
                text("/pull_request/html_url"),
                if action == "opened" { body } else { "" }.to_owned(),
            )
        }
        "issue_comment" if action == "created" => (
            named("New comment on", "/issue"),
            text("/comment/html_url"),
            text("/comment/body").unwrap_or_default().to_owned(),
        ),
        "pull_request_review" if action == "submitted" => (
            named("Pull request reviewed:", "/pull_request"),
            text("/review/html_url"),
            text("/review/body").unwrap_or_default().to_owned(),
        ),
        "release" if action == "published" => (
            format!(
                "[{repository}] New release: {}",
                text("/release/tag_name").unwrap_or_default()
            ),
            text("/release/html_url"),
            text("/release/body").unwrap_or_default().to_owned(),
        ),
        "create" | "delete" => (
            format!(
                "[{repository}] {} {event}d: {}",
                text("/ref_type").unwrap_or_default(),
                text("/ref").unwrap_or_default()
            ),
            text("/repository/html_url"),
            String::new(),
        ),
        "fork" => (
            format!("[{repository}] Fork: {}", text("/forkee/full_name").unwrap_or_default()),
            text("/forkee/html_url"),
            String::new(),
        ),
        "watch" => {
            (format!("[{repository}] New star"), text("/repository/html_url"), String::new())
        }
        _ => return None,
    };
    let body = json!({ "embeds": [{
        "title": cut(&title, 256),
        "url": url,
        "description": cut(&description, 2_000),
        "author": text("/sender/login").map(|name| json!({
            "name": name,
            "url": text("/sender/html_url"),
            "icon_url": text("/sender/avatar_url"),
        })),
    }] });
    serde_json::from_value(body).ok()
}

#[cfg(test)]
mod tests {
    use model::id::ChannelId;

    use super::*;

    const HERE: ChannelId = ChannelId::new(5);

    #[test]
    fn slacks_words_become_a_message() {
        let body = json!({
            "text": "Done: <https://x.example|the build> <!here> &amp; <@5>", "username": "CI",
            "attachments": [{ "color": "good", "title": "T", "title_link": "https://x.example",
                "pretext": "Before", "text": "All <https://y.example>", "ts": 1,
                "fields": [{ "title": "a", "value": "b", "short": true }] }],
        });

        let body = slack(body.to_string().as_bytes()).unwrap();

        assert_eq!(body.username.as_deref(), Some("CI"));
        let draft = body.draft(Vec::new(), HERE).unwrap();
        assert_eq!(draft.content, "Done: [the build](https://x.example) @here & <@5>\nBefore");
        assert_eq!(draft.embeds[0].title.as_deref(), Some("T"));
        assert_eq!(draft.embeds[0].color, Some(0x2f_a4_4f));
        assert_eq!(draft.embeds[0].description.as_deref(), Some("All https://y.example"));
        assert!(draft.embeds[0].fields[0].inline);
    }

    #[test]
    fn slacks_form_is_read_and_nonsense_is_not() {
        let body = slack(b"payload=%7B%22text%22%3A+%22a+b%22%7D").unwrap();

        assert_eq!(body.draft(Vec::new(), HERE).unwrap().content, "a b");
        assert!(slack(b"{").is_err());
        assert!(slack(b"{}").unwrap().draft(Vec::new(), HERE).is_err());
        assert_eq!(links("a < b"), "a < b");
    }

    #[test]
    fn githubs_events_become_embeds_or_nothing() {
        let sender = json!({ "login": "ana", "html_url": "https://git.example/ana" });
        let push = json!({
            "ref": "refs/heads/main", "compare": "https://git.example/c",
            "repository": { "full_name": "ana/hall" }, "sender": sender,
            "commits": [{ "id": "0123456789", "message": "Fix\n\nmore", "url": "https://u.example",
                "author": { "username": "ana" } }],
        });

        let draft = github("push", &push).unwrap().draft(Vec::new(), HERE).unwrap();

        let embed = &draft.embeds[0];
        assert_eq!(embed.title.as_deref(), Some("[ana/hall:main] 1 new commit"));
        let line = "[`0123456`](https://u.example) Fix - ana";
        assert_eq!(embed.description.as_deref(), Some(line));
        let issue = json!({ "action": "opened", "repository": { "full_name": "ana/hall" },
            "issue": { "number": 7, "title": "Broken", "body": "It is", "html_url": "https://i.example" } });
        let draft = github("issues", &issue).unwrap().draft(Vec::new(), HERE).unwrap();
        assert_eq!(draft.embeds[0].title.as_deref(), Some("[ana/hall] Issue opened #7: Broken"));
        for (event, value) in [("ping", json!({})), ("push", json!({ "commits": [] }))] {
            assert!(github(event, &value).is_none(), "{event}");
        }
    }
}
