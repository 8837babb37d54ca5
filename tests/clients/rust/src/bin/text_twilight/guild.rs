//! What a guild has: members, permissions, threads, polls, events, rules, its log, shards.

use anyhow::Context as _;
use anyhow::ensure;
use clients::browser;
use clients::control;
use serde_json::Value;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use twilight_gateway::CloseFrame;
use twilight_gateway::Event;
use twilight_gateway::EventTypeFlags;
use twilight_gateway::Shard;
use twilight_gateway::StreamExt as _;
use twilight_gateway::bucket;
use twilight_http::request::AuditLogReason as _;
use twilight_model::channel::message::MessageType;
use twilight_model::gateway::payload::outgoing::RequestGuildMembers;
use twilight_model::guild::Permissions;
use twilight_model::guild::audit_log::AuditLogChange;
use twilight_model::guild::audit_log::AuditLogEventType;
use twilight_model::guild::auto_moderation::AutoModerationEventType;
use twilight_model::guild::scheduled_event::PrivacyLevel;
use twilight_model::guild::scheduled_event::Status;
use twilight_model::http::attachment::Attachment;
use twilight_model::id::Id;
use twilight_model::id::marker::MessageMarker;
use twilight_model::poll::PartialPollMediaEmoji;
use twilight_model::poll::Poll;
use twilight_model::poll::PollAnswer;
use twilight_model::poll::PollLayoutType;
use twilight_model::poll::PollMedia;
use twilight_model::util::Timestamp;

use super::Bot;
use super::RESUME_PATIENCE;
use super::config;
use super::first;
use super::heard;
use super::refused;
use super::until;

impl Bot {
    /// Gives the bot these permissions, by a role of its own.
    async fn is_trusted(&self, permissions: Permissions) -> anyhow::Result<Value> {
        let bits = permissions.bits().to_string();
        control("trust", json!({ "user": self.me, "permissions": bits })).await
    }

    pub async fn asks_for_members(&self) -> anyhow::Result<String> {
        let mut events = self.listen();
        let owner = self.cache.guild(self.guild).context("no guild")?.owner_id();
        let ask = |nonce| RequestGuildMembers::builder(self.guild).presences(true).nonce(nonce);
        let asked = [
            ("named", ask("named").query("ana", Some(5)), vec![owner]),
            ("chosen", ask("chosen").user_ids([owner, self.me])?, vec![owner, self.me]),
        ];
        for (nonce, request, mut wanted) in asked {
            self.sender.command(&request)?;
            let chunk = first(&mut events, |event| match event {
                Event::MemberChunk(told) if told.nonce.as_deref() == Some(nonce) => {
                    Some(told.clone())
                }
                _ => None,
            })
            .await?;
            let mut found: Vec<_> = chunk.members.iter().map(|member| member.user.id).collect();
            found.sort_unstable();
            wanted.sort_unstable();
            ensure!(found == wanted && chunk.chunk_count == 1, "{nonce}: {chunk:?}");
            let mut present = chunk.presences.iter().map(|presence| presence.user.id());
            let asked_of_us = wanted.contains(&self.me);
            ensure!(present.any(|user| user == self.me) == asked_of_us, "{nonce}: {chunk:?}");
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
            let answer = self.http.create_message(self.quiet).content("psst").await;
            if may {
                answer.with_context(|| format!("it was refused: {allow} {deny}"))?;
            } else {
                refused(answer, 50_013)?;
            }
        }
        Ok(String::new())
    }

    /// Whether the bot may speak where it is quiet, by the library's own account.
    fn sums_up_that_it_speaks(&self) -> Option<bool> {
        let may = self.cache.permissions().in_channel(self.me, self.quiet).ok()?;
        Some(may.contains(Permissions::SEND_MESSAGES))
    }

    pub async fn threads(&self, id: Id<MessageMarker>) -> anyhow::Result<String> {
        let mut events = self.listen();
        let made = self.http.create_thread_from_message(self.text, id, "Bread");
        let thread = made.await?.model().await?;
        ensure!(thread.parent_id == Some(self.text), "its parent is {:?}", thread.parent_id);
        heard(
            &mut events,
            |event| matches!(event, Event::ThreadCreate(told) if told.id == thread.id),
        )
        .await?;
        control("say", json!({ "channel": thread.id, "content": "rye" })).await?;
        heard(&mut events, |event| {
            matches!(event, Event::MessageCreate(told)
                if told.channel_id == thread.id && told.content == "rye")
        })
        .await?;
        let active = self.http.active_threads(self.guild).await?.model().await?;
        ensure!(active.threads.iter().any(|one| one.id == thread.id), "not listed as active");
        self.http.update_thread(thread.id).archived(true).await?;
        heard(&mut events, |event| {
            matches!(event, Event::ThreadUpdate(told)
                if told.id == thread.id
                    && told.thread_metadata.as_ref().is_some_and(|state| state.archived))
        })
        .await?;
        let listed = self.http.public_archived_threads(self.text).await?.model().await?;
        ensure!(listed.threads.iter().any(|one| one.id == thread.id), "not listed as archived");
        Ok(String::new())
    }

    pub async fn posts_in_a_forum(&self) -> anyhow::Result<String> {
        let tag = {
            let forum = self.cache.channel(self.forum).context("no forum")?;
            let tags = forum.available_tags.iter().flatten();
            let open = tags.clone().find(|tag| tag.name == "open");
            open.with_context(|| format!("no such tag: {:?}", tags.collect::<Vec<_>>()))?.id
        };
        let tags = [tag];
        let file = [Attachment::from_bytes("why.txt".to_owned(), b"because".to_vec(), 1)];
        let post = self.http.create_forum_thread(self.forum, "More beer").applied_tags(&tags);
        let post = post.message().content("please").attachments(&file).await?.model().await?;
        let given = post.channel.applied_tags;
        ensure!(given.as_deref() == Some(&tags), "its tags are {given:?}");
        let id = post.channel.id;
        let first = self.http.message(id, post.message.id).await?.model().await?;
        ensure!(first.content == "please", "{}", first.content);
        let attachment = first.attachments.first().context("no file")?;
        let fetched = browser()?.get(&attachment.url).send().await?.error_for_status()?;
        ensure!(fetched.bytes().await? == &b"because"[..], "other bytes came back");
        self.http.update_thread(id).name("Less beer").archived(true).await?;
        let listed = self.http.public_archived_threads(self.forum).await?.model().await?;
        ensure!(listed.threads.iter().any(|one| one.id == id), "not listed as archived");
        Ok(String::new())
    }

    pub async fn asks_by_a_poll(&self) -> anyhow::Result<String> {
        let mut events = self.listen();
        let media = |text: &str| PollMedia { emoji: None, text: Some(text.to_owned()) };
        let beer =
            PartialPollMediaEmoji { animated: false, id: None, name: Some("🍺".to_owned()) };
        let ale = PollMedia { emoji: Some(beer), ..media("ale") };
        // The library has no word for how long a poll runs: this one runs for a day.
        let question = Poll {
            answers: vec![
                PollAnswer { answer_id: 1, poll_media: ale },
                PollAnswer { answer_id: 2, poll_media: media("mead") },
            ],
            allow_multiselect: false,
            expiry: None,
            layout_type: PollLayoutType::Default,
            question: media("What tonight?"),
            results: None,
        };
        let asked = self.http.create_message(self.text).poll(&question).await?.model().await?;
        let shown = asked.poll.context("no poll")?;
        ensure!(shown.answers == question.answers, "other answers: {:?}", shown.answers);
        let expiry = shown.expiry.context("it runs for ever")?.as_secs();
        ensure!(expiry - asked.timestamp.as_secs() == 86_400, "until {expiry}");
        let vote = json!({ "channel": self.text, "message": asked.id, "answers": [2] });
        control("vote", vote).await?;
        let (who, answer) = first(&mut events, |event| match event {
            Event::MessagePollVoteAdd(told) if told.message_id == asked.id => {
                Some((told.user_id, told.answer_id))
            }
            _ => None,
        })
        .await?;
        ensure!(answer == 2, "another answer: {answer}");
        let voters = self.http.get_answer_voters(self.text, asked.id, answer);
        let voters = voters.await?.model().await?.users;
        ensure!(voters.iter().map(|user| user.id).eq([who]), "{} voters", voters.len());
        self.http.end_poll(self.text, asked.id).await?;
        // What came of it is told in a message that refers to the poll.
        heard(&mut events, |event| {
            matches!(event, Event::MessageCreate(told)
                if told.kind == MessageType::PollResult
                    && told.reference.as_ref().is_some_and(|one| one.message_id == Some(asked.id)))
        })
        .await?;
        let ended = self.http.message(self.text, asked.id).await?.model().await?;
        let results = ended.poll.and_then(|poll| poll.results).context("no results")?;
        let counted = results.answer_counts.iter().find(|count| count.id == answer);
        ensure!(results.is_finalized && counted.is_some_and(|one| one.count == 1), "{results:?}");
        Ok(String::new())
    }

    pub async fn plans_an_event(&self) -> anyhow::Result<String> {
        self.is_trusted(Permissions::CREATE_EVENTS | Permissions::MANAGE_EVENTS).await?;
        let mut events = self.listen();
        let now = self.say("A picnic?").await?.timestamp.as_secs();
        let start = Timestamp::from_secs(now + 3_600)?;
        let end = Timestamp::from_secs(now + 7_200)?;
        let picnic = self.http.create_guild_scheduled_event(self.guild, PrivacyLevel::GuildOnly);
        let picnic = picnic.external("Picnic", "The park", &start, &end);
        let made = picnic.description("Bring bread").await?.model().await?;
        heard(
            &mut events,
            |event| matches!(event, Event::GuildScheduledEventCreate(told) if told.id == made.id),
        )
        .await?;
        let times = (made.scheduled_start_time, made.scheduled_end_time);
        ensure!(times == (start, Some(end)), "{times:?}");
        let listed = self.http.guild_scheduled_events(self.guild).with_user_count(true);
        let listed = listed.await?.models().await?;
        ensure!(listed.len() == 1 && listed[0].user_count == Some(0), "{listed:?}");
        for status in [Status::Active, Status::Completed] {
            let edit = self.http.update_guild_scheduled_event(self.guild, made.id).status(status);
            let edited = edit.await?.model().await?;
            ensure!(edited.status == status, "it is {:?}", edited.status);
        }
        let users = self.http.guild_scheduled_event_users(self.guild, made.id);
        let users = users.await?.models().await?;
        ensure!(users.is_empty(), "{} people", users.len());
        self.http.delete_guild_scheduled_event(self.guild, made.id).await?;
        Ok(String::new())
    }

    pub async fn forbids_words(&self) -> anyhow::Result<String> {
        let trust = Permissions::MANAGE_GUILD | Permissions::VIEW_AUDIT_LOG;
        self.is_trusted(trust).await?;
        let mut events = self.listen();
        let on = AutoModerationEventType::MessageSend;
        let rule = self.http.create_auto_moderation_rule(self.guild, "No boats", on);
        let rule = rule.action_block_message_with_explanation("Not here.").enabled(true);
        let made = rule.with_keyword(&["boat*"], &[], &["boatswain"]).await?.model().await?;
        let allowed = made.trigger_metadata.allow_list.as_deref().unwrap_or_default();
        ensure!(allowed == ["boatswain"] && made.creator_id == self.me, "{made:?}");
        heard(
            &mut events,
            |event| matches!(event, Event::AutoModerationRuleCreate(told) if told.id == made.id),
        )
        .await?;
        let rules = self.http.auto_moderation_rules(self.guild).await?.models().await?;
        ensure!(rules == [made.clone()], "{rules:?}");
        // Whoever manages the guild may say what they like: away with that right for a moment.
        control("member", json!({ "user": self.me, "roles": [] })).await?;
        let said = self.http.create_message(self.text).content("Boats ahoy").await;
        refused(said, 200_000)?;
        self.say("The boatswain").await?;
        self.is_trusted(trust).await?;
        let action = AuditLogEventType::AutoModerationBlockMessage;
        let log = self.http.audit_log(self.guild).action_type(action).limit(1);
        let log = log.await?.model().await?;
        let options = log.entries.first().and_then(|entry| entry.options.as_ref());
        let name = options.and_then(|options| options.auto_moderation_rule_name.as_deref());
        ensure!(name == Some("No boats"), "{:?}", log.entries);
        self.http.delete_auto_moderation_rule(self.guild, made.id).await?;
        Ok(String::new())
    }

    pub async fn reads_the_audit_log(&self) -> anyhow::Result<String> {
        self.is_trusted(Permissions::VIEW_AUDIT_LOG | Permissions::MANAGE_CHANNELS).await?;
        let mut events = self.listen();
        let (topic, reason) = ("Ale by twilight", "House rules, § 1");
        self.http.update_channel(self.text).topic(topic).reason(reason).await?;
        let told = first(&mut events, |event| match event {
            Event::GuildAuditLogEntryCreate(told) if told.user_id == Some(self.me) => {
                Some(told.0.clone())
            }
            _ => None,
        })
        .await?;
        let action = AuditLogEventType::ChannelUpdate;
        ensure!(told.action_type == action && told.reason.as_deref() == Some(reason), "{told:?}");
        let changed = |change: &AuditLogChange| matches!(change, AuditLogChange::Topic { new: Some(new), .. } if new == topic);
        ensure!(told.changes.iter().any(changed), "{:?}", told.changes);
        let log = self.http.audit_log(self.guild).action_type(action).user_id(self.me).limit(1);
        let log = log.await?.model().await?;
        ensure!(log.entries.first().is_some_and(|entry| entry.id == told.id), "not in the log");
        ensure!(log.users.iter().any(|user| user.id == self.me), "who did it is not told");
        Ok(String::new())
    }

    pub async fn sees_a_stage(&self) -> anyhow::Result<String> {
        let mut events = self.listen();
        control("stage", json!({ "topic": "Greensleeves" })).await?;
        let begun = first(&mut events, |event| match event {
            Event::StageInstanceCreate(told) if told.channel_id == self.stage => {
                Some(told.0.clone())
            }
            _ => None,
        })
        .await?;
        ensure!(begun.topic == "Greensleeves", "its topic is {}", begun.topic);
        let fetched = self.http.stage_instance(self.stage).await?.model().await?;
        ensure!(fetched == begun, "another stage: {fetched:?}");
        control("stage", json!({})).await?;
        heard(
            &mut events,
            |event| matches!(event, Event::StageInstanceDelete(told) if told.id == begun.id),
        )
        .await?;
        Ok(String::new())
    }

    /// A second client, in two shards: each hears of its own guilds, and this one is of one of them.
    pub async fn runs_in_two_shards(&self) -> anyhow::Result<String> {
        let (tell, mut told) = mpsc::unbounded_channel();
        let mut senders = Vec::new();
        let mut running = JoinSet::new();
        // One configuration, and so one queue in which they wait for their turn to identify.
        let config = config();
        for id in bucket(0, 1, 2) {
            let mut shard = Shard::with_config(id, config.clone());
            senders.push(shard.sender());
            let tell = tell.clone();
            running.spawn(async move {
                while let Some(event) = shard.next_event(EventTypeFlags::all()).await {
                    if tell.send(event.map(|event| (id.number(), event))).is_err() {
                        break;
                    }
                }
            });
        }
        let says = ["to one shard", "and once more", "and last"];
        let hears = async {
            let (mut ready, mut guilds, mut heard) = (Vec::new(), Vec::new(), Vec::new());
            loop {
                match told.recv().await.context("both ended")?? {
                    (shard, Event::Ready(_)) => ready.push(shard),
                    (shard, Event::GuildCreate(_)) => guilds.push(shard),
                    (shard, Event::MessageCreate(one)) if says.contains(&one.content.as_str()) => {
                        heard.push((shard, one.content.clone()));
                        if one.content == "and last" {
                            return anyhow::Ok((guilds, heard));
                        }
                        continue;
                    }
                    _ => continue,
                }
                if ready.len() == 2 && !guilds.is_empty() {
                    for content in says {
                        self.say(content).await?;
                    }
                }
            }
        };
        let found = tokio::time::timeout(RESUME_PATIENCE, hears).await;
        for sender in senders {
            // One that never came in has nothing to close.
            let _ = sender.close(CloseFrame::NORMAL);
        }
        running.shutdown().await;
        let (guilds, heard) = found.context("it was not heard")??;
        let mine = u32::try_from((self.guild.get() >> 22) % 2)?;
        ensure!(guilds == [mine], "the guild was told to {guilds:?}");
        let wanted = says.map(|content| (mine, content.to_owned()));
        ensure!(heard == wanted, "{heard:?}");
        Ok(String::new())
    }
}
