//! Every key there is, with its default and its range.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tidemark_store::postgres::check_url;
use tracing_subscriber::EnvFilter;

use super::reader::Reader;
use super::{
    AuthConfig, Config, FanoutConfig, HttpConfig, JwtAlgorithm, JwtConfig, JwtKeys, LimitsConfig,
    LogConfig, LogFormat, Origin, PostgresConfig, PresenceConfig, Registration, Secret,
    SocketConfig, StoreEngine, background, bus, feed, uploads, webhooks,
};

/// Below this a key can be guessed at the rate at which we answer.
const API_KEY_BYTES_MIN: usize = 8;
/// The least that HS256 asks for (RFC 7518, section 3.2).
const HS256_SECRET_BYTES_MIN: usize = 32;
/// What a frame holds beside the text of a message, generously.
const FRAME_OVERHEAD_BYTES: usize = 1024;

/// Reads every key. Where one is wrong the reader has noted it, and the default stands in.
pub(super) fn config(reader: &mut Reader) -> Config {
    Config {
        listen: reader
            .parsed(
                "listen",
                "an address and port such as 127.0.0.1:8080",
                |text| text.parse().ok(),
            )
            .unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))),
        trusted_proxies: reader.parsed_list("trusted_proxies", "an IP address", |text| {
            text.parse().ok().map(|it: IpAddr| it.to_canonical())
        }),
        data: path(reader, "data").unwrap_or_else(|| PathBuf::from("./data")),
        api_keys: reader.secrets("api_keys", API_KEY_BYTES_MIN),
        store: store(reader),
        bus: bus::bus(reader),
        blobs: uploads::blobs(reader),
        uploads: uploads::uploads(reader),
        auth: AuthConfig {
            registration: reader
                .choice(
                    "auth.registration",
                    &[
                        ("open", Registration::Open),
                        ("closed", Registration::Closed),
                    ],
                )
                .unwrap_or(Registration::Open),
            jwt: jwt(reader),
        },
        limits: limits(reader),
        fanout: FanoutConfig {
            large_members: reader.whole("fanout.large_members", 5_000, 0..=u64::from(u32::MAX)),
            receipt_members: reader.whole("fanout.receipt_members", 100, 0..=10_000),
        },
        presence: PresenceConfig {
            linger: reader.milliseconds("presence.linger_ms", 10_000, 0..=600_000),
            heartbeat: reader.milliseconds("presence.heartbeat_ms", 10_000, 50..=600_000),
        },
        background: background::background(reader),
        feed: feed::feed(reader),
        webhooks: webhooks::webhooks(reader),
        http: HttpConfig {
            header_timeout: reader.milliseconds("http.header_timeout_ms", 75_000, 10..=600_000),
            body_timeout: reader.milliseconds("http.body_timeout_ms", 30_000, 10..=600_000),
        },
        socket: socket(reader),
        drain: reader.milliseconds("drain_ms", 10_000, 0..=600_000),
        log: log(reader),
    }
}

fn store(reader: &mut Reader) -> StoreEngine {
    const URL: &str = "store.url";
    const CONNECTIONS: &str = "store.connections_max";
    const WRITERS: &str = "store.writers";
    const WAIT: &str = "store.commit_wait_ms";

    let url_origin = reader.origin(URL);
    let connections_origin = reader.origin(CONNECTIONS);
    let options = [CONNECTIONS, WRITERS, WAIT].map(|key| (key, reader.origin(key)));
    let url = reader.text(URL);
    let connections_max = reader.size(CONNECTIONS, 16, 2..=10_000);
    let writers = reader.size(WRITERS, 4, 1..=256);
    let commit_wait = reader.milliseconds(WAIT, 5_000, 10..=600_000);
    // Never quoted where it is wrong: it may hold a password, also in a form that nobody can parse.
    let url = match url.as_deref() {
        None | Some("sqlite:") => None,
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            if let Err(problem) = check_url(url) {
                reader.mistake(URL, url_origin, problem);
            }
            Some(Secret::new(url))
        }
        Some(_) => {
            let problem = "it is neither \"sqlite:\" nor a URL that begins with postgres://";
            reader.mistake(URL, url_origin, problem);
            return StoreEngine::Sqlite;
        }
    };
    let Some(url) = url else {
        for (option, origin) in options {
            if origin != Origin::Unset {
                let problem = "it does nothing with sqlite:, which has no connections";
                reader.mistake(option, origin, problem);
            }
        }
        return StoreEngine::Sqlite;
    };
    if connections_max <= writers {
        let problem = format!("{WRITERS} = {writers} of them write, and somebody has to read");
        reader.mistake(CONNECTIONS, connections_origin, problem);
    }
    StoreEngine::Postgres(PostgresConfig {
        url,
        connections_max,
        writers,
        commit_wait,
    })
}

fn limits(reader: &mut Reader) -> LimitsConfig {
    let frame_origin = reader.origin("limits.frame_bytes");
    let limits = LimitsConfig {
        text_bytes: reader.size("limits.text_bytes", 16 * 1024, 1..=1024 * 1024),
        frame_bytes: reader.size("limits.frame_bytes", 64 * 1024, 1024..=16 * 1024 * 1024),
        page_events: reader.size("limits.page_events", 1_000, 1..=10_000),
        hello_cursors: reader.size("limits.hello_cursors", 1_000, 1..=100_000),
        group_members: reader.whole("limits.group_members", 5_000, 2..=1_000_000),
        sends_per_second: rate(reader, "limits.sends_per_second", 20, 0),
        sends_burst: rate(reader, "limits.sends_burst", 60, 1),
        logins_per_minute: rate(reader, "limits.logins_per_minute", 30, 0),
        sockets_per_user: reader.size("limits.sockets_per_user", 64, 1..=1_000_000),
        signals_per_second: rate(reader, "limits.signals_per_second", 10, 0),
        watched_users: reader.size("limits.watched_users", 500, 0..=100_000),
        outbox_bytes: reader.size("limits.outbox_bytes", 256 * 1024, 1024..=1024 * 1024 * 1024),
        in_flight: reader.size("limits.in_flight", 256, 1..=65_536),
    };
    let frame_bytes_min = limits.text_bytes + FRAME_OVERHEAD_BYTES;
    if limits.frame_bytes < frame_bytes_min {
        reader.mistake(
            "limits.frame_bytes",
            frame_origin,
            format!(
                "a message of limits.text_bytes = {} does not fit; it takes at least {frame_bytes_min}",
                limits.text_bytes
            ),
        );
    }
    limits
}

fn rate(reader: &mut Reader, key: &'static str, default: u32, least: u32) -> u32 {
    let number = reader.whole(key, u64::from(default), u64::from(least)..=1_000_000);
    u32::try_from(number).expect("at most a million")
}

fn socket(reader: &mut Reader) -> SocketConfig {
    let idle_origin = reader.origin("socket.idle_timeout_ms");
    let socket = SocketConfig {
        hello_timeout: reader.milliseconds("socket.hello_timeout_ms", 10_000, 10..=600_000),
        heartbeat: reader.milliseconds("socket.heartbeat_ms", 30_000, 10..=3_600_000),
        idle_timeout: reader.milliseconds("socket.idle_timeout_ms", 90_000, 10..=86_400_000),
        write_timeout: reader.milliseconds("socket.write_timeout_ms", 15_000, 10..=600_000),
    };
    if socket.idle_timeout <= socket.heartbeat {
        reader.mistake(
            "socket.idle_timeout_ms",
            idle_origin,
            format!(
                "a client that keeps to socket.heartbeat_ms = {} would be closed; it must be longer",
                socket.heartbeat.as_millis()
            ),
        );
    }
    socket
}

fn log(reader: &mut Reader) -> LogConfig {
    let level = reader.parsed(
        "log.level",
        "error, warn, info, debug, trace or a filter such as info,tidemark_server=debug",
        |text| EnvFilter::try_new(text).ok().map(|_| text.to_owned()),
    );
    let format = reader.choice(
        "log.format",
        &[("text", LogFormat::Text), ("json", LogFormat::Json)],
    );
    LogConfig {
        level: level.unwrap_or_else(|| "info".to_owned()),
        format: format.unwrap_or(LogFormat::Text),
    }
}

fn jwt(reader: &mut Reader) -> Option<JwtConfig> {
    const SECRET: &str = "auth.jwt.hs256_secret";
    const FILE: &str = "auth.jwt.public_key_file";
    const JWKS: &str = "auth.jwt.jwks_file";
    const ALGORITHM: &str = "auth.jwt.algorithm";
    const ISSUER: &str = "auth.jwt.issuer";
    const AUDIENCE: &str = "auth.jwt.audience";
    const LEEWAY: &str = "auth.jwt.leeway_s";

    let set = |key: &str, reader: &Reader| reader.origin(key) != Origin::Unset;
    let keys_set: Vec<_> = [SECRET, FILE, JWKS]
        .into_iter()
        .filter(|key| set(key, reader))
        .collect();
    let options_set: Vec<_> = [ALGORITHM, ISSUER, AUDIENCE, LEEWAY]
        .into_iter()
        .filter(|key| set(key, reader))
        .collect();
    let algorithm_origin = reader.origin(ALGORITHM);

    let secret = reader.secret(SECRET, HS256_SECRET_BYTES_MIN);
    let file = path(reader, FILE);
    let jwks = path(reader, JWKS);
    let algorithm = reader.choice(
        ALGORITHM,
        &[
            ("RS256", JwtAlgorithm::Rs256),
            ("ES256", JwtAlgorithm::Es256),
        ],
    );
    let issuer = reader.text(ISSUER);
    let audience = reader.text(AUDIENCE);
    let leeway = Duration::from_secs(reader.whole(LEEWAY, 30, 0..=600));

    match (keys_set.as_slice(), options_set.first()) {
        ([], None) => return None,
        ([], Some(option)) => {
            let origin = Origin::Unset;
            let problem = format!("it does nothing without one of {SECRET}, {FILE}, {JWKS}");
            reader.mistake(option, origin, problem);
            return None;
        }
        ([_], _) => {}
        ([_, second, ..], _) => {
            let problem = format!("set only one of {}", keys_set.join(", "));
            reader.mistake(second, Origin::Unset, problem);
            return None;
        }
    }
    if algorithm.is_some() && keys_set[0] != FILE {
        let problem = format!("it only goes with {FILE}");
        reader.mistake(ALGORITHM, algorithm_origin, problem);
    } else if keys_set[0] == FILE && algorithm_origin == Origin::Unset {
        let problem = format!("{FILE} needs it: RS256 or ES256");
        reader.mistake(ALGORITHM, Origin::Unset, problem);
    }
    let keys = match (secret, file, jwks) {
        (Some(secret), ..) => JwtKeys::Hs256(secret),
        (_, Some(file), _) => JwtKeys::PublicKey {
            file,
            algorithm: algorithm?,
        },
        (.., Some(file)) => JwtKeys::Jwks(file),
        // The key was set and wrong; the reader has noted that.
        (None, None, None) => return None,
    };
    Some(JwtConfig {
        keys,
        issuer,
        audience,
        leeway,
    })
}

fn path(reader: &mut Reader, key: &'static str) -> Option<PathBuf> {
    reader.text(key).map(PathBuf::from)
}
