//! Which bucket, and who asks.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use url::{Host, Url};

/// How long a connection may take to come about.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long nothing of an answer may come.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How often and how long to try again.
const RETRIES_MAX: usize = 3;
const RETRY_TIMEOUT: Duration = Duration::from_secs(15);

/// Which bucket, and who asks.
#[derive(Clone)]
pub struct S3Config {
    /// Where the service is, without the bucket and without a path: `https:`, or `http:` on loopback. The bucket is
    /// the first segment of the path of each request.
    pub endpoint: Url,
    /// Where clients reach the same service, if it is by another name.
    pub endpoint_for_clients: Option<Url>,
    /// The bucket. It has to be there. To clients of other origins it has to allow, by its own rules of CORS, `GET`,
    /// `HEAD` and `PUT` with the headers `content-type`, `if-none-match` and `range`.
    pub bucket: String,
    /// Its region; `us-east-1` where there are none.
    pub region: String,
    /// Who asks.
    pub access_key: String,
    /// What requests are signed with.
    pub secret_key: String,
    /// Whether the service knows `If-None-Match: *` for `PUT`, as Amazon's does, and SeaweedFS. If not, whoever has the
    /// URL of an upload can put other bytes in the place of the first ones until it expires.
    pub conditional_writes: bool,
}

impl fmt::Debug for S3Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("S3Config")
            .field("endpoint", &self.endpoint.as_str())
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("access_key", &self.access_key)
            .field("conditional_writes", &self.conditional_writes)
            .finish_non_exhaustive()
    }
}

/// Why a bucket cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum S3ConfigError {
    /// The address of the service is none.
    #[error("the endpoint {0} has to be https: (http: only on loopback) and have no path")]
    Endpoint(Box<Url>),
    /// No bucket is called so.
    #[error("{0:?} is no name of a bucket: 3 to 63 of a-z, 0-9, '-' and '.'")]
    Bucket(String),
    /// A key or the region is empty.
    #[error("the region, the access key and the secret key must not be empty")]
    Empty,
    /// The HTTP client refuses.
    #[error("the S3 client cannot be started: {0}")]
    Client(String),
}

impl S3Config {
    pub(super) fn check(&self) -> Result<(), S3ConfigError> {
        let endpoints = [Some(&self.endpoint), self.endpoint_for_clients.as_ref()];
        for endpoint in endpoints.into_iter().flatten() {
            let is_bare = endpoint.path() == "/" && endpoint.query().is_none();
            if !is_bare || !is_safe(endpoint) {
                return Err(S3ConfigError::Endpoint(Box::new(endpoint.clone())));
            }
        }
        let mut bytes = self.bucket.bytes();
        let is_named = bytes
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-' || it == b'.');
        if !is_named || !(3..=63).contains(&self.bucket.len()) || self.bucket.starts_with('.') {
            return Err(S3ConfigError::Bucket(self.bucket.clone()));
        }
        let words = [&self.region, &self.access_key, &self.secret_key];
        if words.into_iter().any(String::is_empty) {
            return Err(S3ConfigError::Empty);
        }
        Ok(())
    }

    pub(super) fn store(&self) -> Result<AmazonS3, S3ConfigError> {
        let options = ClientOptions::new()
            .with_allow_http(self.endpoint.scheme() == "http")
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_timeout_disabled()
            .with_read_timeout(READ_TIMEOUT);
        AmazonS3Builder::new()
            .with_endpoint(self.endpoint.as_str().trim_end_matches('/'))
            .with_virtual_hosted_style_request(false)
            .with_bucket_name(&self.bucket)
            .with_region(&self.region)
            .with_access_key_id(&self.access_key)
            .with_secret_access_key(&self.secret_key)
            // Not every service has the call that deletes many.
            .with_disable_bulk_delete(true)
            .with_client_options(options)
            .with_retry(RetryConfig {
                backoff: BackoffConfig::default(),
                max_retries: RETRIES_MAX,
                retry_timeout: RETRY_TIMEOUT,
            })
            .build()
            .map_err(|error| S3ConfigError::Client(error.to_string()))
    }
}

/// Whether nobody on the way can read the URLs, which are secrets.
fn is_safe(endpoint: &Url) -> bool {
    let is_loopback = match endpoint.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    };
    endpoint.scheme() == "https" || (endpoint.scheme() == "http" && is_loopback)
}

#[cfg(test)]
mod tests {
    use super::{S3Config, S3ConfigError};

    fn config(endpoint: &str) -> S3Config {
        S3Config {
            endpoint: endpoint.parse().unwrap(),
            endpoint_for_clients: None,
            bucket: "tidemark".to_owned(),
            region: "us-east-1".to_owned(),
            access_key: "reader".to_owned(),
            secret_key: "s3cr3t".to_owned(),
            conditional_writes: true,
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let shown = format!("{:?}", config("https://s3.example.com"));
        assert!(
            shown.contains("reader") && !shown.contains("s3cr3t"),
            "{shown}"
        );
    }

    #[test]
    fn urls_go_over_no_open_network() {
        for good in [
            "https://s3.example.com",
            "http://127.0.0.1:8333",
            "http://[::1]:1",
            "http://localhost/",
        ] {
            assert!(config(good).check().is_ok(), "{good}");
        }
        for bad in [
            "http://s3.example.com",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
            "https://a/b",
            "https://a/?b",
        ] {
            let checked = config(bad).check();
            assert!(matches!(checked, Err(S3ConfigError::Endpoint(_))), "{bad}");
        }
        let clients = S3Config {
            endpoint_for_clients: Some("http://s3.example.com".parse().unwrap()),
            ..config("https://s3.example.com")
        };
        assert!(clients.check().is_err());
    }

    #[test]
    fn names_of_buckets_are_no_paths() {
        for bad in ["", "ab", "a/b", "../..", "Bucket", "a b c"] {
            let config = S3Config {
                bucket: bad.to_owned(),
                ..config("https://s3.example.com")
            };
            assert!(
                matches!(config.check(), Err(S3ConfigError::Bucket(_))),
                "{bad}"
            );
        }
    }
}
