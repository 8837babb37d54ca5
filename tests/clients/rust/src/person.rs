//! The person who calls bots: the harness is at their client.

use std::fmt::Display;

use serde_json::Value;
use serde_json::json;

use crate::control;
use crate::surrounding;

/// Who uses one application in the tavern.
pub struct Person {
    application: String,
}

impl Person {
    /// Somebody who uses this application.
    #[must_use]
    pub fn at(application: impl Display) -> Self {
        Self { application: application.to_string() }
    }

    /// What the person does; what their client heard of it.
    ///
    /// # Errors
    ///
    /// When the server refuses it, or nothing came of it.
    pub async fn interact(
        &self,
        kind: u8,
        data: Value,
        message: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let mut call = json!({
            "kind": kind,
            "application_id": self.application,
            "guild_id": surrounding("GUILD"),
            "channel_id": surrounding("TEXT_CHANNEL"),
            "data": data,
        });
        if let Some(message) = message {
            call["message_id"] = message.clone();
        }
        control("interact", call).await
    }

    /// Calls a slash command, or asks (kind 4) what could be written there.
    ///
    /// # Errors
    ///
    /// When the server refuses it, or nothing came of it.
    pub async fn calls(
        &self,
        (id, name): (impl Display, &str),
        kind: u8,
        options: Value,
    ) -> anyhow::Result<Value> {
        let call = json!({ "id": id.to_string(), "name": name, "type": 1, "options": options });
        self.interact(kind, call, None).await
    }

    /// Presses the button of a message.
    ///
    /// # Errors
    ///
    /// When the server refuses it, or nothing came of it.
    pub async fn presses(&self, button: &str, message: &Value) -> anyhow::Result<Value> {
        let press = json!({ "component_type": 2, "custom_id": button });
        self.interact(3, press, Some(message)).await
    }

    /// The message of that content, as the person saw it since they did what is told here.
    ///
    /// # Errors
    ///
    /// When they saw none.
    pub async fn sees(&self, told: &Value, content: &str) -> anyhow::Result<Value> {
        control("message", json!({ "since": told["since"], "content": content })).await
    }
}
