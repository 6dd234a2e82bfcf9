//! Who may do what over HTTP, written down: each call, by everybody, in a private and in a public channel.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Answer, Caller, World};

/// Those who call, in the order of the columns; `key` is the API key.
const CALLERS: [&str; 9] = [
    "owner",
    "admin",
    "moderator",
    "member",
    "guest",
    "former",
    "banned",
    "stranger",
    "key",
];

/// The status of each answer. Whoever is outside hears of a private channel exactly what an unknown id is answered.
const PRIVATE: &str = "
            owner admin moderator member guest former banned stranger key
see         200   200   200       200    200   404    404    404      200
messages    200   200   200       200    200   404    404    404      200
events      200   200   200       200    200   404    404    404      200
members     200   200   200       200    200   404    404    404      200
readers     200   200   200       200    200   404    404    404      200
send        201   201   201       201    403   404    404    404      201
edit        403   403   403       200    403   404    404    404      403
delete      200   200   200       200    403   404    404    404      200
react       200   200   200       200    403   404    404    404      200
pin         200   200   200       200    403   404    404    404      200
history     200   200   200       200    403   404    404    404      200
read        200   200   200       200    200   404    404    404      403
personal    200   200   200       200    200   404    404    404      403
settings    200   200   403       403    403   404    404    404      200
join        200   200   200       200    200   404    404    404      403
leave       409   200   200       200    200   404    404    404      403
add         200   200   403       403    403   404    404    404      200
remove      200   200   200       403    403   404    404    404      200
promote     200   200   403       403    403   404    404    404      200
ban         200   200   200       403    403   404    404    404      200
unban       200   200   200       403    403   404    404    404      200
bans        200   200   200       403    403   404    404    404      200
invite      201   201   403       403    403   404    404    404      201
invites     200   200   403       403    403   404    404    404      200
revoke      204   204   403       403    403   404    404    404      204
hand_over   200   403   403       403    403   404    404    404      403
preview     200   200   200       200    200   200    403    200      200
by_invite   200   200   200       200    200   200    403    200      403
";

/// The same in a public channel, which everybody sees and, unless they are banned, may join.
const PUBLIC: &str = "
            owner admin moderator member guest former banned stranger key
see         200   200   200       200    200   200    200    200      200
messages    200   200   200       200    200   403    403    403      200
events      200   200   200       200    200   403    403    403      200
members     200   200   200       200    200   403    403    403      200
readers     200   200   200       200    200   403    403    403      200
send        201   201   201       201    403   403    403    403      201
edit        403   403   403       200    403   403    403    403      403
delete      200   200   200       200    403   403    403    403      200
react       200   200   200       200    403   403    403    403      200
pin         200   200   200       200    403   403    403    403      200
history     200   200   200       200    403   403    403    403      200
read        200   200   200       200    200   403    403    403      403
personal    200   200   200       200    200   403    403    403      403
settings    200   200   403       403    403   403    403    403      200
join        200   200   200       200    200   200    403    200      403
leave       409   200   200       200    200   403    403    403      403
add         200   200   403       403    403   403    403    403      200
remove      200   200   200       403    403   403    403    403      200
promote     200   200   403       403    403   403    403    403      200
ban         200   200   200       403    403   403    403    403      200
unban       200   200   200       403    403   403    403    403      200
bans        200   200   200       403    403   403    403    403      200
invite      201   201   403       403    403   403    403    403      201
invites     200   200   403       403    403   403    403    403      200
revoke      204   204   403       403    403   403    403    403      204
hand_over   200   403   403       403    403   403    403    403      403
preview     200   200   200       200    200   200    403    200      200
by_invite   200   200   200       200    200   200    403    200      403
";

/// A channel in which everybody is what they are called, `member` has said something, and there is an invite.
struct Channel {
    id: String,
    said: u64,
    invite: String,
    code: String,
}

struct People {
    callers: Vec<Caller>,
}

impl People {
    async fn of(world: &World) -> Self {
        let mut callers = Vec::new();
        for name in &CALLERS[..8] {
            callers.push(world.person(name).await);
        }
        for name in ["victim", "newcomer"] {
            world.person(name).await;
        }
        callers.push(world.operator());
        Self { callers }
    }

    fn named(&self, name: &str) -> &Caller {
        let place = CALLERS.iter().position(|other| *other == name);
        &self.callers[place.unwrap()]
    }

    async fn channel(&self, visibility: &str) -> Channel {
        let owner = self.named("owner");
        let members = ["admin", "moderator", "member", "guest", "former", "victim"];
        let new = json!({"kind": "channel", "visibility": visibility, "members": members});
        let id = done(owner.post("/v1/conversations", new).await).text("id");
        let path = format!("/v1/conversations/{id}");
        for role in ["admin", "moderator", "guest"] {
            let change = json!({"role": role});
            done(owner.patch(&format!("{path}/members/{role}"), change).await);
        }
        done(owner.delete(&format!("{path}/members/former")).await);
        done(owner.put(&format!("{path}/bans/banned"), json!({})).await);
        let invite = owner.post(&format!("{path}/invites"), json!({})).await;
        let invite = done(invite);
        Channel {
            said: self.named("member").say(&id, "hello").await,
            invite: invite.text("invite_id"),
            code: invite.text("code"),
            id,
        }
    }
}

#[track_caller]
fn done(answer: Answer) -> Answer {
    assert!(answer.status < 300, "{answer:?}");
    answer
}

/// How `operation` is called in a channel with this id.
fn request(operation: &str, id: &str, channel: &Channel) -> (Method, String, Option<Value>) {
    let path = format!("/v1/conversations/{id}");
    let message = format!("{path}/messages/{}", channel.said);
    let Channel { invite, code, .. } = channel;
    let nothing = || Some(json!({}));
    match operation {
        "see" => (Method::GET, path, None),
        "messages" | "events" | "members" | "bans" | "invites" => {
            (Method::GET, format!("{path}/{operation}"), None)
        }
        "readers" => (Method::GET, format!("{path}/readers?seq=2"), None),
        "send" => {
            let text = json!({"client_id": Uuid::now_v7(), "text": "hi"});
            (Method::POST, format!("{path}/messages"), Some(text))
        }
        "edit" => (Method::PATCH, message, Some(json!({"text": "hello all"}))),
        "delete" => (Method::DELETE, message, None),
        "react" => (
            Method::PUT,
            format!("{message}/reactions/:boat:"),
            nothing(),
        ),
        "pin" => (Method::PUT, format!("{message}/pin"), nothing()),
        "history" => (Method::GET, format!("{message}/history"), None),
        "read" => (Method::PUT, format!("{path}/read"), Some(json!({"seq": 2}))),
        "personal" => {
            let archived = json!({"archived": true});
            (Method::PUT, format!("{path}/personal"), Some(archived))
        }
        "settings" => (Method::PATCH, path, Some(json!({"slow_mode_seconds": 5}))),
        "join" | "leave" => (Method::POST, format!("{path}/{operation}"), nothing()),
        "add" => {
            let users = json!({"users": ["newcomer"]});
            (Method::POST, format!("{path}/members"), Some(users))
        }
        "remove" => (Method::DELETE, format!("{path}/members/victim"), None),
        "promote" => {
            let role = json!({"role": "moderator"});
            (Method::PATCH, format!("{path}/members/victim"), Some(role))
        }
        "ban" => (Method::PUT, format!("{path}/bans/victim"), nothing()),
        "unban" => (Method::DELETE, format!("{path}/bans/banned"), None),
        "invite" => (Method::POST, format!("{path}/invites"), nothing()),
        "revoke" => (Method::DELETE, format!("{path}/invites/{invite}"), None),
        "hand_over" => {
            let user = json!({"user": "victim"});
            (Method::POST, format!("{path}/owner"), Some(user))
        }
        "preview" => (Method::GET, format!("/v1/invites/{code}"), None),
        "by_invite" => (Method::POST, format!("/v1/invites/{code}/join"), nothing()),
        other => panic!("{other} is no operation"),
    }
}

async fn call(caller: &Caller, (method, path, body): (Method, String, Option<Value>)) -> Answer {
    let response = caller.request(method, &path, body).await;
    let status = response.status().as_u16();
    let body = response.text().await.unwrap();
    let body = serde_json::from_str(&body).unwrap_or(Value::Null);
    Answer { status, body }
}

fn assert_answer(answer: &Answer, expected: u16, what: &str) {
    assert_eq!(answer.status, expected, "{what}: {answer:?}");
    let code = match expected {
        403 => "forbidden",
        404 => "not_found",
        _ => return,
    };
    assert!(answer.is_problem(expected, code), "{what}: {answer:?}");
}

async fn assert_table(table: &str, visibility: &str) {
    let world = World::new().await;
    let people = People::of(&world).await;
    for row in table.trim().lines().skip(1) {
        let mut cells = row.split_whitespace();
        let operation = cells.next().unwrap();
        let expected: Vec<u16> = cells.map(|cell| cell.parse().unwrap()).collect();
        assert_eq!(expected.len(), CALLERS.len(), "{row}");
        // A channel for each cell: what one of them does is not in the way of the next.
        let answers = CALLERS.iter().map(async |name| {
            let channel = people.channel(visibility).await;
            let caller = people.named(name);
            let answer = call(caller, request(operation, &channel.id, &channel)).await;
            let unknown = Uuid::now_v7().to_string();
            let unknown = call(caller, request(operation, &unknown, &channel)).await;
            (answer, unknown)
        });
        let answers = join_all(answers).await;
        for ((name, expected), (answer, unknown)) in CALLERS.iter().zip(expected).zip(answers) {
            let what = format!("{operation} by {name} in a {visibility} channel");
            assert_answer(&answer, expected, &what);
            if expected == 404 {
                assert_eq!(answer, unknown, "{what}");
            }
        }
    }
}

#[tokio::test]
async fn in_a_private_channel_everybody_does_what_the_table_says() {
    assert_table(PRIVATE, "private").await;
}

#[tokio::test]
async fn in_a_public_channel_everybody_does_what_the_table_says() {
    assert_table(PUBLIC, "public").await;
}
