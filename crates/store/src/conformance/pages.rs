//! Reading a conversation page by page.

use tidemark_core::access::Caller;
use tidemark_core::conversation::{Action, Event, SettingsChange};
use tidemark_core::timeline::TimelineMessage;
use tidemark_core::{ConversationId, Seq, UserId};

use super::world::{WHOLE, seq};
use super::{Engine, World};
use crate::{EventsPage, PageLimits, Store, TimelinePage, Window};

/// Pages of all sizes: by entries, by text, and smaller than any text.
const LIMITS: [PageLimits; 6] = [
    limits(1, usize::MAX),
    limits(4, usize::MAX),
    limits(1_000, usize::MAX),
    limits(1_000, 150),
    limits(3, 150),
    limits(5, 0),
];

const fn limits(entries_max: usize, text_bytes_max: usize) -> PageLimits {
    PageLimits {
        entries_max,
        text_bytes_max,
    }
}

/// Messages of many lengths, with other events in between, and at the end.
async fn long_log<E: Engine>(world: &World<E>) -> (Caller, ConversationId) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    for n in 0_usize..30 {
        if n % 4 == 3 || n > 27 {
            let topic = SettingsChange {
                topic: Some(Some(n.to_string())),
                ..SettingsChange::default()
            };
            world.done(&ann, room, Action::ChangeSettings(topic)).await;
        } else {
            world.say(&ann, room, &"x".repeat(1 + (n * 37) % 100)).await;
        }
    }
    (Caller::User(ann), room)
}

/// The first entries that a page holds, and whether others follow.
fn first_page<T>(
    entries: impl Iterator<Item = T>,
    limits: PageLimits,
    text_bytes: impl Fn(&T) -> usize,
) -> (Vec<T>, bool) {
    let mut entries = entries.peekable();
    let mut page = Vec::new();
    let mut bytes = 0;
    while let Some(entry) = entries.next_if(|entry| {
        bytes += text_bytes(entry);
        page.is_empty() || (page.len() < limits.entries_max && bytes <= limits.text_bytes_max)
    }) {
        page.push(entry);
    }
    (page, entries.next().is_some())
}

fn event_bytes(event: &Event) -> usize {
    event.body.text_bytes()
}

fn message_bytes(message: &TimelineMessage) -> usize {
    message.message.text_bytes()
}

/// From every place and for every size: the events that follow, as many as fit, and at least one.
pub async fn pages_of_events_hold_what_follows<E: Engine>(world: World<E>) {
    let (caller, room) = long_log(&world).await;
    let log = world.events(room).await;
    let head = seq(log.len() as u64);
    for after in 0..log.len() {
        for limits in LIMITS {
            let place = seq(after as u64);
            let page = world.store.events_after(&caller, room, place, limits).await;
            let rest = log[after..].iter().cloned();
            let (events, more) = first_page(rest, limits, event_bytes);
            let expected = EventsPage {
                events,
                head,
                more,
                visible_from: None,
            };
            assert_eq!(page, Ok(expected), "after {after} within {limits:?}");
        }
    }
}

/// A client that holds everything, or more than there is, learns where the head is.
pub async fn at_and_above_the_head_a_page_of_events_is_empty<E: Engine>(world: World<E>) {
    let (caller, room) = long_log(&world).await;
    let head = world.head(room).await;
    let empty = EventsPage {
        events: Vec::new(),
        head,
        more: false,
        visible_from: None,
    };
    for after in [head, head.next(), seq(1_000_000), Seq::MAX] {
        let page = world.store.events_after(&caller, room, after, WHOLE).await;
        assert_eq!(page, Ok(empty.clone()));
    }
}

async fn messages<E: Engine>(
    world: &World<E>,
    caller: &Caller,
    room: ConversationId,
    window: Window,
    limits: PageLimits,
) -> TimelinePage {
    let page = world.store.messages(caller, room, window, limits).await;
    page.expect("a member reads the timeline")
}

/// The messages of the log, oldest first.
async fn timeline<E: Engine>(world: &World<E>, room: ConversationId) -> Vec<TimelineMessage> {
    let log = world.events(room).await.into_iter();
    log.filter_map(TimelineMessage::from_event).collect()
}

/// From every place and for every size: the messages on one side of it, nearest first to be taken,
/// oldest first on the page.
pub async fn pages_of_messages_hold_what_is_beside<E: Engine>(world: World<E>) {
    let (caller, room) = long_log(&world).await;
    let all = timeline(&world, room).await;
    let head = world.head(room).await;
    let beyond = [head.next().next(), Seq::MAX];
    let places = (0..=head.get() + 1).map(seq).chain(beyond);
    for (place, limits) in places.flat_map(|place| LIMITS.map(|limits| (place, limits))) {
        let newest_first = all.iter().rev().cloned();
        let below = newest_first.filter(|message| message.seq < place);
        let (mut expected, more) = first_page(below, limits, message_bytes);
        expected.reverse();
        let page = messages(&world, &caller, room, Window::Before(place), limits).await;
        let expected = TimelinePage {
            messages: expected,
            head,
            more,
        };
        assert_eq!(page, expected, "before {place} within {limits:?}");
        let above = all.iter().filter(|message| message.seq > place).cloned();
        let (expected, more) = first_page(above, limits, message_bytes);
        let page = messages(&world, &caller, room, Window::After(place), limits).await;
        let expected = TimelinePage {
            messages: expected,
            head,
            more,
        };
        assert_eq!(page, expected, "after {place} within {limits:?}");
    }
}

/// The latest messages are those before the end.
pub async fn the_latest_page_is_the_one_before_the_end<E: Engine>(world: World<E>) {
    let (caller, room) = long_log(&world).await;
    for limits in LIMITS {
        let latest = messages(&world, &caller, room, Window::Latest, limits).await;
        assert!(!latest.messages.is_empty());
        let end = Window::Before(world.head(room).await.next());
        assert_eq!(latest, messages(&world, &caller, room, end, limits).await);
    }
}

/// Around a place: that message, and about as many on both sides where there are as many, without
/// holes.
pub async fn a_page_around_a_place_has_it_in_the_middle<E: Engine>(world: World<E>) {
    let (caller, room) = long_log(&world).await;
    let all = timeline(&world, room).await;
    let head = world.head(room).await;
    for number in 1..=head.get() {
        let place = seq(number);
        let place_is_message = all.iter().any(|message| message.seq == place);
        for limits in LIMITS {
            let page = messages(&world, &caller, room, Window::Around(place), limits).await;
            let what = format!("around {place} within {limits:?}: {page:?}");
            let page_bytes: usize = page.messages.iter().map(message_bytes).sum();
            let length = page.messages.len();
            assert!((1..=limits.entries_max).contains(&length), "{what}");
            assert!(page_bytes <= limits.text_bytes_max || length == 1, "{what}");
            let first = all.iter().position(|message| *message == page.messages[0]);
            let first = first.expect("a message of this conversation");
            assert_eq!(page.messages, all[first..first + length], "{what}");
            assert_eq!(page.more, length < all.len(), "{what}");
            let holds_place = page.messages.iter().any(|message| message.seq == place);
            assert_eq!(holds_place, place_is_message, "{what}");
            if limits.text_bytes_max == usize::MAX {
                let below = page.messages.iter().filter(|message| message.seq < place);
                let below = below.count();
                let above = length - below - usize::from(place_is_message);
                let reaches_start = first == 0;
                let reaches_end = first + length == all.len();
                assert!(below <= above + 1 || reaches_end, "{what}");
                assert!(above <= below + 1 || reaches_start, "{what}");
                let full = length == limits.entries_max;
                assert!(full || (reaches_start && reaches_end), "{what}");
            }
        }
    }
}

/// Where nothing has been said there is nothing to show.
pub async fn a_conversation_without_messages_has_empty_pages<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let caller = Caller::User(ann);
    let empty = TimelinePage {
        messages: Vec::new(),
        head: seq(2),
        more: false,
    };
    for window in [
        Window::Latest,
        Window::Before(seq(2)),
        Window::After(Seq::ZERO),
        Window::Around(seq(1)),
    ] {
        let page = messages(&world, &caller, room, window, WHOLE).await;
        assert_eq!(page, empty, "{window:?}");
    }
    let view = world.store.conversation(&caller, room).await;
    assert_eq!(view.expect("a member").last_message, None);
}

async fn members<E: Engine>(
    world: &World<E>,
    room: ConversationId,
    after: Option<&UserId>,
    entries_max: usize,
) -> (Vec<UserId>, bool) {
    let caller = &Caller::Administrator;
    let page = world.store.members(caller, room, after, entries_max).await;
    let page = page.expect("an administrator reads everything");
    let users = page.members.into_iter().map(|member| member.user);
    (users.collect(), page.more)
}

/// Members come in the order of their ids, byte by byte, each once; those who left do not come.
pub async fn pages_of_members_visit_each_once<E: Engine>(world: World<E>) {
    let people = world
        .people(["b", "a-1", "B.2", "a.1", "C", "a", "Z", "c_9", "a@x"])
        .await;
    let everybody: Vec<&UserId> = people.iter().collect();
    let room = world.group(&people[0], &everybody[1..]).await;
    world.done(&people[4], room, Action::Leave).await;
    let mut expected: Vec<UserId> = people.to_vec();
    expected.remove(4);
    expected.sort();
    assert_eq!(
        members(&world, room, None, 100).await,
        (expected.clone(), false)
    );
    for entries_max in [1, 3, 8] {
        let mut visited: Vec<UserId> = Vec::new();
        loop {
            let (page, more) = members(&world, room, visited.last(), entries_max).await;
            assert!(page.len() <= entries_max);
            visited.extend(page);
            assert_eq!(more, visited.len() < expected.len());
            if !more {
                break;
            }
        }
        assert_eq!(visited, expected);
    }
    let (after_one_who_left, _) = members(&world, room, Some(&people[4]), 100).await;
    let above: Vec<UserId> = expected
        .into_iter()
        .filter(|user| *user > people[4])
        .collect();
    assert_eq!(after_one_who_left, above);
}

/// Readers are the members whose cursors have come so far.
pub async fn readers_are_those_whose_cursor_came_so_far<E: Engine>(world: World<E>) {
    let [ann, bob, cyd, dee] = world.people(["ann", "bob", "cyd", "dee"]).await;
    let room = world.group(&ann, &[&bob, &cyd, &dee]).await;
    for _ in 0..3 {
        world.say(&ann, room, "hello").await;
    }
    world.done(&cyd, room, Action::MoveCursor(seq(5))).await;
    world.done(&bob, room, Action::MoveCursor(seq(3))).await;
    world.done(&dee, room, Action::MoveCursor(seq(4))).await;
    world.done(&dee, room, Action::Leave).await;
    let caller = Caller::User(bob.clone());
    let readers = async |place: u64, entries_max: usize| {
        let readers = world
            .store
            .readers(&caller, room, seq(place), entries_max)
            .await;
        let readers = readers.expect("a member may ask").readers.into_iter();
        let readers: Vec<_> = readers.map(|one| (one.user, one.read.get())).collect();
        readers
    };
    let read = |user: &UserId, place: u64| (user.clone(), place);
    assert_eq!(readers(5, 10).await, [read(&cyd, 5)]);
    assert_eq!(readers(3, 10).await, [read(&bob, 3), read(&cyd, 5)]);
    assert_eq!(
        readers(2, 10).await,
        [read(&ann, 2), read(&bob, 3), read(&cyd, 5)]
    );
    assert_eq!(readers(2, 2).await, [read(&ann, 2), read(&bob, 3)]);
    assert_eq!(readers(7, 10).await, []);
}
