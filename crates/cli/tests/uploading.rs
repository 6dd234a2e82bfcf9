//! Files with the SDK, against the real program and over a bad network.

#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test, also in a helper"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tempfile::TempDir;
use tidemark_client::{
    Client, ClientOptions, FileToUpload, Http, HttpError, OutgoingMessage, ServerUrl,
    TransferError, Update, UploadProgress, Wanted,
};
use tidemark_core::conversation::ConversationKind;
use tidemark_core::upload::UploadState;
use tidemark_core::{ConversationId, Seq, UploadId};
use tidemark_protocol::Code;
use tidemark_protocol::body::{NewAccount, NewConversation, UploadStage};
use tidemark_protocol::wire::{Secret, Wire};
use tidemark_simulator::node::{Launch, Node};
use tidemark_simulator::proxy::{Faults, Proxy};
use tokio::sync::Notify;
use tokio::time::timeout;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidemark");
const PATIENCE: Duration = Duration::from_mins(2);
const MIB: usize = 1024 * 1024;
/// How large the parts are that the server divides by.
const PART: u64 = 16 * MIB as u64;
/// Three parts, of which the last one is smaller.
const LARGE: usize = 40 * MIB;

/// A server, where ann, who has a proxy before it, talks to ben.
struct World {
    _node: Node,
    proxy: Proxy,
    directory: TempDir,
    ann: Client,
    ben: Client,
    group: ConversationId,
}

impl World {
    async fn new() -> Self {
        let config = "[limits]\nsends_per_second = 0\nlogins_per_minute = 0\n\
            [uploads]\nmedia = false\nparts_from_bytes = 1048576\nbytes_max = 50000000\n";
        let node = Node::start(Launch::new(PROGRAM, config)).await.unwrap();
        let proxy = Proxy::start(node.address(), Faults::none()).await.unwrap();
        let direct = ServerUrl::parse(&format!("http://{}", node.address())).unwrap();
        let proxied = ServerUrl::parse(&format!("http://{}", proxy.address())).unwrap();
        let (http, token_of_ann) = register(&direct, "ann").await;
        let (_, token_of_ben) = register(&direct, "ben").await;
        let new = NewConversation {
            kind: Wire(ConversationKind::Group),
            title: None,
            members: vec![Wire("ben".parse().unwrap())],
            client_id: None,
            visibility: None,
        };
        let group = http.create_conversation(&new).await.unwrap().id.0;
        let ann = Client::connect(ClientOptions::new(proxied, token_of_ann)).unwrap();
        let ben = Client::connect(ClientOptions::new(direct, token_of_ben)).unwrap();
        for client in [&ann, &ben] {
            client.online().await.unwrap();
        }
        Self {
            _node: node,
            proxy,
            directory: tempfile::tempdir().unwrap(),
            ann,
            ben,
            group,
        }
    }

    /// A file of so many bytes, the same for the same seed.
    fn file(&self, name: &str, size: usize, seed: u64) -> PathBuf {
        let mut bytes = vec![0; size];
        StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
        let path = self.directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    async fn ann_shows(&self, upload: UploadId) -> Seq {
        let message = OutgoingMessage::text("").showing(vec![upload]);
        let sending = self.ann.send(self.group, message);
        timeout(PATIENCE, sending).await.unwrap().unwrap().seq
    }

    /// Waits until ben may fetch what ann shows at this place.
    async fn ben_may_fetch(&self, seq: Seq) {
        let mut updates = self.ben.updates();
        let waiting = async {
            loop {
                let timeline = self.ben.timeline(self.group).unwrap_or_default();
                let shown = timeline.messages().find(|message| message.seq == seq);
                let files = shown.map(|shown| &shown.message.attachments);
                if files.is_some_and(|files| files[0].state == UploadState::Ready) {
                    return;
                }
                updates.next().await.expect("the client goes on").unwrap();
            }
        };
        timeout(PATIENCE, waiting).await.expect("it becomes ready");
    }

    /// Shows an upload of ann's to ben, who has to get the bytes of that file.
    async fn assert_ben_gets(&self, upload: UploadId, file: &Path) {
        let seq = self.ann_shows(upload).await;
        self.ben_may_fetch(seq).await;
        let to = self.directory.path().join("of ben");
        let size = std::fs::metadata(file).unwrap().len();
        let mut last = 0;
        let fetching = self
            .ben
            .http()
            .download(upload, Wanted::Original, &to, |come, of| {
                assert!(come > last && of == Some(size), "{last} {come} {of:?}");
                last = come;
            });
        let fetched = timeout(PATIENCE, fetching).await.unwrap().unwrap();
        assert_eq!((fetched, last), (size, size));
        assert!(std::fs::read(&to).unwrap() == std::fs::read(file).unwrap());
        let left = std::fs::read_dir(self.directory.path()).unwrap();
        let mut names = left.map(|entry| entry.unwrap().file_name());
        assert!(!names.any(|name| name.to_string_lossy().contains("partial")));
        std::fs::remove_file(to).unwrap();
    }

    /// Uploads a file, and stops when the first part is there. Which upload that is.
    async fn interrupted(&self, file: &Path) -> UploadId {
        let first_part = Arc::new(Notify::new());
        let mut begun = None;
        let file = FileToUpload::at(file);
        let uploading = self.ann.http().upload(&file, |progress| {
            begun = Some(progress.upload);
            // A part of which all bytes went out has not arrived yet.
            if progress.sent > PART {
                first_part.notify_one();
            }
        });
        tokio::select! {
            biased;
            () = first_part.notified() => {}
            ended = timeout(PATIENCE, uploading) => panic!("{ended:?}"),
        }
        begun.unwrap()
    }
}

async fn register(server: &ServerUrl, name: &str) -> (Http, Secret) {
    let nobody = Http::new(server.clone(), None).unwrap();
    let account = NewAccount {
        username: name.to_owned(),
        password: Secret::new("correct horse battery"),
        display_name: None,
    };
    let token = nobody.register(&account).await.unwrap().token;
    (nobody.with_token(token.clone()), token)
}

/// Asserts that progress grows from nothing to the size.
fn watched(
    size: usize,
) -> (
    impl FnMut(UploadProgress) + Send,
    Arc<std::sync::Mutex<u64>>,
) {
    let last = Arc::new(std::sync::Mutex::new(0));
    let told = Arc::clone(&last);
    let watch = move |progress: UploadProgress| {
        let mut last = told.lock().unwrap();
        assert_eq!(progress.size, size as u64);
        assert!(progress.sent >= *last && progress.sent <= progress.size);
        *last = progress.sent;
    };
    (watch, last)
}

#[tokio::test]
async fn a_small_file_goes_whole_and_comes_back_as_it_was() {
    let world = World::new().await;
    let path = world.file("Tide table 🌊.bin", MIB / 2, 1);
    let file = FileToUpload::at(&path);
    let (watch, last) = watched(MIB / 2);
    let uploading = world.ann.http().upload(&file, watch);
    let uploaded = timeout(PATIENCE, uploading).await.unwrap().unwrap();
    assert_eq!(uploaded.name, "Tide table 🌊.bin");
    assert_eq!((*last.lock().unwrap(), uploaded.size), (524_288, 524_288));
    world.assert_ben_gets(uploaded.upload_id.0, &path).await;
}

#[tokio::test]
async fn a_large_file_goes_in_parts_over_cuts_and_only_once() {
    let world = World::new().await;
    let path = world.file("large.bin", LARGE, 2);
    let file = FileToUpload::at(&path);
    let (mut watch, last) = watched(LARGE);
    let mut cuts = 0;
    let uploading = world.ann.http().upload(&file, |progress| {
        watch(progress);
        if progress.sent >= PART * (1 + cuts) && cuts < 2 {
            cuts += 1;
            world.proxy.cut();
        }
    });
    let uploaded = timeout(PATIENCE, uploading).await.unwrap().unwrap();
    assert_eq!(*last.lock().unwrap(), LARGE as u64);
    let cut = world.proxy.statistics();
    world.assert_ben_gets(uploaded.upload_id.0, &path).await;

    let before = world.proxy.statistics().bytes;
    let (watch, last) = watched(LARGE);
    let uploading = world.ann.http().upload(&file, watch);
    let again = timeout(PATIENCE, uploading).await.unwrap().unwrap();
    assert_eq!(again.state, UploadStage::Ready);
    assert_ne!(again.upload_id, uploaded.upload_id);
    assert_eq!(*last.lock().unwrap(), LARGE as u64);
    let sent = world.proxy.statistics().bytes - before;
    assert!(sent < MIB as u64, "{sent} bytes went over the network");
    assert_eq!(cuts, 2, "{cut:?}");
    world.assert_ben_gets(again.upload_id.0, &path).await;

    // And back, over cuts.
    let to = world.directory.path().join("of ann");
    let before = world.proxy.statistics().bytes;
    let (mut last, mut cuts) = (0, 0);
    let http = world.ann.http();
    let upload = again.upload_id.0;
    let fetching = http.download(upload, Wanted::Original, &to, |come, of| {
        assert!(come > last && of == Some(LARGE as u64));
        last = come;
        if come >= PART * (1 + cuts) && cuts < 2 {
            cuts += 1;
            world.proxy.cut();
        }
    });
    let fetched = timeout(PATIENCE, fetching).await.unwrap().unwrap();
    assert_eq!((fetched, cuts), (LARGE as u64, 2));
    assert!(std::fs::read(&to).unwrap() == std::fs::read(&path).unwrap());
    let sent = world.proxy.statistics().bytes - before;
    assert!(sent < LARGE as u64 * 3 / 2, "{sent} bytes went");
}

#[tokio::test]
async fn an_interrupted_upload_goes_on_with_another_client() {
    let world = World::new().await;
    let path = world.file("large.bin", LARGE, 3);
    let upload = world.interrupted(&path).await;
    let http = world.ann.http();
    let state = http.upload_state(upload).await.unwrap();
    assert_eq!(state.attachment.state, UploadStage::Waiting);

    let other = http.clone();
    let before = world.proxy.statistics().bytes;
    let (watch, last) = watched(LARGE);
    let resuming = other.resume_upload(upload, &path, watch);
    let resumed = timeout(PATIENCE, resuming).await.unwrap().unwrap();
    assert_eq!(resumed.upload_id.0, upload);
    assert_eq!(*last.lock().unwrap(), LARGE as u64);
    let sent = world.proxy.statistics().bytes - before;
    let missing = LARGE as u64 - PART;
    assert!(
        sent < missing + PART / 2,
        "{sent} bytes went over the network"
    );
    world.assert_ben_gets(upload, &path).await;

    // Whoever gives a download up has nothing of it.
    let names = || std::fs::read_dir(world.directory.path()).unwrap().count();
    let (before, begun) = (names(), Notify::new());
    let to = world.directory.path().join("given up");
    let fetching = http.download(upload, Wanted::Original, &to, |_, _| begun.notify_one());
    tokio::select! {
        biased;
        () = begun.notified() => {}
        ended = timeout(PATIENCE, fetching) => panic!("{ended:?}"),
    }
    assert_eq!(names(), before);

    let longer = world.file("longer.bin", LARGE + 1, 3);
    let upload = world.interrupted(&longer).await;
    let resumed = other.resume_upload(upload, &path, |_| {}).await;
    assert!(
        matches!(resumed, Err(TransferError::Changed)),
        "{resumed:?}"
    );
}

#[tokio::test]
async fn an_upload_that_was_given_up_is_gone() {
    let world = World::new().await;
    let path = world.file("large.bin", LARGE, 4);
    let upload = world.interrupted(&path).await;
    let http = world.ann.http();
    http.cancel_upload(upload).await.unwrap();
    let Err(HttpError::Refused { code, .. }) = http.upload_state(upload).await else {
        panic!("it is still there");
    };
    assert_eq!(code, Code::NotFound);
}

#[tokio::test]
async fn what_cannot_be_uploaded_says_why() {
    let world = World::new().await;
    let http = world.ann.http();
    let missing = FileToUpload::at(world.directory.path().join("missing"));
    let refused = http.upload(&missing, |_| {}).await.unwrap_err();
    assert!(matches!(refused, TransferError::File { .. }), "{refused}");
    let large = FileToUpload::at(world.file("too large", 48 * MIB, 5));
    let refused = http.upload(&large, |_| {}).await;
    let Err(TransferError::Server(HttpError::Refused { code, .. })) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(code, Code::TooLarge);
    // Nobody else sees what no message shows.
    let path = world.file("small.bin", 10, 6);
    let uploaded = http.upload(&FileToUpload::at(&path), |_| {}).await.unwrap();
    let upload = uploaded.upload_id.0;
    let to = world.directory.path().join("stolen");
    let fetching = world
        .ben
        .http()
        .download(upload, Wanted::Original, &to, |_, _| {});
    let refused = fetching.await;
    let Err(TransferError::Server(HttpError::Refused { code, .. })) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(code, Code::NotFound);
    assert!(!to.exists());
}

#[tokio::test]
async fn what_was_missed_while_offline_is_asked_for() {
    let world = World::new().await;
    let path = world.file("small.bin", 100, 7);
    let file = FileToUpload::at(&path);
    let uploaded = world.ann.http().upload(&file, |_| {}).await.unwrap();
    let upload = uploaded.upload_id.0;
    let seq = world.ann_shows(upload).await;
    world.ben_may_fetch(seq).await;
    let mut updates = world.ben.updates();
    let asking = world.ben.ask_upload(world.group, seq, upload);
    asking.await.unwrap();
    let told = async {
        loop {
            if let Ok(Update::UploadChanged {
                shown, attachment, ..
            }) = updates.next().await.unwrap()
            {
                return (shown, attachment.state);
            }
        }
    };
    let told = timeout(PATIENCE, told).await.unwrap();
    assert_eq!(told, (Some((world.group, seq)), UploadState::Ready));
}
