//! Files at the terminal, and from one to another.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tidemark_client::ServerUrl;
use tidemark_core::timeline::TimelineMessage;
use tidemark_core::upload::UploadState;
use tidemark_protocol::body::MembersToAdd;
use tidemark_protocol::wire::{Secret, Wire};
use tidemark_simulator::proxy::{Faults, Proxy};
use tokio::time::timeout;

use crate::terminal::{PATIENCE, Terminal};
use crate::{CTRL_Q, PROGRAM, USUAL, World, register};

impl World {
    /// `cleo` comes to the group.
    async fn cleo(&self) -> Secret {
        let server = ServerUrl::parse(&self.url).unwrap();
        let (_, token) = register(&server, "cleo").await;
        let people = MembersToAdd {
            users: vec![Wire("cleo".parse().unwrap())],
            role: None,
        };
        self.ann.add_members(self.group, &people).await.unwrap();
        token
    }

    /// Waits until `ben` sees a message with a file that he may fetch.
    async fn ben_sees_file(&self) -> TimelineMessage {
        let mut updates = self.ben.updates();
        let is_ready = |it: &&TimelineMessage| {
            let first = it.message.attachments.first();
            first.is_some_and(|file| file.state == UploadState::Ready)
        };
        let waiting = async {
            loop {
                let timeline = self.ben.timeline(self.group).unwrap_or_default();
                if let Some(message) = timeline.messages().find(is_ready) {
                    return message.clone();
                }
                updates.next().await.expect("the client goes on").unwrap();
            }
        };
        timeout(PATIENCE, waiting).await.expect("it becomes ready")
    }
}

/// A chat of somebody, at this address of the server.
fn chat_of(token: &Secret, home: &Path, url: &str, more: &[(&str, &str)]) -> Terminal {
    let mut environment = vec![
        ("HOME", home.to_str().unwrap()),
        ("TIDEMARK_URL", url),
        ("TIDEMARK_TOKEN", token.expose()),
    ];
    environment.extend_from_slice(more);
    Terminal::run(Path::new(PROGRAM), &["chat"], &environment, USUAL)
}

/// Bytes that no terminal should be shown.
fn bytes(count: usize) -> Vec<u8> {
    (0_u8..=250).cycle().take(count).collect()
}

#[tokio::test]
async fn a_file_goes_from_terminal_to_terminal() {
    let world = World::new().await;
    let token_of_cleo = world.cleo().await;
    let home_of_cleo = tempfile::tempdir().unwrap();
    let sent = bytes(3_000_000);
    fs::write(world.home.path().join("tide table.bin"), &sent).unwrap();
    let mut chat = world.chat();
    chat.wait_for("Harbour · 3 members").await;
    chat.types("/attach ~/missing.bin\r");
    chat.wait_for("there is no file").await;
    chat.wait_for("› /attach ~/missing.bin").await;
    chat.types("\u{15}/attach \"~/tide table.bin\" See the last row.\r");
    let message = world.ben_sees_file().await;
    assert_eq!(message.message.text, "See the last row.");
    assert_eq!(message.message.attachments[0].name, "tide table.bin");
    chat.wait_for("📎 tide table.bin · 3.0 MB").await;
    chat.wait_until("file that is ready", |screen| {
        !screen.contains("being looked at") && !screen.contains('↑')
    })
    .await;

    let mut chat_of_cleo = chat_of(&token_of_cleo, home_of_cleo.path(), &world.url, &[]);
    chat_of_cleo.wait_for("📎 tide table.bin · 3.0 MB").await;
    for number in ["", " (1)"] {
        chat_of_cleo.types("/save ~/\r");
        let name = format!("tide table{number}.bin");
        let path = home_of_cleo.path().join(&name);
        chat_of_cleo
            .wait_until(&name, |screen| {
                let words: String = screen.chars().filter(|it| !it.is_whitespace()).collect();
                let place = path.to_str().unwrap().replace(' ', "");
                words.contains("savedas") && words.contains(&place)
            })
            .await;
        assert!(fs::read(path).unwrap() == sent);
    }
    for chat in [&mut chat, &mut chat_of_cleo] {
        chat.types(CTRL_Q);
        assert!(chat.ended().await.success());
        chat.assert_given_back();
    }
}

/// A directory with a program that notes what it was to open, and what is in it.
fn opener(home: &Path) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("xdg-open");
    let noted = home.join("noted");
    let script = format!(
        "#!/bin/sh\necho NOISE; echo NOISE >&2; cat\n/bin/cp \"$1\" '{0}.part'\n/bin/mv '{0}.part' '{0}'\n",
        noted.display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    directory
}

#[tokio::test]
async fn another_program_opens_a_file_and_leaves_the_screen_alone() {
    let world = World::new().await;
    let home = world.home.path();
    fs::write(home.join("tides.txt"), "high at four").unwrap();
    let programs = opener(home);
    let search = format!("{}:/bin:/usr/bin", programs.path().display());
    let environment = [("PATH", search.as_str())];
    let mut chat = chat_of(&world.token, home, &world.url, &environment);
    chat.wait_for("Harbour · 2 members").await;
    chat.types("/attach ~/tides.txt\r");
    world.ben_sees_file().await;
    chat.wait_until("file that is ready", |screen| {
        let is_under_way = screen.contains("sending") || screen.contains("being looked at");
        screen.contains("📎 tides.txt") && !is_under_way
    })
    .await;
    chat.types("/open\r");
    chat.wait_for("opened tides.txt").await;
    let opened = async {
        loop {
            if let Ok(text) = fs::read_to_string(home.join("noted")) {
                return text;
            }
            tokio::task::yield_now().await;
        }
    };
    let opened = timeout(PATIENCE, opened).await.expect("it is opened");
    assert_eq!(opened, "high at four");
    chat.types(CTRL_Q);
    assert!(chat.ended().await.success());
    assert!(!String::from_utf8_lossy(&chat.written()).contains("NOISE"));

    // Nothing but what the terminal of the test itself is made with.
    let bare = tempfile::tempdir().unwrap();
    let places = ["/usr/bin/setsid", "/bin/setsid"].map(Path::new);
    let setsid = places.into_iter().find(|place| place.exists()).unwrap();
    std::os::unix::fs::symlink(setsid, bare.path().join("setsid")).unwrap();
    let environment = [("PATH", bare.path().to_str().unwrap())];
    let mut chat = chat_of(&world.token, home, &world.url, &environment);
    chat.wait_for("📎 tides.txt").await;
    chat.types("/open\r");
    chat.wait_for("there is neither xdg-open nor open").await;
    chat.types(CTRL_Q);
    assert!(chat.ended().await.success());
}

#[tokio::test]
async fn a_file_that_is_on_its_way_is_stopped() {
    let world = World::new().await;
    let slow = Faults {
        delay_probability: 1.0,
        delay_max: Duration::from_millis(400),
        ..Faults::none()
    };
    let proxy = Proxy::start(world.node.address(), slow).await.unwrap();
    let home = world.home.path();
    fs::write(home.join("large.bin"), bytes(60_000_000)).unwrap();
    let url = format!("http://{}", proxy.address());
    let mut chat = chat_of(&world.token, home, &url, &[]);
    chat.wait_for("Harbour · 2 members").await;
    chat.types("/attach ~/large.bin\r");
    chat.wait_for("of 60 MB").await;
    chat.types("Meanwhile, a word.\r");
    world.ben_has(&["Meanwhile, a word."]).await;
    chat.types("/cancel\r");
    chat.wait_for("stopped: large.bin").await;
    let left = world.ann.uploads(10, None).await.unwrap();
    assert_eq!(left.uploads, []);
    chat.types("/attach ~/large.bin\r");
    chat.wait_for("of 60 MB").await;
    chat.types(CTRL_Q);
    assert!(chat.ended().await.success());
    chat.assert_given_back();
    let left = world.ann.uploads(10, None).await.unwrap();
    assert_eq!(left.uploads, []);
    world.ben_has(&["Meanwhile, a word."]).await;
}
