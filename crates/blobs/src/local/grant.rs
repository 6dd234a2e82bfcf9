//! What a URL allows, and the signature that says so.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use url::Url;

use crate::{BlobKey, ContentType, PartsId};

/// Signs and verifies.
pub(super) struct Secret(Hmac<Sha256>);

impl Secret {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self(Hmac::new_from_slice(&secret).expect("HMAC takes keys of any length"))
    }

    /// Every field with its length before it, so that no two grants have the same bytes.
    fn over(&self, key: &BlobKey, expires_at_ms: u64, grant: &Grant) -> Hmac<Sha256> {
        let fields = match grant {
            Grant::Store { size, content_type } => {
                vec!["PUT".to_owned(), size.to_string(), content_type.to_string()]
            }
            Grant::StorePart(part) => vec![
                "PUT part".to_owned(),
                part.id.to_string(),
                part.number.to_string(),
                part.offset.to_string(),
                part.size.to_string(),
            ],
            Grant::Read {
                content_type,
                disposition,
            } => vec![
                "GET".to_owned(),
                content_type.to_string(),
                disposition.clone(),
            ],
        };
        let mut mac = self.0.clone();
        for field in [key.to_string(), expires_at_ms.to_string()]
            .iter()
            .chain(&fields)
        {
            mac.update(&(field.len() as u64).to_be_bytes());
            mac.update(field.as_bytes());
        }
        mac
    }
}

/// What whoever has a URL may do with the blob that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// Store it whole.
    Store {
        size: u64,
        content_type: ContentType,
    },
    /// Send a part of it.
    StorePart(PartGrant),
    /// Read it, told what it is.
    Read {
        content_type: ContentType,
        disposition: String,
    },
}

/// Which part, and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartGrant {
    pub(super) id: PartsId,
    pub(super) number: u32,
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// Why a URL allows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotGranted {
    /// It is not one that was signed here, or somebody changed it.
    Forged,
    /// It was good once.
    Expired,
}

/// The query of a signed URL.
#[derive(Deserialize)]
pub(super) struct Asked {
    expires: u64,
    size: Option<u64>,
    #[serde(rename = "type")]
    content_type: Option<String>,
    disposition: Option<String>,
    upload: Option<String>,
    part: Option<u32>,
    offset: Option<u64>,
    signature: String,
}

impl Grant {
    /// The URL that says so. `base` loses its path, query and fragment.
    pub(super) fn url(
        &self,
        secret: &Secret,
        key: &BlobKey,
        expires_at_ms: u64,
        base: &Url,
    ) -> Url {
        let mut url = base.clone();
        url.set_fragment(None);
        url.set_query(None);
        url.set_path(&format!("/blobs/{key}"));
        let signature = secret
            .over(key, expires_at_ms, self)
            .finalize()
            .into_bytes();
        let mut query = url.query_pairs_mut();
        match self {
            Self::Store { size, content_type } => query
                .append_pair("size", &size.to_string())
                .append_pair("type", content_type.as_str()),
            Self::StorePart(part) => query
                .append_pair("upload", part.id.as_str())
                .append_pair("part", &part.number.to_string())
                .append_pair("offset", &part.offset.to_string())
                .append_pair("size", &part.size.to_string()),
            Self::Read {
                content_type,
                disposition,
            } => query
                .append_pair("type", content_type.as_str())
                .append_pair("disposition", disposition),
        };
        query
            .append_pair("expires", &expires_at_ms.to_string())
            .append_pair("signature", &URL_SAFE_NO_PAD.encode(signature));
        drop(query);
        url
    }
}

impl Asked {
    /// What it allows at this time, and until when.
    pub(super) fn verify(
        self,
        secret: &Secret,
        key: &BlobKey,
        now_ms: u64,
    ) -> Result<(Grant, u64), NotGranted> {
        let (expires, signature) = (self.expires, self.signature.clone());
        let grant = self.grant().ok_or(NotGranted::Forged)?;
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| NotGranted::Forged)?;
        // Compared in constant time.
        secret
            .over(key, expires, &grant)
            .verify_slice(&signature)
            .map_err(|_| NotGranted::Forged)?;
        if now_ms >= expires {
            return Err(NotGranted::Expired);
        }
        Ok((grant, expires))
    }

    /// What it says it allows.
    fn grant(self) -> Option<Grant> {
        let content_type = self.content_type.map(ContentType::parse).transpose().ok()?;
        Some(
            match (self.size, content_type, self.disposition, self.part) {
                (Some(size), Some(content_type), None, None) => Grant::Store { size, content_type },
                (Some(size), None, None, Some(number)) => Grant::StorePart(PartGrant {
                    id: PartsId::parse(self.upload?).ok()?,
                    number,
                    offset: self.offset?,
                    size,
                }),
                (None, Some(content_type), Some(disposition), None) => Grant::Read {
                    content_type,
                    disposition,
                },
                _ => return None,
            },
        )
    }
}
