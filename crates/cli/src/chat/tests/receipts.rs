//! Whom the own last message has reached.

use tidemark_core::conversation::Role;

use super::threads::{group, shows};
use super::*;
use crate::chat::event::{MembersAnswer, ReadersAnswer};

fn readers(read: &[(&str, u64)], delivered: &[(&str, u64)]) -> Event {
    let cursors = |cursors: &[(&str, u64)]| {
        let cursor = |(name, at): &(&str, u64)| (user(name), seq(*at));
        cursors.iter().map(cursor).collect()
    };
    Event::Readers(ReadersAnswer {
        conversation: room(1),
        read: cursors(read),
        delivered: cursors(delivered),
    })
}

#[test]
fn the_own_last_message_says_whom_it_has_reached() {
    let mut world = group();
    assert!(!shows(&world, "read by") && !shows(&world, "delivered"));
    world.hear(readers(&[("ann", 2)], &[("ben", 2), ("cleo", 2)]));
    assert!(
        shows(&world, "  delivered to ben, cleo\n"),
        "{}",
        world.screen()
    );
    world.hear(Event::ReadBy(room(1), user("ben"), seq(2)));
    assert!(shows(&world, "  read by ben · delivered to cleo\n"));
    world.hear(Event::ReadBy(room(1), user("cleo"), seq(2)));
    assert!(shows(&world, "  read by ben, cleo\n"));
    world.hear(Event::ReadBy(room(1), user("cleo"), seq(1)));
    assert!(
        shows(&world, "  read by ben, cleo\n"),
        "a cursor never moves back"
    );
    world.says(room(1), "ann", "Anybody?");
    world.look();
    assert!(!shows(&world, "read by"), "nobody has read this one");
    world.hear(Event::DeliveredTo(room(1), user("ben"), seq(3)));
    let screen = world.screen();
    let under = screen.split("Anybody?").nth(1).unwrap();
    assert!(under.contains("delivered to ben\n"), "{screen}");
}

#[test]
fn what_is_heard_of_elsewhere_does_not_count_here_nor_who_has_left() {
    let mut world = group();
    world.hear(Event::ReadBy(room(2), user("ben"), seq(9)));
    assert!(!shows(&world, "read by"));
    world.hear(readers(&[("ben", 2), ("cleo", 2)], &[]));
    let member = |name: &str| body::Member {
        user: Wire(user(name)),
        role: Wire(Role::Member),
        joined_seq: Wire(seq(1)),
        read_seq: Wire(Seq::ZERO),
    };
    world.hear(Event::Members(MembersAnswer {
        conversation: room(1),
        members: ["ann", "ben"].map(member).into(),
        is_complete: true,
        show: false,
    }));
    assert!(shows(&world, "  read by ben\n"), "{}", world.screen());
}

#[test]
fn the_server_is_asked_once_each_time_we_come_back() {
    let mut world = World::new(80, 24);
    world.add(room(1), ConversationKind::Group, Some("Harbour"));
    world.says(room(1), "ben", "Who has the key?");
    let asks = |effects: &[Effect], at| effects.contains(&Effect::LoadReaders(room(1), seq(at)));
    let nobody = |effects: &[Effect]| {
        !effects
            .iter()
            .any(|it| matches!(it, Effect::LoadReaders(..)))
    };
    assert!(nobody(&world.load(false)), "there is nothing of ours");
    world.says(room(1), "ann", "I.");
    assert!(asks(&world.look(), 2));
    world.says(room(1), "ann", "Here.");
    assert!(nobody(&world.look()));
    assert!(asks(&world.hear(Event::Online), 3));
}

#[test]
fn in_a_crowd_there_are_no_receipts() {
    let mut world = group();
    world.hear(readers(&[("ben", 2)], &[]));
    assert!(shows(&world, "read by ben"));
    world.inbox[0].member_count = 21;
    world.hear(Event::Inbox(world.inbox.clone()));
    assert!(!shows(&world, "read by"));
    let effects = world.hear(Event::Online);
    assert!(
        !effects
            .iter()
            .any(|it| matches!(it, Effect::LoadReaders(..)))
    );
}
