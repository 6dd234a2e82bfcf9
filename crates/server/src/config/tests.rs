use std::path::Path;

use super::{
    BusEngine, Config, ConfigError, JwtKeys, LogFormat, NatsAuth, NatsConfig, Registration, Secret,
    Sources, StoreEngine,
};

fn load(
    toml: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Config, ConfigError> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tidemark.toml");
    std::fs::write(&file, toml).unwrap();
    let own = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    Config::load(&Sources {
        file: Some(file),
        environment: own(environment),
        flags: own(flags),
    })
}

fn keys_of(result: Result<Config, ConfigError>) -> Vec<String> {
    let mistakes = result.unwrap_err().mistakes;
    mistakes.into_iter().map(|mistake| mistake.key).collect()
}

#[test]
fn the_documented_example_loads() {
    let config = load(
        r#"
            listen = "127.0.0.1:8080"
            data = "./data"
            api_keys = ["a-long-secret"]
            [store]
            url = "sqlite:"
            [bus]
            url = "local:"
            [blobs]
            url = "file:"
            [auth]
            registration = "open"
            [auth.jwt]
            hs256_secret = "at least 32 bytes, as RFC 7518 says"
            [limits]
            sends_per_second = 20
            logins_per_minute = 30
            sockets_per_user = 64
        "#,
        &[],
        &[],
    )
    .unwrap();
    assert_eq!(config.api_keys, [Secret::new("a-long-secret")]);
    assert!(matches!(config.auth.jwt.unwrap().keys, JwtKeys::Hs256(_)));
    assert_eq!(config.limits, Config::default().limits);
}

#[test]
fn later_layers_win() {
    let config = load(
        "data = 'file'\nlisten = '127.0.0.1:1'\ndrain_ms = 1",
        &[
            ("TIDEMARK_LISTEN", "127.0.0.1:2"),
            ("TIDEMARK_DRAIN_MS", "2"),
            ("TIDEMARK_LOG__FORMAT", "json"),
            ("TIDEMARK_API_KEYS", "one-secret, two-secret"),
            ("UNRELATED", "x"),
        ],
        &[("listen", "127.0.0.1:3")],
    )
    .unwrap();
    assert_eq!(config.data, Path::new("file"));
    assert_eq!(config.drain.as_millis(), 2);
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.api_keys.len(), 2);
}

#[test]
fn every_mistake_is_reported_with_its_key() {
    let result = load(
        r#"
            listen = "nowhere"
            colour = "blue"
            api_keys = "one"
            [store]
            url = "mongodb://db"
            [auth]
            registration = "sometimes"
            [limits]
            frame_bytes = -1
            text_byte = 5
            sends_burst = 0
            [log]
            level = "loud=loud=loud"
        "#,
        &[("TIDEMARK_LIMITS__PAGE_EVENTS", "many")],
        &[],
    );
    let error = result.clone().unwrap_err().to_string();
    assert!(
        error.contains("(from TIDEMARK_LIMITS__PAGE_EVENTS)"),
        "{error}"
    );
    let mut keys = keys_of(result);
    keys.sort();
    assert_eq!(
        keys,
        [
            "api_keys",
            "auth.registration",
            "colour",
            "limits.frame_bytes",
            "limits.page_events",
            "limits.sends_burst",
            "limits.text_byte",
            "listen",
            "log.level",
            "store.url",
        ]
    );
}

#[test]
fn an_unknown_key_names_its_siblings() {
    let error = load("[fanout]\nlarge = 1", &[], &[])
        .unwrap_err()
        .to_string();
    assert!(error.contains("fanout.large"), "{error}");
    assert!(error.contains("large_members, receipt_members"), "{error}");
}

#[test]
fn values_that_contradict_each_other_are_mistakes() {
    let keys = keys_of(load(
        "[limits]\ntext_bytes = 100000\n[socket]\nheartbeat_ms = 5000\nidle_timeout_ms = 5000",
        &[],
        &[],
    ));
    assert_eq!(keys, ["limits.frame_bytes", "socket.idle_timeout_ms"]);
}

#[test]
fn jwt_keys_come_one_at_a_time_and_with_what_they_need() {
    let secret = "hs256_secret = '0123456789abcdef0123456789abcdef'";
    for (section, key) in [
        ("hs256_secret = 'too short'", "auth.jwt.hs256_secret"),
        ("issuer = 'me'", "auth.jwt.issuer"),
        ("public_key_file = 'key.pem'", "auth.jwt.algorithm"),
        (&format!("{secret}\njwks_file = 'x'"), "auth.jwt.jwks_file"),
        (
            &format!("{secret}\nalgorithm = 'RS256'"),
            "auth.jwt.algorithm",
        ),
        (
            "public_key_file = 'k'\nalgorithm = 'none'",
            "auth.jwt.algorithm",
        ),
    ] {
        let keys = keys_of(load(&format!("[auth.jwt]\n{section}"), &[], &[]));
        assert_eq!(keys, [key], "{section}");
    }
}

#[test]
fn no_secret_is_shown() {
    let hidden = "hunter2";
    let texts = [
        format!("[store]\nurl = 'postgres://me:{hidden}@db:{hidden}/chat'"),
        format!("[store]\nurl = 'postgre://me:{hidden}@db/chat'"),
        format!("api_keys = ['{hidden}-{hidden}']\n[auth.jwt]\nhs256_secret = '{hidden}'"),
        format!("api_keys = ['{hidden}'"),
        format!("api_key = '{hidden}'"),
    ];
    for text in texts {
        let error = load(&text, &[], &[]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(hidden), "{error}");
    }
    let config = load(&format!("api_keys = ['{hidden}-{hidden}']"), &[], &[]).unwrap();
    assert!(!format!("{config:?}").contains(hidden));
    let url = format!("[store]\nurl = 'postgres://me:{hidden}@db/chat'");
    let config = load(&url, &[], &[]).unwrap();
    assert!(!format!("{config:?}").contains(hidden));
}

#[test]
fn the_log_may_live_in_postgres() {
    let url = "postgres://me:secret@one,two:5433/chat";
    let config = load(
        &format!("[store]\nurl = '{url}'\nwriters = 2"),
        &[("TIDEMARK_STORE__CONNECTIONS_MAX", "10")],
        &[],
    );
    let StoreEngine::Postgres(postgres) = config.unwrap().store else {
        panic!("expected PostgreSQL");
    };
    assert_eq!(postgres.url.expose(), url);
    assert_eq!((postgres.connections_max, postgres.writers), (10, 2));
    assert_eq!(postgres.commit_wait.as_secs(), 5);
}

#[test]
fn the_connections_of_the_store_are_checked() {
    for (section, key) in [
        ("writers = 2", "store.writers"),
        (
            "url = 'sqlite:'\ncommit_wait_ms = 100",
            "store.commit_wait_ms",
        ),
        (
            "url = 'postgres://db/chat'\nconnections_max = 4",
            "store.connections_max",
        ),
        ("url = 'postgres:///chat'", "store.url"),
    ] {
        let keys = keys_of(load(&format!("[store]\n{section}"), &[], &[]));
        assert_eq!(keys, [key], "{section}");
    }
}

#[test]
fn a_file_that_is_named_must_exist() {
    let sources = Sources {
        file: Some("/nonexistent/tidemark.toml".into()),
        ..Sources::default()
    };
    assert_eq!(
        keys_of(Config::load(&sources)),
        ["/nonexistent/tidemark.toml"]
    );
}

#[test]
fn variables_of_orchestrators_are_not_ours() {
    let config = load(
        "",
        &[("TIDEMARK_PORT_8080_TCP", "tcp://10.0.0.1:8080")],
        &[],
    )
    .unwrap();
    assert_eq!(config, Config::default());
    let keys = keys_of(load("", &[("TIDEMARK_STORE__URI", "sqlite:")], &[]));
    assert_eq!(keys, ["store.uri"]);
}

#[test]
fn registration_can_be_closed() {
    let config = load("[auth]\nregistration = 'closed'", &[], &[]).unwrap();
    assert_eq!(config.auth.registration, Registration::Closed);
}

fn nats_of(toml: &str) -> NatsConfig {
    match load(toml, &[], &[]).unwrap().bus.engine {
        BusEngine::Nats(nats) => nats,
        BusEngine::Local => panic!("{toml} is local"),
    }
}

#[test]
fn a_bus_has_several_servers_and_one_way_in() {
    let nats = nats_of("[bus]\nurl = 'nats://one,two:4333,[::1],[::1]:4444'");
    assert_eq!(
        nats.servers,
        ["one:4222", "two:4333", "[::1]:4222", "[::1]:4444"]
    );
    assert_eq!(nats.auth, NatsAuth::Nothing);
    assert!(!nats.tls.required);

    let nats = nats_of("[bus]\nurl = 'tls://ann:p%40ss:word@one,two'");
    let (user, password) = ("ann".to_owned(), Secret::new("p@ss:word"));
    assert_eq!(nats.auth, NatsAuth::Password { user, password });
    assert_eq!(nats.servers, ["one:4222", "two:4222"]);
    assert!(nats.tls.required);

    let nats = nats_of("[bus]\nurl = 'nats://s3cret@one/'");
    assert_eq!(nats.auth, NatsAuth::Token(Secret::new("s3cret")));

    let nats = nats_of(
        "[bus]\nurl = 'nats://one'\ncredentials_file = 'me.creds'\n[bus.tls]\nca_file = 'ca.pem'
        certificate_file = 'me.pem'\nkey_file = 'me.key'",
    );
    assert_eq!(nats.auth, NatsAuth::CredentialsFile("me.creds".into()));
    assert!(nats.tls.required);
    let certificate = Some(("me.pem".into(), "me.key".into()));
    assert_eq!(nats.tls.certificate, certificate);
}

#[test]
fn a_bus_that_cannot_be_used_is_a_mistake() {
    for (section, key) in [
        ("url = 'redis://one'", "bus.url"),
        ("url = 'nats://'", "bus.url"),
        ("url = 'nats://one,,two'", "bus.url"),
        ("url = 'nats://one:port'", "bus.url"),
        ("url = 'nats://one/path'", "bus.url"),
        ("url = 'nats://ann:%zz@one'", "bus.url"),
        ("credentials_file = 'x'", "bus.credentials_file"),
        ("tls.key_file = 'x'", "bus.tls.key_file"),
        (
            "url = 'nats://one'\ntls.key_file = 'x'",
            "bus.tls.certificate_file",
        ),
        (
            "url = 'nats://one'\ntls.certificate_file = 'x'",
            "bus.tls.key_file",
        ),
        (
            "url = 'nats://t@one'\ncredentials_file = 'x'",
            "bus.credentials_file",
        ),
        ("repair_ms = 0", "bus.repair_ms"),
    ] {
        let keys = keys_of(load(&format!("[bus]\n{section}"), &[], &[]));
        assert_eq!(keys, [key], "{section}");
    }
}

#[test]
fn a_secret_of_the_bus_is_not_shown_and_not_taken_from_a_flag() {
    let hidden = "hunter2";
    let url = format!("nats://ann:{hidden}@one");
    let loaded = load("", &[("TIDEMARK_BUS__URL", &url)], &[]).unwrap();
    assert!(!format!("{loaded:?}").contains(hidden));
    for flag in [
        &*url,
        &format!("nats://{hidden}@one"),
        &format!("nats://ann:{hidden}@"),
    ] {
        let error = load("", &[], &[("bus.url", flag)]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(hidden), "{error}");
        assert_eq!(error.mistakes.len(), 1);
        assert_eq!(error.mistakes[0].key, "bus.url");
        assert!(error.to_string().contains("(from --bus)"), "{error}");
    }
    load("", &[], &[("bus.url", "nats://one")]).unwrap();
}

#[test]
fn the_feed_goes_to_a_stream_where_one_is_named() {
    assert_eq!(Config::default().feed.nats, None);
    let feed = "[feed.nats]\nurl = 'nats://ann:hunter2@one'";
    let config = load(feed, &[], &[]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    let nats = config.feed.nats.unwrap();
    assert_eq!(nats.nats.servers, ["one:4222"]);
    let names = (nats.stream.as_str(), nats.subject.as_str());
    assert_eq!(names, ("TIDEMARK", "tidemark.feed"));

    for (section, key) in [
        ("url = 'local:'", "feed.nats.url"),
        ("stream = 'CHAT'", "feed.nats.stream"),
        ("subject = 'chat'", "feed.nats.subject"),
        ("tls.ca_file = 'x'", "feed.nats.tls.ca_file"),
        (
            "url = 'nats://one'\nstream = 'no words'",
            "feed.nats.stream",
        ),
        ("url = 'nats://one'\nsubject = 'a..b'", "feed.nats.subject"),
        ("url = 'nats://one'\nsubject = 'a.>'", "feed.nats.subject"),
    ] {
        let keys = keys_of(load(&format!("[feed.nats]\n{section}"), &[], &[]));
        assert_eq!(keys, [key], "{section}");
    }
}

#[test]
fn the_log_is_audited_unless_somebody_says_otherwise() {
    let audited = |toml: &str, environment: &[(&str, &str)]| {
        let config = load(toml, environment, &[]).unwrap();
        config.background.audit.map(|audit| audit.events_per_second)
    };
    assert_eq!(audited("", &[]), Some(5_000));
    let slow = "[audit]\nevents_per_second = 7";
    assert_eq!(audited(slow, &[]), Some(7));
    assert_eq!(audited("[audit]\nenabled = false", &[]), None);
    assert_eq!(audited("", &[("TIDEMARK_AUDIT__ENABLED", "false")]), None);
    let mistaken = load(
        "[audit]\nenabled = 'no'\n[background]\nlease_ms = 1",
        &[],
        &[],
    );
    assert_eq!(keys_of(mistaken), ["audit.enabled", "background.lease_ms"]);
}
