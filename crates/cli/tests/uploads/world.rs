//! A node that keeps files in one place or the other, and people who send them.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use tempfile::TempDir;
use tidemark_client::{FileToUpload, Http, HttpError, ServerUrl, Wanted};
use tidemark_core::conversation::ConversationKind;
use tidemark_core::{ClientId, ConversationId, Seq, UploadId, UserId};
use tidemark_protocol::body::{
    Attachment, NewAccount, NewConversation, NewMessage, Upload, UploadReference, UploadStage,
};
use tidemark_protocol::wire::{Secret, Wire};
use tidemark_simulator::node::{Launch, Node};
use tidemark_simulator::seaweedfs::{self, Seaweedfs};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Nothing here takes so long unless it never comes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Where bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Files,
    Bucket,
}

/// One bucket is enough for all tests: keys are UUIDs. It ends with the process.
fn bucket() -> String {
    static STARTED: OnceLock<Mutex<Seaweedfs>> = OnceLock::new();
    let started = STARTED.get_or_init(|| {
        let started = Seaweedfs::start_beside(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Mutex::new(started)
    });
    started.lock().unwrap().url()
}

fn blobs(place: Place) -> String {
    match place {
        Place::Files => "[blobs]\nurl = 'file:'\n".to_owned(),
        Place::Bucket => format!(
            "[blobs]\nurl = 's3://{}'\nendpoint = '{}'\naccess_key_id = '{}'\nsecret_access_key = '{}'\n",
            seaweedfs::BUCKET,
            bucket(),
            seaweedfs::ACCESS_KEY,
            seaweedfs::SECRET_KEY,
        ),
    }
}

pub(crate) struct World {
    pub(crate) node: Node,
    directory: TempDir,
}

/// Somebody who is signed in.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) http: Http,
}

impl World {
    /// A node on the embedded store; `uploads` is what else the section of that name says.
    pub(crate) async fn start(place: Place, uploads: &str) -> Self {
        let limits = "[limits]\nsends_per_second = 0\nlogins_per_minute = 0\n";
        let config = format!("{limits}{}[uploads]\n{uploads}", blobs(place));
        let launch = Launch::new(env!("CARGO_BIN_EXE_tidemark"), config);
        Self {
            node: Node::start(launch).await.unwrap(),
            directory: TempDir::new().unwrap(),
        }
    }

    fn http(&self, token: Option<Secret>) -> Http {
        let url = ServerUrl::parse(&format!("http://{}", self.node.address())).unwrap();
        Http::new(url, token).unwrap()
    }

    pub(crate) async fn person(&self, username: &str) -> Person {
        let account = NewAccount {
            username: username.to_owned(),
            password: Secret::new(format!("password of {username}")),
            display_name: None,
        };
        let signed_in = self.http(None).register(&account).await.unwrap();
        Person {
            http: self.http(Some(signed_in.token)),
        }
    }

    /// A file with these bytes.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> FileToUpload {
        let folder = self.directory.path().join(Uuid::now_v7().to_string());
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        FileToUpload::at(path)
    }

    /// A place for a file that is not there yet.
    pub(crate) fn target(&self) -> PathBuf {
        self.directory.path().join(Uuid::now_v7().to_string())
    }

    /// What the server counts under this name.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.http(None).metrics().await.unwrap();
        let values = text.lines().filter(|line| line.starts_with(name));
        values
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// The blobs that are kept here; none where they are in a bucket.
    pub(crate) fn kept_files(&self) -> Vec<PathBuf> {
        fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    walk(&path, found);
                } else {
                    found.push(path);
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.node.data().join("blobs/stored"), &mut found);
        found
    }
}

impl Person {
    pub(crate) async fn id(&self) -> UserId {
        self.http.me().await.unwrap().id.0
    }

    pub(crate) async fn group(&self, others: &[&Self]) -> ConversationId {
        let mut members = Vec::new();
        for other in others {
            members.push(Wire(other.id().await));
        }
        let new = NewConversation {
            kind: Wire(ConversationKind::Group),
            title: None,
            members,
            client_id: None,
            visibility: None,
        };
        self.http.create_conversation(&new).await.unwrap().id.0
    }

    pub(crate) async fn upload(&self, file: &FileToUpload) -> UploadId {
        let uploaded = self.http.upload(file, |_| {}).await;
        uploaded.unwrap().upload_id.0
    }

    /// Uploads, and waits until somebody has looked.
    pub(crate) async fn ready(&self, file: &FileToUpload) -> Upload {
        let id = self.upload(file).await;
        self.until(id, UploadStage::Ready).await
    }

    pub(crate) async fn until(&self, id: UploadId, stage: UploadStage) -> Upload {
        let began = Instant::now();
        loop {
            let upload = self.http.upload_state(id).await.unwrap();
            if upload.attachment.state == stage {
                return upload;
            }
            assert!(began.elapsed() < PATIENCE, "{upload:?}");
            sleep(LOOK_AGAIN).await;
        }
    }

    pub(crate) async fn show(&self, room: ConversationId, uploads: &[UploadId]) -> Seq {
        let message = NewMessage {
            client_id: Wire(ClientId(Uuid::now_v7())),
            text: String::new(),
            reply_to: None,
            mentions: Wire::default(),
            client_at: None,
            thread: None,
            also_in_conversation: false,
            attachments: uploads.iter().copied().map(UploadReference).collect(),
        };
        let sent = self.http.send_message(room, &message).await;
        sent.unwrap().seq.0
    }

    /// What the message at this place shows.
    pub(crate) async fn shown(&self, room: ConversationId, seq: Seq) -> Vec<Attachment> {
        let page = self
            .http
            .messages(room, tidemark_client::Page::Around(seq), 1)
            .await
            .unwrap();
        let message = page.messages.into_iter().find(|it| it.seq.0 == seq);
        message.unwrap().attachments
    }

    pub(crate) async fn bytes(&self, world: &World, id: UploadId, wanted: Wanted) -> Vec<u8> {
        let to = world.target();
        let fetched = self.http.download(id, wanted, &to, |_, _| {}).await;
        fetched.unwrap();
        std::fs::read(to).unwrap()
    }

    /// Whether this one gets a URL of the bytes.
    pub(crate) async fn gets(&self, id: UploadId) -> bool {
        match self.http.upload_url(id, Wanted::Original).await {
            Ok(_) => true,
            Err(HttpError::Refused { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }
}
