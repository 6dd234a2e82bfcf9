//! `/v1/accounts` and `/v1/sessions`: making accounts, signing in and out.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use tidemark_core::SessionId;
use tidemark_core::access::Caller;
use tidemark_protocol::wire::{Secret, Wire, WireSessionId};
use tidemark_protocol::{Code, body};
use tidemark_store::{Directory, DirectoryError, Store};

use super::client_address::client_address;
use super::extract::{Body, Ids, Person, SignedIn, bearer};
use super::problem::Problem;
use crate::auth;
use crate::gateway::Gateway;
use crate::translate;

/// Make an account and sign in.
///
/// Where registration is closed, only an API key may make accounts.
#[utoipa::path(
    post, path = "/v1/accounts", tag = "accounts", security((), ("bearer" = [])),
    request_body = body::NewAccount,
    responses(
        (status = 201, body = body::SignedIn),
        (status = 409, description = "the username is taken", body = body::Problem),
    ),
)]
pub(super) async fn register<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Body(account): Body<body::NewAccount>,
) -> Result<(StatusCode, Json<body::SignedIn>), Problem> {
    let by_operator = match bearer(&headers)? {
        Some(token) => {
            let identity = gateway.authenticator.authenticate(token).await?;
            identity.caller == Caller::Administrator && identity.powers.has(auth::Scope::Operate)
        }
        None => false,
    };
    if !by_operator {
        check_logins(&gateway, peer, &headers)?;
    }
    let signed_in = gateway
        .authenticator
        .register(
            &account.username,
            account.password.expose(),
            account.display_name.as_deref(),
            by_operator,
        )
        .await?;
    Ok((StatusCode::CREATED, Json(shown(signed_in))))
}

/// Sign in with a password.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "accounts", security(()),
    request_body = body::SignIn,
    responses(
        (status = 201, body = body::SignedIn),
        (status = 401, description = "the username or the password is wrong", body = body::Problem),
    ),
)]
pub(super) async fn sign_in<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Body(credentials): Body<body::SignIn>,
) -> Result<(StatusCode, Json<body::SignedIn>), Problem> {
    check_logins(&gateway, peer, &headers)?;
    let signed_in = gateway
        .authenticator
        .sign_in(
            &credentials.username,
            credentials.password.expose(),
            credentials.device_name,
        )
        .await?;
    Ok((StatusCode::CREATED, Json(shown(signed_in))))
}

/// The caller's signed-in devices, oldest first.
#[utoipa::path(
    get, path = "/v1/sessions", tag = "accounts",
    responses((status = 200, body = body::Sessions)),
)]
pub(super) async fn sessions<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    person: Person,
) -> Result<Json<body::Sessions>, Problem> {
    let sessions = gateway.store.sessions(&person.user).await?;
    let shown = |session: tidemark_store::Session| body::Session {
        current: person.identity.session == Some(session.id),
        id: Wire(session.id),
        device_name: session.device_name,
        created_at: Wire(session.created_at),
    };
    Ok(Json(body::Sessions {
        sessions: sessions.into_iter().map(shown).collect(),
    }))
}

/// Sign a device out. Its sockets close at once.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}", tag = "accounts",
    params(("id" = WireSessionId, Path)),
    responses(
        (status = 204),
        (status = 404, description = "the caller has no such session", body = body::Problem),
    ),
)]
pub(super) async fn sign_out<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(session)): Ids<Wire<SessionId>>,
) -> Result<StatusCode, Problem> {
    let no_such = || Problem::new(Code::NotFound, "there is no such session");
    let user = identity.caller.user().ok_or_else(no_such)?;
    match gateway.store.revoke_session(user, session).await {
        Ok(()) => {
            gateway.revoke(user, session);
            Ok(StatusCode::NO_CONTENT)
        }
        Err(DirectoryError::Unavailable) => Err(Problem::unavailable()),
        Err(DirectoryError::NotFound | DirectoryError::Taken) => Err(no_such()),
    }
}

/// Passwords are slow to check and worth guessing, so an address gets only so many tries.
fn check_logins<S>(
    gateway: &Gateway<S>,
    peer: SocketAddr,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let address = client_address(peer.ip(), headers, &gateway.config.trusted_proxies);
    gateway.login_limiter.check(address).map_err(|wait_ms| {
        Problem::rate_limited(
            "too many sign-ins from this address; wait a little",
            wait_ms,
        )
    })
}

fn shown(signed_in: auth::SignedIn) -> body::SignedIn {
    body::SignedIn {
        user: translate::user(signed_in.user),
        token: Secret::new(signed_in.token.expose()),
        session_id: Wire(signed_in.session),
    }
}
