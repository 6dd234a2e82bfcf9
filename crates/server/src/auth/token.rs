//! Opaque tokens: random, shown once, kept as a hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use tidemark_store::SecretHash;

use crate::config::Secret;

/// 256 bits, so that a plain hash of the token is as good as a slow one.
const RANDOM_BYTES: usize = 32;

/// What a token is for. Its prefix says so, to the server and to people who find one somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A signed-in device.
    Session,
    /// A key of the server side.
    ApiKey,
    /// An invite to a conversation.
    Invite,
}

impl TokenKind {
    /// How tokens of this kind begin.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Session => "tms_",
            Self::ApiKey => "tmk_",
            Self::Invite => "tmi_",
        }
    }

    /// The kind that a token seems to be of.
    pub(super) fn of(token: &str) -> Option<Self> {
        [Self::Session, Self::ApiKey]
            .into_iter()
            .find(|kind| token.starts_with(kind.prefix()))
    }
}

/// A new token, which nobody has seen yet.
#[derive(Clone, Debug)]
pub struct SecretToken {
    /// What its owner is told, once.
    pub text: Secret,
    /// What is stored.
    pub hash: SecretHash,
}

impl SecretToken {
    /// Makes one up.
    ///
    /// # Panics
    ///
    /// When the operating system has no randomness to give; nothing that is secret can be made then.
    pub fn generate(kind: TokenKind) -> Self {
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random).expect("the operating system gives randomness");
        let text = format!("{}{}", kind.prefix(), URL_SAFE_NO_PAD.encode(random));
        Self {
            hash: secret_hash(&text),
            text: Secret::new(text),
        }
    }
}

/// What is stored of a token or key.
pub fn secret_hash(text: &str) -> SecretHash {
    SecretHash(Sha256::digest(text.as_bytes()).into())
}
