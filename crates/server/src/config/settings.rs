//! A configuration that was checked: what the rest of the server sees.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tidemark_core::Limits;

use super::reader::Reader;
use super::{
    BackgroundConfig, BlobsConfig, BusConfig, ConfigError, FeedConfig, Secret, Sources,
    UploadsConfig, WebhooksConfig, layers, validate,
};

/// Everything that the operator decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where HTTP and sockets are served; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Proxies whose word about where a client connects from is taken.
    pub trusted_proxies: Vec<IpAddr>,
    /// The directory of the embedded store, blobs and indexes.
    pub data: PathBuf,
    /// Keys of the server side, beside those that the store keeps.
    pub api_keys: Vec<Secret>,
    /// Where the log lives.
    pub store: StoreEngine,
    /// How nodes tell each other what is new.
    pub bus: BusConfig,
    /// Where files live.
    pub blobs: BlobsConfig,
    /// What may be uploaded, and what becomes of it.
    pub uploads: UploadsConfig,
    /// Who may come in.
    pub auth: AuthConfig,
    /// How much anybody may ask for.
    pub limits: LimitsConfig,
    /// How events reach sockets.
    pub fanout: FanoutConfig,
    /// How patient presence is.
    pub presence: PresenceConfig,
    /// Work that one of all nodes does.
    pub background: BackgroundConfig,
    /// Where the feed goes.
    pub feed: FeedConfig,
    /// How others are called.
    pub webhooks: WebhooksConfig,
    /// How patient the server is with requests.
    pub http: HttpConfig,
    /// How patient sockets are.
    pub socket: SocketConfig,
    /// How long sockets and requests have to end when the server stops.
    pub drain: Duration,
    /// What the log shows.
    pub log: LogConfig,
}

impl Config {
    /// Merges the layers and checks the result.
    ///
    /// # Errors
    ///
    /// Every mistake there is, each with its key.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(layers::merge(sources)?);
        let config = validate::config(&mut reader);
        reader.finish()?;
        Ok(config)
    }
}

impl Config {
    /// The limits that the rules themselves look at.
    pub fn limits_of_rules(&self) -> Limits {
        Limits {
            text_bytes_max: self.limits.text_bytes,
            group_members_max: self.limits.group_members,
            attachments_max: self.uploads.attachments_max,
            upload_bytes_max: self.uploads.bytes_max,
            upload_quota_bytes: self.uploads.quota_bytes,
            ..Limits::default()
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::load(&Sources::default()).expect("the built-in values pass their own checks")
    }
}

/// Where the log lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreEngine {
    /// In files of the data directory.
    Sqlite,
    /// In a PostgreSQL database.
    Postgres(PostgresConfig),
}

/// How to use a PostgreSQL database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresConfig {
    /// Where it is. It may hold a password.
    pub url: Secret,
    /// The most connections of this node, those that write among them.
    pub connections_max: usize,
    /// How many connections write.
    pub writers: usize,
    /// How long a command waits for a server that takes writes.
    pub commit_wait: Duration,
}

/// Who may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthConfig {
    /// Whether anybody can make an account.
    pub registration: Registration,
    /// Whose signatures are believed; `None` believes none.
    pub jwt: Option<JwtConfig>,
}

/// Whether anybody can make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Anybody.
    Open,
    /// Only API keys and the command line.
    Closed,
}

/// Whose JWTs are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtConfig {
    /// What checks the signature.
    pub keys: JwtKeys,
    /// What `iss` must be, if anything.
    pub issuer: Option<String>,
    /// What `aud` must name, if anything.
    pub audience: Option<String>,
    /// How far the signer's clock may be off.
    pub leeway: Duration,
}

/// What checks a signature. Each comes with its algorithm, so that a token cannot choose one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwtKeys {
    /// HS256 with a secret that both sides hold.
    Hs256(Secret),
    /// A public key in a PEM file.
    PublicKey {
        /// The file.
        file: PathBuf,
        /// What the key is for.
        algorithm: JwtAlgorithm,
    },
    /// A JSON Web Key Set (RFC 7517) in a file.
    Jwks(PathBuf),
}

/// An algorithm with a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// RSA with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

/// How much anybody may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsConfig {
    /// The longest text of a message, in bytes.
    pub text_bytes: usize,
    /// The longest frame of a socket, in bytes. HTTP bodies may be a little longer.
    pub frame_bytes: usize,
    /// The most events or messages in a page.
    pub page_events: usize,
    /// The most cursors in a `hello` or a sync.
    pub hello_cursors: usize,
    /// The most members of a group.
    pub group_members: u64,
    /// Sends of a user in a second, in the long run; 0 for no limit.
    pub sends_per_second: u32,
    /// Sends of a user at once.
    pub sends_burst: u32,
    /// Sign-ins and registrations from an address in a minute; 0 for no limit.
    pub logins_per_minute: u32,
    /// Sockets of a user.
    pub sockets_per_user: usize,
    /// `typing`, `presence` and `watch` frames of a socket in a second, in the long run; 0 for no limit.
    pub signals_per_second: u32,
    /// Users whose presence a socket may watch.
    pub watched_users: usize,
    /// Bytes that may wait for a socket.
    pub outbox_bytes: usize,
    /// Requests of one socket that are not answered yet.
    pub in_flight: usize,
}

/// How events reach sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FanoutConfig {
    /// Channels with more members push heads only, except to whoever has them open.
    pub large_members: u64,
    /// In conversations with at most so many members, everybody sees how far the others have read, and who is
    /// writing.
    pub receipt_members: u64,
}

/// How patient presence is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceConfig {
    /// How long somebody whose last socket is gone is shown as before.
    pub linger: Duration,
    /// How often nodes ask each other who is there. A node that does not answer for two and a half times as long is
    /// taken to have nobody.
    pub heartbeat: Duration,
}

/// How patient the server is with requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// For the head of a request, and so also for the next request on a connection that idles.
    pub header_timeout: Duration,
    /// For the body of a request.
    pub body_timeout: Duration,
}

/// How patient sockets are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketConfig {
    /// For the first frame.
    pub hello_timeout: Duration,
    /// How often a client should say something.
    pub heartbeat: Duration,
    /// For any frame.
    pub idle_timeout: Duration,
    /// For a client to take what is written to it.
    pub write_timeout: Duration,
}

/// What the log shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// A level, or a filter such as `info,tidemark_server::http=debug`.
    pub level: String,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object for each line.
    Json,
}
