//! What is asked and done by HTTP: pages, searches, roles, names, joins and kicks.

use std::time::Duration;

use anyhow::Context as _;
use hyper::Method;
use serde_json::Value;
use serde_json::json;

use super::Took;
use super::folk;
use super::folk::Folk;
use super::folk::GUILD;
use super::folk::INVITE;
use super::folk::MODERATORS;
use super::timed;
use crate::bench::chat::post::Client;

/// Members of a page, at most (Discord: List Guild Members).
const PAGE: usize = 1_000;
/// How often somebody is given another name.
const RENAME: Duration = Duration::from_millis(100);

/// See the module. Whoever asks is another one each time, so that nobody is told to be patient.
pub(super) struct Desk {
    client: Client,
    folk: Folk,
}

impl Desk {
    /// A desk for everybody.
    pub(super) const fn new(client: Client, folk: Folk) -> Self {
        Self { client, folk }
    }

    /// Asks for a thousand members from somewhere on.
    ///
    /// # Errors
    ///
    /// When they do not come.
    pub(super) async fn page(&self, nth: u32) -> anyhow::Result<Took> {
        let after = folk::scatter(nth.into()) % u64::from(self.folk.members);
        let path = format!("members?limit={PAGE}&after={}", folk::id(after as u32));
        let (took, found) = self.ask(nth, Method::GET, &path, None).await?;
        let left = (u64::from(self.folk.members) - after - 1).min(PAGE as u64);
        anyhow::ensure!(count(&found) as u64 >= left, "members are missing behind {after}");
        Ok(took)
    }

    /// Searches for someone by their whole username, or for very many.
    ///
    /// # Errors
    ///
    /// When nobody is found.
    pub(super) async fn search(&self, nth: u32, rare: bool) -> anyhow::Result<Took> {
        let who = folk::scatter(u64::from(nth) ^ 0xabc) % u64::from(self.folk.members);
        let name = folk::username(who as u32);
        let name = if rare { &name } else { &name[..2] };
        let path = format!("members/search?query={name}&limit=100");
        let (took, found) = self.ask(nth, Method::GET, &path, None).await?;
        anyhow::ensure!(count(&found) > 0, "{name} is not found");
        Ok(took)
    }

    /// Gives someone who is online a role, or takes it again.
    ///
    /// # Errors
    ///
    /// When a moderator may not.
    pub(super) async fn give(&self, nth: u32) -> anyhow::Result<Took> {
        let who = folk::id(self.folk.present().start + nth / 2 % self.folk.online);
        let method = if nth.is_multiple_of(2) { Method::PUT } else { Method::DELETE };
        let path = format!("members/{who}/roles/{}", folk::role(u64::from(nth / 2)));
        Ok(self.moderate(nth, method, &path, None).await?.0)
    }

    /// Changes the colour of a role that many have.
    ///
    /// # Errors
    ///
    /// When a moderator may not.
    pub(super) async fn recolor(&self, nth: u32) -> anyhow::Result<Took> {
        let path = format!("roles/{}", folk::role(nth.into()));
        let body = json!({ "color": nth + 1 });
        Ok(self.moderate(nth, Method::PATCH, &path, Some(&body)).await?.0)
    }

    /// Lets a stranger join.
    ///
    /// # Errors
    ///
    /// When they may not.
    pub(super) async fn join(&self, nth: u32) -> anyhow::Result<Took> {
        let token = Folk::token(self.folk.strangers().start + nth);
        let path = format!("/api/v10/invites/{INVITE}");
        let (took, joined) = self.send(&token, Method::POST, &path, Some(&json!({}))).await?;
        anyhow::ensure!(joined["new_member"] == true, "nobody joined: {joined}");
        Ok(took)
    }

    /// Puts a stranger out again.
    ///
    /// # Errors
    ///
    /// When a moderator may not.
    pub(super) async fn kick(&self, nth: u32) -> anyhow::Result<Took> {
        let path = format!("members/{}", folk::id(self.folk.strangers().start + nth));
        Ok(self.moderate(nth, Method::DELETE, &path, None).await?.0)
    }

    /// Gives one after the other of those who are online another name, for ever.
    ///
    /// # Errors
    ///
    /// When a moderator may not.
    pub(super) async fn rename(&self) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval(RENAME);
        for nth in 0_u32.. {
            ticks.tick().await;
            let chance = folk::scatter(u64::from(nth) ^ 0x77);
            let who = folk::id(self.folk.present().start + chance as u32 % self.folk.online);
            let body = json!({ "nick": format!("Mate {:x}", chance >> 40) });
            self.moderate(nth, Method::PATCH, &format!("members/{who}"), Some(&body)).await?;
        }
        Ok(())
    }

    /// As one of those who are online.
    async fn ask(
        &self,
        nth: u32,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(Took, Value)> {
        let token = Folk::token(self.folk.present().start + nth % self.folk.online);
        self.send(&token, method, &format!("/api/v10/guilds/{GUILD}/{path}"), body).await
    }

    /// As one of the moderators.
    async fn moderate(
        &self,
        nth: u32,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(Took, Value)> {
        let token = Folk::token(1 + nth % MODERATORS);
        self.send(&token, method, &format!("/api/v10/guilds/{GUILD}/{path}"), body).await
    }

    async fn send(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(Took, Value)> {
        loop {
            let asking = self.client.ask(&method, Some((token, false)), path, body);
            let (took, (status, answer)) = timed(asking).await?;
            let answer: Value = match &*answer {
                b"" => Value::Null,
                text => serde_json::from_slice(text).context("the server answers no JSON")?,
            };
            // With few people online the same one asks often.
            if let Some(wait) = answer["retry_after"].as_f64() {
                tokio::time::sleep(Duration::from_secs_f64(wait)).await;
                continue;
            }
            anyhow::ensure!(status.is_success(), "{method} {path} was refused: {answer}");
            return Ok((took, answer));
        }
    }
}

fn count(found: &Value) -> usize {
    found.as_array().map_or(0, Vec::len)
}
