//! A process that is killed at every point where something may be half done, again and again: each effect is
//! there at least once, none is missing, and none comes twice where it is known by its position.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tidemark_core::{Position, Timestamp};
use tidemark_pipeline::{Consumer, PipelineMetrics, Progress, Runtime, Setback, Setup, Spec, Turn};
use tidemark_store::sqlite::{SqliteOptions, SqliteStore};
use tidemark_store::{Consumers, FeedEvent, Store};
use tokio::sync::watch;

use crate::world::{LEASE, Log, NAME, positions_in};

/// Where the child finds its store and its effects. Without it, it is not a child.
const PLACE: &str = "TIDEMARK_TEST_KILLED_IN";
/// Where, and at which event, it dies.
const DEATH: &str = "TIDEMARK_TEST_DIES_AT";
const EVENTS: usize = 120;
/// The event that the consumer can never do.
const POISON: u64 = 50;

/// Appends the position of each event to a file, durably; dies where it is told to.
struct Writes {
    effects: PathBuf,
    death: Option<(String, u64)>,
}

impl Writes {
    fn die(&self, point: &str, position: u64) {
        if self
            .death
            .as_ref()
            .is_some_and(|(at, event)| at == point && *event == position)
        {
            kill_this_process();
        }
    }
}

/// Not as `abort` does: nothing of this process runs any more.
fn kill_this_process() {
    let killed = Command::new("kill")
        .args(["-KILL", &std::process::id().to_string()])
        .status();
    killed.unwrap();
    std::thread::sleep(Duration::from_mins(1));
}

impl Consumer for Writes {
    async fn begin(&mut self, turn: Turn) -> Result<Position, Setback> {
        self.die("begin", turn.token.0);
        Ok(turn.position)
    }

    async fn handle(&mut self, batch: &[FeedEvent], progress: &Progress) -> Result<(), Setback> {
        let mut file = OpenOptions::new().append(true).open(&self.effects).unwrap();
        for entry in batch {
            let position = entry.position.0;
            self.die("before", position);
            if position == POISON {
                return Err(Setback::Poison {
                    position: entry.position,
                    reason: "never".to_owned(),
                });
            }
            // One write, so that a line is there or not.
            file.write_all(format!("{position}\n").as_bytes()).unwrap();
            self.die("written", position);
            file.sync_all().unwrap();
            progress.reach(entry.position);
            self.die("after", position);
        }
        Ok(())
    }
}

fn open(place: &Path) -> SqliteStore {
    SqliteStore::open(&place.join("store"), SqliteOptions::default()).unwrap()
}

/// What a child does until it is killed, or has nothing more to do. Run by the tests below as a process of its own.
#[test]
fn a_process_that_is_killed() {
    let Some(place) = std::env::var_os(PLACE) else {
        return;
    };
    let place = PathBuf::from(place);
    let death = std::env::var(DEATH).ok();
    let death = death.map(|it| {
        let (point, event) = it.split_once(' ').unwrap();
        (point.to_owned(), event.parse().unwrap())
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async move {
        let store = Arc::new(open(&place));
        let (_news, hears) = watch::channel(0);
        let pipelines = Runtime::new(Setup {
            store: Arc::clone(&store),
            node: "child".to_owned(),
            lease: LEASE,
            news: hears,
            now: Box::new(|| Timestamp(5_000)),
            metrics: PipelineMetrics::new(&mut Registry::default()),
        });
        let mut spec = Spec::single(NAME);
        spec.batch.entries_max = 7;
        spec.keep = Duration::from_millis(2);
        // So that a position is kept now and then, and not always.
        spec.pace.events_per_second_max = Some(2_000);
        let mut consumer = Writes {
            effects: place.join("effects"),
            death,
        };
        let head = *positions_in(&*store).await.last().unwrap();
        let done = async {
            loop {
                let state = store.consumer(NAME).await;
                if state.is_ok_and(|state| state.position.0 >= head) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        pipelines.run(&spec, &mut consumer, done).await;
        store.close().await;
    });
}

struct Place {
    directory: TempDir,
    positions: Vec<u64>,
}

impl Place {
    async fn new() -> Self {
        let directory = TempDir::with_prefix("tidemark-kills-").unwrap();
        let log = Log::of(Arc::new(open(directory.path()))).await;
        log.say(EVENTS - 1).await;
        let positions = log.positions().await;
        log.store.close().await;
        File::create(directory.path().join("effects")).unwrap();
        Self {
            directory,
            positions,
        }
    }

    fn child(&self, death: Option<&str>) -> Command {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child
            .args(["--exact", "kills::a_process_that_is_killed"])
            .env(PLACE, self.directory.path())
            .stdout(Stdio::null());
        if let Some(death) = death {
            child.env(DEATH, death);
        }
        child
    }

    /// The positions whose effects are there, in the order in which they came first.
    fn effects(&self) -> Vec<u64> {
        let text = std::fs::read_to_string(self.directory.path().join("effects")).unwrap();
        let mut first = Vec::new();
        for line in text.lines() {
            let position = line.parse().unwrap();
            if !first.contains(&position) {
                first.push(position);
            }
        }
        first
    }

    /// Lets it end in peace, and looks at what there is.
    async fn check(&self) {
        assert!(self.child(None).status().unwrap().success());
        let mut wanted = self.positions.clone();
        wanted.retain(|position| *position != POISON);
        assert_eq!(self.effects(), wanted, "without a hole, and in order");
        let store = open(self.directory.path());
        let state = store.consumer(NAME).await.unwrap();
        assert_eq!(Some(&state.position.0), self.positions.last());
        let letters = store.dead_letters(NAME, false, Position(0), 9).await;
        let letters: Vec<u64> = letters.unwrap().iter().map(|it| it.position.0).collect();
        assert_eq!(letters, [POISON]);
        store.close().await;
    }
}

#[tokio::test]
async fn no_effect_is_lost_wherever_the_process_is_killed() {
    let place = Place::new().await;
    let mut deaths = Vec::new();
    for (point, events) in [
        ("before", [1, 17, 60, 100]),
        ("written", [8, 23, 70, 101]),
        ("after", [14, 35, 77, 119]),
    ] {
        deaths.extend(events.map(|event| (event, format!("{point} {event}"))));
    }
    // Right before the poison is known, and right after it went to the dead letters.
    deaths.push((POISON, format!("before {POISON}")));
    deaths.push((POISON + 1, format!("before {}", POISON + 1)));
    deaths.sort();
    for (_, death) in &deaths {
        let ended = place.child(Some(death)).status().unwrap();
        assert!(!ended.success(), "it dies at {death}");
    }
    place.check().await;
}

/// Not at a point of our choice: whenever so many more effects are there.
#[tokio::test]
async fn no_effect_is_lost_however_often_the_process_is_killed() {
    let place = Place::new().await;
    for more in [5, 11, 3, 17, 8, 13] {
        let wanted = place.effects().len() + more;
        let mut child = place.child(None).spawn().unwrap();
        while place.effects().len() < wanted && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        // It may have ended.
        let _ = child.kill();
        child.wait().unwrap();
    }
    place.check().await;
}
