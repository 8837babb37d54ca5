//! Interactions: what people do to bots through their clients, and how bots answer.
//!
//! A person's side: `invoke` (with `options`, `press`, `form`, `resolve`) makes sense of what was done,
//! `deliver` brings it to the bot. The bot's side: `answer` takes its first answer, `followup` all
//! that comes later; `speak` says, changes and takes back what it says. What is remembered between
//! them is in `crate::interactions`.

mod answer;
mod deliver;
pub(super) mod followup;
mod form;
mod invoke;
mod options;
mod press;
mod resolve;
mod speak;

pub(super) use deliver::verify;

use axum::extract::DefaultBodyLimit;
use model::gateway::DispatchName;
use model::limits;

use super::route::Routes;
use super::route::effects;
use super::route::post;
use crate::config::SignalingConfig;
use crate::rest::schema;

pub(super) fn routes(config: &SignalingConfig) -> Routes {
    let largest = usize::try_from(config.max_upload).unwrap_or(usize::MAX);
    let largest = largest.saturating_add(limits::JSON_BODY);
    Routes::new()
        .route(
            "/interactions",
            post(invoke::invoke)
                .reads::<invoke::Body>()
                .may_log(effects::JUDGING)
                .may_tell(&[
                    DispatchName::InteractionCreate,
                    DispatchName::InteractionFailure,
                    DispatchName::InteractionSuccess,
                    DispatchName::InteractionModalCreate,
                    DispatchName::ApplicationCommandAutocompleteResponse,
                    DispatchName::MessageUpdate,
                ])
                .may_tell(effects::SPEAKING),
        )
        .route(
            "/interactions/{interaction}/{token}/callback",
            post(answer::callback)
                .reads::<answer::Callback>()
                .gives(&schema::applications::CALLBACK)
                .or(204)
                .may_log(effects::JUDGING)
                .may_tell(&[
                    DispatchName::InteractionSuccess,
                    DispatchName::InteractionModalCreate,
                    DispatchName::ApplicationCommandAutocompleteResponse,
                    DispatchName::MessageUpdate,
                ])
                .may_tell(effects::SPEAKING),
        )
        .layer(DefaultBodyLimit::max(largest))
}
