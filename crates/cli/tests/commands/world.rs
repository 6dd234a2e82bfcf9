//! A server, and a home directory for whoever runs commands.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command as Program, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tidemark_client::{Http, ServerUrl};
use tidemark_core::ConversationId;
use tidemark_core::conversation::ConversationKind;
use tidemark_protocol::body::{NewAccount, NewConversation};
use tidemark_protocol::wire::{Secret, Wire};
use tidemark_simulator::node::{Launch, Node};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_tidemark");
/// Nothing here takes so long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
const CONFIG: &str = "[limits]\nsends_per_second = 0\nlogins_per_minute = 0\n";

pub(crate) struct World {
    pub(crate) node: Node,
    pub(crate) home: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The lines of stdout, which are JSON objects.
    pub(crate) fn json(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{self:?}"));
        self.stdout.lines().map(parse).collect()
    }

    /// The lines of stdout, of a command that did its work.
    pub(crate) fn done(&self) -> Vec<Value> {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.json()
    }

    /// The command ended with this exit code, and said this.
    pub(crate) fn failed(&self, code: i32, words: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stderr.contains(words), "{words} is not in {self:?}");
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with("").await
    }

    /// With this at the end of the configuration.
    pub(crate) async fn start_with(more: &str) -> Self {
        Self::configured(format!("{CONFIG}{more}")).await
    }

    /// With this API key, and this at the end of the configuration.
    pub(crate) async fn start_with_key(key: &str, more: &str) -> Self {
        Self::configured(format!("api_keys = [\"{key}\"]\n{CONFIG}{more}")).await
    }

    async fn configured(config: String) -> Self {
        Self {
            node: Node::start(Launch::new(PROGRAM, config)).await.unwrap(),
            home: TempDir::with_prefix("tidemark-home-").unwrap(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.node.address())
    }

    pub(crate) fn http(&self, token: Option<&str>) -> Http {
        let url = ServerUrl::parse(&self.url()).unwrap();
        Http::new(url, token.map(Secret::new)).unwrap()
    }

    /// A command that knows the server, but nothing of who runs it.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("TIDEMARK_URL", self.url())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs a command of somebody who has a token.
    pub(crate) async fn run_as<A: AsRef<OsStr>>(&self, token: &str, arguments: &[A]) -> Ended {
        ended(self.command(arguments).env("TIDEMARK_TOKEN", token)).await
    }

    /// Runs a command of somebody who has a token, with this on stdin.
    pub(crate) async fn pipe_as<A: AsRef<OsStr>>(
        &self,
        token: &str,
        arguments: &[A],
        input: &str,
    ) -> Ended {
        piped(self.command(arguments).env("TIDEMARK_TOKEN", token), input).await
    }

    /// Signs in with a password and reads what there is.
    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Ended {
        let mut command = self.command(&["tail", "--once", "--username", name]);
        ended(command.env("TIDEMARK_PASSWORD", password)).await
    }

    /// Registers somebody, with the password `password of NAME`; their token.
    pub(crate) async fn register(&self, username: &str) -> String {
        let account = NewAccount {
            username: username.to_owned(),
            password: Secret::new(password_of(username)),
            display_name: None,
        };
        let signed_in = self.http(None).register(&account).await.unwrap();
        signed_in.token.expose().to_owned()
    }

    /// A group of the owner of this token alone. Its first two events are its creation and its member.
    pub(crate) async fn group(&self, token: &str) -> ConversationId {
        let new = NewConversation {
            kind: Wire(ConversationKind::Group),
            title: Some("Harbour".to_owned()),
            members: Vec::new(),
            client_id: None,
            visibility: None,
        };
        let http = self.http(Some(token));
        http.create_conversation(&new).await.unwrap().id.0
    }

    /// Sends these messages, one for each line.
    pub(crate) async fn say(&self, token: &str, conversation: ConversationId, lines: &str) {
        let room = conversation.to_string();
        let send = ["send", "--conversation", &room];
        let said = self.pipe_as(token, &send, lines).await.done();
        assert_eq!(said.len(), lines.lines().count());
    }

    pub(crate) fn in_home(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }
}

pub(crate) fn password_of(username: &str) -> String {
    format!("password of {username}")
}

pub(crate) async fn ended(command: &mut Command) -> Ended {
    let output = timeout(PATIENCE, command.output()).await;
    let output = output.expect("the command ends").unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) async fn piped(command: &mut Command, input: &str) -> Ended {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let write = async {
        // A command that has seen enough does not read on.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
    };
    let (output, ()) = tokio::join!(timeout(PATIENCE, child.wait_with_output()), write);
    let output = output.expect("the command ends").unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A command that runs, and whose lines are read as they come.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line, which is a JSON object.
    pub(crate) async fn next(&mut self) -> Value {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.expect("there is a line in time").unwrap();
        serde_json::from_str(&line.expect("there is another line")).unwrap()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let process = self.child.id().unwrap().to_string();
        let sent = Program::new("kill").args(["-s", name, &process]).status();
        assert!(sent.unwrap().success());
    }

    /// The exit code, and what was written to stderr.
    pub(crate) async fn end(self) -> (Option<i32>, String) {
        let ended = timeout(PATIENCE, self.child.wait_with_output()).await;
        let ended = ended.expect("the command ends").unwrap();
        (
            ended.status.code(),
            String::from_utf8(ended.stderr).unwrap(),
        )
    }
}
