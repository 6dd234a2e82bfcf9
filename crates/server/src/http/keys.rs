//! `/v1/keys`: what lets programs in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tidemark_protocol::wire::{Secret, Wire};
use tidemark_protocol::{Code, body};
use tidemark_store::{ApiKey, Directory, DirectoryError, KeyPowers, NewApiKey, Store};

use super::extract::{Administrator, Body, Ids};
use super::problem::Problem;
use crate::auth::{Scope, SecretToken, TokenKind, check_key_name};
use crate::gateway::Gateway;

/// Make a key. API keys only.
///
/// The answer shows it, this once.
#[utoipa::path(
    post, path = "/v1/keys", tag = "bots", request_body = body::NewApiKey,
    responses(
        (status = 201, body = body::ApiKey),
        (status = 400, body = body::Problem),
        (status = 403, body = body::Problem),
        (status = 404, description = "there is no such user", body = body::Problem),
        (status = 409, description = "there is one of that name", body = body::Problem),
    ),
)]
pub(super) async fn make<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    Administrator(own): Administrator,
    Body(wanted): Body<body::NewApiKey>,
) -> Result<(StatusCode, Json<body::ApiKey>), Problem> {
    check_key_name(&wanted.name).map_err(Problem::invalid)?;
    let powers = KeyPowers {
        user: wanted.acts_as.map(|Wire(user)| user),
        scopes: wanted.scopes,
        conversation: wanted.conversation.map(|Wire(id)| id),
    };
    check(&powers)?;
    if !own.covers(powers.scopes.as_deref()) {
        return Err(Problem::forbidden(
            "a key makes keys with scopes that it has itself, and names them",
        ));
    }
    if let Some(user) = &powers.user {
        gateway.introduce(std::slice::from_ref(user)).await?;
    }
    let made = SecretToken::generate(TokenKind::ApiKey);
    let key = NewApiKey {
        name: wanted.name.clone(),
        hash: made.hash,
        powers: powers.clone(),
        at: gateway.clock.now(),
    };
    let at = key.at;
    match gateway.store.create_api_key(key).await {
        Ok(()) => {}
        Err(DirectoryError::Taken) => {
            return Err(Problem::new(Code::Conflict, "there is a key of that name"));
        }
        Err(error) => return Err(error.into()),
    }
    tracing::info!(name = wanted.name, "a key was made");
    let kept = ApiKey {
        name: wanted.name,
        created_at: at,
        powers,
    };
    let key = Secret::new(made.text.expose());
    Ok((StatusCode::CREATED, Json(shown(kept, Some(key)))))
}

/// The keys, but for those of the configuration. API keys only.
#[utoipa::path(
    get, path = "/v1/keys", tag = "bots",
    responses((status = 200, body = body::ApiKeys), (status = 403, body = body::Problem)),
)]
pub(super) async fn list<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    _: Administrator,
) -> Result<Json<body::ApiKeys>, Problem> {
    let keys = gateway.store.api_keys().await?.into_iter();
    Ok(Json(body::ApiKeys {
        keys: keys.map(|key| shown(key, None)).collect(),
    }))
}

/// End a key. API keys only.
#[utoipa::path(
    delete, path = "/v1/keys/{name}", tag = "bots", params(("name" = String, Path)),
    responses(
        (status = 204, description = "it lets nobody in any more"),
        (status = 403, body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn revoke<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    _: Administrator,
    Ids(name): Ids<String>,
) -> Result<StatusCode, Problem> {
    gateway.store.revoke_api_key(&name).await?;
    tracing::info!(name, "a key was revoked");
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a key may have these powers.
fn check(powers: &KeyPowers) -> Result<(), Problem> {
    let Some(scopes) = &powers.scopes else {
        return Ok(());
    };
    for name in scopes {
        match Scope::parse(name) {
            None => {
                let names = Scope::ALL.map(Scope::as_str).join(", ");
                let name: String = name.chars().take(32).collect();
                let detail = format!("there is no scope {name:?}; there are {names}");
                return Err(Problem::invalid(detail));
            }
            Some(Scope::Feed | Scope::Operate) if powers.user.is_some() => {
                let detail = format!("the scope `{name}` is for administrators: leave acts_as out");
                return Err(Problem::invalid(detail));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn shown(key: ApiKey, secret: Option<Secret>) -> body::ApiKey {
    body::ApiKey {
        name: key.name,
        created_at: Wire(key.created_at),
        acts_as: key.powers.user.map(Wire),
        scopes: key.powers.scopes,
        conversation: key.powers.conversation.map(Wire),
        key: secret,
    }
}
