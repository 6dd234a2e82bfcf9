//! A bucket of S3, or of what speaks like it.

use url::Url;

/// Which bucket, and who asks.
pub struct S3Config {
    /// Where the service is, without the bucket: `https:`, or `http:` on loopback.
    pub endpoint: Url,
    /// Where clients reach the same service, if they do by another name.
    pub endpoint_for_clients: Option<Url>,
    /// The bucket. It has to be there.
    pub bucket: String,
    /// Its region; `us-east-1` where there are none.
    pub region: String,
    /// Who asks.
    pub access_key: String,
    /// What requests are signed with.
    pub secret_key: String,
}
