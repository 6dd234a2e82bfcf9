//! Signatures of requests to S3 in their URLs.
//!
//! AWS Signature Version 4, as in "Authenticating Requests: Using Query Parameters" of the S3 API reference. Not done by
//! `object_store`, which refuses to sign `Content-Length`: with it S3 itself holds a client to the size it declared.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use url::{Position, Url};

use crate::BlobKey;
use crate::encoding::{hex, percent_encoded};

/// What is taken as it is (`unreserved`) beside letters and digits.
const RFC_3986_OTHERS: &[u8] = b"-._~";

/// Whoever asks and for which bucket.
pub(super) struct Presigner {
    pub(super) bucket: String,
    pub(super) region: String,
    pub(super) access_key: String,
    pub(super) secret_key: String,
}

/// A request that a URL allows.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    /// `None` is the bucket itself.
    pub(super) key: Option<&'a BlobKey>,
    pub(super) query: &'a [(&'a str, &'a str)],
    /// By their names in small letters.
    pub(super) headers: &'a [(&'a str, &'a str)],
}

impl Presigner {
    /// The URL at this service, good from `now` on.
    pub(super) fn sign(
        &self,
        endpoint: &Url,
        request: &Request<'_>,
        valid: Duration,
        now: Timestamp,
    ) -> Url {
        let mut url = endpoint.clone();
        let key = request.key.map_or("", BlobKey::as_str);
        url.set_path(&format!("/{}/{key}", self.bucket));
        let host = &url[Position::BeforeHost..Position::AfterPort];

        let mut headers = vec![("host", host)];
        headers.extend_from_slice(request.headers);
        headers.sort_unstable();
        let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| {
                format!(
                    "{name}:{}
",
                    value.trim()
                )
            })
            .collect();
        let headers = headers.concat();

        let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = now.strftime("%Y%m%d").to_string();
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let credential = format!("{}/{scope}", self.access_key);
        let seconds = valid.as_secs().to_string();
        let encoded = |text: &str| percent_encoded(text, RFC_3986_OTHERS);
        let mut query: Vec<_> = request
            .query
            .iter()
            .chain(&[
                ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
                ("X-Amz-Credential", &credential),
                ("X-Amz-Date", &time),
                ("X-Amz-Expires", &seconds),
                ("X-Amz-SignedHeaders", &names),
            ])
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        query.sort_unstable();
        let query = query.join("&");

        let method = request.method;
        let path = url.path();
        let canonical = format!("{method}\n{path}\n{query}\n{headers}\n{names}\nUNSIGNED-PAYLOAD");
        let hash = hex(&Sha256::digest(canonical));
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hash}");
        let mut secret = format!("AWS4{}", self.secret_key).into_bytes();
        for step in [day.as_str(), &self.region, "s3", "aws4_request"] {
            secret = authenticated(&secret, step);
        }
        let signature = hex(&authenticated(&secret, &to_sign));
        url.set_query(Some(&format!("{query}&X-Amz-Signature={signature}")));
        url
    }
}

fn authenticated(secret: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Presigner, Request};
    use crate::BlobKey;

    /// With the keys and the time of the example in the S3 API reference, whose own URL has the bucket in the host
    /// and a file name that is no key here; this signature is from Amazon's SDK for Python.
    #[test]
    fn a_url_is_signed_as_amazon_does() {
        let presigner = Presigner {
            bucket: "examplebucket".to_owned(),
            region: "us-east-1".to_owned(),
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        };
        let key = BlobKey::parse("uploads/test").unwrap();
        let request = Request {
            method: "GET",
            key: Some(&key),
            query: &[(
                "response-content-disposition",
                "attachment; filename=\"a b.png\"",
            )],
            headers: &[],
        };
        let url = presigner.sign(
            &"https://s3.amazonaws.com".parse().unwrap(),
            &request,
            Duration::from_hours(24),
            "2013-05-24T00:00:00Z".parse().unwrap(),
        );
        let signature = url.query().unwrap().rsplit('=').next().unwrap();
        assert_eq!(
            signature,
            "089ca836160e0ce87de0df0552ea30ab5f16df5add0dd0ab2351f7c66cb74818"
        );
    }
}
