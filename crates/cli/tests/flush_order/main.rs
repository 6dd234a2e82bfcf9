//! When does a message reach stable storage, and who hears of it when? What the server asks of the kernel says
//! so: these tests run the real program under `strace` and read the order of its writes, flushes and answers.
//!
//! Without `strace`, or where it may not trace, they say so and do nothing; on a build server
//! (`CI=true`) that is a failure.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but does not see that all of this is one"
)]

mod trace;
mod traced;

use tidemark_client::Http;
use tidemark_client::transport::{Transport, TransportLimits};
use tidemark_core::ConversationId;
use tidemark_core::conversation::ConversationKind;
use tidemark_protocol::body::{NewAccount, NewConversation, SignedIn};
use tidemark_protocol::wire::{Secret, Wire};
use uuid::Uuid;

use traced::TracedServer;

/// As many as a user may have by default.
const CLIENTS: usize = 64;

fn account(name: &str) -> NewAccount {
    NewAccount {
        username: name.to_owned(),
        password: Secret::new("correct horse"),
        display_name: None,
    }
}

fn group(title: &str, member: Option<&SignedIn>) -> NewConversation {
    NewConversation {
        kind: Wire(ConversationKind::Group),
        title: Some(title.to_owned()),
        members: member.iter().map(|it| it.user.id.clone()).collect(),
        client_id: None,
        visibility: None,
    }
}

/// A conversation of `owner`, and of `member` if there is one.
async fn converse(owner: &Http, member: Option<&SignedIn>) -> ConversationId {
    let new = group("harbour", member);
    owner.create_conversation(&new).await.unwrap().id.0
}

/// A socket that has been let in.
async fn socket(http: &Http, signed_in: &SignedIn) -> Transport {
    let limits = TransportLimits::default();
    let mut socket = Transport::connect(http.url(), None, limits).await.unwrap();
    let token = signed_in.token.expose();
    let hello = format!(r#"{{"type":"hello","token":"{token}"}}"#);
    socket.send(hello).await.unwrap();
    hear(&mut socket, r#""type":"welcome""#).await;
    socket
}

/// Waits for a frame that holds `words`.
async fn hear(socket: &mut Transport, words: &str) {
    while let Some(frame) = socket.next().await.unwrap() {
        assert!(!frame.contains(r#""type":"refused""#), "{frame}");
        if frame.contains(words) {
            return;
        }
    }
    panic!("the server closed the socket before it sent {words}");
}

fn send_frame(conversation: ConversationId, client_id: Uuid, text: &str) -> String {
    format!(
        r#"{{"type":"send","id":1,"conversation":"{conversation}","client_id":"{client_id}","text":"{text}"}}"#
    )
}

#[tokio::test]
async fn a_message_is_flushed_once_before_anybody_hears_of_it() {
    let Some(server) = TracedServer::start().await else {
        return;
    };
    let http = server.http();
    let ann = http.register(&account("ann")).await.unwrap();
    let bob = http.register(&account("bob")).await.unwrap();
    let anns = http.with_token(ann.token.clone());
    let conversation = converse(&anns, Some(&bob)).await;
    let mut sender = socket(&http, &ann).await;
    let mut reader = socket(&http, &bob).await;

    server.mark("begin").await;
    let client_id = Uuid::now_v7();
    let send = send_frame(conversation, client_id, "the tide is coming in");
    sender.send(send).await.unwrap();
    hear(&mut sender, r#""type":"ack""#).await;
    hear(&mut reader, r#""type":"event""#).await;
    server.mark("end").await;

    let trace = server.stop().await.between("begin", "end");
    let flushed = trace.flushed("the tide is coming in");
    let ack = trace.answer(&["\\\"ack\\\"", &client_id.to_string()]);
    let event = trace.answer(&["\\\"event\\\"", &client_id.to_string()]);
    assert!(
        flushed < ack.began,
        "the ack is on its way before the flush returned"
    );
    assert!(
        flushed < event.began,
        "the event is on its way before the flush returned"
    );
    assert_eq!(trace.flushes(), 1, "one message costs one flush");
}

#[tokio::test]
async fn messages_that_come_together_share_flushes_and_none_is_acknowledged_early() {
    let Some(server) = TracedServer::start().await else {
        return;
    };
    let http = server.http();
    let ann = http.register(&account("ann")).await.unwrap();
    let anns = http.with_token(ann.token.clone());
    let conversation = converse(&anns, None).await;
    let mut sockets = Vec::new();
    for _ in 0..CLIENTS {
        sockets.push(socket(&http, &ann).await);
    }

    server.mark("begin").await;
    let names: Vec<Uuid> = (0..CLIENTS).map(|_| Uuid::now_v7()).collect();
    for (socket, name) in sockets.iter_mut().zip(&names) {
        let send = send_frame(conversation, *name, &format!("said by {name}"));
        socket.send(send).await.unwrap();
    }
    for socket in &mut sockets {
        hear(socket, r#""type":"ack""#).await;
    }
    server.mark("end").await;

    let trace = server.stop().await.between("begin", "end");
    for name in &names {
        let flushed = trace.flushed(&format!("said by {name}"));
        let ack = trace.answer(&["\\\"ack\\\"", &name.to_string()]);
        assert!(
            flushed < ack.began,
            "an ack is on its way before the flush returned"
        );
    }
    let flushes = trace.flushes();
    assert!(
        flushes < CLIENTS,
        "{flushes} flushes for {CLIENTS} messages"
    );
}

#[tokio::test]
async fn accounts_and_conversations_are_flushed_before_they_are_answered() {
    let Some(server) = TracedServer::start().await else {
        return;
    };
    let http = server.http();
    server.mark("begin").await;
    let ann = http.register(&account("ann.of.the.harbour")).await.unwrap();
    server.mark("middle").await;
    let anns = http.with_token(ann.token.clone());
    let new = group("mending nets", None);
    anns.create_conversation(&new).await.unwrap();
    server.mark("end").await;

    let trace = server.stop().await;
    for (from, to, told) in [
        ("begin", "middle", "ann.of.the.harbour"),
        ("middle", "end", "mending nets"),
    ] {
        let trace = trace.between(from, to);
        let answer = trace.answer(&["HTTP/1.1 201", told]);
        assert!(trace.flushed(told) < answer.began, "{told}");
        assert_eq!(trace.unflushed_at(answer), [0; 0], "{told}");
    }
}
