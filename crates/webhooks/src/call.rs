//! One call.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use reqwest::{Client, Response, StatusCode, redirect};
use url::Url;

use crate::{Reach, Secret, Unreachable};

/// How long a call may take, and how much is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From resolving the name to the end of the answer.
    pub time: Duration,
    /// The most of an answer that is read.
    pub answer_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(10),
            answer_bytes_max: 16 * 1024,
        }
    }
}

/// What is to be told.
#[derive(Clone, Debug)]
pub struct Call {
    /// Names what is told, for whoever hears it twice: the same for each attempt.
    pub id: String,
    /// JSON.
    pub body: Bytes,
}

/// What whoever was called said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Any status that is a success.
    pub status: u16,
    /// The beginning of what came with it, at most [`Limits::answer_bytes_max`].
    pub body: Bytes,
}

/// Why a call told nobody, as far as is known: it may have been heard all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The address is none that is called.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// Nobody wants this call any more.
    #[error("it answered 410 Gone")]
    Gone,
    /// It was not taken. Redirects are not followed, and belong here.
    #[error("it answered {status}")]
    Refused {
        /// What was answered.
        status: u16,
        /// How long whoever answered asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// There was no answer.
    #[error("{0}")]
    Failed(String),
}

/// Calls others. Connections are kept for further calls.
#[derive(Clone, Debug)]
pub struct Caller {
    client: Client,
    reach: Reach,
    limits: Limits,
}

impl Caller {
    /// Calls whoever is within reach.
    ///
    /// # Errors
    ///
    /// When there can be no encrypted connections on this machine.
    pub fn new(reach: Reach, limits: Limits) -> Result<Self, CallError> {
        let client = Client::builder()
            .timeout(limits.time)
            // Each would be another address that nobody has looked at.
            .redirect(redirect::Policy::none())
            // It would resolve names itself.
            .no_proxy()
            .dns_resolver(reach.clone())
            .build()
            .map_err(|error| failed(&error))?;
        Ok(Self {
            client,
            reach,
            limits,
        })
    }

    /// Whether a URL can be called, as far as it says itself.
    ///
    /// # Errors
    ///
    /// If it can not.
    pub fn check(&self, url: &Url) -> Result<(), Unreachable> {
        self.reach.check(url)
    }

    /// Calls once, signed with each of the secrets.
    ///
    /// # Errors
    ///
    /// Whenever there is no success to report.
    pub async fn call(
        &self,
        url: &Url,
        secrets: &[Secret],
        call: &Call,
    ) -> Result<Answer, CallError> {
        self.reach.check(url)?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let timestamp_s = since.unwrap_or_default().as_secs();
        let signatures: Vec<_> = secrets
            .iter()
            .map(|secret| secret.sign(&call.id, timestamp_s, &call.body).signatures)
            .collect();
        let request = self
            .client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("Tidemark/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", &call.id)
            .header("webhook-timestamp", timestamp_s)
            .header("webhook-signature", signatures.join(" "))
            .body(call.body.clone());
        let response = request.send().await.map_err(|error| why(&error))?;
        let status = response.status();
        if status.is_success() {
            let body = self.read(response).await?;
            return Ok(Answer {
                status: status.as_u16(),
                body,
            });
        }
        Err(match status {
            StatusCode::GONE => CallError::Gone,
            _ => CallError::Refused {
                status: status.as_u16(),
                retry_after: retry_after(&response),
            },
        })
    }

    /// The beginning of an answer. What is beyond is never asked for.
    async fn read(&self, mut response: Response) -> Result<Bytes, CallError> {
        let mut body = BytesMut::new();
        while let Some(bytes) = response.chunk().await.map_err(|error| failed(&error))? {
            let room = self.limits.answer_bytes_max - body.len();
            body.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if bytes.len() >= room {
                break;
            }
        }
        Ok(body.freeze())
    }
}

/// Only seconds: whoever names a date has a clock that is not ours.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    text.parse().ok().map(Duration::from_secs)
}

/// The cause that says most, if the address was none to be called.
fn why(error: &reqwest::Error) -> CallError {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(unreachable) = error.downcast_ref::<Unreachable>() {
            return unreachable.clone().into();
        }
        cause = error.source();
    }
    failed(error)
}

/// Without the URL, which may have a secret in it.
fn failed(error: &reqwest::Error) -> CallError {
    let mut text = String::from(if error.is_timeout() {
        "there was no answer in time"
    } else if error.is_connect() {
        "it cannot be connected to"
    } else {
        "the connection broke"
    });
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.source().is_none() && !error.is::<reqwest::Error>() {
            text = format!("{text}: {error}");
        }
        cause = error.source();
    }
    CallError::Failed(text)
}
