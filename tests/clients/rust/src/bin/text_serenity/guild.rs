//! What a guild has: members, permissions, threads, polls, events, rules, its log, shards.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::bail;
use anyhow::ensure;
use clients::control;
use serde_json::Value;
use serde_json::json;
use serenity::all::Action;
use serenity::all::AutoModAction;
use serenity::all::Change;
use serenity::all::ChannelAction;
use serenity::all::ChunkGuildFilter;
use serenity::all::CreateAttachment;
use serenity::all::CreateForumPost;
use serenity::all::CreateMessage;
use serenity::all::CreatePoll;
use serenity::all::CreatePollAnswer;
use serenity::all::CreateScheduledEvent;
use serenity::all::CreateThread;
use serenity::all::EditAutoModRule;
use serenity::all::EditChannel;
use serenity::all::EditScheduledEvent;
use serenity::all::EditThread;
use serenity::all::Event;
use serenity::all::MessageId;
use serenity::all::Permissions;
use serenity::all::ScheduledEventStatus;
use serenity::all::ScheduledEventType;
use serenity::all::Timestamp;
use serenity::all::Trigger;
use serenity::model::guild::audit_log::Action as AuditAction;

use super::Bot;
use super::RESUME_PATIENCE;
use super::connect;
use super::heard;
use super::refused;
use super::until;
use super::when;

impl Bot {
    /// Gives the bot these permissions, by a role of its own.
    async fn is_trusted(&self, permissions: Permissions) -> anyhow::Result<Value> {
        let bits = permissions.bits().to_string();
        control("trust", json!({ "user": self.me, "permissions": bits })).await
    }

    pub async fn asks_for_members(&self) -> anyhow::Result<String> {
        let mut events = self.listen();
        let owner = self.cache.guild(self.guild).context("no guild")?.owner_id;
        let asked = [
            ("named", ChunkGuildFilter::Query("ana".to_owned()), vec![owner]),
            ("chosen", ChunkGuildFilter::UserIds(vec![owner, self.me]), vec![owner, self.me]),
        ];
        for (nonce, filter, mut wanted) in asked {
            for shard in self.shards.runners.lock().await.values() {
                let (filter, nonce) = (filter.clone(), Some(nonce.to_owned()));
                shard.runner_tx.chunk_guild(self.guild, Some(5), true, filter, nonce);
            }
            let chunk = heard(&mut events, |event| match event {
                Event::GuildMembersChunk(told) if told.nonce.as_deref() == Some(nonce) => {
                    Some(told.clone())
                }
                _ => None,
            })
            .await?;
            let mut found: Vec<_> = chunk.members.keys().copied().collect();
            found.sort_unstable();
            wanted.sort_unstable();
            ensure!(found == wanted && chunk.chunk_count == 1, "{nonce}: {chunk:?}");
            ensure!(chunk.presences.is_some(), "no presences");
        }
        Ok(String::new())
    }

    /// What the library sums up of roles and overwrites, and what the server decides, must agree.
    pub async fn obeys_overwrites(&self) -> anyhow::Result<String> {
        let role = self.is_trusted(Permissions::empty()).await?;
        let me = json!(self.me);
        let send = Permissions::SEND_MESSAGES.bits().to_string();
        let cases = [
            (&role["id"], 0, send.as_str(), "0", true),
            (&me, 1, "0", send.as_str(), false),
            (&me, 1, send.as_str(), "0", true),
        ];
        for (whom, kind, allow, deny, may) in cases {
            let overwrite = json!({
                "channel": self.quiet, "whom": whom, "type": kind, "allow": allow, "deny": deny,
            });
            control("overwrite", overwrite).await?;
            until(|| self.sums_up_that_it_speaks() == Some(may)).await?;
            match self.quiet.say(&self.http, "psst").await {
                Ok(_) => ensure!(may, "it spoke: {allow} {deny}"),
                refusal if may => bail!("it was refused: {refusal:?}"),
                refusal => drop(refused(refusal, 50_013)?),
            }
        }
        Ok(String::new())
    }

    /// Whether the bot may speak where it is quiet, by the library's own account.
    fn sums_up_that_it_speaks(&self) -> Option<bool> {
        let guild = self.cache.guild(self.guild)?;
        let (channel, me) = (guild.channels.get(&self.quiet)?, guild.members.get(&self.me)?);
        Some(guild.user_permissions_in(channel, me).send_messages())
    }

    pub async fn threads(&self, id: MessageId) -> anyhow::Result<String> {
        let mut events = self.listen();
        let named = CreateThread::new("Bread");
        let thread = self.text.create_thread_from_message(&self.http, id, named).await?;
        heard(&mut events, |event| match event {
            Event::ThreadCreate(told) => when(told.thread.id == thread.id),
            _ => None,
        })
        .await?;
        control("say", json!({ "channel": thread.id, "content": "rye" })).await?;
        heard(&mut events, |event| match event {
            Event::MessageCreate(told) => {
                when(told.message.channel_id == thread.id && told.message.content == "rye")
            }
            _ => None,
        })
        .await?;
        let active = self.guild.get_active_threads(&self.http).await?;
        ensure!(active.threads.iter().any(|one| one.id == thread.id), "not listed as active");
        let archived = EditThread::new().archived(true);
        thread.id.edit_thread(&self.http, archived).await?;
        let listed = self.text.get_archived_public_threads(&self.http, None, None).await?;
        ensure!(listed.threads.iter().any(|one| one.id == thread.id), "not listed as archived");
        Ok(String::new())
    }

    pub async fn posts_in_a_forum(&self) -> anyhow::Result<String> {
        let tag = {
            let guild = self.cache.guild(self.guild).context("no guild")?;
            let forum = guild.channels.get(&self.forum).context("no forum")?;
            let tag = forum.available_tags.iter().find(|tag| tag.name == "open");
            tag.context("no tag")?.id
        };
        let file = CreateAttachment::bytes(&b"because"[..], "why.txt");
        let message = CreateMessage::new().content("please").add_file(file);
        let post = CreateForumPost::new("More beer", message).add_applied_tag(tag);
        let post = self.forum.create_forum_post(&self.http, post).await?;
        ensure!(post.applied_tags == [tag], "its tags are {:?}", post.applied_tags);
        let first = post.id.message(&self.http, post.id.get()).await?;
        let attachment = first.attachments.first().context("no file")?;
        let fetched = self.web.get(&attachment.url).send().await?.error_for_status()?;
        ensure!(fetched.bytes().await? == &b"because"[..], "other bytes came back");
        let archived = EditThread::new().name("Less beer").archived(true);
        post.id.edit_thread(&self.http, archived).await?;
        let listed = self.forum.get_archived_public_threads(&self.http, None, None).await?;
        ensure!(listed.threads.iter().any(|one| one.id == post.id), "not listed as archived");
        Ok(String::new())
    }

    pub async fn asks_by_a_poll(&self) -> anyhow::Result<String> {
        let mut events = self.listen();
        let ale = CreatePollAnswer::new().text("ale").emoji("🍺".to_owned());
        let answers = vec![ale, CreatePollAnswer::new().text("mead")];
        let question = CreatePoll::new().question("What tonight?").answers(answers);
        let poll = question.duration(Duration::from_secs(3_600));
        let asked = self.text.send_message(&self.http, CreateMessage::new().poll(poll)).await?;
        let shown = asked.poll.context("no poll")?;
        ensure!(shown.answers.len() == 2, "{} answers", shown.answers.len());
        let vote = json!({ "channel": self.text, "message": asked.id, "answers": [2] });
        control("vote", vote).await?;
        let (who, answer) = heard(&mut events, |event| match event {
            Event::MessagePollVoteAdd(told) if told.message_id == asked.id => {
                Some((told.user_id, told.answer_id))
            }
            _ => None,
        })
        .await?;
        ensure!(answer.get() == 2, "another answer: {answer}");
        let voters =
            self.text.get_poll_answer_voters(&self.http, asked.id, answer, None, None).await?;
        ensure!(voters.iter().map(|user| user.id).eq([who]), "{} voters", voters.len());
        self.text.end_poll(&self.http, asked.id).await?;
        // What came of it is told in a message that refers to the poll.
        heard(&mut events, |event| match event {
            Event::MessageCreate(told) => {
                let reference = told.message.message_reference.as_ref();
                when(reference.is_some_and(|one| one.message_id == Some(asked.id)))
            }
            _ => None,
        })
        .await?;
        let ended = self.text.message(&self.http, asked.id).await?;
        let results = ended.poll.and_then(|poll| poll.results).context("no results")?;
        let counted = results.answer_counts.iter().find(|count| count.id == answer);
        ensure!(results.is_finalized && counted.is_some_and(|one| one.count == 1), "{results:?}");
        Ok(String::new())
    }

    pub async fn plans_an_event(&self) -> anyhow::Result<String> {
        self.is_trusted(Permissions::CREATE_EVENTS | Permissions::MANAGE_EVENTS).await?;
        let mut events = self.listen();
        let start = Timestamp::from_unix_timestamp(Timestamp::now().unix_timestamp() + 3_600)?;
        let end = Timestamp::from_unix_timestamp(start.unix_timestamp() + 3_600)?;
        let picnic = CreateScheduledEvent::new(ScheduledEventType::External, "Picnic", start);
        let picnic = picnic.end_time(end).location("The park");
        let made = self.guild.create_scheduled_event(&self.http, picnic).await?;
        heard(&mut events, |event| match event {
            Event::GuildScheduledEventCreate(told) => when(told.event.id == made.id),
            _ => None,
        })
        .await?;
        ensure!(made.start_time.unix_timestamp() == start.unix_timestamp(), "{}", made.start_time);
        let listed = self.guild.scheduled_events(&self.http, true).await?;
        ensure!(listed.len() == 1 && listed[0].user_count == Some(0), "{listed:?}");
        for status in [ScheduledEventStatus::Active, ScheduledEventStatus::Completed] {
            let edit = EditScheduledEvent::new().status(status);
            let edited = self.guild.edit_scheduled_event(&self.http, made.id, edit).await?;
            ensure!(edited.status == status, "it is {:?}", edited.status);
        }
        let users = self.guild.scheduled_event_users(&self.http, made.id, None).await?;
        ensure!(users.is_empty(), "{} people", users.len());
        self.guild.delete_scheduled_event(&self.http, made.id).await?;
        Ok(String::new())
    }

    pub async fn forbids_words(&self) -> anyhow::Result<String> {
        let trust = Permissions::MANAGE_GUILD | Permissions::VIEW_AUDIT_LOG;
        self.is_trusted(trust).await?;
        let trigger = Trigger::Keyword {
            strings: vec!["boat*".to_owned()],
            regex_patterns: Vec::new(),
            allow_list: vec!["boatswain".to_owned()],
        };
        let blocked = Action::BlockMessage { custom_message: Some("Not here.".to_owned()) };
        let rule = EditAutoModRule::new().name("No boats").trigger(trigger.clone());
        let rule = rule.actions(vec![blocked]).enabled(true);
        let made = self.guild.create_automod_rule(&self.http, rule).await?;
        ensure!(made.trigger == trigger && made.creator_id == self.me, "{made:?}");
        let rules = self.guild.automod_rules(&self.http).await?;
        ensure!(rules.iter().map(|rule| rule.id).eq([made.id]), "{rules:?}");
        // Whoever manages the guild may say what they like: away with that right for a moment.
        control("member", json!({ "user": self.me, "roles": [] })).await?;
        refused(self.text.say(&self.http, "Boats ahoy").await, 200_000)?;
        self.say("The boatswain").await?;
        self.is_trusted(trust).await?;
        let action = AuditAction::AutoMod(AutoModAction::BlockMessage);
        let log = self.guild.audit_logs(&self.http, Some(action), None, None, Some(1)).await?;
        let options = log.entries.first().and_then(|entry| entry.options.as_ref());
        let name = options.and_then(|options| options.auto_moderation_rule_name.as_deref());
        ensure!(name == Some("No boats"), "{:?}", log.entries);
        self.guild.delete_automod_rule(&self.http, made.id).await?;
        Ok(String::new())
    }

    pub async fn reads_the_audit_log(&self) -> anyhow::Result<String> {
        self.is_trusted(Permissions::VIEW_AUDIT_LOG | Permissions::MANAGE_CHANNELS).await?;
        let mut events = self.listen();
        let (topic, reason) = ("Ale by serenity", "House rules, § 1");
        let edit = EditChannel::new().topic(topic).audit_log_reason(reason);
        self.text.edit(&self.http, edit).await?;
        let action = AuditAction::Channel(ChannelAction::Update);
        let told = heard(&mut events, |event| match event {
            Event::GuildAuditLogEntryCreate(told) if told.entry.user_id == self.me => {
                Some(told.entry.clone())
            }
            _ => None,
        })
        .await?;
        ensure!(
            told.action.num() == action.num() && told.reason.as_deref() == Some(reason),
            "{told:?}"
        );
        let changes = told.changes.as_deref().unwrap_or_default();
        let changed = |change: &Change| matches!(change, Change::Topic { new: Some(new), .. } if new == topic);
        ensure!(changes.iter().any(changed), "{changes:?}");
        let me = Some(self.me);
        let log = self.guild.audit_logs(&self.http, Some(action), me, None, Some(1)).await?;
        ensure!(log.entries.first().is_some_and(|entry| entry.id == told.id), "not in the log");
        ensure!(log.users.contains_key(&self.me), "who did it is not told");
        Ok(String::new())
    }

    pub async fn sees_a_stage(&self) -> anyhow::Result<String> {
        let mut events = self.listen();
        control("stage", json!({ "topic": "Greensleeves" })).await?;
        let begun = heard(&mut events, |event| match event {
            Event::StageInstanceCreate(told) if told.stage_instance.channel_id == self.stage => {
                Some(told.stage_instance.clone())
            }
            _ => None,
        })
        .await?;
        ensure!(begun.topic == "Greensleeves", "its topic is {}", begun.topic);
        let fetched = self.stage.get_stage_instance(&self.http).await?;
        ensure!(fetched.id == begun.id, "another stage");
        control("stage", json!({})).await?;
        heard(&mut events, |event| match event {
            Event::StageInstanceDelete(told) => when(told.stage_instance.id == begun.id),
            _ => None,
        })
        .await?;
        Ok(String::new())
    }

    /// A second client, in two shards: each hears of its own guilds, and this one is of one of them.
    pub async fn runs_in_two_shards(&self) -> anyhow::Result<String> {
        let mut pair = connect().await?;
        let mut events = pair.events.subscribe();
        let shards = Arc::clone(&pair.client.shard_manager);
        let run = tokio::spawn(async move { pair.client.start_shards(2).await });
        let hears = async {
            let mut ready = 0;
            let mut said = Vec::new();
            while said.len() < 2 {
                let told = events.recv().await?;
                match &told.event {
                    Event::Ready(_) => ready += 1,
                    Event::MessageCreate(one) => {
                        said.push((told.shard, one.message.content.clone()))
                    }
                    Event::GuildCreate(_) => {}
                    _ => continue,
                }
                if ready == 2 && matches!(told.event, Event::GuildCreate(_) | Event::Ready(_)) {
                    self.say("to one shard").await?;
                    self.say("and once more").await?;
                    ready = 0;
                }
            }
            anyhow::Ok(said)
        };
        let said = tokio::time::timeout(RESUME_PATIENCE, hears).await;
        shards.shutdown_all().await;
        run.abort();
        let mut said = said.context("it was not heard")??;
        said.sort_unstable();
        let mine = u32::try_from((self.guild.get() >> 22) % 2)?;
        let wanted = ["and once more", "to one shard"].map(|content| (mine, content.to_owned()));
        ensure!(said == wanted, "{said:?}");
        Ok(String::new())
    }
}
