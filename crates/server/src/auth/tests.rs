use std::path::Path;
use std::sync::Arc;

use argon2::Params;
use argon2::password_hash::phc::PasswordHash;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tidemark_core::access::Caller;
use tidemark_core::{Limits, Timestamp, UserId};
use tidemark_store::memory::MemoryStore;
use tidemark_store::{Directory, KeyPowers, NewApiKey, UserOrigin};

use super::password::DECOY_HASH;
use super::{AccountError, AuthError, Authenticator, SecretToken, TokenKind, secret_hash};
use crate::clock::Clock;
use crate::config::{Config, JwtAlgorithm, JwtConfig, JwtKeys, Registration, Secret};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const ES256_PRIVATE: &str = include_str!("testdata/es256-private.pem");
const ES256_PUBLIC: &str = include_str!("testdata/es256-public.pem");
const RS256_PRIVATE: &str = include_str!("testdata/rs256-private.pem");
const RS256_PUBLIC: &str = include_str!("testdata/rs256-public.pem");

struct World {
    store: Arc<MemoryStore>,
    authenticator: Authenticator<MemoryStore>,
    clock: Clock,
}

impl World {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        change(&mut config);
        let store = Arc::new(MemoryStore::new(Limits::default()));
        let clock = Clock::start();
        let authenticator = Authenticator::new(Arc::clone(&store), &config, clock).unwrap();
        Self {
            store,
            authenticator,
            clock,
        }
    }

    fn with_jwt(keys: JwtKeys, change: impl FnOnce(&mut JwtConfig)) -> Self {
        let mut jwt = JwtConfig {
            keys,
            issuer: None,
            audience: None,
            leeway: std::time::Duration::from_secs(5),
        };
        change(&mut jwt);
        Self::new(|config| config.auth.jwt = Some(jwt))
    }

    fn with_secret() -> Self {
        Self::with_jwt(JwtKeys::Hs256(Secret::new(SECRET)), |_| ())
    }

    async fn caller(&self, token: &str) -> Result<Caller, AuthError> {
        Ok(self.authenticator.authenticate(token).await?.caller)
    }

    async fn is_refused(&self, token: &str) -> bool {
        matches!(self.caller(token).await, Err(AuthError::Refused(_)))
    }

    fn seconds_from_now(&self, seconds: i64) -> i64 {
        self.clock.now().0 / 1000 + seconds
    }
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn sign(claims: &Value) -> String {
    sign_with(
        &Header::new(Algorithm::HS256),
        claims,
        &EncodingKey::from_secret(SECRET.as_bytes()),
    )
}

fn sign_with(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    jsonwebtoken::encode(header, claims, key).unwrap()
}

fn write(directory: &Path, name: &str, text: &str) -> std::path::PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn a_session_token_stands_for_its_user_until_it_is_revoked() {
    let world = World::new(|_| ());
    let signed_in = world
        .authenticator
        .register("ann", "password", None, false)
        .await
        .unwrap();
    let token = signed_in.token.expose();
    assert!(
        token.starts_with("tms_") && token.len() == 47,
        "{}",
        token.len()
    );
    let identity = world.authenticator.authenticate(token).await.unwrap();
    assert_eq!(identity.caller, Caller::User(user("ann")));
    assert_eq!(identity.session, Some(signed_in.session));

    world
        .store
        .revoke_session(&user("ann"), signed_in.session)
        .await
        .unwrap();
    world.authenticator.forget(signed_in.session);
    assert!(world.is_refused(token).await);
}

#[tokio::test]
async fn only_the_right_password_signs_in() {
    let world = World::new(|_| ());
    world
        .authenticator
        .register("ann", "password", None, false)
        .await
        .unwrap();
    let sign_in = |name: &'static str, password: &'static str| {
        world.authenticator.sign_in(name, password, None)
    };
    assert_eq!(
        sign_in("Ann", "password").await.unwrap().user.id,
        user("ann")
    );
    assert_eq!(
        sign_in("ann", "passwords").await.unwrap_err(),
        AccountError::Wrong
    );
    assert_eq!(
        sign_in("bob", "password").await.unwrap_err(),
        AccountError::Wrong
    );
    assert_eq!(sign_in("", "").await.unwrap_err(), AccountError::Wrong);
}

#[tokio::test]
async fn names_and_passwords_keep_to_their_rules() {
    let world = World::new(|_| ());
    let long = "x".repeat(257);
    for (name, password) in [
        ("ann", "short"),
        ("ann", &long),
        ("", "password"),
        ("a b", "password"),
        ("app:ann", "password"),
        ("tidemark:ann", "password"),
    ] {
        let error = world
            .authenticator
            .register(name, password, None, false)
            .await
            .unwrap_err();
        assert!(
            matches!(error, AccountError::Invalid(_)),
            "{name:?}: {error:?}"
        );
    }
    world
        .authenticator
        .register("ann", "password", None, false)
        .await
        .unwrap();
    let error = world
        .authenticator
        .register("ANN", "password", None, false)
        .await
        .unwrap_err();
    assert_eq!(error, AccountError::Taken);
}

#[tokio::test]
async fn nobody_registers_where_registration_is_closed() {
    let world = World::new(|config| config.auth.registration = Registration::Closed);
    let error = world
        .authenticator
        .register("ann", "password", None, false)
        .await
        .unwrap_err();
    assert_eq!(error, AccountError::Closed);
}

#[test]
fn an_unknown_user_costs_as_much_as_a_known_one() {
    let decoy = PasswordHash::new(DECOY_HASH).unwrap();
    let params = Params::try_from(&decoy).unwrap();
    assert_eq!(params.m_cost(), Params::DEFAULT_M_COST);
    assert_eq!(params.t_cost(), Params::DEFAULT_T_COST);
    assert_eq!(params.p_cost(), Params::DEFAULT_P_COST);
    assert_eq!(decoy.hash.unwrap().len(), Params::DEFAULT_OUTPUT_LEN);
}

#[tokio::test]
async fn configured_and_stored_keys_are_administrators() {
    let world = World::new(|config| {
        config.api_keys = vec![Secret::new("first-key"), Secret::new("second-key")];
    });
    for key in ["first-key", "second-key"] {
        assert_eq!(world.caller(key).await.unwrap(), Caller::Administrator);
    }
    let stored = SecretToken::generate(TokenKind::ApiKey);
    assert!(world.is_refused(stored.text.expose()).await);
    let hash = secret_hash(stored.text.expose());
    world
        .store
        .create_api_key(NewApiKey {
            name: "bot".to_owned(),
            hash,
            powers: KeyPowers::default(),
            at: Timestamp(1),
        })
        .await
        .unwrap();
    assert_eq!(
        world.caller(stored.text.expose()).await.unwrap(),
        Caller::Administrator
    );
    world.store.revoke_api_key("bot").await.unwrap();
    assert!(world.is_refused(stored.text.expose()).await);
    for other in ["", "first-ke", "tms_", "tmk_", "a.b.c"] {
        assert!(world.is_refused(other).await, "{other:?}");
    }
}

#[tokio::test]
async fn a_jwt_makes_its_user_exist_under_the_name_it_says() {
    let world = World::with_secret();
    let token = sign(&json!({"sub": "app:7", "name": "Ann"}));
    assert_eq!(
        world.caller(&token).await.unwrap(),
        Caller::User(user("app:7"))
    );
    let found = world.store.user(&user("app:7")).await.unwrap();
    assert_eq!(found.origin, UserOrigin::External);
    assert_eq!(found.display_name.as_deref(), Some("Ann"));

    let renamed = sign(&json!({"sub": "app:7", "name": "Anna"}));
    world.caller(&renamed).await.unwrap();
    let unnamed = sign(&json!({"sub": "app:7"}));
    world.caller(&unnamed).await.unwrap();
    let found = world.store.user(&user("app:7")).await.unwrap();
    assert_eq!(found.display_name.as_deref(), Some("Anna"));
}

#[tokio::test]
async fn a_jwt_says_until_when_it_holds() {
    let world = World::with_secret();
    let end = world.seconds_from_now(60);
    let token = sign(&json!({"sub": "app:7", "exp": end}));
    let identity = world.authenticator.authenticate(&token).await.unwrap();
    assert_eq!(identity.expires_at, Some(Timestamp((end + 5) * 1000)));
    assert_eq!(identity.session, None);
}

#[tokio::test]
async fn a_jwt_whose_claims_do_not_hold_is_refused() {
    let world = World::with_secret();
    for claims in [
        json!({"sub": "a", "exp": world.seconds_from_now(-10)}),
        json!({"sub": "a", "exp": "tomorrow"}),
        json!({"sub": "a", "exp": -1}),
        json!({"sub": "a", "nbf": world.seconds_from_now(60)}),
        json!({"sub": "tidemark:administrator"}),
        json!({"sub": "not an id"}),
        json!({"sub": ""}),
        json!({"sub": 7}),
        json!({"name": "nobody"}),
        json!({"sub": "a", "aud": "another service"}),
    ] {
        assert!(world.is_refused(&sign(&claims)).await, "{claims}");
    }
}

#[tokio::test]
async fn a_jwt_that_is_not_signed_with_our_key_is_refused() {
    let world = World::with_secret();
    let claims = json!({"sub": "a"});
    let good = sign(&claims);
    world.caller(&good).await.unwrap();

    let other = EncodingKey::from_secret(b"another secret that is long enough");
    assert!(
        world
            .is_refused(&sign_with(&Header::new(Algorithm::HS256), &claims, &other))
            .await
    );
    let same = EncodingKey::from_secret(SECRET.as_bytes());
    assert!(
        world
            .is_refused(&sign_with(&Header::new(Algorithm::HS512), &claims, &same))
            .await
    );
    let mut parts: Vec<_> = good.split('.').map(str::to_owned).collect();
    parts[1] = URL_SAFE_NO_PAD.encode(r#"{"sub":"b"}"#);
    assert!(world.is_refused(&parts.join(".")).await);
    for algorithm in ["none", "None", "NONE"] {
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#));
        let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
        assert!(world.is_refused(&format!("{header}.{claims}.")).await);
        assert!(
            world
                .is_refused(&format!("{header}.{claims}.{}", parts[2]))
                .await
        );
    }
    assert!(world.is_refused(&format!("{good}x")).await);
    assert!(world.is_refused("a.b.c").await);
}

#[tokio::test]
async fn issuer_and_audience_are_required_when_configured() {
    let world = World::with_jwt(JwtKeys::Hs256(Secret::new(SECRET)), |jwt| {
        jwt.issuer = Some("app".to_owned());
        jwt.audience = Some("chat".to_owned());
    });
    let right = json!({"sub": "a", "iss": "app", "aud": ["chat", "mail"]});
    world.caller(&sign(&right)).await.unwrap();
    for claims in [
        json!({"sub": "a"}),
        json!({"sub": "a", "iss": "app"}),
        json!({"sub": "a", "aud": "chat"}),
        json!({"sub": "a", "iss": "app", "aud": "mail"}),
        json!({"sub": "a", "iss": "other", "aud": "chat"}),
    ] {
        assert!(world.is_refused(&sign(&claims)).await, "{claims}");
    }
}

#[tokio::test]
async fn a_jwt_cannot_take_over_a_local_account() {
    let world = World::with_secret();
    world
        .authenticator
        .register("ann", "password", None, false)
        .await
        .unwrap();
    assert!(world.is_refused(&sign(&json!({"sub": "ann"}))).await);
    world.caller(&sign(&json!({"sub": "bob"}))).await.unwrap();
    let error = world
        .authenticator
        .register("bob", "password", None, false)
        .await
        .unwrap_err();
    assert_eq!(error, AccountError::Taken);
}

#[tokio::test]
async fn public_keys_check_their_own_algorithm_only() {
    let directory = tempfile::tempdir().unwrap();
    let claims = json!({"sub": "a"});
    for (algorithm, configured, public, private) in [
        (
            Algorithm::ES256,
            JwtAlgorithm::Es256,
            ES256_PUBLIC,
            EncodingKey::from_ec_pem(ES256_PRIVATE.as_bytes()).unwrap(),
        ),
        (
            Algorithm::RS256,
            JwtAlgorithm::Rs256,
            RS256_PUBLIC,
            EncodingKey::from_rsa_pem(RS256_PRIVATE.as_bytes()).unwrap(),
        ),
    ] {
        let file = write(directory.path(), "public.pem", public);
        let world = World::with_jwt(
            JwtKeys::PublicKey {
                file,
                algorithm: configured,
            },
            |_| (),
        );
        let good = sign_with(&Header::new(algorithm), &claims, &private);
        assert_eq!(world.caller(&good).await.unwrap(), Caller::User(user("a")));
        // The classic swap: the public key, which everybody knows, as a shared secret.
        let swapped = EncodingKey::from_secret(public.as_bytes());
        let swapped = sign_with(&Header::new(Algorithm::HS256), &claims, &swapped);
        assert!(world.is_refused(&swapped).await);
    }
}

#[tokio::test]
async fn a_key_set_is_searched_by_key_id() {
    let directory = tempfile::tempdir().unwrap();
    let private = EncodingKey::from_ec_pem(ES256_PRIVATE.as_bytes()).unwrap();
    let mut ours = serde_json::to_value(
        jsonwebtoken::jwk::Jwk::from_encoding_key(&private, Algorithm::ES256).unwrap(),
    )
    .unwrap();
    ours["kid"] = json!("now");
    let mut same = ours.clone();
    same["kid"] = json!("before");
    let set = json!({"keys": [ours, same, {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}]});
    let file = write(directory.path(), "jwks.json", &set.to_string());
    let world = World::with_jwt(JwtKeys::Jwks(file), |_| ());
    let signed_as = |id: Option<&str>| {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = id.map(str::to_owned);
        sign_with(&header, &json!({"sub": "a"}), &private)
    };
    world.caller(&signed_as(Some("now"))).await.unwrap();
    assert!(world.is_refused(&signed_as(Some("other"))).await);
    assert!(world.is_refused(&signed_as(None)).await);
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("shared".to_owned());
    let shared = sign_with(
        &header,
        &json!({"sub": "a"}),
        &EncodingKey::from_secret(b"secret"),
    );
    assert!(world.is_refused(&shared).await);
}

#[test]
fn key_files_that_cannot_be_used_say_which_and_why() {
    let directory = tempfile::tempdir().unwrap();
    let garbage = write(directory.path(), "garbage", "no key");
    let missing = directory.path().join("missing");
    for (keys, expected) in [
        (JwtKeys::Jwks(missing), "auth.jwt.jwks_file: cannot read"),
        (JwtKeys::Jwks(garbage.clone()), "is no JWK set"),
        (
            JwtKeys::PublicKey {
                file: garbage,
                algorithm: JwtAlgorithm::Es256,
            },
            "auth.jwt.public_key_file",
        ),
    ] {
        let mut config = Config::default();
        config.auth.jwt = Some(JwtConfig {
            keys,
            issuer: None,
            audience: None,
            leeway: std::time::Duration::ZERO,
        });
        let store = Arc::new(MemoryStore::new(Limits::default()));
        let error = Authenticator::new(store, &config, Clock::start())
            .err()
            .unwrap();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
