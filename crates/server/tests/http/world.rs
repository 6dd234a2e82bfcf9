//! A server of its own for each test, and people who call it.

use std::path::Path;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tidemark_server::Server;
use tidemark_server::config::{Config, Sources};
use tidemark_store::sqlite::{SqliteOptions, SqliteStore};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

pub(crate) const API_KEY: &str = "an-api-key-of-the-operator";

/// A running server on a store in a temporary directory.
pub(crate) struct World {
    url: String,
    stop: oneshot::Sender<()>,
    running: JoinHandle<std::io::Result<()>>,
    directory: TempDir,
}

/// Whoever calls, with or without a token.
#[derive(Clone)]
pub(crate) struct Caller {
    url: String,
    client: reqwest::Client,
    pub(crate) token: Option<String>,
}

/// A status and a JSON body.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    /// A server whose configuration file also says this. Rates are not limited unless it says so.
    pub(crate) async fn with(config: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let limits = if config.contains("[limits]") {
            ""
        } else {
            "[limits]\nsends_per_second = 0\nlogins_per_minute = 0\n"
        };
        let text = format!("api_keys = ['{API_KEY}']\nlisten = '127.0.0.1:0'\n{config}\n{limits}");
        std::fs::write(directory.path().join("tidemark.toml"), text).unwrap();
        Self::start(directory).await
    }

    /// Serves what is in `directory`.
    async fn start(directory: TempDir) -> Self {
        let mut config = Config::load(&Sources {
            file: Some(directory.path().join("tidemark.toml")),
            ..Sources::default()
        })
        .unwrap();
        config.data = directory.path().join("data");
        let store = open_store(&config, directory.path());
        let server = Server::bind(config, store).await.unwrap();
        let url = format!("http://{}", server.address());
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self {
            url,
            stop,
            running,
            directory,
        }
    }

    /// Stops the server, waits until it has stopped, and starts one on what it left.
    pub(crate) async fn restart(self) -> Self {
        drop(self.stop);
        self.running.await.unwrap().unwrap();
        Self::start(self.directory).await
    }

    /// Where the server is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whoever has no token.
    pub(crate) fn stranger(&self) -> Caller {
        self.caller(None)
    }

    /// The server side of the application.
    pub(crate) fn operator(&self) -> Caller {
        self.caller(Some(API_KEY.to_owned()))
    }

    /// Whoever this token stands for.
    pub(crate) fn caller(&self, token: Option<String>) -> Caller {
        Caller {
            url: self.url.clone(),
            client: reqwest::Client::new(),
            token,
        }
    }

    /// Registers somebody.
    pub(crate) async fn person(&self, name: &str) -> Caller {
        let account = json!({"username": name, "password": password(name)});
        let answer = self.stranger().post("/v1/accounts", account).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.caller(Some(answer.text("token")))
    }
}

fn open_store(config: &Config, directory: &Path) -> SqliteStore {
    let options = SqliteOptions {
        limits: config.limits_of_rules(),
        ..SqliteOptions::default()
    };
    SqliteStore::open(&directory.join("data"), options).unwrap()
}

pub(crate) fn password(name: &str) -> String {
    format!("the password of {name}")
}

impl Caller {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path, None).await).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::POST, path, Some(body)).await).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::PUT, path, Some(body)).await).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::PATCH, path, Some(body)).await).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path, None).await).await
    }

    /// Puts these bytes, whatever they are.
    pub(crate) async fn put_text(&self, path: &str, body: &'static str) -> Answer {
        let request = self.client.put(format!("{}{path}", self.url)).body(body);
        let token = self.token.as_deref().unwrap_or_default();
        answer(request.bearer_auth(token).send().await.unwrap()).await
    }

    pub(crate) async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Response {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    /// Begins a group with these others; its id.
    pub(crate) async fn group(&self, members: &[&str]) -> String {
        let new = json!({"kind": "group", "title": "Harbour", "members": members});
        let answer = self.post("/v1/conversations", new).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.text("id")
    }

    /// Says something; its place.
    pub(crate) async fn say(&self, conversation: &str, text: &str) -> u64 {
        let message = json!({"client_id": Uuid::now_v7(), "text": text});
        let path = format!("/v1/conversations/{conversation}/messages");
        let answer = self.post(&path, message).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body["seq"].as_u64().unwrap()
    }
}

async fn answer(response: Response) -> Answer {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    };
    Answer { status, body }
}

impl Answer {
    pub(crate) fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap().to_owned()
    }

    /// Whether it is a refusal as RFC 9457 wants it, with this status and code.
    pub(crate) fn is_problem(&self, status: u16, code: &str) -> bool {
        self.status == status
            && self.body["code"] == code
            && self.body["status"] == status
            && ["type", "title", "detail"]
                .iter()
                .all(|field| self.body[field].is_string())
    }
}
