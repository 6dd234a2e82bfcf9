//! Random histories: few people, few conversations and few client ids, so that they meet often.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, CodeHash, Command, ConversationKind, Delivery, Emoji, History, Joined, Mentions,
    NewAmendment, NewConversation, NewInvite, NewMessage, NewReply, Role, RulesChange,
    SettingsChange, Visibility, Wish,
};
use tidemark_core::{ClientId, ConversationId, InviteId, Limits, Seq, Timestamp, UserId};
use uuid::Uuid;

use crate::world::World;

const PEOPLE: [&str; 6] = ["ada", "ben", "cleo", "dan", "eve", "finn"];
const ROOMS: [ConversationKind; 4] = [
    ConversationKind::Direct,
    ConversationKind::Group,
    ConversationKind::Channel,
    ConversationKind::Channel,
];
const GROUP_MEMBERS_MAX: u64 = 4;
/// Longer than any log of these histories, so that some references lead nowhere.
const SEQ_MAX: u64 = 40;

pub(crate) fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

pub(crate) fn client_id(number: u128) -> ClientId {
    ClientId(Uuid::from_u128(number))
}

pub(crate) fn room_id(number: usize) -> ConversationId {
    ConversationId(Uuid::from_u128(number as u128))
}

/// An id that no conversation has.
pub(crate) fn unknown_room() -> ConversationId {
    ConversationId(Uuid::from_u128(u128::MAX))
}

pub(crate) fn command(conversation: ConversationId, caller: Caller, action: Action) -> Command {
    Command {
        conversation,
        caller,
        at: Timestamp(1_000),
        action,
    }
}

/// A message that says `text` and nothing else.
pub(crate) fn says(number: u128, text: &str) -> NewMessage {
    NewMessage {
        client_id: client_id(number),
        text: text.to_owned(),
        reply_to: None,
        mentions: Mentions::default(),
        client_at: None,
        thread: None,
        attachments: Vec::new(),
    }
}

/// A world with four conversations made by ada: with ben alone, a group with ben and cleo, a public
/// channel and a private one. Ben is an admin where there can be one.
pub(crate) fn settled_world() -> World {
    let limits = Limits {
        group_members_max: GROUP_MEMBERS_MAX,
        ..Limits::default()
    };
    let mut world = World::of(PEOPLE.map(user), limits);
    for (number, kind) in ROOMS.into_iter().enumerate() {
        let is_public = number == 2;
        let new = NewConversation {
            kind,
            visibility: if is_public {
                Visibility::Public
            } else {
                Visibility::Private
            },
            title: (kind != ConversationKind::Direct).then(|| format!("room {number}")),
            members: match kind {
                ConversationKind::Group => vec![user("ben"), user("cleo")],
                _ => vec![user("ben")],
            },
            client_id: None,
        };
        let create = command(
            room_id(number),
            Caller::User(user("ada")),
            Action::Create(new),
        );
        world.execute(create).unwrap();
        if kind != ConversationKind::Direct {
            let promote = Action::ChangeRole(user("ben"), Role::Admin);
            let promote = command(room_id(number), Caller::User(user("ada")), promote);
            world.execute(promote).unwrap();
        }
    }
    world
}

/// Anybody's wish, or the same wish of earlier once more.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Wish(Command),
    Again(Index),
}

/// The commands of a history in their order. A repeated one comes with a later time, as retries do.
pub(crate) fn commands(steps: &[Step]) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for (at, step) in (2_000..).zip(steps) {
        let mut next = match step {
            Step::Wish(command) => command.clone(),
            Step::Again(_) if commands.is_empty() => continue,
            Step::Again(which) => which.get(&commands).clone(),
        };
        next.at = Timestamp(at);
        if matches!(next.action, Action::Create(_)) {
            // The server makes a new id for every try.
            next.conversation = room_id(usize::try_from(at).unwrap());
        }
        commands.push(next);
    }
    commands
}

/// A history of up to a hundred steps.
pub(crate) fn history() -> impl Strategy<Value = Vec<Command>> {
    let step = prop_oneof![
        6 => wish().prop_map(Step::Wish),
        1 => any::<Index>().prop_map(Step::Again),
    ];
    vec(step, 0..100).prop_map(|steps| commands(&steps))
}

/// A world after a random history.
pub(crate) fn lived_in_world() -> impl Strategy<Value = World> {
    history().prop_map(|commands| {
        let mut world = settled_world();
        for command in commands {
            let _ = world.execute(command);
        }
        world
    })
}

pub(crate) fn person() -> impl Strategy<Value = UserId> {
    select(PEOPLE.as_slice()).prop_map(user)
}

fn caller() -> impl Strategy<Value = Caller> {
    prop_oneof![
        8 => person().prop_map(Caller::User),
        1 => Just(Caller::Administrator),
    ]
}

fn wish() -> impl Strategy<Value = Command> {
    let room = (0..ROOMS.len()).prop_map(room_id);
    (room, caller(), action()).prop_map(|(room, caller, action)| command(room, caller, action))
}

pub(crate) fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        1 => new_conversation().prop_map(Action::Create),
        8 => new_message().prop_map(Action::Send),
        8 => new_amendment().prop_map(Action::Amend),
        2 => vec(joined(), 1..3).prop_map(Action::AddMembers),
        1 => person().prop_map(Action::RemoveMember),
        1 => joined().prop_map(|change| Action::ChangeRole(change.user, change.role)),
        2 => Just(Action::Join),
        1 => Just(Action::Leave),
        1 => settings().prop_map(Action::ChangeSettings),
        1 => person().prop_map(|user| Action::Ban(user, None)),
        1 => person().prop_map(Action::Unban),
        1 => person().prop_map(Action::HandOver),
        1 => invite().prop_map(Action::Invite),
        1 => (0..4_u8).prop_map(|code| Action::JoinByInvite(CodeHash([code; 32]))),
        3 => seq().prop_map(Action::MoveCursor),
        2 => (seq(), 2..5_u64).prop_map(|(seq, members_max)| {
            Action::MoveDelivered(Delivery { seq, members_max })
        }),
    ]
}

pub(crate) fn new_message() -> impl Strategy<Value = NewMessage> {
    let text = select(["yes", "no", "later"].as_slice());
    // Early places, where the messages are.
    let thread = (0..14_u64, any::<bool>()).prop_map(|(thread, also_in_conversation)| NewReply {
        thread: Seq::new(thread).unwrap(),
        also_in_conversation,
    });
    let thread = option::weighted(0.6, thread);
    (
        0..24_u128,
        text,
        option::weighted(0.2, seq()),
        mentions(),
        thread,
    )
        .prop_map(|(number, text, reply_to, mentions, thread)| NewMessage {
            reply_to,
            mentions,
            thread,
            ..says(number, text)
        })
}

pub(crate) fn new_amendment() -> impl Strategy<Value = NewAmendment> {
    let text = select(["yes", "no", "", "later"].as_slice()).prop_map(str::to_owned);
    let emoji = select(["👍", "👎", ":boat:"].as_slice());
    let emoji = emoji.prop_map(|emoji| Emoji::parse(emoji).unwrap());
    let wish = prop_oneof![
        3 => (text, option::of(mentions()))
            .prop_map(|(text, mentions)| Wish::Edit { text, mentions }),
        1 => Just(Wish::Delete),
        3 => (emoji, any::<bool>()).prop_map(|(emoji, on)| Wish::React { emoji, on }),
        1 => any::<bool>().prop_map(|on| Wish::Pin { on }),
    ];
    let name = option::weighted(0.2, (0..12_u128).prop_map(client_id));
    // Early places, where the messages are.
    let target = (0..16_u64).prop_map(|number| Seq::new(number).unwrap());
    (target, name, wish).prop_map(|(target, client_id, wish)| NewAmendment {
        target,
        client_id,
        wish,
    })
}

fn new_conversation() -> impl Strategy<Value = NewConversation> {
    let kind = select(ROOMS.as_slice());
    let visibility = select([Visibility::Private, Visibility::Public].as_slice());
    let client_id = option::of((0..4_u128).prop_map(client_id));
    (kind, visibility, vec(person(), 0..4), client_id).prop_map(
        |(kind, visibility, members, client_id)| NewConversation {
            kind,
            visibility,
            title: None,
            members,
            client_id,
        },
    )
}

fn mentions() -> impl Strategy<Value = Mentions> {
    prop_oneof![
        4 => Just(Mentions::default()),
        2 => vec(person(), 1..3).prop_map(Mentions::Users),
        1 => Just(Mentions::All),
    ]
}

/// Few codes, so that they meet; the engine's are never the same twice, and here the first one counts.
fn invite() -> impl Strategy<Value = NewInvite> {
    let role = select([Role::Guest, Role::Member].as_slice());
    (0..4_u8, role, option::of(1..3_u64)).prop_map(|(code, role, uses_max)| NewInvite {
        id: InviteId(Uuid::from_u128(code.into())),
        code: CodeHash([code; 32]),
        role,
        expires_in_ms: None,
        uses_max,
    })
}

fn rules() -> impl Strategy<Value = RulesChange> {
    let history = select([History::All, History::SinceJoined].as_slice());
    let least = select([Role::Guest, Role::Member, Role::Admin].as_slice());
    (
        option::of(history),
        option::weighted(0.1, 0..2_u32),
        option::weighted(0.1, any::<bool>()),
        option::of(least),
    )
        .prop_map(
            |(history, slow_mode_seconds, announcements_only, mention_all)| RulesChange {
                history,
                slow_mode_seconds,
                announcements_only,
                mention_all,
            },
        )
}

fn joined() -> impl Strategy<Value = Joined> {
    let role = select(
        [
            Role::Guest,
            Role::Member,
            Role::Moderator,
            Role::Admin,
            Role::Owner,
        ]
        .as_slice(),
    );
    (person(), role).prop_map(|(user, role)| Joined { user, role })
}

fn settings() -> impl Strategy<Value = SettingsChange> {
    let text = || {
        option::of(option::of(
            select(["a", "b"].as_slice()).prop_map(str::to_owned),
        ))
    };
    let visibility = select([Visibility::Private, Visibility::Public].as_slice());
    (
        text(),
        text(),
        option::of(visibility),
        option::of(option::of(1..4_u32)),
        rules(),
    )
        .prop_map(
            |(title, topic, visibility, retention_days, rules)| SettingsChange {
                title,
                topic,
                visibility,
                retention_days,
                rules,
            },
        )
}

fn seq() -> impl Strategy<Value = Seq> {
    (0..SEQ_MAX).prop_map(|number| Seq::new(number).unwrap())
}
