//! A guild with a bot in it, and ears: what each account's sessions are told.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of this")]

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use signaling::SignalingConfig;
use signaling::auth::Accounts;
use signaling::auth::PrivilegedIntents;
use state::GuildEvent;
use state::Overflow;
use state::Subscriber;
use state::SubscriberId;
use state::UserEvent;
use state::event::Personal;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Answer;
use super::Api;
use super::Person;
use super::Place;

pub struct Hall {
    pub api: Api,
    /// Owns the guild.
    pub ana: Person,
    /// A member.
    pub ben: Person,
    pub bot: Person,
    pub place: Place,
    ears: AtomicU64,
}

impl Hall {
    pub async fn open() -> Self {
        Self::with(SignalingConfig::default()).await
    }

    pub async fn with(config: SignalingConfig) -> Self {
        let config = SignalingConfig { open_registration: true, ..config };
        let api = Api::with(config).await;
        let ana = api.register("ana").await;
        let ben = api.register("ben").await;
        let place = api.guild(&ana, "Hall").await;
        let bot = api.bot("Dicer", PrivilegedIntents::ALL).await;
        let accounts = Accounts::from(&api.parts);
        for person in [&ben, &bot] {
            let (guild, user) = (place.guild.parse().unwrap(), person.id.parse().unwrap());
            accounts.join(guild, user).await.unwrap();
        }
        Self { api, ana, ben, bot, place, ears: AtomicU64::new(1_000_000) }
    }

    pub async fn ask(&self, who: &Person, method: &str, path: &str, body: Value) -> Answer {
        who.ask(&self.api, method, path).json(&body).send().await
    }

    pub async fn get(&self, who: &Person, path: &str) -> Answer {
        who.ask(&self.api, "GET", path).send().await
    }

    /// Asks without an account, as webhooks and answers are.
    pub async fn nobody(&self, method: &str, path: &str, body: Value) -> Answer {
        self.api.ask(method, path).json(&body).send().await
    }

    /// The channel's history, newest first.
    pub async fn history(&self) -> Vec<Value> {
        let path = format!("/channels/{}/messages", self.place.text);
        self.get(&self.ana, &path).await.body.as_array().unwrap().clone()
    }

    /// Makes the bot's commands; their ids.
    pub async fn commands(&self, commands: Value) -> Vec<String> {
        let path = format!("/applications/{}/commands", self.bot.id);
        let made = self.ask(&self.bot, "PUT", &path, commands).await;
        assert_eq!(made.status, 200, "{made:?}");
        let made = made.body.as_array().unwrap().clone();
        made.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }

    /// What a person's client posts.
    pub fn call(&self, kind: u8, data: Value) -> Value {
        json!({
            "type": kind, "application_id": self.bot.id, "guild_id": self.place.guild,
            "channel_id": self.place.text, "session_id": "s", "nonce": "n1", "data": data,
        })
    }

    /// Hears what the sessions of `person` are told, from now on.
    pub async fn ears(&self, person: &Person) -> Ears {
        let id = SubscriberId(self.ears.fetch_add(1, Ordering::Relaxed));
        let (queue, events) = mpsc::channel(1_000);
        let user = person.id.parse().unwrap();
        let overflow = Arc::new(Overflow::default());
        self.api.parts.store.connect(Subscriber { id, user, queue, overflow, hearer: None });
        self.api.parts.store.subscribe(id, self.place.guild.parse().unwrap()).await;
        Ears(events)
    }
}

/// What one session is told.
pub struct Ears(mpsc::Receiver<UserEvent>);

impl Ears {
    /// The next event of that name that only this account hears.
    pub async fn personal(&mut self, name: &str) -> Arc<Personal> {
        loop {
            match self.next().await {
                UserEvent::Personal(personal) if personal.name == name => return personal,
                _ => {}
            }
        }
    }

    /// The next event of its guild that `wanted` picks.
    pub async fn guild<T>(&mut self, wanted: impl Fn(&GuildEvent) -> Option<T>) -> T {
        loop {
            if let UserEvent::Guild(publication) = self.next().await
                && let Some(found) = wanted(&publication.event)
            {
                return found;
            }
        }
    }

    /// Names of all that only this account heard so far.
    pub fn names(&mut self) -> Vec<&'static str> {
        let mut names = Vec::new();
        while let Ok(event) = self.0.try_recv() {
            if let UserEvent::Personal(personal) = event {
                names.push(personal.name.as_str());
            }
        }
        names
    }

    async fn next(&mut self) -> UserEvent {
        let next = timeout(Duration::from_secs(20), self.0.recv()).await;
        next.expect("an event in time").expect("an event")
    }
}

/// The path that answers an interaction, as its bot was told of it.
pub fn callback(told: &Personal) -> String {
    let field = |field: &str| told.body[field].as_str().unwrap().to_owned();
    format!("/interactions/{}/{}/callback", field("id"), field("token"))
}

/// The path of what a bot says after its answer.
pub fn followups(told: &Personal) -> String {
    let field = |field: &str| told.body[field].as_str().unwrap().to_owned();
    format!("/webhooks/{}/{}", field("application_id"), field("token"))
}
