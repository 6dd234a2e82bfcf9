//! What must hold after a run, whatever went wrong in it. Pure: a checker is given what was seen.

use std::collections::{HashMap, HashSet};

use tidemark_core::conversation::{Event, Message};
use tidemark_core::timeline::Timeline;
use tidemark_core::unread::Counts;
use tidemark_core::{ClientId, ConversationId, Seq, UserId};

/// A promise that was not kept, with what shows it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The log has a hole, a repeat or a step back.
    #[error("after event {after} comes event {found}")]
    Gap {
        /// The last event of the good part.
        after: Seq,
        /// What follows it.
        found: Seq,
    },
    /// One message is in the log twice.
    #[error("message {client_id} of {sender} is in the log at {first} and at {second}")]
    Doubled {
        /// Who sent it.
        sender: UserId,
        /// What its client named it.
        client_id: ClientId,
        /// Where it is.
        first: Seq,
        /// Where it is again.
        second: Seq,
    },
    /// The server said that it has a message at a place where it is not.
    #[error("message {client_id} was acknowledged at {seq} but is not there")]
    AcknowledgedLost {
        /// What its client named it.
        client_id: ClientId,
        /// Where it should be.
        seq: Seq,
    },
    /// A message that a client did not give up is not in the log.
    #[error("message {0} was sent but is not in the log")]
    SentLost(ClientId),
    /// The log has a message that nobody sent.
    #[error("message {0} is in the log but nobody sent it")]
    Invented(ClientId),
    /// An event belongs to another conversation.
    #[error("the log holds an event of conversation {0}")]
    Foreign(ConversationId),
    /// Two timelines, or a timeline and the log, differ.
    #[error("the timelines differ from {0} on")]
    TimelinesDiffer(Seq),
    /// The server's unread is not what counting gives.
    #[error("{user} has {counted:?} to read, not {reported:?}")]
    Miscounted {
        /// Whose.
        user: UserId,
        /// What counting the log gives.
        counted: Counts,
        /// What the server says.
        reported: Counts,
    },
}

/// A message that the server acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// What its client named it.
    pub client_id: ClientId,
    /// Where the server put it.
    pub seq: Seq,
}

/// The log of one conversation runs from 1 to its end without a hole.
///
/// # Errors
///
/// The first place where it does not.
pub fn gapless(log: &[Event]) -> Result<(), Violation> {
    let mut after = Seq::ZERO;
    for event in log {
        if event.seq != after.next() {
            let found = event.seq;
            return Err(Violation::Gap { after, found });
        }
        if event.conversation != log[0].conversation {
            return Err(Violation::Foreign(event.conversation));
        }
        after = event.seq;
    }
    Ok(())
}

/// No message is in the log of one conversation twice.
///
/// # Errors
///
/// The first that is.
pub fn each_once(log: &[Event]) -> Result<(), Violation> {
    let mut places = HashMap::new();
    for (seq, message) in messages(log) {
        if let Some(first) = places.insert((&message.sender, message.client_id), seq) {
            return Err(Violation::Doubled {
                sender: message.sender.clone(),
                client_id: message.client_id,
                first,
                second: seq,
            });
        }
    }
    Ok(())
}

/// Every acknowledged message is in the log of its conversation, at the place that was acknowledged.
///
/// # Errors
///
/// The first that is not.
pub fn acknowledged_is_logged(
    acknowledged: &[Acknowledged],
    log: &[Event],
) -> Result<(), Violation> {
    let places: HashSet<_> = messages(log)
        .map(|(seq, message)| (message.client_id, seq))
        .collect();
    match acknowledged
        .iter()
        .find(|one| !places.contains(&(one.client_id, one.seq)))
    {
        Some(&Acknowledged { client_id, seq }) => {
            Err(Violation::AcknowledgedLost { client_id, seq })
        }
        None => Ok(()),
    }
}

/// The log of one conversation holds the messages that were sent, and no other.
///
/// # Errors
///
/// The first that is missing, or that nobody sent.
pub fn exactly_sent(sent: &[ClientId], log: &[Event]) -> Result<(), Violation> {
    let logged: HashSet<_> = messages(log)
        .map(|(_, message)| message.client_id)
        .collect();
    let sent: HashSet<_> = sent.iter().copied().collect();
    if let Some(lost) = sent.difference(&logged).next() {
        return Err(Violation::SentLost(*lost));
    }
    match logged.difference(&sent).next() {
        Some(invented) => Err(Violation::Invented(*invented)),
        None => Ok(()),
    }
}

/// What a client shows is what the log of the conversation gives.
///
/// # Errors
///
/// The place from which on they differ.
pub fn timeline_equals_log(timeline: &Timeline, log: &[Event]) -> Result<(), Violation> {
    let mut expected = Timeline::default();
    for event in log {
        expected.apply(event);
    }
    same_timelines(timeline, &expected)
}

/// Two clients show the same.
///
/// # Errors
///
/// The place from which on they differ.
pub fn same_timelines(one: &Timeline, other: &Timeline) -> Result<(), Violation> {
    let (mut left, mut right) = (one.messages(), other.messages());
    loop {
        match (left.next(), right.next()) {
            (None, None) => break,
            (one, other) if one == other => {}
            (one, other) => {
                let seq = one.into_iter().chain(other).map(|message| message.seq);
                return Err(Violation::TimelinesDiffer(seq.min().unwrap_or(Seq::ZERO)));
            }
        }
    }
    if one == other {
        Ok(())
    } else {
        Err(Violation::TimelinesDiffer(one.head().min(other.head())))
    }
}

/// What the server says is unread equals a count of the log.
///
/// # Errors
///
/// Both, if they differ.
pub fn unread_equals_recount(
    log: &[Event],
    user: &UserId,
    read: Seq,
    reported: Counts,
) -> Result<(), Violation> {
    let mut counted = Counts::default();
    for (_, message) in
        messages(log).filter(|(seq, message)| *seq > read && message.sender != *user)
    {
        counted.unread += 1;
        counted.mentions += u64::from(message.mentions.includes(user));
    }
    if counted == reported {
        Ok(())
    } else {
        Err(Violation::Miscounted {
            user: user.clone(),
            counted,
            reported,
        })
    }
}

fn messages(log: &[Event]) -> impl Iterator<Item = (Seq, &Message)> {
    log.iter()
        .filter_map(|event| Some((event.seq, event.body.as_message()?)))
}

#[cfg(test)]
mod tests {
    use tidemark_core::Timestamp;
    use tidemark_core::conversation::{EventBody, Mentions};
    use uuid::Uuid;

    use super::*;

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    fn name(number: u128) -> ClientId {
        ClientId(Uuid::from_u128(number))
    }

    fn place(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn message(seq: u64, sender: &str, client_id: u128) -> Event {
        Event {
            conversation: ConversationId(Uuid::nil()),
            seq: place(seq),
            at: Timestamp(0),
            body: EventBody::Message(Message {
                sender: user(sender),
                client_id: name(client_id),
                text: format!("message {client_id}"),
                reply_to: None,
                mentions: Mentions::Users(vec![user("bo")]),
                client_at: None,
                thread: None,
                attachments: Vec::new(),
            }),
        }
    }

    fn created() -> Event {
        Event {
            conversation: ConversationId(Uuid::nil()),
            seq: place(1),
            at: Timestamp(0),
            body: EventBody::Created {
                by: user("al"),
                title: None,
            },
        }
    }

    /// Three messages, two of them by al.
    fn log() -> Vec<Event> {
        vec![
            created(),
            message(2, "al", 12),
            message(3, "bo", 13),
            message(4, "al", 14),
        ]
    }

    fn timeline(events: &[Event]) -> Timeline {
        let mut timeline = Timeline::default();
        for event in events {
            timeline.apply(event);
        }
        timeline
    }

    #[test]
    fn a_hole_a_repeat_and_a_foreign_event_are_found() {
        assert_eq!(gapless(&log()), Ok(()));
        let after = place(2);
        let mut hole = log();
        hole.remove(2);
        let found = place(4);
        assert_eq!(gapless(&hole), Err(Violation::Gap { after, found }));
        let mut repeat = log();
        repeat[2] = repeat[1].clone();
        let found = after;
        assert_eq!(gapless(&repeat), Err(Violation::Gap { after, found }));
        let mut foreign = log();
        foreign[3].conversation = ConversationId(Uuid::max());
        assert!(matches!(gapless(&foreign), Err(Violation::Foreign(_))));
    }

    #[test]
    fn a_message_that_is_there_twice_is_found_but_not_a_name_that_two_senders_use() {
        let mut log = log();
        log.push(message(5, "bo", 12));
        assert_eq!(each_once(&log), Ok(()));
        log.push(message(6, "al", 12));
        let doubled = each_once(&log).unwrap_err();
        assert!(matches!(doubled, Violation::Doubled { first, second, .. }
            if first == place(2) && second == place(6)));
    }

    #[test]
    fn an_acknowledged_message_that_is_gone_or_elsewhere_is_found() {
        let at = |seq| Acknowledged {
            client_id: name(13),
            seq: place(seq),
        };
        assert_eq!(acknowledged_is_logged(&[at(3)], &log()), Ok(()));
        assert!(acknowledged_is_logged(&[at(3), at(4)], &log()).is_err());
        assert!(acknowledged_is_logged(&[at(3)], &log()[..2]).is_err());
    }

    #[test]
    fn a_lost_and_an_invented_message_are_found() {
        let sent = [name(12), name(13), name(14)];
        assert_eq!(exactly_sent(&sent, &log()), Ok(()));
        let lost = exactly_sent(&sent, &log()[..3]);
        assert_eq!(lost, Err(Violation::SentLost(name(14))));
        let invented = exactly_sent(&sent[..2], &log());
        assert_eq!(invented, Err(Violation::Invented(name(14))));
    }

    #[test]
    fn a_timeline_that_lacks_or_changes_something_is_found() {
        assert_eq!(timeline_equals_log(&timeline(&log()), &log()), Ok(()));
        let short = timeline(&log()[..3]);
        assert_eq!(
            timeline_equals_log(&short, &log()),
            Err(Violation::TimelinesDiffer(place(4)))
        );
        let mut other = log();
        other[2] = message(3, "bo", 99);
        assert_eq!(
            same_timelines(&timeline(&log()), &timeline(&other)),
            Err(Violation::TimelinesDiffer(place(3)))
        );
    }

    #[test]
    fn a_count_that_is_off_by_one_is_found() {
        let right = Counts {
            unread: 1,
            mentions: 1,
        };
        assert_eq!(
            unread_equals_recount(&log(), &user("bo"), place(2), right),
            Ok(())
        );
        let wrong = unread_equals_recount(&log(), &user("bo"), place(1), right);
        assert!(matches!(wrong, Err(Violation::Miscounted { .. })));
    }
}
