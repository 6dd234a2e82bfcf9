//! From the configuration to what does the work.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tidemark_blobs::{Blobs, LocalBlobs, LocalConfig, RightOfWay, S3Blobs, S3Config, Yielding};
use tidemark_media::scan::{Clamd, ClamdAddress, HttpScanner, Scanner};
use tidemark_media::{Ffmpeg, Limits, Workshop};
use tokio::sync::Notify;
use url::Url;

use super::Uploading;
use crate::auth::secret_hash;
use crate::config::{BlobEngine, Config, MediaConfig, S3BlobsConfig, ScannerConfig, UploadsConfig};

/// How long a scanner may take for one file.
const SCANNER_DEADLINE: Duration = Duration::from_mins(2);

/// The subcommand by which this program looks into a file.
const WORKER: &str = "media-worker";

/// How directories for files that are looked at are called.
const SCRATCH_PREFIX: &str = "scratch-";

/// After how long without a new file such a directory is taken for left behind.
const SCRATCH_AGE_MAX: Duration = Duration::from_hours(24);

/// Why uploads cannot be kept as configured.
#[derive(Debug, thiserror::Error)]
pub enum UploadsSetupError {
    /// A directory or file cannot be used.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The bucket cannot be used as configured.
    #[error("the bucket cannot be used: {0}")]
    Bucket(String),
    /// The scanner cannot be used as configured.
    #[error("the scanner cannot be used: {0}")]
    Scanner(String),
}

impl Uploading {
    /// Opens what the configuration names. Bytes that are kept here give way to what has the right of way. Waits for the disk, and for nothing else.
    pub(crate) fn open(
        config: &Config,
        right_of_way: RightOfWay,
    ) -> Result<Self, UploadsSetupError> {
        let scratch = scratch(&config.data)?;
        let (blobs, local) = blobs(config, right_of_way)?;
        let uploads = &config.uploads;
        Ok(Self {
            blobs,
            local,
            public_url: config.blobs.public_url.clone(),
            workshop: uploads
                .media
                .as_ref()
                .and_then(|media| workshop(media, scratch.path())),
            scanner: scanner(uploads)?,
            scratch,
            news: Notify::new(),
        })
    }
}

/// A directory for files that are looked at. What a kill left of earlier ones is of no use, and goes after a while:
/// another node may have its own beside it.
fn scratch(data: &Path) -> Result<TempDir, UploadsSetupError> {
    fs::create_dir_all(data).map_err(of_path(data))?;
    // Whoever looks into files is told absolute paths.
    let data = fs::canonicalize(data).map_err(of_path(data))?;
    let entries = fs::read_dir(&data).map_err(of_path(&data))?;
    for entry in entries.flatten() {
        let is_scratch = entry
            .file_name()
            .to_string_lossy()
            .starts_with(SCRATCH_PREFIX);
        let modified = entry.metadata().and_then(|it| it.modified());
        let age = modified.ok().and_then(|it| it.elapsed().ok());
        if is_scratch && age.is_some_and(|age| age > SCRATCH_AGE_MAX) {
            // If it cannot be removed now, then the next time.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    tempfile::Builder::new()
        .prefix(SCRATCH_PREFIX)
        .tempdir_in(&data)
        .map_err(of_path(&data))
}

type OpenBlobs = (Arc<dyn Blobs>, Option<Arc<LocalBlobs>>);

fn blobs(config: &Config, right_of_way: RightOfWay) -> Result<OpenBlobs, UploadsSetupError> {
    let (directory, secret, bytes_per_second) = match &config.blobs.engine {
        BlobEngine::S3(bucket) => {
            let blobs = S3Blobs::new(s3(bucket)?)
                .map_err(|error| UploadsSetupError::Bucket(error.to_string()))?;
            return Ok((Arc::new(blobs), None));
        }
        BlobEngine::File {
            directory,
            secret,
            yielding_bytes_per_second,
        } => (directory, secret, *yielding_bytes_per_second),
    };
    let directory = directory
        .clone()
        .unwrap_or_else(|| config.data.join("blobs"));
    let secret = match secret {
        // Of any length, and so made one of the right length.
        Some(secret) => secret_hash(secret.expose()).0,
        None => own_secret(&config.data)?,
    };
    let local = LocalBlobs::open(LocalConfig {
        directory: directory.clone(),
        secret,
        origins: config.blobs.origins.clone(),
        yielding: Yielding {
            to: right_of_way,
            bytes_per_second,
        },
    });
    let local = Arc::new(local.map_err(of_path(&directory))?);
    Ok((Arc::clone(&local) as _, Some(local)))
}

/// The secret that this installation made up, the first time.
fn own_secret(data: &Path) -> Result<[u8; 32], UploadsSetupError> {
    let path = data.join("blobs.secret");
    match fs::read(&path) {
        Ok(kept) => {
            if let Ok(secret) = kept.try_into() {
                return Ok(secret);
            }
            // It was cut short. Whoever has a URL asks for another one.
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(of_path(&path)(error)),
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| of_path(&path)(io::Error::other(error)))?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let write = options.open(&path).and_then(|mut file| {
        file.write_all(&secret)?;
        file.sync_all()
    });
    write.map_err(of_path(&path))?;
    Ok(secret)
}

fn of_path(path: &Path) -> impl FnOnce(io::Error) -> UploadsSetupError {
    let path = path.to_owned();
    move |source| UploadsSetupError::Io { path, source }
}

fn s3(bucket: &S3BlobsConfig) -> Result<S3Config, UploadsSetupError> {
    let amazon = || format!("https://s3.{}.amazonaws.com", bucket.region);
    let parse = |text: &str| {
        Url::parse(text).map_err(|error| UploadsSetupError::Bucket(format!("{text}: {error}")))
    };
    Ok(S3Config {
        endpoint: parse(&bucket.endpoint.clone().unwrap_or_else(amazon))?,
        endpoint_for_clients: bucket
            .endpoint_for_clients
            .as_deref()
            .map(parse)
            .transpose()?,
        bucket: bucket.bucket.clone(),
        region: bucket.region.clone(),
        access_key: bucket.access_key_id.expose().to_owned(),
        secret_key: bucket.secret_access_key.expose().to_owned(),
        conditional_writes: bucket.conditional_writes,
    })
}

fn workshop(media: &MediaConfig, scratch: &Path) -> Option<Workshop> {
    let own = || match std::env::current_exe() {
        Ok(program) => Some(program),
        Err(error) => {
            tracing::error!(%error, "pictures, audio and video are not looked into");
            None
        }
    };
    Some(Workshop {
        program: media.worker.clone().or_else(own)?,
        arguments: vec![WORKER.into()],
        limits: Limits {
            time: media.time,
            cpu: media.time,
            address_space_bytes: media.memory_bytes,
            ..Limits::default()
        },
        scratch: scratch.to_owned(),
        ffmpeg: media.ffmpeg.then(Ffmpeg::find).flatten(),
    })
}

fn scanner(uploads: &UploadsConfig) -> Result<Option<Arc<dyn Scanner>>, UploadsSetupError> {
    Ok(Some(match &uploads.scanner {
        None => return Ok(None),
        Some(ScannerConfig::ClamdTcp(address)) => Arc::new(Clamd::new(
            ClamdAddress::Tcp(address.clone()),
            SCANNER_DEADLINE,
        )),
        Some(ScannerConfig::ClamdUnix(path)) => Arc::new(Clamd::new(
            ClamdAddress::Unix(path.clone()),
            SCANNER_DEADLINE,
        )),
        Some(ScannerConfig::Http { url, token }) => {
            let token = token.as_ref().map_or("", |token| token.expose());
            let scanner = HttpScanner::new(url.clone(), token.to_owned(), SCANNER_DEADLINE);
            Arc::new(scanner.map_err(|error| UploadsSetupError::Scanner(error.to_string()))?)
        }
    }))
}
