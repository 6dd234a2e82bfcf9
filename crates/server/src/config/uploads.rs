//! Where files live, and what may become of them.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::reader::Reader;
use super::{Origin, Secret};

/// Where files live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobsConfig {
    /// What keeps them.
    pub engine: BlobEngine,
    /// Where clients reach this server for files, such as `https://files.example.com`; without it, where they reached it
    /// to ask for the URL. With it, files are served there and nowhere else.
    pub public_url: Option<Url>,
    /// Origins of web pages, other than the server's own, whose scripts may send and read files.
    pub origins: Vec<String>,
}

/// What keeps files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobEngine {
    /// A directory.
    File {
        /// Which; in the data directory if it is not said.
        directory: Option<PathBuf>,
        /// What URLs are signed with, the same on all nodes that share the directory; made up and kept beside the
        /// files if it is not said.
        secret: Option<Secret>,
        /// The most that files take from the disk in a second while messages are sent.
        yielding_bytes_per_second: NonZeroU64,
    },
    /// A bucket of something that speaks S3.
    S3(S3BlobsConfig),
}

/// Where a bucket is, and how to get in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3BlobsConfig {
    /// Its name.
    pub bucket: String,
    /// Where it is; `None` is Amazon.
    pub endpoint: Option<String>,
    /// Where clients reach it, if that is by another name.
    pub endpoint_for_clients: Option<String>,
    /// In which region.
    pub region: String,
    /// Who we are.
    pub access_key_id: Secret,
    /// How that is known.
    pub secret_access_key: Secret,
    /// Whether it knows `If-None-Match: *` for `PUT`, so that nobody puts other bytes in the place of the first ones.
    pub conditional_writes: bool,
}

/// What may be uploaded, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadsConfig {
    /// The largest file, in bytes.
    pub bytes_max: u64,
    /// How many bytes one user may have uploaded.
    pub quota_bytes: u64,
    /// The most attachments of a message.
    pub attachments_max: usize,
    /// Files above this size may come in parts.
    pub parts_from_bytes: u64,
    /// How long the bytes of an upload are awaited.
    pub waiting: Duration,
    /// After how long an upload that no message shows is removed.
    pub unused: Duration,
    /// How long a URL to send or to fetch bytes is valid.
    pub url_valid: Duration,
    /// Who looks for harmful files.
    pub scanner: Option<ScannerConfig>,
    /// What becomes of files that nobody can scan now.
    pub unscanned: Unscanned,
    /// How many files one node looks at at the same time.
    pub at_once: usize,
    /// Whether pictures, audio and video are looked into.
    pub media: Option<MediaConfig>,
}

/// Who looks for harmful files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScannerConfig {
    /// A clamd at a TCP address.
    ClamdTcp(String),
    /// A clamd behind a socket in the file system.
    ClamdUnix(PathBuf),
    /// Whoever answers at a URL.
    Http {
        /// Where.
        url: Url,
        /// What shows that it is us.
        token: Option<Secret>,
    },
}

/// What becomes of files that nobody can scan now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unscanned {
    /// They wait.
    Wait,
    /// They are let through.
    Pass,
}

/// How pictures, audio and video are looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaConfig {
    /// The program that does it, in a process for each file; `None` is this one.
    pub worker: Option<PathBuf>,
    /// How long one file may take.
    pub time: Duration,
    /// How much memory one file may take, in bytes.
    pub memory_bytes: u64,
    /// Whether ffmpeg is used, where it is installed.
    pub ffmpeg: bool,
}

const URL: &str = "blobs.url";
const DIRECTORY: &str = "blobs.directory";
const SECRET: &str = "blobs.secret";
const YIELDING: &str = "blobs.yielding_bytes_per_second";
const ENDPOINT: &str = "blobs.endpoint";
const ENDPOINT_FOR_CLIENTS: &str = "blobs.endpoint_for_clients";
const CONDITIONAL_WRITES: &str = "blobs.conditional_writes";
const REGION: &str = "blobs.region";
const ACCESS_KEY: &str = "blobs.access_key_id";
const SECRET_KEY: &str = "blobs.secret_access_key";

const MIB: u64 = 1024 * 1024;

/// HMAC-SHA-256 is no stronger than its key.
const SECRET_BYTES_MIN: usize = 32;

pub(super) fn blobs(reader: &mut Reader) -> BlobsConfig {
    BlobsConfig {
        engine: engine(reader),
        public_url: reader.parsed(
            "blobs.public_url",
            "the URL of a server without a path, such as https://files.example.com",
            |text| server_url(text).filter(|url| url.path() == "/" && url.query().is_none()),
        ),
        origins: reader.parsed_list(
            "blobs.origins",
            "the origin of a web page, such as https://chat.example.com",
            |text| (text == "*" || server_url(text).is_some()).then(|| text.to_owned()),
        ),
    }
}

fn server_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

fn engine(reader: &mut Reader) -> BlobEngine {
    let origin = reader.origin(URL);
    let of_files = [DIRECTORY, SECRET, YIELDING].map(|key| (key, reader.origin(key)));
    let of_s3 = [
        ENDPOINT,
        ENDPOINT_FOR_CLIENTS,
        REGION,
        ACCESS_KEY,
        SECRET_KEY,
        CONDITIONAL_WRITES,
    ]
    .map(|key| (key, reader.origin(key)));
    let url = reader.text(URL).unwrap_or_else(|| "file:".to_owned());
    let directory = reader.text(DIRECTORY).map(PathBuf::from);
    let secret = reader.secret(SECRET, SECRET_BYTES_MIN);
    let yielding = reader.whole(YIELDING, 48 * MIB, MIB..=1024 * 1024 * MIB);
    let yielding_bytes_per_second = NonZeroU64::new(yielding).unwrap_or(NonZeroU64::MAX);
    let mut url_at = |key| {
        reader.parsed(key, "a URL such as https://s3.example.com", |text| {
            server_url(text).map(|_| text.to_owned())
        })
    };
    let (endpoint, endpoint_for_clients) = (url_at(ENDPOINT), url_at(ENDPOINT_FOR_CLIENTS));
    let conditional_writes = reader.flag(CONDITIONAL_WRITES, true);
    let region = reader.text(REGION);
    let keys = reader
        .secret(ACCESS_KEY, 1)
        .zip(reader.secret(SECRET_KEY, 1));
    if let Some(bucket) = url.strip_prefix("s3://").filter(|name| !name.is_empty()) {
        unused(reader, of_files, "it is for blobs.url = \"file:\"");
        let Some((access_key_id, secret_access_key)) = keys else {
            let problem = "s3:// needs blobs.access_key_id and blobs.secret_access_key";
            reader.mistake(URL, origin, problem);
            return BlobEngine::File {
                directory: None,
                secret: None,
                yielding_bytes_per_second,
            };
        };
        return BlobEngine::S3(S3BlobsConfig {
            bucket: bucket.to_owned(),
            endpoint,
            endpoint_for_clients,
            conditional_writes,
            region: region.unwrap_or_else(|| "us-east-1".to_owned()),
            access_key_id,
            secret_access_key,
        });
    }
    if url != "file:" {
        let problem = format!("{url:?} is neither \"file:\" nor s3://BUCKET");
        reader.mistake(URL, origin, problem);
    }
    unused(reader, of_s3, "it is for blobs.url = \"s3://BUCKET\"");
    BlobEngine::File {
        directory,
        secret,
        yielding_bytes_per_second,
    }
}

fn unused<const N: usize>(reader: &mut Reader, keys: [(&str, Origin); N], problem: &str) {
    for (key, origin) in keys {
        if origin != Origin::Unset {
            reader.mistake(key, origin, problem);
        }
    }
}

pub(super) fn uploads(reader: &mut Reader) -> UploadsConfig {
    const TIB: u64 = MIB * MIB;
    let scanner = scanner(reader);
    UploadsConfig {
        bytes_max: reader.whole("uploads.bytes_max", 256 * MIB, 1..=TIB),
        quota_bytes: reader.whole("uploads.quota_bytes", 10 * 1024 * MIB, 1..=1024 * TIB),
        attachments_max: reader.size("uploads.attachments_max", 10, 1..=100),
        parts_from_bytes: reader.whole("uploads.parts_from_bytes", 64 * MIB, 1..=TIB),
        waiting: reader.milliseconds("uploads.waiting_ms", 86_400_000, 1_000..=604_800_000),
        unused: reader.milliseconds("uploads.unused_ms", 86_400_000, 1_000..=2_592_000_000),
        url_valid: reader.milliseconds("uploads.url_valid_ms", 900_000, 1_000..=86_400_000),
        scanner,
        unscanned: reader
            .choice(
                "uploads.unscanned",
                &[("wait", Unscanned::Wait), ("pass", Unscanned::Pass)],
            )
            .unwrap_or(Unscanned::Wait),
        at_once: reader.size("uploads.at_once", 2, 1..=64),
        media: media(reader),
    }
}

fn media(reader: &mut Reader) -> Option<MediaConfig> {
    let enabled = reader.flag("uploads.media", true);
    let media = MediaConfig {
        worker: None,
        time: reader.milliseconds("uploads.media_time_ms", 60_000, 100..=3_600_000),
        memory_bytes: reader.whole(
            "uploads.media_memory_bytes",
            1024 * MIB,
            64 * MIB..=64 * 1024 * MIB,
        ),
        ffmpeg: reader.flag("uploads.ffmpeg", true),
    };
    enabled.then_some(media)
}

fn scanner(reader: &mut Reader) -> Option<ScannerConfig> {
    const SCANNER: &str = "uploads.scanner";
    const TOKEN: &str = "uploads.scanner_token";
    let token_origin = reader.origin(TOKEN);
    let token = reader.secret(TOKEN, 8);
    let mut scanner = reader.parsed(
        SCANNER,
        "clamd://HOST:PORT, clamd:/PATH/OF/SOCKET or the http:// or https:// URL of a scanner",
        |text| {
            if let Some(address) = text.strip_prefix("clamd://") {
                let (_, port) = address.rsplit_once(':')?;
                port.parse::<u16>().ok()?;
                return Some(ScannerConfig::ClamdTcp(address.to_owned()));
            }
            if let Some(path) = text.strip_prefix("clamd:") {
                return path
                    .starts_with('/')
                    .then(|| ScannerConfig::ClamdUnix(path.into()));
            }
            let url = server_url(text)?;
            Some(ScannerConfig::Http { url, token: None })
        },
    );
    match &mut scanner {
        Some(ScannerConfig::Http { token: of_url, .. }) => *of_url = token,
        _ if token.is_some() => {
            let problem = format!("it goes with an http:// or https:// {SCANNER}");
            reader.mistake(TOKEN, token_origin, problem);
        }
        _ => {}
    }
    scanner
}
