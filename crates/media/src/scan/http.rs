//! A scanner that is reached over HTTP.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Client, Response, StatusCode, Url, redirect};
use serde::Deserialize;
use tokio::fs::File;

use super::{Scanner, ScannerDown, Verdict, harmless_name};

/// How much of an answer is read.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// A scanner that is reached over HTTP: whatever somebody wants to be asked about files.
///
/// It gets the bytes of a file, and nothing else about it:
///
/// ```text
/// POST <url>
/// Authorization: Bearer <secret>
/// Content-Type: application/octet-stream
/// Content-Length: <bytes>
/// ```
///
/// and answers 200 with `{"verdict":"clean"}` or `{"verdict":"infected","name":"…"}`; other fields are ignored. 413 is
/// [`Verdict::TooLarge`]. Everything else, redirects too, is [`ScannerDown`].
pub struct HttpScanner {
    client: Client,
    url: Url,
    secret: String,
}

impl fmt::Debug for HttpScanner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the secret nor the address, which may have one, too.
        formatter
            .debug_struct("HttpScanner")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Answer {
    verdict: Word,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Clean,
    Infected,
}

impl HttpScanner {
    /// Asks at `url`, which is given up on after `deadline`: connecting, sending and waiting for the answer together.
    ///
    /// # Errors
    ///
    /// When there can be no encrypted connections on this machine.
    pub fn new(url: Url, secret: String, deadline: Duration) -> Result<Self, ScannerDown> {
        let client = Client::builder()
            .timeout(deadline)
            // The secret is for this address and no other.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| down(&error))?;
        Ok(Self {
            client,
            url,
            secret,
        })
    }

    async fn ask(&self, file: &Path) -> Result<Verdict, ScannerDown> {
        let unreadable = |error| ScannerDown(format!("the file cannot be read: {error}"));
        let file = File::open(file).await.map_err(unreadable)?;
        let bytes = file.metadata().await.map_err(unreadable)?.len();
        let response = self
            .client
            .post(self.url.clone())
            .bearer_auth(&self.secret)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, bytes)
            .body(Body::from(file))
            .send()
            .await
            .map_err(|error| down(&error))?;
        match response.status() {
            StatusCode::OK => understand(&read(response).await?),
            StatusCode::PAYLOAD_TOO_LARGE => Ok(Verdict::TooLarge),
            status => Err(ScannerDown(format!("it answered {status}"))),
        }
    }
}

impl Scanner for HttpScanner {
    fn scan<'a>(&'a self, file: &'a Path) -> BoxFuture<'a, Result<Verdict, ScannerDown>> {
        self.ask(file).boxed()
    }
}

async fn read(mut response: Response) -> Result<Vec<u8>, ScannerDown> {
    let mut answer = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| down(&error))? {
        if answer.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(ScannerDown("its answer is too long".to_owned()));
        }
        answer.extend_from_slice(&chunk);
    }
    Ok(answer)
}

fn understand(answer: &[u8]) -> Result<Verdict, ScannerDown> {
    let answer: Answer = serde_json::from_slice(answer)
        .map_err(|_| ScannerDown("its answer is not the JSON that was agreed on".to_owned()))?;
    Ok(match answer.verdict {
        Word::Clean => Verdict::Clean,
        Word::Infected => Verdict::Infected {
            name: harmless_name(answer.name.as_deref().unwrap_or_default()),
        },
    })
}

/// What went wrong, without the address.
fn down(error: &reqwest::Error) -> ScannerDown {
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "it cannot be reached"
    } else if error.is_builder() {
        "no request can be made"
    } else {
        "the connection broke"
    };
    ScannerDown(what.to_owned())
}
