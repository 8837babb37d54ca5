//! What is said: messages, files, reactions, typing, presence, limits, what a cut loses.

use std::sync::atomic::Ordering;

use anyhow::Context as _;
use anyhow::bail;
use anyhow::ensure;
use clients::control;
use clients::noise;
use futures_util::future::join_all;
use serde_json::json;
use serenity::all::ActivityData;
use serenity::all::CreateAttachment;
use serenity::all::CreateEmbed;
use serenity::all::CreateMessage;
use serenity::all::EditMessage;
use serenity::all::Event;
use serenity::all::GetMessages;
use serenity::all::Message;
use serenity::all::MessageId;
use serenity::all::MessageReference;
use serenity::all::MessageReferenceKind;
use serenity::all::OnlineStatus;
use serenity::all::ReactionType;
use serenity::all::UserId;

use super::Bot;
use super::RESUME_PATIENCE;
use super::heard;
use super::refused;
use super::until;
use super::when;

impl Bot {
    pub async fn knows_its_guild(&self) -> anyhow::Result<String> {
        // The library tells its handlers a moment before its cache has it.
        until(|| self.cache.guild(self.guild).is_some()).await?;
        {
            let guild = self.cache.guild(self.guild).context("no guild")?;
            ensure!(guild.name == "Conformance", "its name is {}", guild.name);
            let channel = guild.channels.get(&self.text).context("no channel")?;
            ensure!(channel.name == "tavern", "its name is {}", channel.name);
            ensure!(guild.members.contains_key(&self.me), "not a member");
        }
        let members = self.guild.members(&self.http, Some(100), None::<UserId>).await?;
        ensure!(members.len() >= 2, "{} members", members.len());
        Ok(String::new())
    }

    pub async fn round_trip(&self) -> anyhow::Result<Message> {
        let mut events = self.listen();
        let sent = self.say("Hail, çà và?").await?;
        heard(&mut events, |event| match event {
            Event::MessageCreate(told) => {
                when(told.message.id == sent.id && told.message.content == "Hail, çà và?")
            }
            _ => None,
        })
        .await?;
        let history = self.text.messages(&self.http, GetMessages::new().limit(5)).await?;
        ensure!(history.iter().any(|message| message.id == sent.id), "not in the history");
        Ok(sent)
    }

    pub async fn replies(&self, to: &Message) -> anyhow::Result<String> {
        let reply = to.reply(&self.http, "And to you.").await?;
        let reference = reply.message_reference.and_then(|reference| reference.message_id);
        ensure!(reference == Some(to.id), "it refers to {reference:?}");
        Ok(String::new())
    }

    pub async fn edits(&self, id: MessageId) -> anyhow::Result<String> {
        let mut events = self.listen();
        let edit = EditMessage::new().content("Hail again.");
        self.text.edit_message(&self.http, id, edit).await?;
        heard(&mut events, |event| match event {
            Event::MessageUpdate(told) => {
                when(told.id == id && told.content.as_deref() == Some("Hail again."))
            }
            _ => None,
        })
        .await?;
        Ok(String::new())
    }

    pub async fn reacts(&self, id: MessageId) -> anyhow::Result<String> {
        let beer = ReactionType::Unicode("🍺".to_owned());
        let mut events = self.listen();
        self.text.create_reaction(&self.http, id, beer.clone()).await?;
        heard(&mut events, |event| match event {
            Event::ReactionAdd(told) => {
                when(told.reaction.message_id == id && told.reaction.user_id == Some(self.me))
            }
            _ => None,
        })
        .await?;
        let fetched = self.text.message(&self.http, id).await?;
        ensure!(fetched.reactions.first().is_some_and(|r| r.me && r.count == 1), "not counted");
        let users =
            self.text.reaction_users(&self.http, id, beer.clone(), None, None::<UserId>).await?;
        ensure!(users.iter().map(|user| user.id).eq([self.me]), "reactor is not listed");
        self.text.delete_reaction(&self.http, id, None, beer).await?;
        heard(&mut events, |event| match event {
            Event::ReactionRemove(told) => when(told.reaction.message_id == id),
            _ => None,
        })
        .await?;
        Ok(String::new())
    }

    pub async fn embeds(&self) -> anyhow::Result<String> {
        let embed = CreateEmbed::new().title("Tonight").colour(0x00aa_5500);
        let sent = self.text.send_message(&self.http, CreateMessage::new().embed(embed)).await?;
        let title = sent.embeds.first().and_then(|embed| embed.title.as_deref());
        ensure!(title == Some("Tonight"), "its title is {title:?}");
        Ok(String::new())
    }

    pub async fn attaches(&self) -> anyhow::Result<String> {
        let data = noise(300_000);
        let file = CreateAttachment::bytes(data.clone(), "map-of-the-road.bin");
        let sent = self.text.send_files(&self.http, [file], CreateMessage::new()).await?;
        let attachment = sent.attachments.first().context("no attachment")?;
        ensure!(attachment.size as usize == data.len(), "{} bytes", attachment.size);
        let fetched = self.web.get(&attachment.url).send().await?.error_for_status()?;
        ensure!(fetched.bytes().await? == data, "other bytes came back");
        Ok(String::new())
    }

    pub async fn sees_typing(&self) -> anyhow::Result<String> {
        let mut events = self.listen();
        control("type", json!({ "channel": self.text })).await?;
        heard(&mut events, |event| match event {
            Event::TypingStart(told) => {
                when(told.channel_id == self.text && told.user_id != self.me)
            }
            _ => None,
        })
        .await?;
        self.text.broadcast_typing(&self.http).await?;
        Ok(String::new())
    }

    pub async fn shows_presence(&self) -> anyhow::Result<String> {
        let mut events = self.listen();
        for shard in self.shards.runners.lock().await.values() {
            let activity = ActivityData::watching("the tavern");
            shard.runner_tx.set_presence(Some(activity), OnlineStatus::Idle);
        }
        heard(&mut events, |event| match event {
            Event::PresenceUpdate(told) => {
                let presence = &told.presence;
                let shown = presence.activities.first().is_some_and(|a| a.name == "the tavern");
                when(presence.user.id == self.me && presence.status == OnlineStatus::Idle && shown)
            }
            _ => None,
        })
        .await?;
        Ok(String::new())
    }

    pub async fn is_denied(&self) -> anyhow::Result<String> {
        refused(self.quiet.say(&self.http, "psst").await, 50_013)
    }

    pub async fn waits_at_limits(&self) -> anyhow::Result<String> {
        let texts: Vec<String> = (0..8).map(|n| format!("round {n}")).collect();
        let sent = join_all(texts.iter().map(|text| self.say(text))).await;
        let mut ids = Vec::new();
        for message in sent {
            ids.push(message?.id);
        }
        ids.sort_unstable();
        ids.dedup();
        ensure!(ids.len() == 8, "{} messages", ids.len());
        let waits = self.waits.load(Ordering::Relaxed);
        ensure!(waits > 0, "the limit was never felt");
        Ok(format!("{waits} waits"))
    }

    pub async fn forwards(&self, id: MessageId) -> anyhow::Result<String> {
        let from = MessageReference::new(MessageReferenceKind::Forward, self.text).message_id(id);
        let forward = CreateMessage::new().reference_message(from);
        let sent = self.text.send_message(&self.http, forward).await?;
        let forwarded = sent.message_snapshots.first().context("nothing was forwarded")?;
        ensure!(forwarded.content == "Hail again.", "{}", forwarded.content);
        Ok(String::new())
    }

    pub async fn deletes(&self, id: MessageId) -> anyhow::Result<String> {
        let mut events = self.listen();
        self.text.delete_message(&self.http, id).await?;
        heard(&mut events, |event| match event {
            Event::MessageDelete(told) => when(told.message_id == id),
            _ => None,
        })
        .await?;
        refused(self.text.message(&self.http, id).await, 10_008)
    }

    pub async fn resumes(&self) -> anyhow::Result<String> {
        let said = ["first in the dark", "second in the dark", "third in the dark"];
        let mut events = self.listen();
        control("cut", json!({ "seconds": 1, "channel": self.text, "say": said })).await?;
        let mut replayed = Vec::new();
        let mut resumed = false;
        let all = async {
            while !resumed || replayed.len() < said.len() {
                match &events.recv().await?.event {
                    Event::MessageCreate(told) if said.contains(&told.message.content.as_str()) => {
                        replayed.push((told.message.id, told.message.content.clone()));
                    }
                    Event::Ready(_) => bail!("it identified anew"),
                    Event::Resumed(_) => resumed = true,
                    _ => {}
                }
            }
            Ok(())
        };
        tokio::time::timeout(RESUME_PATIENCE, all).await.context("it did not resume")??;
        control("say", json!({ "channel": self.text, "content": "light again" })).await?;
        heard(&mut events, |event| match event {
            Event::MessageCreate(told) => when(told.message.content == "light again"),
            _ => None,
        })
        .await?;
        replayed.sort_unstable();
        let contents = replayed.iter().map(|(_, content)| content.as_str());
        ensure!(contents.eq(said), "replayed: {replayed:?}");
        Ok(format!("{} replayed", replayed.len()))
    }
}
