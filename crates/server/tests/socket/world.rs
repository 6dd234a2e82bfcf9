//! A server of its own for each test, and people who use it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tidemark_core::Limits;
use tidemark_server::Server;
use tidemark_server::config::{Config, Sources};
use tidemark_store::memory::{FaultControl, MemoryStore};
use tidemark_store::sqlite::{SqliteOptions, SqliteStore};
use tidemark_store::{Directory, Store};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::client::Socket;

pub(crate) const API_KEY: &str = "an-api-key-of-the-operator";
const JWT_SECRET: &str = "a secret of at least thirty-two bytes";
/// For what must happen; far more than it ever takes.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// A running server.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) running: JoinHandle<std::io::Result<()>>,
    http: reqwest::Client,
    directory: TempDir,
}

/// Somebody who calls over HTTP and opens sockets.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) token: String,
    pub(crate) address: SocketAddr,
    http: reqwest::Client,
}

/// A status, and a body as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) text: String,
}

/// The same, with files in this directory.
pub(crate) fn of_its_own(config: Config, directory: &TempDir) -> Config {
    Config {
        data: directory.path().join("data"),
        ..config
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A server on SQLite with these settings. Rates are not limited unless they say so.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        Self::again(TempDir::new().unwrap(), settings).await
    }

    /// A server on what another one left.
    pub(crate) async fn again(directory: TempDir, settings: &[(&str, &str)]) -> Self {
        let config = config(settings);
        let options = SqliteOptions {
            limits: config.limits_of_rules(),
            ..SqliteOptions::default()
        };
        let store = SqliteStore::open(&directory.path().join("data"), options).unwrap();
        Self::start(config, store, directory).await
    }

    /// A server on a store that can be made to fail.
    pub(crate) async fn fragile(settings: &[(&str, &str)]) -> (Self, FaultControl) {
        let store = MemoryStore::new(Limits::default());
        let faults = store.faults();
        let world = Self::start(config(settings), store, TempDir::new().unwrap()).await;
        (world, faults)
    }

    async fn start<S: Store + Directory>(config: Config, store: S, directory: TempDir) -> Self {
        let config = of_its_own(config, &directory);
        Self::serve(Server::bind(config, store).await.unwrap(), directory)
    }

    /// Lets a server run.
    pub(crate) fn serve<S: Store + Directory>(server: Server<S>, directory: TempDir) -> Self {
        let address = server.address();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self {
            address,
            stop: Some(stop),
            running,
            http: reqwest::Client::new(),
            directory,
        }
    }

    /// Asks the server to stop.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until the server has stopped; what it leaves.
    pub(crate) async fn stopped(self) -> TempDir {
        let Self {
            stop,
            running,
            directory,
            ..
        } = self;
        drop(stop);
        within(running).await.unwrap().unwrap();
        directory
    }

    /// Somebody whom the application signs for.
    pub(crate) fn person(&self, name: &str) -> Person {
        let in_an_hour = now_seconds() + 3600.0;
        self.caller(name, jwt(name, in_an_hour))
    }

    /// People whom the application signs for.
    pub(crate) fn people<const N: usize>(&self, names: [&str; N]) -> [Person; N] {
        names.map(|name| self.person(name))
    }

    /// The server side of the application.
    pub(crate) fn operator(&self) -> Person {
        self.caller("operator", API_KEY.to_owned())
    }

    /// Whoever calls with this token.
    pub(crate) fn caller(&self, name: &str, token: String) -> Person {
        Person {
            name: name.to_owned(),
            token,
            address: self.address,
            http: self.http.clone(),
        }
    }

    /// Registers somebody with a password; the person and the id of the session.
    pub(crate) async fn register(&self, name: &str) -> (Person, String) {
        let account = json!({"username": name, "password": "correct horse battery"});
        let body = self
            .caller(name, String::new())
            .post("/v1/accounts", &account)
            .await;
        let body = body.expect(201);
        let token = body["token"].as_str().unwrap().to_owned();
        let session = body["session_id"].as_str().unwrap().to_owned();
        (self.caller(name, token), session)
    }

    /// One sample of the server's metrics.
    pub(crate) async fn metric(&self, sample: &str) -> f64 {
        let page = self.caller("", String::new()).get("/metrics").await.text;
        let line = page.lines().find(|line| line.starts_with(sample));
        line.and_then(|line| line.rsplit(' ').next())
            .unwrap_or_else(|| panic!("no {sample} in {page}"))
            .parse()
            .unwrap()
    }
}

/// A configuration with these settings over what suits tests.
pub(crate) fn config(settings: &[(&str, &str)]) -> Config {
    config_from(None, settings)
}

/// The same over a file.
pub(crate) fn config_from(file: Option<PathBuf>, settings: &[(&str, &str)]) -> Config {
    let flag = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let defaults = [
        ("listen", "127.0.0.1:0"),
        ("api_keys", API_KEY),
        ("auth.jwt.hs256_secret", JWT_SECRET),
        ("auth.jwt.leeway_s", "0"),
        ("limits.sends_per_second", "0"),
        ("limits.logins_per_minute", "0"),
    ];
    Config::load(&Sources {
        file,
        flags: defaults.iter().chain(settings).map(flag).collect(),
        ..Sources::default()
    })
    .unwrap()
}

/// A JWT for `user` that ends at `expires`, in seconds since the epoch.
pub(crate) fn jwt(user: &str, expires: f64) -> String {
    let key = EncodingKey::from_secret(JWT_SECRET.as_bytes());
    jsonwebtoken::encode(
        &Header::default(),
        &json!({"sub": user, "exp": expires}),
        &key,
    )
    .unwrap()
}

pub(crate) fn now_seconds() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
}

/// Fails the test when something that must happen does not.
pub(crate) async fn within<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(DEADLINE, what)
        .await
        .expect("it takes too long")
}

/// Asks until it holds, or fails the test.
pub(crate) async fn eventually<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    within(async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Small numbers that look random and are the same in every run.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, sides: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    pub(crate) fn pick(&mut self, sides: usize) -> usize {
        usize::try_from(self.below(sides as u64)).unwrap()
    }
}

impl Person {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(body.to_string())).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PUT, path, Some(body.to_string())).await
    }

    pub(crate) async fn change_profile(&self, change: Value) -> Answer {
        let change = Some(change.to_string());
        self.call(Method::PATCH, "/v1/users/me", change).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        let url = format!("http://{}{path}", self.address);
        let mut request = self.http.request(method, url);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = within(request.send()).await.unwrap();
        let kind = response.headers().get("content-type");
        Answer {
            status: response.status().as_u16(),
            kind: kind.map_or("", |kind| kind.to_str().unwrap()).to_owned(),
            text: response.text().await.unwrap(),
        }
    }

    /// Begins a conversation of this kind with others, whoever they are; its id.
    pub(crate) async fn begin(&self, kind: &str, members: &[&str]) -> String {
        let new = json!({"kind": kind, "members": members});
        let made = self.post("/v1/conversations", &new).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn group(&self, members: &[&str]) -> String {
        self.begin("group", members).await
    }

    /// Says something over HTTP; its place.
    pub(crate) async fn say(&self, conversation: &str, text: &str) -> u64 {
        let message = json!({"client_id": Uuid::now_v7(), "text": text});
        let path = format!("/v1/conversations/{conversation}/messages");
        let said = self.post(&path, &message).await.expect(201);
        said["seq"].as_u64().unwrap()
    }

    pub(crate) async fn add(&self, conversation: &str, users: &[&str]) -> u64 {
        let path = format!("/v1/conversations/{conversation}/members");
        let body = json!({"users": users});
        self.post(&path, &body).await.expect(200)["seq"]
            .as_u64()
            .unwrap()
    }

    pub(crate) async fn remove(&self, conversation: &str, user: &str) -> u64 {
        let path = format!("/v1/conversations/{conversation}/members/{user}");
        self.delete(&path).await.expect(200)["seq"]
            .as_u64()
            .unwrap()
    }

    /// Opens a socket and says hello; the socket and the welcome.
    pub(crate) async fn online(&self) -> (Socket, Value) {
        self.hello(json!({})).await
    }

    /// The same with further fields of the hello.
    pub(crate) async fn hello(&self, fields: Value) -> (Socket, Value) {
        let mut socket = Socket::open(self.address).await;
        socket.say_hello(&self.token, fields).await;
        let welcome = socket.expect("welcome").await;
        (socket, welcome)
    }

    pub(crate) async fn socket(&self) -> Socket {
        self.online().await.0
    }
}

impl Answer {
    /// The body, which must have come with this status.
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        serde_json::from_str(&self.text).unwrap()
    }

    /// Fails unless it is a problem as RFC 9457 wants it, with this status and code.
    pub(crate) fn expect_problem(&self, status: u16, code: &str) -> Value {
        let body = self.expect(status);
        assert_eq!(self.kind, "application/problem+json", "{self:?}");
        assert_eq!(body["code"], code, "{self:?}");
        assert_eq!(body["status"], status, "{self:?}");
        for field in ["type", "title", "detail"] {
            assert!(body[field].is_string(), "{self:?}");
        }
        body
    }
}
