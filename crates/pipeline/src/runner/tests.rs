//! Runners on one store, with a clock that goes as fast as there is nothing to do.

use parking_lot::Mutex;
use tidemark_core::{Limits, Position};
use tidemark_store::Store;
use tidemark_store::memory::MemoryStore;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

const NAME: &str = "test";
const LEASE: Duration = Duration::from_secs(15);
const KEEP: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Noted {
    Began(Position),
    Ended,
    Stopped,
}

type Notes = Arc<Mutex<Vec<Noted>>>;

/// Does ten things at once, and then nothing.
struct TenThings(Notes);

/// Notes that the work was dropped.
struct AtEnd(Notes);

impl Drop for AtEnd {
    fn drop(&mut self) {
        self.0.lock().push(Noted::Ended);
    }
}

impl Job for TenThings {
    async fn work(&mut self, turn: Turn, progress: &Progress) {
        let from = turn.position;
        self.0.lock().push(Noted::Began(from));
        let _end = AtEnd(Arc::clone(&self.0));
        progress.reach(Position(from.0 + 10));
        std::future::pending::<()>().await;
    }

    fn stopped(&mut self) {
        self.0.lock().push(Noted::Stopped);
    }
}

struct Node {
    notes: Notes,
    active: Gauge,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Node {
    fn start(store: &Arc<MemoryStore>, holder: &str) -> Self {
        let notes = Notes::default();
        let active = Gauge::default();
        let runner = Runner {
            store: Arc::clone(store),
            name: NAME.to_owned(),
            holder: holder.to_owned(),
            lease: LEASE,
            keep: KEEP,
            active: active.clone(),
        };
        let mut job = TenThings(Arc::clone(&notes));
        let (stop, stopping) = oneshot::channel();
        let stopping = async {
            let _ = stopping.await;
        };
        let task = tokio::spawn(async move { runner.run(&mut job, stopping).await });
        Self {
            notes,
            active,
            stop,
            task,
        }
    }

    fn notes(&self) -> Vec<Noted> {
        self.notes.lock().clone()
    }

    /// How long it takes until there are so many notes.
    async fn until_noted(&self, notes: usize) -> Duration {
        let began = Instant::now();
        while self.notes.lock().len() < notes {
            assert!(began.elapsed() < 10 * LEASE, "{:?}", self.notes());
            sleep(Duration::from_millis(1)).await;
        }
        began.elapsed()
    }
}

fn store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(Limits::default()))
}

#[tokio::test(start_paused = true)]
async fn one_works_and_another_takes_over_when_it_dies() {
    let store = store();
    let one = Node::start(&store, "one");
    one.until_noted(1).await;
    let two = Node::start(&store, "two");
    sleep(20 * LEASE).await;
    assert_eq!(one.notes(), [Noted::Began(Position(0))]);
    assert_eq!(two.notes(), []);
    assert_eq!((one.active.get(), two.active.get()), (1, 0));

    one.task.abort();
    let took = two.until_noted(1).await;
    assert!(took <= LEASE + 2 * AFTER_END, "{took:?}");
    assert_eq!(two.notes(), [Noted::Began(Position(10))]);
    assert_eq!(two.active.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_job_stops_when_its_lease_is_lost() {
    let store = store();
    let one = Node::start(&store, "one");
    one.until_noted(1).await;
    sleep(Duration::from_secs(2)).await;
    // A grant that the runner does not know of.
    let stolen = store.acquire_lease(NAME, "one", LEASE).await;
    assert!(matches!(stolen, Ok(Acquired::Granted { .. })));
    let took = one.until_noted(3).await;
    assert!(took <= LEASE / 3 + KEEP, "{took:?}");
    assert_eq!(one.notes()[1..3], [Noted::Ended, Noted::Stopped]);
    one.until_noted(4).await;
    assert_eq!(one.notes()[3], Noted::Began(Position(10)));
}

#[tokio::test(start_paused = true)]
async fn a_job_stops_when_nobody_can_say_who_has_the_lease() {
    let store = store();
    let one = Node::start(&store, "one");
    one.until_noted(1).await;
    store.close().await;
    let took = one.until_noted(3).await;
    assert!(took <= LEASE, "{took:?}");
    assert_eq!(one.notes()[1..], [Noted::Ended, Noted::Stopped]);
    assert_eq!(one.active.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stops_lets_another_go_on_from_where_it_was() {
    let store = store();
    let one = Node::start(&store, "one");
    one.until_noted(1).await;
    one.stop.send(()).unwrap();
    one.task.await.unwrap();
    assert_eq!(one.notes.lock()[1..], [Noted::Ended, Noted::Stopped]);
    let next = store.acquire_lease(NAME, "two", LEASE).await;
    match next {
        Ok(Acquired::Granted { position, .. }) => assert_eq!(position, Position(10)),
        other => panic!("{other:?}"),
    }
}
