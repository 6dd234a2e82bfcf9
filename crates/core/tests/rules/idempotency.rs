//! A client that is not sure sends again, and nothing is lost or doubled.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Command, ConversationKind, Mentions, NewConversation, NewMessage, NewReply, Visibility,
};
use tidemark_core::{RefusalCode, Seq, Timestamp};

use crate::history::{client_id, command, history, room_id, says, settled_world, user};
use crate::world::{Outcome, World};

/// The sends of a history that were accepted, with what each one got.
fn accepted_sends(world: &mut World, commands: Vec<Command>) -> Vec<(Command, Outcome)> {
    let mut sends = Vec::new();
    for command in commands {
        let is_send = matches!(command.action, Action::Send(_));
        if let Ok(outcome @ Outcome::Appended(_)) = world.execute(command.clone())
            && is_send
        {
            sends.push((command, outcome));
        }
    }
    sends
}

fn later(command: &Command) -> Command {
    Command {
        at: Timestamp(command.at.0 + 1_000_000),
        ..command.clone()
    }
}

/// Makes it another message: by its text, by what it answers, by its thread, or by whom it mentions.
fn change(new: &mut NewMessage, part: i32) {
    match part {
        0 => new.text.push_str(", or maybe not"),
        1 => {
            new.reply_to = match new.reply_to {
                Some(_) => None,
                None => Some(Seq::ZERO.next()),
            }
        }
        2 => {
            new.thread = match new.thread {
                Some(_) => None,
                None => Some(NewReply {
                    thread: Seq::ZERO.next(),
                    also_in_conversation: false,
                }),
            }
        }
        3 if new.thread.is_some() => {
            let thread = new.thread.as_mut().unwrap();
            thread.also_in_conversation = !thread.also_in_conversation;
        }
        _ => {
            new.mentions = match new.mentions {
                Mentions::All => Mentions::default(),
                Mentions::Users(_) => Mentions::All,
            }
        }
    }
}

proptest! {
    #[test]
    fn a_send_repeated_after_any_history_returns_the_first_seq(commands in history()) {
        let mut world = settled_world();
        for (send, outcome) in accepted_sends(&mut world, commands) {
            let Outcome::Appended(events) = outcome else { unreachable!() };
            let before = world.clone();
            match world.execute(later(&send)) {
                Ok(again) => {
                    let (seq, at) = (events[0].seq, send.at);
                    prop_assert_eq!(again, Outcome::Repeated { seq, at });
                }
                // Whoever is out by now does not learn what they sent.
                Err(refusal) => {
                    let user = send.caller.user().unwrap();
                    let room = &world.rooms[&send.conversation];
                    prop_assert!(!room.memberships[user].is_current(), "{}", refusal);
                }
            }
            prop_assert_eq!(&world, &before);
        }
    }

    #[test]
    fn a_used_client_id_with_another_content_is_a_conflict(commands in history(), part in 0..5) {
        let mut world = settled_world();
        for (mut send, outcome) in accepted_sends(&mut world, commands) {
            let Outcome::Appended(events) = outcome else { unreachable!() };
            let seq = events[0].seq;
            let room = &world.rooms[&send.conversation];
            if room.events().any(|event| event.body.deletes() == Some(seq)) {
                // What it said is gone, and with it what could contradict.
                continue;
            }
            if let Action::Send(new) = &mut send.action {
                change(new, part);
            }
            let before = world.clone();
            if world.execute(later(&send)).map_err(|refusal| refusal.code) != Err(RefusalCode::Conflict) {
                let user = send.caller.user().unwrap();
                let room = &world.rooms[&send.conversation];
                prop_assert!(!room.memberships[user].is_current());
            }
            prop_assert_eq!(&world, &before);
        }
    }

    #[test]
    fn retries_of_what_was_accepted_leave_no_trace(
        commands in history(),
        retries in vec((any::<Index>(), any::<Index>()), 0..40),
    ) {
        let mut once = settled_world();
        let sends = accepted_sends(&mut once, commands.clone());

        // The same history, with accepted sends repeated at random later places.
        let mut retries_after: BTreeMap<Timestamp, Vec<Command>> = BTreeMap::new();
        for (which, place) in retries {
            if !sends.is_empty() {
                let (send, _) = which.get(&sends);
                let place = place.get(&commands).at.max(send.at);
                retries_after.entry(place).or_default().push(later(send));
            }
        }
        let mut with_retries = settled_world();
        for command in commands {
            let at = command.at;
            let _ = with_retries.execute(command);
            for retry in retries_after.remove(&at).unwrap_or_default() {
                let _ = with_retries.execute(retry);
            }
        }
        prop_assert_eq!(once, with_retries);
    }

    #[test]
    fn the_order_of_retries_decides_the_order_and_nothing_else(
        first in vec(0..20_u128, 0..40),
        second in vec(0..20_u128, 0..40),
        resent in subsequence((0..20_u128).collect::<Vec<_>>(), 20),
    ) {
        // Two members send the same twenty messages each, in any order and any number of times; whatever
        // did not arrive is sent again at the end, as an outbox does.
        let mut world = settled_world();
        let arrivals = first.iter().map(|number| ("ada", *number));
        let arrivals = arrivals.chain(second.iter().map(|number| ("ben", *number)));
        let rest = resent.iter().flat_map(|number| [("ada", *number), ("ben", *number)]);
        for (name, number) in arrivals.chain(rest) {
            let send = Action::Send(says(number, &format!("{name} {number}")));
            world.execute(command(room_id(1), Caller::User(user(name)), send)).unwrap();
        }
        let mut texts: Vec<&str> = world.rooms[&room_id(1)]
            .events()
            .filter_map(|event| event.body.as_message())
            .map(|message| message.text.as_str())
            .collect();
        texts.sort_unstable();
        let mut expected: Vec<String> =
            (0..20).flat_map(|number| [format!("ada {number}"), format!("ben {number}")]).collect();
        expected.sort_unstable();
        prop_assert_eq!(texts, expected);
    }
}

#[test]
fn a_retry_is_recognised_after_the_limits_became_smaller() {
    let mut world = settled_world();
    let send = || {
        command(
            room_id(1),
            Caller::User(user("ada")),
            Action::Send(says(1, "a long text")),
        )
    };
    let Ok(Outcome::Appended(events)) = world.execute(send()) else {
        panic!("the first send is accepted");
    };
    world.limits.text_bytes_max = 4;
    let again = world.execute(send()).unwrap();
    let (seq, at) = (events[0].seq, events[0].at);
    assert_eq!(again, Outcome::Repeated { seq, at });
}

#[test]
fn a_retry_with_another_clock_or_with_a_mention_twice_is_the_same_message() {
    let mut world = settled_world();
    let mut new = says(1, "look, ben");
    new.mentions = Mentions::Users(vec![user("ben")]);
    let send = |new| command(room_id(1), Caller::User(user("ada")), Action::Send(new));
    world.execute(send(new.clone())).unwrap();

    new.client_at = Some(Timestamp(77));
    new.mentions = Mentions::Users(vec![user("ben"), user("ben")]);
    let again = world.execute(send(new)).unwrap();
    assert!(matches!(again, Outcome::Repeated { .. }), "{again:?}");
}

#[test]
fn the_same_client_id_of_two_people_names_two_messages() {
    let mut world = settled_world();
    for name in ["ada", "ben"] {
        let send = Action::Send(says(1, name));
        let outcome = world.execute(command(room_id(1), Caller::User(user(name)), send));
        assert!(matches!(outcome, Ok(Outcome::Appended(_))), "{outcome:?}");
    }
}

#[test]
fn making_a_conversation_again_with_its_client_id_finds_the_first() {
    let mut world = settled_world();
    let create = |id| {
        let new = NewConversation {
            kind: ConversationKind::Group,
            visibility: Visibility::Private,
            title: None,
            members: vec![user("ben")],
            client_id: Some(client_id(1)),
        };
        command(room_id(id), Caller::User(user("ada")), Action::Create(new))
    };
    world.execute(create(100)).unwrap();
    assert_eq!(
        world.execute(create(101)),
        Ok(Outcome::Existing(room_id(100)))
    );
}
