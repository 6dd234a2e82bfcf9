//! `/v1/bots/{id}/commands` and `/v1/conversations/{id}/commands`: what bots can be asked for.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tidemark_core::access::Caller;
use tidemark_core::conversation::{Action, Role};
use tidemark_core::{ConversationId, UserId};
use tidemark_protocol::body::{self, CommandVisibility};
use tidemark_protocol::wire::{Secret, Wire, WireUserId};
use tidemark_protocol::{Code, body::CommandAnswer};
use tidemark_store::{
    BotCommand, BotEndpoint, BotEndpointError, ConversationView, Directory, Store,
};
use tidemark_webhooks::Call;

use super::accepted::perform_send;
use super::extract::{Administrator, Body, Ids, Person, SignedIn};
use super::outward::{checked_url, new_secret};
use super::problem::Problem;
use crate::auth::{Identity, Powers};
use crate::gateway::Gateway;
use crate::{translate, webhooks};

/// The most commands of a bot.
const COMMANDS_MAX: usize = 50;
const NAME_BYTES_MAX: usize = 32;
const TEXT_BYTES_MAX: usize = 200;

/// Say what a bot can be asked for, and where. API keys only.
///
/// Calls are signed as those of webhooks, with the `secret` of the answer if it has one, which is shown only now.
#[utoipa::path(
    put, path = "/v1/bots/{id}/commands", tag = "bots", params(("id" = WireUserId, Path)),
    request_body = body::BotCommandsWanted,
    responses(
        (status = 200, body = body::BotCommands),
        (status = 400, body = body::Problem),
        (status = 403, body = body::Problem),
        (status = 404, description = "there is no such bot", body = body::Problem),
        (status = 409, description = "another bot has one of these commands", body = body::Problem),
    ),
)]
pub(super) async fn set<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    _: Administrator,
    Ids(Wire(bot)): Ids<Wire<UserId>>,
    Body(wanted): Body<body::BotCommandsWanted>,
) -> Result<Json<body::BotCommands>, Problem> {
    let url = checked_url(&gateway, &wanted.url)?;
    let commands = checked(wanted.commands)?;
    let before = gateway.store.bot_endpoints().await?;
    let before = before.into_iter().find(|it| it.bot == bot);
    let mut secrets = before.map_or_else(Vec::new, |it| it.secrets);
    let made = if secrets.is_empty() || wanted.new_secret {
        let secret = new_secret()?;
        secrets.truncate(1);
        secrets.insert(0, secret.clone());
        Some(Secret::new(secret))
    } else {
        None
    };
    let endpoint = BotEndpoint {
        bot,
        url,
        secrets,
        commands,
    };
    gateway.store.set_bot_endpoint(endpoint.clone()).await?;
    Ok(Json(body::BotCommands {
        secret: made,
        ..shown(endpoint)
    }))
}

/// What a bot can be asked for. API keys only.
#[utoipa::path(
    get, path = "/v1/bots/{id}/commands", tag = "bots", params(("id" = WireUserId, Path)),
    responses(
        (status = 200, body = body::BotCommands),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn of_bot<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    _: Administrator,
    Ids(Wire(bot)): Ids<Wire<UserId>>,
) -> Result<Json<body::BotCommands>, Problem> {
    let endpoints = gateway.store.bot_endpoints().await?;
    let found = endpoints.into_iter().find(|it| it.bot == bot);
    Ok(Json(shown(found.ok_or(BotEndpointError::Unknown)?)))
}

/// Have a bot asked for nothing any more. API keys only.
#[utoipa::path(
    delete, path = "/v1/bots/{id}/commands", tag = "bots", params(("id" = WireUserId, Path)),
    responses(
        (status = 204, description = "it has no commands"),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn remove<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    _: Administrator,
    Ids(Wire(bot)): Ids<Wire<UserId>>,
) -> Result<StatusCode, Problem> {
    gateway.store.remove_bot_endpoint(&bot).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The commands that can be given in a conversation: those of the bots that are members.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/commands", tag = "bots",
    params(("id" = tidemark_protocol::wire::WireConversationId, Path)),
    responses(
        (status = 200, body = body::ConversationCommands),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn list<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
) -> Result<Json<body::ConversationCommands>, Problem> {
    let view = gateway.store.conversation(&identity.caller, id).await?;
    if identity.caller.user().is_some() && view.membership.is_none() {
        return Err(Problem::forbidden("join the channel first"));
    }
    let mut commands = Vec::new();
    for endpoint in gateway.store.bot_endpoints().await? {
        if is_member(&gateway, &endpoint.bot, id).await? {
            let bot = endpoint.bot;
            commands.extend(endpoint.commands.into_iter().map(|command| {
                body::ConversationCommand {
                    bot: Wire(bot.clone()),
                    command: shown_command(command),
                }
            }));
        }
    }
    Ok(Json(body::ConversationCommands { commands }))
}

/// Give a command to a bot of the conversation, and wait for what it answers.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/commands/{name}", tag = "bots",
    params(
        ("id" = tidemark_protocol::wire::WireConversationId, Path),
        ("name" = String, Path, description = "without a slash"),
    ),
    request_body = body::CommandWanted,
    responses(
        (status = 200, body = body::CommandDone),
        (status = 400, body = body::Problem),
        (status = 403, description = "guests give none", body = body::Problem),
        (status = 404, description = "there is no such command here", body = body::Problem),
        (status = 413, body = body::Problem),
        (status = 429, body = body::Problem),
        (status = 503, description = "the bot did not do it; it may have begun to", body = body::Problem),
    ),
)]
pub(super) async fn give<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    person: Person,
    Ids((Wire(id), name)): Ids<(Wire<ConversationId>, String)>,
    Body(wanted): Body<body::CommandWanted>,
) -> Result<Json<body::CommandDone>, Problem> {
    let caller = person.identity.caller;
    let text_bytes_max = gateway.config.limits.text_bytes;
    if wanted.arguments.len() > text_bytes_max {
        let detail = format!("the arguments are longer than {text_bytes_max} bytes");
        return Err(Problem::new(Code::TooLarge, detail));
    }
    gateway
        .allow_send(&caller)
        .map_err(|wait_ms| Problem::rate_limited(translate::RATE_LIMITED_DETAIL, wait_ms))?;
    check_writes(&gateway.store.conversation(&caller, id).await?)?;
    let endpoint = asked(&gateway, id, &name).await?;
    let client_id = wanted.client_id;
    let call = body::CommandCall {
        command: name,
        arguments: wanted.arguments,
        conversation: Wire(id),
        user: translate::user(gateway.store.user(&person.user).await?),
        client_id,
        at: Wire(gateway.clock.now()),
    };
    let answer = ask(&gateway, &endpoint, &call).await?;
    let (text, seq) = match (answer.text, answer.visible) {
        (Some(text), CommandVisibility::All) => {
            let message = body::NewMessage::of_text(client_id, text);
            let as_bot = Identity {
                caller: Caller::User(endpoint.bot.clone()),
                session: None,
                expires_at: None,
                powers: Powers::all(),
            };
            let action = Action::Send(message.into());
            let said = perform_send(&gateway, as_bot, id, action).await?;
            (None, Some(said.seq))
        }
        (text, _) => (text, None),
    };
    Ok(Json(body::CommandDone {
        bot: Wire(endpoint.bot),
        text,
        seq,
    }))
}

/// Whether whoever sees a conversation so also writes there.
fn check_writes(view: &ConversationView) -> Result<(), Problem> {
    match view.membership.as_ref().map(|it| it.role) {
        None => Err(Problem::forbidden("join the channel first")),
        Some(Role::Guest) => Err(Problem::forbidden("guests read and do nothing else")),
        Some(_) => Ok(()),
    }
}

/// The bot that has this command, if it is a member.
async fn asked<S: Store + Directory>(
    gateway: &Gateway<S>,
    conversation: ConversationId,
    name: &str,
) -> Result<BotEndpoint, Problem> {
    let endpoints = gateway.store.bot_endpoints().await?.into_iter();
    let mut able = endpoints.filter(|it| it.commands.iter().any(|command| command.name == name));
    if let Some(endpoint) = able.next()
        && is_member(gateway, &endpoint.bot, conversation).await?
    {
        return Ok(endpoint);
    }
    Err(Problem::new(
        Code::NotFound,
        "there is no such command in this conversation",
    ))
}

async fn is_member<S: Store + Directory>(
    gateway: &Gateway<S>,
    bot: &UserId,
    conversation: ConversationId,
) -> Result<bool, Problem> {
    let bot = Caller::User(bot.clone());
    match gateway.store.conversation(&bot, conversation).await {
        Ok(view) => Ok(view.membership.is_some()),
        Err(tidemark_store::ReadError::Refused(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn ask<S: Store + Directory>(
    gateway: &Gateway<S>,
    endpoint: &BotEndpoint,
    call: &body::CommandCall,
) -> Result<CommandAnswer, Problem> {
    let failed = |why: String| {
        let detail = format!("the bot {} did not do it: {why}", endpoint.bot);
        Problem::new(Code::Unavailable, detail)
    };
    let url = endpoint
        .url
        .parse()
        .map_err(|_| failed("its URL is none".to_owned()))?;
    let sent = serde_json::to_vec(call).map_err(|error| failed(error.to_string()))?;
    let sent = Call {
        id: call.client_id.0.to_string(),
        body: sent.into(),
    };
    let secrets = webhooks::secrets(&endpoint.secrets);
    let answer = gateway.outward.call(&url, &secrets, &sent).await;
    let answer = answer.map_err(|error| failed(error.to_string()))?;
    if answer.body.is_empty() {
        return Ok(CommandAnswer::default());
    }
    serde_json::from_slice(&answer.body)
        .map_err(|_| failed("its answer is not what it is to be".to_owned()))
}

fn checked(commands: Vec<body::BotCommand>) -> Result<Vec<BotCommand>, Problem> {
    if commands.is_empty() || commands.len() > COMMANDS_MAX {
        let detail = format!("a bot has 1 to {COMMANDS_MAX} commands");
        return Err(Problem::invalid(detail));
    }
    let mut names = HashSet::new();
    for command in &commands {
        let name = &command.name;
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(allowed) {
            let detail = format!(
                "the name of a command has 1 to {NAME_BYTES_MAX} characters of a-z, 0-9, - and _"
            );
            return Err(Problem::invalid(detail));
        }
        if !names.insert(name) {
            return Err(Problem::invalid(format!("{name} is there twice")));
        }
        for text in [&command.usage, &command.description] {
            if text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
                let detail = format!(
                    "usage and description have at most {TEXT_BYTES_MAX} bytes, on one line"
                );
                return Err(Problem::invalid(detail));
            }
        }
    }
    let kept = |it: body::BotCommand| BotCommand {
        name: it.name,
        usage: it.usage,
        description: it.description,
    };
    Ok(commands.into_iter().map(kept).collect())
}

fn shown(endpoint: BotEndpoint) -> body::BotCommands {
    body::BotCommands {
        bot: Wire(endpoint.bot),
        url: endpoint.url,
        commands: endpoint.commands.into_iter().map(shown_command).collect(),
        secret: None,
    }
}

fn shown_command(command: BotCommand) -> body::BotCommand {
    body::BotCommand {
        name: command.name,
        usage: command.usage,
        description: command.description,
    }
}

impl From<BotEndpointError> for Problem {
    fn from(error: BotEndpointError) -> Self {
        match error {
            BotEndpointError::Unknown => Self::new(Code::NotFound, error.to_string()),
            BotEndpointError::Taken | BotEndpointError::Full => {
                Self::new(Code::Conflict, error.to_string())
            }
            BotEndpointError::Unavailable => Self::unavailable(),
        }
    }
}
