//! What is said: messages, files, reactions, typing, presence, limits, what a cut loses.

use anyhow::Context as _;
use anyhow::bail;
use anyhow::ensure;
use clients::browser;
use clients::control;
use clients::noise;
use futures_util::future::join_all;
use serde_json::json;
use twilight_gateway::Event;
use twilight_http::request::channel::reaction::RequestReactionType;
use twilight_model::channel::Message;
use twilight_model::gateway::payload::outgoing::UpdatePresence;
use twilight_model::gateway::presence::Activity;
use twilight_model::gateway::presence::ActivityType;
use twilight_model::gateway::presence::MinimalActivity;
use twilight_model::gateway::presence::Status;
use twilight_model::http::attachment::Attachment;
use twilight_util::builder::embed::EmbedBuilder;

use super::Bot;
use super::RESUME_PATIENCE;
use super::heard;
use super::refused;

impl Bot {
    pub async fn knows_its_guild(&self) -> anyhow::Result<String> {
        let guild = self.cache.guild(self.guild).context("no guild")?;
        ensure!(guild.name() == "Conformance", "its name is {}", guild.name());
        let channel = self.cache.channel(self.text).context("no channel")?;
        ensure!(channel.name.as_deref() == Some("tavern"), "its name is {:?}", channel.name);
        self.cache.member(self.guild, self.me).context("not a member")?;
        let members = self.http.guild_members(self.guild).limit(100).await?.model().await?;
        ensure!(members.len() >= 2, "{} members", members.len());
        Ok(String::new())
    }

    pub async fn round_trip(&self) -> anyhow::Result<Message> {
        let mut events = self.listen();
        let sent = self.say("Hail, çà và?").await?;
        heard(&mut events, |event| {
            matches!(event, Event::MessageCreate(m) if m.id == sent.id && m.content == "Hail, çà và?")
        })
        .await?;
        let history = self.http.channel_messages(self.text).limit(5).await?.model().await?;
        ensure!(history.iter().any(|m| m.id == sent.id), "not in the history");
        Ok(sent)
    }

    pub async fn replies(&self, to: &Message) -> anyhow::Result<String> {
        let request = self.http.create_message(self.text).content("And to you.").reply(to.id);
        let reply = request.await?.model().await?;
        let reference = reply.reference.and_then(|reference| reference.message_id);
        ensure!(reference == Some(to.id), "it refers to {reference:?}");
        Ok(String::new())
    }

    pub async fn edits(&self, message: &Message) -> anyhow::Result<String> {
        let mut events = self.listen();
        self.http.update_message(self.text, message.id).content(Some("Hail again.")).await?;
        heard(&mut events, |event| {
            matches!(event, Event::MessageUpdate(m) if m.id == message.id && m.content == "Hail again.")
        })
        .await?;
        Ok(String::new())
    }

    pub async fn reacts(&self, message: &Message) -> anyhow::Result<String> {
        let beer = RequestReactionType::Unicode { name: "🍺" };
        let mut events = self.listen();
        self.http.create_reaction(self.text, message.id, &beer).await?;
        heard(&mut events, |event| {
            matches!(event, Event::ReactionAdd(r) if r.message_id == message.id && r.user_id == self.me)
        })
        .await?;
        let fetched = self.http.message(self.text, message.id).await?.model().await?;
        ensure!(fetched.reactions.first().is_some_and(|r| r.me && r.count == 1), "not counted");
        self.http.delete_current_user_reaction(self.text, message.id, &beer).await?;
        heard(
            &mut events,
            |event| matches!(event, Event::ReactionRemove(r) if r.message_id == message.id),
        )
        .await?;
        Ok(String::new())
    }

    pub async fn embeds(&self) -> anyhow::Result<String> {
        let embed = EmbedBuilder::new().title("Tonight").color(0x00a1_412a).build();
        let request = self.http.create_message(self.text).embeds(std::slice::from_ref(&embed));
        let sent = request.await?.model().await?;
        let title = sent.embeds.first().and_then(|embed| embed.title.as_deref());
        ensure!(title == Some("Tonight"), "its title is {title:?}");
        Ok(String::new())
    }

    pub async fn attaches(&self) -> anyhow::Result<String> {
        let data = noise(300_000);
        let file = Attachment::from_bytes("map-of-the-road.bin".to_owned(), data.clone(), 1);
        let request = self.http.create_message(self.text).attachments(std::slice::from_ref(&file));
        let sent = request.await?.model().await?;
        let attachment = sent.attachments.first().context("no attachment")?;
        ensure!(attachment.size == data.len() as u64, "{} bytes", attachment.size);
        let fetched = browser()?.get(&attachment.url).send().await?.error_for_status()?;
        ensure!(fetched.bytes().await? == data, "other bytes came back");
        Ok(String::new())
    }

    pub async fn sees_typing(&self) -> anyhow::Result<String> {
        let mut events = self.listen();
        control("type", json!({ "channel": self.text })).await?;
        heard(&mut events, |event| {
            matches!(event, Event::TypingStart(t) if t.channel_id == self.text && t.user_id != self.me)
        })
        .await?;
        Ok(String::new())
    }

    pub async fn shows_presence(&self) -> anyhow::Result<String> {
        let mut events = self.listen();
        let activity = Activity::from(MinimalActivity {
            kind: ActivityType::Watching,
            name: "the tavern".to_owned(),
            url: None,
        });
        self.sender.command(&UpdatePresence::new(vec![activity], false, None, Status::Idle)?)?;
        heard(&mut events, |event| {
            matches!(event, Event::PresenceUpdate(p)
                if p.user.id() == self.me
                    && p.status == Status::Idle
                    && p.activities.first().is_some_and(|a| a.name == "the tavern"))
        })
        .await?;
        Ok(String::new())
    }

    pub async fn is_denied(&self) -> anyhow::Result<String> {
        refused(self.http.create_message(self.quiet).content("psst").await, 50_013)
    }

    pub async fn waits_at_limits(&self) -> anyhow::Result<String> {
        let texts: Vec<String> = (0..12).map(|n| format!("round {n}")).collect();
        let sent = join_all(texts.iter().map(|text| self.say(text))).await;
        let mut ids = Vec::new();
        let mut times = Vec::new();
        for message in sent {
            let message = message?;
            ids.push(message.id);
            times.push(message.timestamp.as_micros());
        }
        ids.sort_unstable();
        ids.dedup();
        ensure!(ids.len() == 12, "{} messages", ids.len());
        // Five are let through in five seconds: twelve take two such turns at the least.
        let took =
            times.iter().max().zip(times.iter().min()).map_or(0, |(last, first)| last - first);
        ensure!(took > 4_500_000, "the limit was never felt: they took {took} µs");
        Ok(String::new())
    }

    pub async fn forwards(&self, message: &Message) -> anyhow::Result<String> {
        let request = self.http.create_message(self.text).forward(self.text, message.id);
        let sent = request.await?.model().await?;
        let forwarded = sent.message_snapshots.first().context("nothing was forwarded")?;
        ensure!(forwarded.message.content == "Hail again.", "{}", forwarded.message.content);
        Ok(String::new())
    }

    pub async fn deletes(&self, message: &Message) -> anyhow::Result<String> {
        let mut events = self.listen();
        self.http.delete_message(self.text, message.id).await?;
        heard(&mut events, |event| matches!(event, Event::MessageDelete(m) if m.id == message.id))
            .await?;
        refused(self.http.message(self.text, message.id).await, 10_008)
    }

    pub async fn resumes(&self) -> anyhow::Result<String> {
        let said = ["first in the dark", "second in the dark", "third in the dark"];
        let mut events = self.listen();
        control("cut", json!({ "seconds": 1, "channel": self.text, "say": said })).await?;
        let mut replayed = Vec::new();
        let resumed = async {
            loop {
                match &*events.recv().await? {
                    Event::MessageCreate(m) if said.contains(&m.content.as_str()) => {
                        replayed.push(m.content.clone());
                    }
                    Event::Ready(_) => bail!("it identified anew"),
                    Event::Resumed => return Ok(()),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(RESUME_PATIENCE, resumed).await.context("it did not resume")??;
        control("say", json!({ "channel": self.text, "content": "light again" })).await?;
        heard(
            &mut events,
            |event| matches!(event, Event::MessageCreate(m) if m.content == "light again"),
        )
        .await?;
        ensure!(replayed == said, "replayed: {replayed:?}");
        Ok(format!("{} replayed", replayed.len()))
    }
}
