//! Where the feed goes beside `GET /v1/feed`.

use super::NatsConfig;
use super::Origin;
use super::bus::{NatsKeys, nats};
use super::reader::Reader;

const STREAM: &str = "feed.nats.stream";
const SUBJECT: &str = "feed.nats.subject";
const NATS: NatsKeys = NatsKeys {
    url: "feed.nats.url",
    url_variable: "TIDEMARK_FEED__NATS__URL",
    credentials_file: "feed.nats.credentials_file",
    ca_file: "feed.nats.tls.ca_file",
    certificate_file: "feed.nats.tls.certificate_file",
    key_file: "feed.nats.tls.key_file",
};

/// Where the feed goes beside `GET /v1/feed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedConfig {
    /// Into a stream of NATS `JetStream`, if that is wished.
    pub nats: Option<Box<NatsFeedConfig>>,
}

/// A stream of NATS `JetStream` that gets every event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsFeedConfig {
    /// Where it is and how to get in.
    pub nats: NatsConfig,
    /// The stream; it is made if it is not there.
    pub stream: String,
    /// What subjects begin with: `SUBJECT.KIND.CONVERSATION`.
    pub subject: String,
}

pub(super) fn feed(reader: &mut Reader) -> FeedConfig {
    let names = [STREAM, SUBJECT].map(|key| (key, reader.origin(key)));
    let stream = reader.parsed(STREAM, "a name of letters, digits, - and _", |text| {
        is_word(text).then(|| text.to_owned())
    });
    let subject = reader.parsed(
        SUBJECT,
        "words of letters, digits, - and _ with dots between them",
        |text| text.split('.').all(is_word).then(|| text.to_owned()),
    );
    let Some(nats) = nats(reader, &NATS, "") else {
        for (key, origin) in names {
            if origin != Origin::Unset {
                let problem = format!("it does nothing without a nats:// address in {}", NATS.url);
                reader.mistake(key, origin, problem);
            }
        }
        return FeedConfig { nats: None };
    };
    FeedConfig {
        nats: Some(Box::new(NatsFeedConfig {
            nats,
            stream: stream.unwrap_or_else(|| "TIDEMARK".to_owned()),
            subject: subject.unwrap_or_else(|| "tidemark.feed".to_owned()),
        })),
    }
}

fn is_word(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}
