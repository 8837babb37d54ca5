//! What bots are called for: the harness is the person who calls.

use anyhow::Context as _;
use anyhow::bail;
use anyhow::ensure;
use clients::control;
use serde_json::Value;
use serde_json::json;
use twilight_gateway::Event;
use twilight_http::client::InteractionClient;
use twilight_model::application::command::Command;
use twilight_model::application::command::CommandOptionChoice;
use twilight_model::application::command::CommandOptionChoiceValue;
use twilight_model::application::command::CommandOptionType;
use twilight_model::application::command::CommandOptionValue as MinValue;
use twilight_model::application::command::CommandType;
use twilight_model::application::interaction::Interaction;
use twilight_model::application::interaction::InteractionData;
use twilight_model::application::interaction::InteractionType;
use twilight_model::application::interaction::application_command::CommandData;
use twilight_model::application::interaction::application_command::CommandOptionValue;
use twilight_model::application::interaction::message_component::MessageComponentInteractionData;
use twilight_model::application::interaction::modal::ModalInteractionComponent;
use twilight_model::application::interaction::modal::ModalInteractionData;
use twilight_model::channel::Message;
use twilight_model::channel::message::Component;
use twilight_model::channel::message::MessageFlags;
use twilight_model::channel::message::component::ActionRow;
use twilight_model::channel::message::component::ButtonStyle;
use twilight_model::channel::message::component::TextInput;
use twilight_model::channel::message::component::TextInputStyle;
use twilight_model::http::interaction::InteractionResponse;
use twilight_model::http::interaction::InteractionResponseType;
use twilight_util::builder::command::CommandBuilder;
use twilight_util::builder::command::IntegerBuilder;
use twilight_util::builder::command::StringBuilder;
use twilight_util::builder::interaction_response::AutocompleteBuilder;
use twilight_util::builder::interaction_response::ChannelMessageBuilder;
use twilight_util::builder::interaction_response::ModalBuilder;
use twilight_util::builder::interaction_response::UpdateMessageBuilder;
use twilight_util::builder::message::ActionRowBuilder;
use twilight_util::builder::message::ButtonBuilder;
use twilight_util::builder::message::ContainerBuilder;
use twilight_util::builder::message::LabelBuilder;
use twilight_util::builder::message::SectionBuilder;
use twilight_util::builder::message::TextDisplayBuilder;

use super::Bot;
use super::Events;
use super::first;

/// The next interaction, and what was given with it.
async fn called(events: &mut Events) -> anyhow::Result<(Interaction, InteractionData)> {
    let mut call = first(events, |event| match event {
        Event::InteractionCreate(told) => Some(told.0.clone()),
        _ => None,
    })
    .await?;
    let data = call.data.take().context("an interaction without data")?;
    Ok((call, data))
}

async fn command(events: &mut Events) -> anyhow::Result<(Interaction, CommandData)> {
    match called(events).await? {
        (call, InteractionData::ApplicationCommand(data)) => Ok((call, *data)),
        (call, _) => bail!("not of a command: {call:?}"),
    }
}

async fn press(
    events: &mut Events,
) -> anyhow::Result<(Interaction, MessageComponentInteractionData)> {
    match called(events).await? {
        (call, InteractionData::MessageComponent(data)) => Ok((call, *data)),
        (call, _) => bail!("not of a component: {call:?}"),
    }
}

async fn form(events: &mut Events) -> anyhow::Result<(Interaction, ModalInteractionData)> {
    match called(events).await? {
        (call, InteractionData::ModalSubmit(data)) => Ok((call, *data)),
        (call, _) => bail!("not of a form: {call:?}"),
    }
}

impl Bot {
    fn interactions(&self) -> InteractionClient<'_> {
        self.http.interaction(self.application)
    }

    async fn calls(&self, command: &Command, kind: u8, options: Value) -> anyhow::Result<Value> {
        let id = command.id.context("a command without an id")?;
        self.person.calls((id, &command.name), kind, options).await
    }

    async fn answers(&self, call: &Interaction, answer: InteractionResponse) -> anyhow::Result<()> {
        self.interactions().create_response(call.id, &call.token, &answer).await?;
        Ok(())
    }

    pub async fn registers(&self) -> anyhow::Result<Vec<Command>> {
        let roll = CommandBuilder::new("roll", "Rolls dice", CommandType::ChatInput)
            .option(IntegerBuilder::new("sides", "How many").required(true).min_value(2));
        let sing = CommandBuilder::new("sing", "Sings", CommandType::ChatInput)
            .option(StringBuilder::new("song", "Which").autocomplete(true));
        let commands = [roll.validate()?.build(), sing.validate()?.build()];
        let mut made = self.interactions().set_global_commands(&commands).await?.models().await?;
        made.sort_by(|one, other| one.name.cmp(&other.name));
        let mut listed = self.interactions().global_commands().await?.models().await?;
        listed.sort_by(|one, other| one.name.cmp(&other.name));
        ensure!(made.len() == 2 && made == listed, "{made:?} made, {listed:?} listed");
        let sides = made[0].options.first().context("no options")?;
        let least = sides.min_value == Some(MinValue::Integer(2));
        ensure!(least && sides.required == Some(true), "another option: {sides:?}");
        Ok(made)
    }

    pub async fn defers(&self, roll: &Command) -> anyhow::Result<String> {
        let mut events = self.listen();
        let calling = self.calls(roll, 2, json!([{ "name": "sides", "type": 4, "value": 6 }]));
        let answering = async {
            let (call, data) = command(&mut events).await?;
            let sides = data.options.first().map(|option| option.value.clone());
            let who = call.author().map(|user| user.name.as_str());
            ensure!(
                sides == Some(CommandOptionValue::Integer(6)) && who == Some("ana"),
                "another call: {sides:?} of {who:?}"
            );
            let kind = InteractionResponseType::DeferredChannelMessageWithSource;
            self.answers(&call, InteractionResponse { kind, data: None }).await?;
            let (answers, token) = (self.interactions(), call.token.as_str());
            let edit = answers.update_response(token).content(Some("You rolled 4"));
            let edited = edit.await?.model().await?;
            let more = answers.create_followup(token).content("Roll again?").await?.model().await?;
            answers.delete_followup(token, more.id).await?;
            let fetched = answers.response(token).await?.model().await?;
            ensure!(fetched.id == edited.id, "not fetched");
            Ok(())
        };
        let (told, answered) = tokio::join!(calling, answering);
        answered?;
        self.person.sees(&told?, "You rolled 4").await?;
        Ok(String::new())
    }

    pub async fn suggests(&self, sing: &Command) -> anyhow::Result<String> {
        let mut events = self.listen();
        let focused = json!([{ "name": "song", "type": 3, "value": "gre", "focused": true }]);
        let calling = self.calls(sing, 4, focused);
        let answering = async {
            let (call, data) = command(&mut events).await?;
            ensure!(call.kind == InteractionType::ApplicationCommandAutocomplete, "{call:?}");
            let written = data.options.first().map(|option| option.value.clone());
            let wanted = CommandOptionValue::Focused("gre".to_owned(), CommandOptionType::String);
            ensure!(written == Some(wanted), "another word: {written:?}");
            let choice = CommandOptionChoice {
                name: "Greensleeves".to_owned(),
                name_localizations: None,
                value: CommandOptionChoiceValue::String("green".to_owned()),
            };
            self.answers(&call, AutocompleteBuilder::new([choice]).build()).await
        };
        let (told, answered) = tokio::join!(calling, answering);
        answered?;
        let told = told?;
        ensure!(told["data"]["choices"][0]["value"] == "green", "{told}");
        Ok(String::new())
    }

    pub async fn is_pressed(&self, sing: &Command) -> anyhow::Result<String> {
        let mut events = self.listen();
        let (told, shown) = tokio::join!(self.calls(sing, 2, json!([])), async {
            let (call, _) = command(&mut events).await?;
            let go = ButtonBuilder::new(ButtonStyle::Success).custom_id("go").label("Go");
            let row = ActionRowBuilder::new().component(go.validate()?.build()).build();
            let answer = ChannelMessageBuilder::new().content("Choose").components([row]).build();
            let answering = self.interactions();
            let answering = answering.create_response(call.id, &call.token, &answer);
            let answered = answering.with_response().await?.model().await?;
            answered.resource.and_then(|made| made.message).context("no message in the answer")
        });
        let (told, shown) = (told?, shown?);
        let seen = self.person.sees(&told, "Choose").await?;
        ensure!(seen["id"] == shown.id.to_string(), "another message was answered with");
        let (told, answered) = tokio::join!(self.person.presses("go", &seen["id"]), async {
            let (call, data) = press(&mut events).await?;
            ensure!(data.custom_id == "go", "another button");
            let of = call.message.as_ref().map(|message| message.id);
            ensure!(of == Some(shown.id), "of another message: {of:?}");
            let changed = UpdateMessageBuilder::new().content("Pressed");
            self.answers(&call, changed.components(Vec::<ActionRow>::new()).build()).await
        });
        answered?;
        let changed = self.person.sees(&told?, "Pressed").await?;
        ensure!(changed["id"] == seen["id"], "another message");
        Ok(String::new())
    }

    pub async fn asks_by_a_form(&self, sing: &Command) -> anyhow::Result<String> {
        let mut events = self.listen();
        let (told, answered) = tokio::join!(self.calls(sing, 2, json!([])), async {
            let (call, _) = command(&mut events).await?;
            #[expect(deprecated, reason = "the field is there; the name is told by a label")]
            let name = TextInput {
                custom_id: "name".to_owned(),
                id: None,
                label: None,
                max_length: Some(30),
                min_length: None,
                placeholder: None,
                required: Some(true),
                style: TextInputStyle::Short,
                value: None,
            };
            let name = LabelBuilder::new("Name", name.into()).description("Yours").build();
            self.answers(&call, ModalBuilder::new("who", "Who are you?", [name]).build()).await
        });
        answered?;
        let shown = told?;
        ensure!(shown["event"] == "INTERACTION_MODAL_CREATE", "{shown}");
        let input = json!({ "type": 4, "custom_id": "name", "value": "Ana" });
        let rows = json!([{ "type": 18, "component": input }]);
        let filled = json!({ "id": shown["data"]["id"], "custom_id": "who", "components": rows });
        let (told, answered) = tokio::join!(self.person.interact(5, filled, None), async {
            let (call, data) = form(&mut events).await?;
            let Some(ModalInteractionComponent::Label(label)) = data.components.first() else {
                bail!("no label: {data:?}")
            };
            let ModalInteractionComponent::TextInput(input) = &*label.component else {
                bail!("no input: {data:?}")
            };
            let hail = ChannelMessageBuilder::new().content(format!("Hail, {}", input.value));
            self.answers(&call, hail.flags(MessageFlags::EPHEMERAL).build()).await
        });
        answered?;
        let whisper = self.person.sees(&told?, "Hail, Ana").await?;
        ensure!(whisper["flags"] == MessageFlags::EPHEMERAL.bits(), "{}", whisper["flags"]);
        Ok(String::new())
    }

    pub async fn lays_out(&self) -> anyhow::Result<String> {
        let order = ButtonBuilder::new(ButtonStyle::Primary).custom_id("order").label("Order");
        let mutton = TextDisplayBuilder::new("Mutton").build();
        let dish = SectionBuilder::new(order.validate()?.build()).component(mutton).build();
        let tonight = TextDisplayBuilder::new("# Tonight").build();
        let menu = ContainerBuilder::new().accent_color(Some(0x00aa_5500));
        let menu = [Component::from(menu.component(tonight).component(dish).build())];
        let request = self.http.create_message(self.text).flags(MessageFlags::IS_COMPONENTS_V2);
        let sent = request.components(&menu).await?.model().await?;
        let fetched = self.http.message(self.text, sent.id).await?.model().await?;
        let Some(Component::Container(shown)) = fetched.components.first() else {
            bail!("no container: {:?}", fetched.components)
        };
        ensure!(shown.accent_color == Some(Some(0x00aa_5500)), "{:?}", shown.accent_color);
        let [Component::TextDisplay(title), Component::Section(dish)] = &shown.components[..]
        else {
            bail!("other components: {:?}", shown.components)
        };
        ensure!(title.content == "# Tonight", "{}", title.content);
        let Component::Button(order) = &*dish.accessory else { bail!("no button: {dish:?}") };
        ensure!(order.label.as_deref() == Some("Order"), "{order:?}");
        let mut events = self.listen();
        let message = json!(sent.id);
        let (told, answered) = tokio::join!(self.person.presses("order", &message), async {
            let (call, data) = press(&mut events).await?;
            ensure!(data.custom_id == "order", "another button");
            self.answers(&call, ChannelMessageBuilder::new().content("Ordered").build()).await
        });
        answered?;
        self.person.sees(&told?, "Ordered").await?;
        Ok(String::new())
    }

    pub async fn speaks_by_a_webhook(&self) -> anyhow::Result<String> {
        let made = control("webhook", json!({ "channel": self.text, "name": "Herald" })).await?;
        let id = made["id"].as_str().context("no id")?.parse()?;
        let token = made["token"].as_str().context("no token")?;
        let hook = self.http.webhook(id).token(token).await?.model().await?;
        ensure!(hook.name.as_deref() == Some("Herald"), "its name is {:?}", hook.name);
        let mut events = self.listen();
        let said = self.http.execute_webhook(id, token).content("Hear, hear");
        let sent = said.username("Town Crier").wait().await?.model().await?;
        let told = first(&mut events, |event| match event {
            Event::MessageCreate(told) if told.webhook_id == Some(id) => Some(Message::clone(told)),
            _ => None,
        })
        .await?;
        ensure!(told.id == sent.id && told.author.name == "Town Crier", "{told:?}");
        let edit = self.http.update_webhook_message(id, token, sent.id).content(Some("Old news"));
        let edited = edit.await?.model().await?;
        ensure!(edited.content == "Old news", "{}", edited.content);
        self.http.delete_webhook_message(id, token, sent.id).await?;
        self.http.delete_webhook(id).token(token).await?;
        Ok(String::new())
    }
}
