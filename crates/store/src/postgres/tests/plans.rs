//! Every read finds its rows by an index, however long the log is.

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Command, Emoji, Mentions, NewAmendment, NewMessage, NewReply, Wish,
};
use tidemark_core::{ClientId, ConversationId, Position, Seq, Timestamp, UploadId, UserId};
use tokio_postgres::Client;
use uuid::Uuid;

use super::super::feed::Selection;
use super::super::statement::Statement;
use super::super::{
    facts, feed, inbox, mentions, moderation, personal, reads, thread_reads, timeline, uploads,
};
use super::database;
use crate::PageLimits;

/// A few thousand people in a thousand conversations with some messages each, and one who is in all of them.
const HISTORY: &str = "
    INSERT INTO tidemark.person (id, origin, created_at)
        SELECT 'person-' || n, 0, 0 FROM generate_series(1, 4000) AS n;
    INSERT INTO tidemark.conversation
        SELECT n, lpad(to_hex(n), 32, '0')::uuid, 'group', 'private', NULL, NULL, NULL, 0, 20, 200,
            200, n * 200
        FROM generate_series(1, 1000) AS n;
    INSERT INTO tidemark.member
        SELECT 1 + (n + m * 37) % 1000, n, 'person-' || n, 'member', 1, NULL, 100, 120
        FROM generate_series(1, 4000) AS n, generate_series(0, 4) AS m;
    INSERT INTO tidemark.member
        SELECT n, 1, 'person-1', 'member', 1, NULL, 100, 120 FROM generate_series(1, 1000) AS n
        ON CONFLICT DO NOTHING;
    INSERT INTO tidemark.event
        SELECT n, seq, n * 200 + seq, 0, 1 + (n + seq) % 4000, seq, seq / 20, gen_random_uuid(), 1,
            'a message of some length, as people write them', NULL
        FROM generate_series(1, 1000) AS n, generate_series(1, 200) AS seq;
    INSERT INTO tidemark.mention
        SELECT 1 + (n * 7 + seq) % 4000, n, seq, 1 + (n + seq) % 4000, n * 200 + seq
        FROM generate_series(1, 1000) AS n, generate_series(1, 200, 10) AS seq;
    INSERT INTO tidemark.amended
        SELECT n, seq, 1 + (n + seq) % 4000, seq + 1, seq + 2, seq + 3
        FROM generate_series(1, 1000) AS n, generate_series(1, 200, 10) AS seq;
    INSERT INTO tidemark.reaction
        SELECT n, seq, ':boat:', 1 + (n * 7 + seq) % 4000, seq + 4
        FROM generate_series(1, 1000) AS n, generate_series(1, 200, 10) AS seq;
    INSERT INTO tidemark.reaction_count
        SELECT n, seq, ':boat:', 1, seq + 4
        FROM generate_series(1, 1000) AS n, generate_series(1, 200, 10) AS seq;
    INSERT INTO tidemark.mention
        SELECT 0, n, seq, 1 + (n + seq) % 4000, n * 200 + seq
        FROM generate_series(1, 1000) AS n, generate_series(1, 200, 10) AS seq;
    INSERT INTO tidemark.personal
        SELECT person, conversation, row_number() OVER (PARTITION BY person), joined, 0, 0, NULL, false,
            true, NULL, 'a draft', NULL
        FROM tidemark.member;
    INSERT INTO tidemark.thread
        SELECT n, root, 10, 1, 5, root + 9, n * 200 + root
        FROM generate_series(1, 1000) AS n, generate_series(1, 191, 10) AS root;
    INSERT INTO tidemark.reply
        SELECT n, root, root + m, 1 + (n + root + m) % 4000, m, 1,
            CASE WHEN m = 4 THEN root + m ELSE NULL END
        FROM generate_series(1, 1000) AS n, generate_series(1, 191, 10) AS root,
            generate_series(1, 9) AS m;
    INSERT INTO tidemark.thread_person
        SELECT n, root, 1 + (n + root + m) % 4000, 1, root + m, n * 200 + root + m
        FROM generate_series(1, 1000) AS n, generate_series(1, 191, 10) AS root,
            generate_series(1, 9) AS m;
    INSERT INTO tidemark.thread_person
        SELECT n, root, 1, 0, 0, n * 200 + root
        FROM generate_series(1, 1000) AS n, generate_series(1, 191, 10) AS root
        ON CONFLICT DO NOTHING;
    INSERT INTO tidemark.thread_cursor
        SELECT n, root, 1, root + 3
        FROM generate_series(1, 1000) AS n, generate_series(1, 191, 10) AS root;
    ANALYZE;";

fn room(number: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(number))
}

fn person(number: u32) -> UserId {
    UserId::parse(&format!("person-{number}")).unwrap()
}

fn command(number: u32, action: Action) -> Command {
    Command {
        conversation: room(number.into()),
        caller: Caller::User(person(number)),
        at: Timestamp(0),
        action,
    }
}

/// A batch that asks for all kinds of facts, so large that reading the whole log would look cheap.
fn batch() -> Vec<Command> {
    let send = |number: u32| {
        command(
            number,
            Action::Send(NewMessage {
                client_id: ClientId(Uuid::from_u128(number.into())),
                text: "hello".to_owned(),
                reply_to: Seq::new(3),
                mentions: Mentions::default(),
                client_at: None,
                thread: Some(NewReply {
                    thread: Seq::new(11).unwrap(),
                    also_in_conversation: false,
                }),
                attachments: Vec::new(),
            }),
        )
    };
    let read = |number| command(number, Action::MoveCursor(Seq::new(150).unwrap()));
    let react = |number| {
        let emoji = Emoji::parse(":boat:").unwrap();
        command(
            number,
            Action::Amend(NewAmendment {
                target: Seq::new(11).unwrap(),
                client_id: Some(ClientId(Uuid::from_u128(number.into()))),
                wish: Wish::React { emoji, on: true },
            }),
        )
    };
    let commands = (1..1000).map(send).chain((1..1000).map(read));
    let commands = commands.chain((1..1000).map(react));
    // Owners are looked for among all members.
    let leave = |number| command(number, Action::Leave);
    commands.chain((1..1000).map(leave)).collect()
}

async fn plan(client: &Client, statement: Statement) -> String {
    let explain = format!("EXPLAIN {}", statement.sql());
    let explained = statement.explained(Box::leak(explain.into_boxed_str()));
    let rows = explained.run(client).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    lines.join("\n")
}

#[tokio::test]
async fn every_read_of_the_log_uses_an_index() {
    let connector = database().await;
    let client = connector.open_alone().await.unwrap();
    client.batch_execute(HISTORY).await.unwrap();
    let (ann, seq) = (person(1), Seq::new(100).unwrap());
    let caller = Caller::User(ann.clone());
    let limits = PageLimits {
        entries_max: 50,
        text_bytes_max: usize::MAX,
    };
    let view = timeline::View {
        caller: &caller,
        conversation: room(7),
        floor: Seq::new(20).unwrap(),
        limits,
    };
    let mut statements = vec![
        reads::access(&caller, room(7)),
        reads::events_after_statement(room(7), seq, limits),
        reads::members_statement(room(7), Some(&ann), 50),
        view.below_statement(seq),
        view.above_statement(seq),
        inbox::conversation_statement(&caller, room(7)),
        inbox::inbox_statement(&ann, Some(Position(150_000)), 20),
        inbox::memberships_statement(&ann),
        feed::events_statement(Selection::Everything, Position(100_000), limits),
        feed::events_statement(Selection::Members, Position(100_000), limits),
        reads::heads_statement(&[room(7), room(9)]),
        reads::acquainted_statement(&ann, &(2..500).map(person).collect::<Vec<_>>()),
    ];
    statements.push(mentions::newest_statement(
        &ann,
        Some(Position(150_000)),
        50,
    ));
    statements.extend(reads::receipts_statements(room(7), seq, 50));
    let root = seq;
    statements.push(thread_reads::root_statement(&caller, room(7), root));
    for thread in [Some(root), None] {
        let pages = thread_reads::page_statements(&caller, room(7), thread, seq, limits);
        statements.extend(pages);
    }
    for only in [None, Some(room(7))] {
        let before = Some(Position(150_000));
        statements.push(thread_reads::list_statement(&ann, only, before, 50));
    }
    let crowd: Vec<_> = (2..500).map(person).collect();
    statements.push(inbox::counts_of_statement(&crowd, room(7)));
    let crowd: Vec<_> = crowd.into_iter().map(Caller::User).collect();
    statements.push(reads::access_of_all(&crowd, room(7)));
    statements.push(moderation::bans_statement(room(7), Some(&ann), 50));
    statements.push(moderation::versions_statement(
        room(7),
        Seq::new(11).unwrap(),
        Seq::ZERO,
        limits,
    ));
    statements.push(personal::standing_statement(&ann, room(7)));
    statements.extend(personal::changes_statements(&ann, 500, 50));
    statements.extend(facts::Wanted::by(&batch()).questions().statements);
    assert!(statements.len() > 15);
    for statement in statements {
        let sql = statement.sql();
        let plan = plan(&client, statement).await;
        // A sequence has one row and no index.
        let plan = plan.replace("Seq Scan on event_position", "");
        for table in [
            "event", "mention", "member", "amended", "reaction", "personal",
        ] {
            let scan = format!("Seq Scan on {table}");
            assert!(!plan.contains(&scan), "{sql}\n{plan}");
        }
    }
}

/// Of each conversation only as many mentions are read as are wanted, from the newest on.
#[tokio::test]
async fn mentions_are_read_from_the_end_of_their_index() {
    let connector = database().await;
    let client = connector.open_alone().await.unwrap();
    client.batch_execute(HISTORY).await.unwrap();
    let statement = mentions::newest_statement(&person(1), Some(Position(150_000)), 50);
    let plan = plan(&client, statement).await;
    let scans = plan.matches("Index Scan Backward using mention_by_position");
    assert_eq!(scans.count(), 2, "{plan}");
}

/// Some thousand people with ten uploads each, most of which a message shows.
const UPLOADED: &str = "
    INSERT INTO tidemark.person (id, origin, created_at)
        SELECT 'person-' || n, 0, 0 FROM generate_series(1, 4000) AS n;
    INSERT INTO tidemark.upload (id, owner, name, content_type, size, sha256, state, content, created_at,
            expires_at, shown)
        SELECT lpad(to_hex(n), 32, '0')::uuid, 1 + n % 4000, 'cat.png', 'image/png', 1000,
            decode(lpad(to_hex(n % 1000), 64, '0'), 'hex'),
            CASE WHEN n % 1000 = 0 THEN 'uploaded' ELSE 'ready' END,
            lpad(to_hex(n), 32, '0')::uuid, 0, n, CASE WHEN n % 500 = 0 THEN 0 ELSE 1 END
        FROM generate_series(1, 40000) AS n;
    INSERT INTO tidemark.attachment SELECT 1 + n % 1000, n, n FROM generate_series(1, 40000) AS n;
    ANALYZE;";

/// What is asked about uploads costs the same however many there are.
#[tokio::test]
async fn uploads_are_found_by_indexes() {
    let connector = database().await;
    let client = connector.open_alone().await.unwrap();
    client.batch_execute(UPLOADED).await.unwrap();
    let (ann, id) = (person(7), |number| UploadId(Uuid::from_u128(number)));
    let asked = [
        uploads::by_id(id(7)),
        uploads::twin_statement(&ann, [0; 32], 1_000),
        uploads::held_statement(&ann),
        uploads::shown_statement(7),
        uploads::page_statement(&ann, Some(id(20_000)), 50),
        uploads::due_statement(Timestamp(1_000), 4),
        uploads::expired_statement(Timestamp(30_000), 100),
        uploads::in_use_statement(&(1..100).map(id).collect::<Vec<_>>()),
    ];
    for statement in asked {
        let sql = statement.sql();
        let plan = plan(&client, statement).await;
        for table in ["upload", "attachment"] {
            let scan = format!("Seq Scan on {table}");
            assert!(!plan.contains(&scan), "{sql}\n{plan}");
        }
    }
}
