use super::*;

const NODE: NodeId = NodeId(Uuid::from_u128(0xA));

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn hints() -> Vec<Hint> {
    let conversation = ConversationId(Uuid::from_u128(1));
    let seq = Seq::new(300).unwrap();
    let frame = |text: &'static str| Utf8Bytes::from_static(text);
    let mut hints = vec![
        Hint::Event {
            conversation,
            seq,
            members: 70_000,
            joined: vec![user("ann"), user(&"x".repeat(64))],
            left: vec![user("b.o:b@home")],
            deletes: false,
            veiled: true,
            frame: frame(r#"{"type":"event","text":"grüße"}"#),
        },
        Hint::Event {
            conversation,
            seq: Seq::MAX,
            members: 0,
            joined: Vec::new(),
            left: Vec::new(),
            deletes: true,
            veiled: false,
            frame: frame(""),
        },
        Hint::Roles {
            conversation,
            guests: vec![user("ann")],
            others: Vec::new(),
        },
        Hint::Receipt {
            conversation,
            user: user("ann"),
            frame: frame("{}"),
        },
        Hint::Cursor {
            user: user("ann"),
            conversation,
            frame: frame("{}"),
        },
        Hint::Personal {
            user: user("ann"),
            conversation,
            version: 12,
            frame: frame("{}"),
        },
        Hint::ThreadRead {
            user: user("ann"),
            conversation,
            frame: frame("{}"),
        },
        Hint::Added {
            user: user("ann"),
            conversation,
            seq,
        },
        Hint::Revoked {
            user: user("ann"),
            session: SessionId(Uuid::from_u128(2)),
        },
        Hint::Typing {
            conversation,
            user: user("ann"),
            frame: frame("{}"),
        },
    ];
    hints.extend(soft_hints());
    hints
}

/// Those of soft state, and of what is one user's own.
fn soft_hints() -> Vec<Hint> {
    let conversation = ConversationId(Uuid::from_u128(1));
    let frame = Utf8Bytes::from_static;
    vec![
        Hint::Presence {
            user: user("ann"),
            report: NodeReport::new(
                Presence {
                    status: Status::Offline,
                    last_seen: Some(Timestamp(-1)),
                },
                false,
            ),
        },
        Hint::Presence {
            user: user("ann"),
            report: NodeReport::new(Presence::of(Status::Away), false),
        },
        Hint::Presence {
            user: user("ann"),
            report: NodeReport::new(Presence::of(Status::Offline), true),
        },
        Hint::Privacy { user: user("ann") },
        Hint::WhoIsThere {
            user: user("ann"),
            is_new: true,
        },
        Hint::Blocks {
            user: user("ann"),
            has_more: true,
            other: user("bob"),
        },
        Hint::Upload {
            conversation,
            frame: frame("{}"),
        },
        Hint::OwnUpload {
            user: user("ann"),
            frame: frame("{}"),
        },
    ]
}

#[test]
fn what_is_encoded_is_read_back() {
    for hint in hints() {
        assert_eq!(decode(encode(NODE, &hint)), Some((NODE, hint)));
    }
}

#[test]
fn what_this_version_does_not_know_is_ignored() {
    for hint in hints() {
        let mut message = encode(NODE, &hint).to_vec();
        message[1] = 0x7F;
        assert_eq!(decode(message.clone().into()), None);
        message[1] = hint.kind();
        message[0] = VERSION + 1;
        assert_eq!(decode(message.into()), None);
    }
}

#[test]
fn a_message_that_is_cut_or_damaged_is_no_reason_to_panic() {
    for hint in hints() {
        let whole = encode(NODE, &hint);
        let header = whole.len() - hint.frame().map_or(0, str::len);
        for length in 0..whole.len() {
            let read = decode(whole.slice(..length));
            // A time of departure may be missing, and that there is to be none.
            let optional = match &hint {
                Hint::Presence { report, .. } if report.presence.last_seen.is_some() => 8,
                Hint::Presence { report, .. } if report.hides_last_seen => 1,
                _ => 0,
            };
            let is_whole = length + optional >= header;
            assert!(is_whole || read.is_none(), "{hint:?} {length}");
        }
        for index in 0..whole.len() {
            let mut damaged = whole.to_vec();
            damaged[index] ^= 0xFF;
            let _ = decode(damaged.into());
        }
    }
}

/// Bytes as they are on the wire: a change here is a new [`VERSION`].
#[test]
fn the_bytes_of_version_1_stay_as_they_are() {
    let added = Hint::Added {
        user: user("ann"),
        conversation: ConversationId(Uuid::from_u128(0x0102)),
        seq: Seq::new(7).unwrap(),
    };
    let mut expected = vec![1, 4];
    expected.extend([0; 15]);
    expected.push(0xA);
    expected.extend(b"\x03ann");
    expected.extend([0; 14]);
    expected.extend([1, 2]);
    expected.extend([7, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(encode(NODE, &added), expected);
}
