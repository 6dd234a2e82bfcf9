//! What handlers take: who asks, ids, parameters, bodies. Whatever is wrong with one of them is answered
//! here, before a handler runs.

use std::sync::Arc;

use axum::RequestPartsExt;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use tidemark_core::UserId;
use tidemark_core::access::Caller;
use tidemark_protocol::Code;
use tidemark_protocol::wire::parse_object;
use tidemark_store::{Directory, Store};
use tokio::time::timeout;

use super::problem::Problem;
use crate::auth::{Identity, Powers};
use crate::gateway::Gateway;

/// The longest detail of a path or query that makes no sense, in characters: what was sent is quoted in it.
const DETAIL_CHARS_MAX: usize = 200;

/// Whoever asks, by a good token.
pub(super) struct SignedIn(pub(super) Identity);

/// A person who asks; API keys are refused.
pub(super) struct Person {
    pub(super) user: UserId,
    pub(super) identity: Identity,
}

/// Whoever runs the server, by an API key that is good for this; people are refused.
pub(super) struct Administrator(pub(super) Powers);

/// The ids in the path.
pub(super) struct Ids<T>(pub(super) T);

/// The parameters after the question mark.
pub(super) struct Parameters<T>(pub(super) T);

/// A JSON object in the body, whatever the content type says.
pub(super) struct Body<T>(pub(super) T);

/// The same where everything in the object is optional, so that there may be no body at all.
pub(super) struct BodyIfAny<T>(pub(super) T);

/// The token of a request, if it has one.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    let unreadable = || {
        Problem::new(
            Code::Unauthorized,
            "the Authorization header is not `Bearer TOKEN`",
        )
    };
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or_else(unreadable)?;
    // The scheme is a word without regard to case (RFC 9110, section 11.1).
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Some(token.trim()))
    } else {
        Err(unreadable())
    }
}

impl<S: Store + Directory> FromRequestParts<Arc<Gateway<S>>> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        gateway: &Arc<Gateway<S>>,
    ) -> Result<Self, Problem> {
        let token = bearer(&parts.headers)?
            .ok_or_else(|| Problem::new(Code::Unauthorized, "the request has no token"))?;
        let identity = gateway.authenticator.authenticate(token).await?;
        let allowed = identity.powers.allow(&parts.method, parts.uri.path());
        allowed.map_err(Problem::forbidden)?;
        Ok(Self(identity))
    }
}

impl<S: Store + Directory> FromRequestParts<Arc<Gateway<S>>> for Person {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        gateway: &Arc<Gateway<S>>,
    ) -> Result<Self, Problem> {
        let SignedIn(identity) = SignedIn::from_request_parts(parts, gateway).await?;
        match identity.caller.user() {
            Some(user) => Ok(Self {
                user: user.clone(),
                identity,
            }),
            None => Err(Problem::forbidden(
                "an API key is nobody and has nothing of its own; use a user's token",
            )),
        }
    }
}

impl<S: Store + Directory> FromRequestParts<Arc<Gateway<S>>> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        gateway: &Arc<Gateway<S>>,
    ) -> Result<Self, Problem> {
        let SignedIn(identity) = SignedIn::from_request_parts(parts, gateway).await?;
        match identity.caller {
            Caller::Administrator => Ok(Self(identity.powers)),
            Caller::User(_) => Err(Problem::forbidden("this is for API keys only")),
        }
    }
}

impl<T: DeserializeOwned + Send + 'static, G: Send + Sync> FromRequestParts<G> for Ids<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &G) -> Result<Self, Problem> {
        let path: Result<Path<T>, PathRejection> = parts.extract().await;
        match path {
            Ok(Path(ids)) => Ok(Self(ids)),
            Err(error) => Err(Problem::invalid(short(&error.body_text(), "Invalid URL: "))),
        }
    }
}

impl<T: DeserializeOwned + 'static, G: Send + Sync> FromRequestParts<G> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &G) -> Result<Self, Problem> {
        let query: Result<Query<T>, QueryRejection> = parts.extract().await;
        match query {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(error) => Err(Problem::invalid(short(
                &error.body_text(),
                "Failed to deserialize query string: ",
            ))),
        }
    }
}

impl<T: DeserializeOwned, S: Store + Directory> FromRequest<Arc<Gateway<S>>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, gateway: &Arc<Gateway<S>>) -> Result<Self, Problem> {
        Ok(Self(object_in(&whole_body(request, gateway).await?)?))
    }
}

impl<T: DeserializeOwned + Default, S: Store + Directory> FromRequest<Arc<Gateway<S>>>
    for BodyIfAny<T>
{
    type Rejection = Problem;

    async fn from_request(request: Request, gateway: &Arc<Gateway<S>>) -> Result<Self, Problem> {
        let bytes = whole_body(request, gateway).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        Ok(Self(object_in(&bytes)?))
    }
}

async fn whole_body<S: Store + Directory>(
    request: Request,
    gateway: &Arc<Gateway<S>>,
) -> Result<Bytes, Problem> {
    let arrival = Bytes::from_request(request, gateway);
    let arrived = timeout(gateway.config.http.body_timeout, arrival).await;
    arrived
        .map_err(|_| Problem::too_slow())?
        .map_err(|error| match error.status().as_u16() {
            413 => Problem::new(Code::TooLarge, "the body is too long"),
            _ => Problem::invalid("the body did not arrive whole"),
        })
}

fn object_in<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::invalid("the body is not UTF-8"))?;
    parse_object(text).map_err(|error| Problem::invalid(error.to_string()))
}

/// What the framework says, without its introduction.
fn short(text: &str, introduction: &str) -> String {
    let text = text.strip_prefix(introduction).unwrap_or(text);
    text.chars().take(DETAIL_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(authorization: &str) -> HeaderMap {
        let value = authorization.parse().unwrap();
        HeaderMap::from_iter([(AUTHORIZATION, value)])
    }

    #[test]
    fn a_token_comes_after_the_word_bearer_in_any_case() {
        assert_eq!(bearer(&HeaderMap::new()), Ok(None));
        assert_eq!(bearer(&headers("Bearer abc")), Ok(Some("abc")));
        assert_eq!(bearer(&headers("bearer  abc")), Ok(Some("abc")));
        for wrong in ["abc", "Basic abc", "Bearer"] {
            assert!(bearer(&headers(wrong)).is_err(), "{wrong}");
        }
    }
}
