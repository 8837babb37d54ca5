//! What bots are called for: the harness is the person who calls.

use std::sync::Arc;

use anyhow::Context as _;
use anyhow::bail;
use anyhow::ensure;
use clients::control;
use serde_json::json;
use serenity::all::ActionRowComponent;
use serenity::all::AutocompleteChoice;
use serenity::all::Command;
use serenity::all::CommandInteraction;
use serenity::all::CommandOptionType;
use serenity::all::ComponentInteraction;
use serenity::all::CreateActionRow;
use serenity::all::CreateAutocompleteResponse;
use serenity::all::CreateButton;
use serenity::all::CreateCommand;
use serenity::all::CreateCommandOption;
use serenity::all::CreateInputText;
use serenity::all::CreateInteractionResponse;
use serenity::all::CreateInteractionResponseFollowup;
use serenity::all::CreateInteractionResponseMessage;
use serenity::all::CreateModal;
use serenity::all::EditInteractionResponse;
use serenity::all::EditWebhookMessage;
use serenity::all::Event;
use serenity::all::ExecuteWebhook;
use serenity::all::InputTextStyle;
use serenity::all::Interaction;
use serenity::all::ModalInteraction;
use tokio::sync::broadcast;

use super::Bot;
use super::Told;
use super::heard;

impl Bot {
    /// The next interaction of one kind.
    async fn called<T>(
        events: &mut broadcast::Receiver<Arc<Told>>,
        kind: impl Fn(&Interaction) -> Option<T>,
    ) -> anyhow::Result<T> {
        heard(events, |event| match event {
            Event::InteractionCreate(told) => kind(&told.interaction),
            _ => None,
        })
        .await
    }

    pub async fn registers(&self) -> anyhow::Result<Vec<Command>> {
        let number = CommandOptionType::Integer;
        let sides = CreateCommandOption::new(number, "sides", "How many").required(true);
        let song = CreateCommandOption::new(CommandOptionType::String, "song", "Which");
        let commands = vec![
            CreateCommand::new("roll").description("Rolls dice").add_option(sides),
            CreateCommand::new("sing").description("Sings").add_option(song.set_autocomplete(true)),
        ];
        let mut made = Command::set_global_commands(&self.http, commands).await?;
        made.sort_by(|one, other| one.name.cmp(&other.name));
        let listed = Command::get_global_commands(&self.http).await?;
        ensure!(
            made.len() == 2 && listed.len() == 2,
            "{} made, {} listed",
            made.len(),
            listed.len()
        );
        Ok(made)
    }

    pub async fn defers(&self, roll: &Command) -> anyhow::Result<String> {
        let mut events = self.listen();
        let calling = self.person.calls(
            (roll.id, &roll.name),
            2,
            json!([{ "name": "sides", "type": 4, "value": 6 }]),
        );
        let answering = async {
            let call = Self::called(&mut events, command).await?;
            let sides = call.data.options.first().and_then(|option| option.value.as_i64());
            ensure!(sides == Some(6) && call.user.name == "ana", "another call: {sides:?}");
            call.defer(&self.http).await?;
            let edit = EditInteractionResponse::new().content("You rolled 4");
            let edited = call.edit_response(&self.http, edit).await?;
            let more = CreateInteractionResponseFollowup::new().content("Roll again?");
            let more = call.create_followup(&self.http, more).await?;
            call.delete_followup(&self.http, more.id).await?;
            ensure!(call.get_response(&self.http).await?.id == edited.id, "not fetched");
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
        let calling = self.person.calls((sing.id, &sing.name), 4, focused);
        let answering = async {
            let call = Self::called(&mut events, |told| match told {
                Interaction::Autocomplete(call) => Some(call.clone()),
                _ => None,
            })
            .await?;
            ensure!(call.data.autocomplete().is_some_and(|one| one.value == "gre"), "another word");
            let choice = AutocompleteChoice::new("Greensleeves", "green");
            let choices = CreateAutocompleteResponse::new().set_choices(vec![choice]);
            let answer = CreateInteractionResponse::Autocomplete(choices);
            Ok(call.create_response(&self.http, answer).await?)
        };
        let (told, answered) = tokio::join!(calling, answering);
        answered?;
        let told = told?;
        ensure!(told["data"]["choices"][0]["value"] == "green", "{told}");
        Ok(String::new())
    }

    pub async fn is_pressed(&self, sing: &Command) -> anyhow::Result<String> {
        let mut events = self.listen();
        let row = CreateActionRow::Buttons(vec![CreateButton::new("go").label("Go")]);
        let shown = CreateInteractionResponseMessage::new().content("Choose").components(vec![row]);
        let (told, answered) =
            tokio::join!(self.person.calls((sing.id, &sing.name), 2, json!([])), async {
                let call = Self::called(&mut events, command).await?;
                let answer = CreateInteractionResponse::Message(shown);
                anyhow::Ok(call.create_response(&self.http, answer).await?)
            });
        answered?;
        let seen = self.person.sees(&told?, "Choose").await?;
        let (told, answered) = tokio::join!(self.person.presses("go", &seen["id"]), async {
            let press: ComponentInteraction = Self::called(&mut events, |told| match told {
                Interaction::Component(press) => Some(press.clone()),
                _ => None,
            })
            .await?;
            ensure!(press.data.custom_id == "go", "another button");
            let changed =
                CreateInteractionResponseMessage::new().content("Pressed").components(vec![]);
            let answer = CreateInteractionResponse::UpdateMessage(changed);
            Ok(press.create_response(&self.http, answer).await?)
        });
        answered?;
        let changed = self.person.sees(&told?, "Pressed").await?;
        ensure!(changed["id"] == seen["id"], "another message");
        Ok(String::new())
    }

    pub async fn asks_by_a_form(&self, sing: &Command) -> anyhow::Result<String> {
        let mut events = self.listen();
        let (told, answered) =
            tokio::join!(self.person.calls((sing.id, &sing.name), 2, json!([])), async {
                let call = Self::called(&mut events, command).await?;
                let name = CreateInputText::new(InputTextStyle::Short, "Name", "name");
                let rows = vec![CreateActionRow::InputText(name)];
                let answer = CreateInteractionResponse::Modal(
                    CreateModal::new("who", "Who are you?").components(rows),
                );
                anyhow::Ok(call.create_response(&self.http, answer).await?)
            });
        answered?;
        let shown = told?;
        ensure!(shown["event"] == "INTERACTION_MODAL_CREATE", "{shown}");
        let row = json!({ "type": 1, "components": [
            { "type": 4, "custom_id": "name", "value": "Ana" },
        ] });
        let form = json!({ "id": shown["data"]["id"], "custom_id": "who", "components": [row] });
        let (told, answered) = tokio::join!(self.person.interact(5, form, None), async {
            let form: ModalInteraction = Self::called(&mut events, |told| match told {
                Interaction::Modal(form) => Some(form.clone()),
                _ => None,
            })
            .await?;
            let input = form.data.components.first().and_then(|row| row.components.first());
            let Some(ActionRowComponent::InputText(input)) = input else { bail!("no input") };
            let hail = format!("Hail, {}", input.value.as_deref().unwrap_or_default());
            let hail = CreateInteractionResponseMessage::new().content(hail);
            let answer = CreateInteractionResponse::Message(hail);
            Ok(form.create_response(&self.http, answer).await?)
        });
        answered?;
        self.person.sees(&told?, "Hail, Ana").await?;
        Ok(String::new())
    }

    pub async fn speaks_by_a_webhook(&self) -> anyhow::Result<String> {
        let made = control("webhook", json!({ "channel": self.text, "name": "Herald" })).await?;
        let (id, token) = (made["id"].as_str(), made["token"].as_str());
        let id = id.context("no id")?.parse::<u64>()?.into();
        let token = token.context("no token")?;
        let hook = self.http.get_webhook_with_token(id, token).await?;
        let said = ExecuteWebhook::new().content("Hear, hear").username("Town Crier");
        let sent = hook.execute(&self.http, true, said).await?.context("nothing was sent")?;
        ensure!(sent.author.name == "Town Crier", "{} said it", sent.author.name);
        let edit = EditWebhookMessage::new().content("Old news");
        let edited = hook.edit_message(&self.http, sent.id, edit).await?;
        ensure!(edited.content == "Old news", "{}", edited.content);
        hook.delete_message(&self.http, None, sent.id).await?;
        self.http.delete_webhook_with_token(id, token, None).await?;
        Ok(String::new())
    }
}

fn command(told: &Interaction) -> Option<CommandInteraction> {
    match told {
        Interaction::Command(call) => Some(call.clone()),
        _ => None,
    }
}
