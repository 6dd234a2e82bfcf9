//! Signatures, as [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)
//! describes them.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// How a secret begins when it is written down.
const PREFIX: &str = "whsec_";
/// How a signature begins: the scheme with a secret that both have.
const SCHEME: &str = "v1,";
/// As long as a secret may be, in bytes.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// As long as a new one is.
const NEW_BYTES: usize = 32;

/// What calls are signed with. It is not shown but by [`Secret::reveal`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// A text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It does not look like one.
    #[error("a secret is \"whsec_\" and 24 to 64 bytes in base64")]
    Malformed,
    /// There is no randomness on this machine.
    #[error("this machine has no randomness: {0}")]
    NoRandomness(getrandom::Error),
}

/// Why a call is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// None of the signatures is one of this secret for this call.
    #[error("no signature is right")]
    Wrong,
    /// It was signed too long ago, or in the future.
    #[error("it was not signed just now")]
    NotNow,
}

/// What shows whom a call is from: the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Names what is told: the same for each attempt to tell it.
    pub id: String,
    /// When this attempt was made, in seconds since the Unix epoch.
    pub timestamp_s: u64,
    /// One signature or several, separated by spaces: several while a secret is being replaced.
    pub signatures: String,
}

impl Secret {
    /// One that nobody can guess.
    ///
    /// # Errors
    ///
    /// [`SecretError::NoRandomness`].
    pub fn generate() -> Result<Self, SecretError> {
        let mut bytes = vec![0; NEW_BYTES];
        getrandom::fill(&mut bytes).map_err(SecretError::NoRandomness)?;
        Ok(Self(bytes))
    }

    /// Reads what [`Secret::reveal`] wrote.
    ///
    /// # Errors
    ///
    /// [`SecretError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SecretError::Malformed)?;
        let bytes = STANDARD
            .decode(encoded)
            .map_err(|_| SecretError::Malformed)?;
        if !BYTES.contains(&bytes.len()) {
            return Err(SecretError::Malformed);
        }
        Ok(Self(bytes))
    }

    /// As it is written down: for whoever is called, and to be kept.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// Signs a body.
    pub fn sign(&self, id: &str, timestamp_s: u64, body: &[u8]) -> Signature {
        Signature {
            id: id.to_owned(),
            timestamp_s,
            signatures: format!(
                "{SCHEME}{}",
                STANDARD.encode(self.code(id, timestamp_s, body))
            ),
        }
    }

    /// Whether a body is from somebody who has this secret, and was sent no longer ago than `tolerance`: what whoever is called does.
    ///
    /// # Errors
    ///
    /// If it is not to be believed.
    pub fn verify(
        &self,
        signature: &Signature,
        body: &[u8],
        now_s: u64,
        tolerance: Duration,
    ) -> Result<(), BadSignature> {
        let expected = STANDARD.encode(self.code(&signature.id, signature.timestamp_s, body));
        let is_right = signature.signatures.split(' ').any(|one| {
            let code = one.strip_prefix(SCHEME).unwrap_or_default();
            code.as_bytes().ct_eq(expected.as_bytes()).into()
        });
        if !is_right {
            return Err(BadSignature::Wrong);
        }
        if now_s.abs_diff(signature.timestamp_s) > tolerance.as_secs() {
            return Err(BadSignature::NotNow);
        }
        Ok(())
    }

    fn code(&self, id: &str, timestamp_s: u64, body: &[u8]) -> [u8; 32] {
        let mut code =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        code.update(format!("{id}.{timestamp_s}.").as_bytes());
        code.update(body);
        code.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Duration = Duration::from_mins(5);

    /// The example of the specification's libraries.
    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(
            signature.signatures,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn what_was_signed_is_believed_and_nothing_else() {
        let secret = Secret::generate().unwrap();
        let signature = secret.sign("1", 1_000, b"body");
        let verify = |signature: &Signature, body: &[u8], now_s| {
            secret.verify(signature, body, now_s, TOLERANCE)
        };
        assert_eq!(verify(&signature, b"body", 1_300), Ok(()));
        assert_eq!(verify(&signature, b"body", 700), Ok(()));
        assert_eq!(
            verify(&signature, b"body", 1_301),
            Err(BadSignature::NotNow)
        );
        assert_eq!(
            verify(&signature, b"body!", 1_000),
            Err(BadSignature::Wrong)
        );
        let changed = |change: fn(&mut Signature)| {
            let mut signature = signature.clone();
            change(&mut signature);
            verify(&signature, b"body", 1_000)
        };
        assert_eq!(changed(|it| it.id = "2".into()), Err(BadSignature::Wrong));
        assert_eq!(
            changed(|it| it.timestamp_s = 1_001),
            Err(BadSignature::Wrong)
        );
        assert_eq!(
            changed(|it| it.signatures.clear()),
            Err(BadSignature::Wrong)
        );
        let other = Secret::generate().unwrap();
        let not_ours = other.verify(&signature, b"body", 1_000, TOLERANCE);
        assert_eq!(not_ours, Err(BadSignature::Wrong));
    }

    #[test]
    fn one_of_several_signatures_is_enough() {
        let (old, new) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        let mut signature = old.sign("1", 1_000, b"body");
        let further = new.sign("1", 1_000, b"body");
        signature.signatures = format!("{} {}", signature.signatures, further.signatures);
        for secret in [old, new] {
            let verified = secret.verify(&signature, b"body", 1_000, TOLERANCE);
            assert_eq!(verified, Ok(()));
        }
    }

    #[test]
    fn secrets_are_written_and_read_and_never_shown() {
        let secret = Secret::generate().unwrap();
        assert_eq!(Secret::parse(&secret.reveal()), Ok(secret.clone()));
        assert_eq!(format!("{secret:?}"), "Secret");
        for text in [
            "",
            "whsec_",
            "whsec_AAAA",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_?",
        ] {
            assert_eq!(Secret::parse(text), Err(SecretError::Malformed), "{text}");
        }
    }
}
