//! How nodes tell each other what is new.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::reader::Reader;
use super::{Origin, Secret};

const BUS: NatsKeys = NatsKeys {
    url: "bus.url",
    url_variable: "TIDEMARK_BUS__URL",
    credentials_file: "bus.credentials_file",
    ca_file: "bus.tls.ca_file",
    certificate_file: "bus.tls.certificate_file",
    key_file: "bus.tls.key_file",
};
const PORT: u16 = 4222;

/// What the settings are called that say where NATS is and how to get in.
pub(super) struct NatsKeys {
    pub(super) url: &'static str,
    /// The environment variable of that.
    pub(super) url_variable: &'static str,
    pub(super) credentials_file: &'static str,
    pub(super) ca_file: &'static str,
    pub(super) certificate_file: &'static str,
    pub(super) key_file: &'static str,
}

/// How nodes tell each other what is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusConfig {
    /// What carries it.
    pub engine: BusEngine,
    /// How often a node compares what it has pushed with the store: the longest that anything is late when the
    /// bus loses it. A node that is alone does not.
    pub repair: Duration,
}

/// What carries messages between nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BusEngine {
    /// There is one node.
    Local,
    /// NATS servers.
    Nats(NatsConfig),
}

/// Where NATS is and how to get in.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsConfig {
    /// `HOST:PORT` of at least one server.
    pub servers: Vec<String>,
    /// Who we are.
    pub auth: NatsAuth,
    /// How the connection is encrypted.
    pub tls: NatsTls,
}

/// Who we are to NATS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NatsAuth {
    /// Nobody in particular.
    Nothing,
    /// Whoever knows the token.
    Token(Secret),
    /// A user.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A user with a signed JWT, in a `.creds` file.
    CredentialsFile(PathBuf),
}

/// How a connection to NATS is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NatsTls {
    /// Whether a server that does not encrypt is refused.
    pub required: bool,
    /// The certificates that are trusted, in PEM; without it, those of the operating system.
    pub ca_file: Option<PathBuf>,
    /// Our own certificate and its key, in PEM.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// Shows no secret, and no part of one.
impl fmt::Debug for NatsConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("NatsConfig")
            .field("servers", &self.servers)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

pub(super) fn bus(reader: &mut Reader) -> BusConfig {
    let repair = reader.milliseconds("bus.repair_ms", 3_000, 50..=600_000);
    let engine = match nats(reader, &BUS, "local:") {
        Some(nats) => BusEngine::Nats(nats),
        None => BusEngine::Local,
    };
    BusConfig { engine, repair }
}

/// Where NATS is; `None` if the URL is `nowhere`, which it is if it is not set.
pub(super) fn nats(reader: &mut Reader, keys: &NatsKeys, nowhere: &str) -> Option<NatsConfig> {
    let origin = reader.origin(keys.url);
    let url = reader.text(keys.url).unwrap_or_else(|| nowhere.to_owned());
    let set = [
        keys.credentials_file,
        keys.ca_file,
        keys.certificate_file,
        keys.key_file,
    ];
    let set = set
        .map(|key| (key, reader.origin(key)))
        .into_iter()
        .find(|(_, origin)| *origin != Origin::Unset);
    let mut path = |key| reader.text(key).map(PathBuf::from);
    let credentials_file = path(keys.credentials_file);
    let ca_file = path(keys.ca_file);
    let (certificate_file, key_file) = (path(keys.certificate_file), path(keys.key_file));

    if url == nowhere {
        if let Some((key, origin)) = set {
            let problem = format!("it does nothing without a nats:// address in {}", keys.url);
            reader.mistake(key, origin, problem);
        }
        return None;
    }
    let Some(mut nats) = nats_of(&url) else {
        let nowhere = if nowhere.is_empty() { "empty" } else { nowhere };
        let problem = format!(
            "it is neither {nowhere} nor like nats://HOST:PORT,HOST:PORT, \
             with USER:PASSWORD@ or TOKEN@ before the first host where that is needed"
        );
        reader.mistake(keys.url, origin, problem);
        return None;
    };
    if nats.auth != NatsAuth::Nothing && matches!(origin, Origin::Flag(_)) {
        let problem = format!(
            "whoever lists the processes of this machine reads a secret in a flag; \
             put it into the configuration file or into {}",
            keys.url_variable
        );
        reader.mistake(keys.url, origin.clone(), problem);
    }
    if let Some(file) = credentials_file {
        if nats.auth != NatsAuth::Nothing {
            let problem = format!("{} says already who we are", keys.url);
            reader.mistake(keys.credentials_file, Origin::Unset, problem);
        }
        nats.auth = NatsAuth::CredentialsFile(file);
    }
    nats.tls.required |= ca_file.is_some() || certificate_file.is_some();
    nats.tls.ca_file = ca_file;
    nats.tls.certificate = match (certificate_file, key_file) {
        (Some(file), Some(key)) => Some((file, key)),
        (None, None) => None,
        (Some(_), None) => {
            reader.mistake(keys.key_file, Origin::Unset, "a certificate needs its key");
            None
        }
        (None, Some(_)) => {
            let problem = "a key needs its certificate";
            reader.mistake(keys.certificate_file, Origin::Unset, problem);
            None
        }
    };
    Some(nats)
}

/// Reads `nats://[USER:PASSWORD@|TOKEN@]HOST[:PORT][,HOST[:PORT]…]`; with `tls://`, unencrypted servers are refused.
fn nats_of(url: &str) -> Option<NatsConfig> {
    let (scheme, rest) = url.split_once("://")?;
    let required = match scheme {
        "nats" => false,
        "tls" => true,
        _ => return None,
    };
    let (user_info, hosts) = match rest.rsplit_once('@') {
        Some((user_info, hosts)) => (Some(user_info), hosts),
        None => (None, rest),
    };
    let auth = match user_info.map(|info| info.split_once(':').ok_or(info)) {
        None => NatsAuth::Nothing,
        Some(Ok((user, password))) => NatsAuth::Password {
            user: unescape(user)?,
            password: Secret::new(unescape(password)?),
        },
        Some(Err(token)) => NatsAuth::Token(Secret::new(unescape(token)?)),
    };
    let hosts = hosts.strip_suffix('/').unwrap_or(hosts).split(',');
    Some(NatsConfig {
        servers: hosts.map(server).collect::<Option<_>>()?,
        auth,
        tls: NatsTls {
            required,
            ..NatsTls::default()
        },
    })
}

/// `HOST:PORT` of a host with or without a port.
fn server(text: &str) -> Option<String> {
    let is_ipv6 = text.starts_with('[');
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !is_ipv6 || host.ends_with(']') => (host, port.parse().ok()?),
        _ => (text, PORT),
    };
    let inside = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let valid = if let Some(address) = inside {
        address.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        !host.is_empty() && host.bytes().all(allowed)
    };
    valid.then(|| format!("{host}:{port}"))
}

/// Undoes `%40` and the like.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend(before.bytes());
        let digits = after.get(..2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    bytes.extend(rest.bytes());
    String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.is_empty())
}
