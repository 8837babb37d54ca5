//! Membership screening (userdoccers: Member Verification Object, Guild Join Request Object; OpenAPI:
//! GuildJoinRequestResponse).

use model::id::GuildId;
use model::id::UserId;
use model::snowflake;
use serde_json::Value;
use serde_json::json;
use state::record::UserRecord;
use state::screening::FormField;
use state::screening::FormResponse;
use state::screening::JoinRequest;
use state::screening::Screening;

use crate::parts::timestamp;

/// The form of a guild.
#[must_use]
pub fn member_verification(form: &Screening) -> Value {
    json!({
        "version": form.version,
        "form_fields": form.fields.iter().map(field).collect::<Vec<_>>(),
        "description": form.description,
    })
}

fn field(field: &FormField) -> Value {
    let mut value = json!(field);
    value["automations"] = Value::Null;
    value
}

fn answered(response: &FormResponse) -> Value {
    let mut value = field(&response.field);
    if let Some(answer) = &response.response {
        value["response"] = json!(answer);
    }
    value
}

/// A request as whoever asks sees it: without what is a moderator's.
#[must_use]
pub fn own_join_request(guild: GuildId, request: &JoinRequest) -> Value {
    json!({
        "id": request.id,
        "join_request_id": request.id,
        "created_at": timestamp(snowflake::unix_ms(request.id.get())),
        "reviewed_at": request.reviewed_ms.map(timestamp),
        "application_status": request.status,
        "rejection_reason": request.rejection_reason,
        "guild_id": guild,
        "user_id": request.user,
        "last_seen": null,
        "interview_channel_id": null,
    })
}

/// A request as moderators see it; `user` knows accounts.
#[must_use]
pub fn join_request(
    guild: GuildId,
    request: &JoinRequest,
    user: impl Fn(UserId) -> Option<std::sync::Arc<UserRecord>>,
) -> Value {
    let shown = |id: UserId| user(id).map(|user| super::user(&user));
    let mut value = own_join_request(guild, request);
    let responses = request.responses.as_ref();
    let responses = responses.map(|all| all.iter().map(answered).collect::<Vec<_>>());
    value["form_responses"] = json!(responses);
    value["user"] = json!(shown(request.user));
    value["actioned_by_user"] = json!(request.reviewer.and_then(shown));
    if let Some(reviewed_ms) = request.reviewed_ms {
        value["actioned_at"] = json!(snowflake::at(reviewed_ms).to_string());
    }
    value
}
