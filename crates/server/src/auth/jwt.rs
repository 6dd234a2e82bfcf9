//! JSON Web Tokens that the embedding application signs.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::Deserialize;
use tidemark_core::{Timestamp, UserId};

use super::display_name;
use crate::config::{JwtAlgorithm, JwtConfig, JwtKeys};

/// The most bytes of a token that are looked at; real ones have a few hundred.
const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Why the configured keys cannot be used. Written for the operator who reads it at start.
#[derive(Debug, thiserror::Error)]
pub enum AuthSetupError {
    /// A file cannot be read.
    #[error("{key}: cannot read {path}: {source}")]
    Read {
        /// The configuration's key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{key}: {path} {problem}")]
    Key {
        /// The configuration's key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// What a token that holds says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    /// Whom it is for.
    pub(super) user: UserId,
    /// The name to show, if it says one that can be shown.
    pub(super) name: Option<String>,
    /// When it ends.
    pub(super) expires_at: Option<Timestamp>,
}

/// Checks signatures and claims.
pub(super) struct Verifier {
    keys: Vec<Key>,
    issuer: Option<String>,
    audience: Option<String>,
    leeway: Duration,
}

/// A key, and the one algorithm that it is for: what a token's header says only selects among keys.
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    verifying: DecodingKey,
}

/// The claims that we read ourselves; `iss` and `aud` are checked by the library.
#[derive(Deserialize)]
struct RawClaims {
    sub: String,
    name: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
}

impl Verifier {
    pub(super) fn new(config: &JwtConfig) -> Result<Self, AuthSetupError> {
        Ok(Self {
            keys: load_keys(&config.keys)?,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            leeway: config.leeway,
        })
    }

    /// What `token` says, if it is signed by one of the keys and holds at `now`; otherwise why not.
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, &'static str> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err("the token is too long");
        }
        let header =
            jsonwebtoken::decode_header(token).map_err(|_| "the token is not one of ours")?;
        if header.crit.is_some() {
            return Err("the token asks for extensions that are not known here");
        }
        let key = self.key_for(&header)?;
        let decoded = jsonwebtoken::decode::<RawClaims>(
            token,
            &key.verifying,
            &self.validation(key.algorithm),
        )
        .map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm => {
                "the token's signature does not hold"
            }
            ErrorKind::InvalidIssuer => "the token has another issuer",
            ErrorKind::InvalidAudience => "the token is for another audience",
            _ => "the token's claims cannot be read",
        })?;
        self.claims(decoded.claims, now)
    }

    fn key_for(&self, header: &Header) -> Result<&Key, &'static str> {
        let mut candidates = self.keys.iter().filter(|key| {
            key.algorithm == header.alg
                && (key.id.is_none() || header.kid.is_none() || key.id == header.kid)
        });
        match (candidates.next(), candidates.next()) {
            (Some(key), None) => Ok(key),
            (None, _) => Err("the token's algorithm or key is not one that is believed here"),
            (Some(_), Some(_)) => Err("the token does not say which key signed it"),
        }
    }

    /// What the library checks. Times are ours to check, against our own clock.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        validation.required_spec_claims = HashSet::from(["sub".to_owned()]);
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        // Without a configured audience a token that names one is not for us (RFC 7519, section 4.1.3).
        if let Some(audience) = &self.audience {
            validation.set_audience(&[audience]);
            validation.required_spec_claims.insert("aud".to_owned());
        }
        validation
    }

    fn claims(&self, raw: RawClaims, now: Timestamp) -> Result<Claims, &'static str> {
        let leeway = i64::try_from(self.leeway.as_millis()).unwrap_or(i64::MAX);
        let expires_at = raw.exp.map(|exp| later(exp, leeway));
        if expires_at.is_some_and(|end| now >= end) {
            return Err("the token has expired");
        }
        if raw.nbf.is_some_and(|nbf| now < later(nbf, -leeway)) {
            return Err("the token is not valid yet");
        }
        let user = UserId::parse(&raw.sub).map_err(|_| "the token's sub cannot be a user id")?;
        if user.is_reserved() {
            return Err("the token's sub is reserved");
        }
        Ok(Claims {
            user,
            name: raw.name.and_then(|name| display_name(&name).ok()),
            expires_at,
        })
    }
}

/// The time `seconds` after the epoch (RFC 7519 allows fractions), moved by some milliseconds.
fn later(seconds: f64, milliseconds: i64) -> Timestamp {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float cast saturates, which is what we want"
    )]
    let at = (seconds * 1000.0) as i64;
    Timestamp(at.saturating_add(milliseconds))
}

fn load_keys(keys: &JwtKeys) -> Result<Vec<Key>, AuthSetupError> {
    match keys {
        JwtKeys::Hs256(secret) => Ok(vec![Key {
            id: None,
            algorithm: Algorithm::HS256,
            verifying: DecodingKey::from_secret(secret.expose().as_bytes()),
        }]),
        JwtKeys::PublicKey { file, algorithm } => {
            const KEY: &str = "auth.jwt.public_key_file";
            let pem = read(KEY, file)?;
            let (parsed, algorithm) = match algorithm {
                JwtAlgorithm::Rs256 => (DecodingKey::from_rsa_pem(&pem), Algorithm::RS256),
                JwtAlgorithm::Es256 => (DecodingKey::from_ec_pem(&pem), Algorithm::ES256),
            };
            let key = parsed.map_err(|error| {
                unusable(
                    KEY,
                    file,
                    format!("is no public key in PEM for {algorithm:?}: {error}"),
                )
            })?;
            Ok(vec![Key {
                id: None,
                algorithm,
                verifying: key,
            }])
        }
        JwtKeys::Jwks(file) => {
            const KEY: &str = "auth.jwt.jwks_file";
            let set: JwkSet = serde_json::from_slice(&read(KEY, file)?)
                .map_err(|error| unusable(KEY, file, format!("is no JWK set: {error}")))?;
            let keys: Vec<Key> = set.keys.iter().filter_map(key_of_set).collect();
            if keys.is_empty() {
                let problem = "holds no key for RS256 or ES256".to_owned();
                return Err(unusable(KEY, file, problem));
            }
            Ok(keys)
        }
    }
}

/// A key of a set, if it is one to check RS256 or ES256 signatures with.
fn key_of_set(jwk: &Jwk) -> Option<Key> {
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        _ => return None,
    };
    let common = &jwk.common;
    let signs = common
        .public_key_use
        .as_ref()
        .is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let declared = common.key_algorithm.map(|declared| declared.to_string());
    let agrees = declared.is_none_or(|declared| declared == format!("{algorithm:?}"));
    let key = DecodingKey::from_jwk(jwk).ok()?;
    (signs && agrees).then(|| Key {
        id: common.key_id.clone(),
        algorithm,
        verifying: key,
    })
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, AuthSetupError> {
    std::fs::read(path).map_err(|source| AuthSetupError::Read {
        key,
        path: path.to_owned(),
        source,
    })
}

fn unusable(key: &'static str, path: &Path, problem: String) -> AuthSetupError {
    AuthSetupError::Key {
        key,
        path: path.to_owned(),
        problem,
    }
}
