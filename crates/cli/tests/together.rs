//! Invites, bans, blocks, threads and what is private with the SDK, against the real program: what one person does, as
//! the client of the other one shows it.

#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test, also in a helper"
)]

use std::time::Duration;

use tidemark_client::{
    Client, ClientOptions, Http, HttpError, OutgoingMessage, Page, SendError, ServerUrl, Update,
    Updates,
};
use tidemark_core::conversation::{ConversationKind, EventBody, MembersChange};
use tidemark_core::presence::{Presence, Status};
use tidemark_core::{ConversationId, Seq, UserId};
use tidemark_protocol::Code;
use tidemark_protocol::body::{
    BanToMake, InviteToMake, MembersToAdd, NewAccount, NewConversation, ProfilePatch,
};
use tidemark_protocol::wire::{Secret, Wire};
use tidemark_simulator::node::{Launch, Node};
use tokio::time::timeout;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tidemark");
const PATIENCE: Duration = Duration::from_mins(1);

/// Somebody with one device, and what it was told.
struct Person {
    client: Client,
    updates: Updates,
}

impl Person {
    fn http(&self) -> &Http {
        self.client.http()
    }

    /// The first update that is this, past all others.
    async fn hears<T>(&mut self, mut is_it: impl FnMut(&Update) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let update = self.updates.next().await.expect("the client goes on");
                if let Some(found) = is_it(&update.unwrap()) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, waiting).await.unwrap()
    }

    /// The next change of members in a conversation.
    async fn hears_of_members(&mut self, conversation: ConversationId) -> MembersChange {
        self.hears(|update| match update {
            Update::Event(entry) if entry.conversation() == conversation => {
                match &entry.event()?.body {
                    EventBody::Members(change) => Some(change.clone()),
                    _ => None,
                }
            }
            _ => None,
        })
        .await
    }

    /// Waits until the client shows a message that says this.
    async fn shows(&mut self, conversation: ConversationId, text: &str) {
        let waiting = async {
            loop {
                let timeline = self.client.timeline(conversation).unwrap_or_default();
                if timeline.messages().any(|it| it.message.text == text) {
                    return;
                }
                let update = self.updates.next().await.expect("the client goes on");
                update.unwrap();
            }
        };
        timeout(PATIENCE, waiting).await.unwrap();
    }

    async fn says(&self, conversation: ConversationId, text: &str) -> Seq {
        let message = OutgoingMessage::text(text);
        self.client.send(conversation, message).await.unwrap().seq
    }

    async fn begins(&self, kind: ConversationKind, members: &[&str]) -> ConversationId {
        let new = NewConversation {
            kind: Wire(kind),
            title: None,
            members: members.iter().map(|name| Wire(user(name))).collect(),
            client_id: None,
            visibility: None,
        };
        let begun = self.http().create_conversation(&new).await.unwrap();
        begun.id.0
    }
}

fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

/// A server on which these people are online.
async fn world<const N: usize>(names: [&str; N]) -> (Node, [Person; N]) {
    let config = "[limits]\nsends_per_second = 0\nlogins_per_minute = 0\n\
        [presence]\nlinger_ms = 100\n";
    let node = Node::start(Launch::new(PROGRAM, config)).await.unwrap();
    let url = ServerUrl::parse(&format!("http://{}", node.address())).unwrap();
    let mut people = Vec::new();
    for name in names {
        let nobody = Http::new(url.clone(), None).unwrap();
        let account = NewAccount {
            username: name.to_owned(),
            password: Secret::new(format!("password of {name}")),
            display_name: None,
        };
        let token = nobody.register(&account).await.unwrap().token;
        let options = ClientOptions::new(url.clone(), token);
        let (client, updates) = Client::connect_with_updates(options).unwrap();
        client.online().await.unwrap();
        people.push(Person { client, updates });
    }
    let Ok(people) = people.try_into() else {
        panic!("as many people as names")
    };
    (node, people)
}

fn code_of<T>(answer: Result<T, HttpError>) -> Code {
    match answer {
        Err(HttpError::Refused { code, .. }) => code,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was not refused"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_joins_by_an_invite_is_shown_to_those_who_are_in() {
    let (_node, [mut ann, mut ben, cleo]) = world(["ann", "ben", "cleo"]).await;
    let group = ann.begins(ConversationKind::Group, &[]).await;
    let invite = InviteToMake {
        uses_max: Some(1),
        ..InviteToMake::default()
    };
    let made = ann.http().make_invite(group, &invite).await.unwrap();
    let preview = ben.http().invite_preview(&made.code).await.unwrap();
    assert_eq!(preview.member_count, 1);
    let joined = ben.http().join_by_invite(&made.code).await.unwrap();
    assert_eq!(joined.id.0, group);
    let change = loop {
        let change = ann.hears_of_members(group).await;
        if change.by == user("ben") {
            break change;
        }
    };
    assert_eq!(change.joined[0].user, user("ben"));
    ben.hears(|update| match update {
        Update::Added(conversation) => (conversation.id.0 == group).then_some(()),
        _ => None,
    })
    .await;
    ann.says(group, "welcome").await;
    ben.shows(group, "welcome").await;
    ben.says(group, "thank you").await;
    ann.shows(group, "thank you").await;
    // It was for one.
    let late = cleo.http().join_by_invite(&made.code).await;
    assert_eq!(code_of(late), Code::NotFound);
    assert_eq!(cleo.client.state(group), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_banned_loses_the_conversation_and_the_others_read_why() {
    let (_node, [ann, mut ben, mut cleo]) = world(["ann", "ben", "cleo"]).await;
    let group = ann.begins(ConversationKind::Group, &["ben", "cleo"]).await;
    ann.says(group, "be kind").await;
    ben.shows(group, "be kind").await;
    let ban = BanToMake {
        reason: Some("was not kind".to_owned()),
    };
    ann.http().ban(group, &user("ben"), &ban).await.unwrap();
    ben.hears(|update| (*update == Update::Removed(group)).then_some(()))
        .await;
    assert_eq!(ben.client.state(group), None);
    let change = loop {
        let change = cleo.hears_of_members(group).await;
        if !change.banned.is_empty() {
            break change;
        }
    };
    assert_eq!(
        (&*change.banned, &*change.left),
        (&[user("ben")][..], &[user("ben")][..])
    );
    assert_eq!(change.reason.as_deref(), Some("was not kind"));
    let back = MembersToAdd {
        users: vec![Wire(user("ben"))],
        role: None,
    };
    let early = ann.http().add_members(group, &back).await;
    assert_eq!(code_of(early), Code::Forbidden);
    ann.says(group, "while he is out").await;
    ann.http().unban(group, &user("ben")).await.unwrap();
    ann.http().add_members(group, &back).await.unwrap();
    ben.hears(|update| match update {
        Update::Added(conversation) => (conversation.id.0 == group).then_some(()),
        _ => None,
    })
    .await;
    ann.says(group, "welcome back").await;
    ben.shows(group, "welcome back").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_one_blocks_the_other_neither_client_shows_anything_of_the_other() {
    let (_node, [mut ann, mut ben]) = world(["ann", "ben"]).await;
    let direct = ann.begins(ConversationKind::Direct, &["ben"]).await;
    ann.says(direct, "hello").await;
    ben.shows(direct, "hello").await;
    let said = ben.says(direct, "hello you").await;
    ann.shows(direct, "hello you").await;
    ann.http().block(&user("ben")).await.unwrap();
    for (person, text) in [(&ann, "one more thing"), (&ben, "are you there?")] {
        let sent = person
            .client
            .send(direct, OutgoingMessage::text(text))
            .await;
        let Err(SendError::Refused { code, .. }) = sent else {
            panic!("{sent:?}");
        };
        assert_eq!(code, Code::Forbidden);
    }
    ben.client.typing(direct);
    ben.http().mark_read(direct, said).await.unwrap();
    ann.http().unblock(&user("ben")).await.unwrap();
    ben.says(direct, "never mind").await;
    // Nothing of it was kept for later: the next that she is shown of him is what he said then.
    ann.hears(|update| match update {
        Update::Typing { .. } => panic!("{update:?}"),
        Update::ReadBy {
            user: reader, seq, ..
        } if *reader == user("ben") => {
            assert!(*seq < said, "{update:?}");
            None
        }
        Update::Event(entry) => {
            let message = entry.event()?.body.as_message()?;
            (message.text == "never mind").then_some(())
        }
        _ => None,
    })
    .await;
    ann.shows(direct, "never mind").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_are_counted_below_their_message_by_the_other_client() {
    let (_node, [mut ann, ben]) = world(["ann", "ben"]).await;
    let group = ann.begins(ConversationKind::Group, &["ben"]).await;
    let root = ann.says(group, "who comes?").await;
    let reply = async |text: &str, is_shown| {
        let message = OutgoingMessage::text(text);
        let sent = ben.client.send_in_thread(group, root, is_shown, message);
        sent.await.unwrap().seq
    };
    reply("I do", false).await;
    ann.shows(group, "I do").await;
    let replies = |client: &Client| {
        let timeline = client.timeline(group).unwrap();
        let root = timeline.messages().find(|it| it.seq == root).unwrap();
        root.replies.as_ref().map(|replies| replies.count)
    };
    assert_eq!(replies(&ann.client), Some(1));
    let page = ann.client.load_thread(group, root, Page::Latest, 10).await;
    let page = page.unwrap();
    assert_eq!((page.unread, page.messages.len()), (1, 1));
    let last = reply("and my sister", true).await;
    let unread = ann.hears(|update| match update {
        Update::Thread {
            thread, unread: 2, ..
        } => Some(*thread),
        _ => None,
    });
    assert_eq!(unread.await, root);
    assert_eq!(replies(&ann.client), Some(2));
    ann.client.mark_thread_read(group, root, last);
    let read = ann.hears(|update| match update {
        Update::Thread {
            read, unread: 0, ..
        } => Some(*read),
        _ => None,
    });
    assert_eq!(read.await, last);
    assert_eq!(ann.client.thread_state(group, root).unwrap().unread, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_hides_when_they_were_there_is_only_offline() {
    let (_node, [mut ann, ben]) = world(["ann", "ben"]).await;
    ann.begins(ConversationKind::Group, &["ben"]).await;
    let http = ben.http().clone();
    let shows = async |shows| {
        let patch = ProfilePatch {
            show_last_seen: Some(shows),
            ..ProfilePatch::default()
        };
        let changed = http.change_profile(&patch).await.unwrap();
        assert_eq!(changed.show_last_seen, Some(shows));
    };
    shows(false).await;
    ann.client.watch(vec![user("ben")]);
    let of_ben = |update: &Update| match update {
        Update::Presence { presence, .. } => Some(*presence),
        _ => None,
    };
    assert_eq!(ann.hears(of_ben).await, Presence::of(Status::Online));
    ben.client.close(PATIENCE).await;
    assert_eq!(ann.hears(of_ben).await, Presence::of(Status::Offline));
    shows(true).await;
    let told = ann.hears(of_ben).await;
    assert!(told.status == Status::Offline && told.last_seen.is_some());
}
