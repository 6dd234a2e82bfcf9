//! Random histories: few people, few conversations and few names, so that they meet often.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, CodeHash, Command, ConversationKind, Delivery, Emoji, History, Joined, Mentions,
    NewAmendment, NewConversation, NewInvite, NewMessage, NewReply, Role, RulesChange,
    SettingsChange, Visibility, Wish,
};
use tidemark_core::personal::{Draft, PersonalChange};
use tidemark_core::{ClientId, ConversationId, InviteId, Seq, Timestamp, UserId};
use tidemark_store::{PageLimits, Window};
use uuid::Uuid;

/// The first four are registered when a script begins; the last is the first in another case.
pub(crate) const PERSON_NAMES: [&str; 6] = ["ann", "bob", "cyd", "dee", "eve", "Ann"];
/// How many conversations a script talks about.
pub(crate) const CONVERSATIONS: u128 = 4;

/// One thing that happens to a store, or is asked of it.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Commit(Vec<Command>),
    Register(UserId, Timestamp),
    EnsureExternal(Vec<(UserId, Option<String>)>, bool, Timestamp),
    Rename(UserId, Option<String>),
    ChangePersonal(UserId, ConversationId, PersonalChange),
    FindUsers(String),
    ReadEvents(Caller, ConversationId, Seq, PageLimits),
    ReadMessages(Caller, ConversationId, Window, PageLimits),
    ReadMembers(Caller, ConversationId, Option<UserId>, usize),
    ReadReaders(Caller, ConversationId, Seq, usize),
    ReadInvites(Caller, ConversationId),
    ReadInvitation(Caller, CodeHash, Timestamp),
    ReadBans(Caller, ConversationId, Option<UserId>, usize),
    ReadVersions(Caller, ConversationId, [Seq; 2], PageLimits),
    Reopen,
    Kill,
    MoveThreadCursor(UserId, ConversationId, Seq, Seq),
    ReadMain(Caller, ConversationId, Window, PageLimits),
    ReadThread(Caller, ConversationId, Seq, Window, PageLimits),
    ReadThreads(UserId, Option<ConversationId>, PageLimits),
    ChangeBlock([UserId; 2], bool, Timestamp),
    ReadBlocks(UserId, Option<UserId>, usize),
    ReadAcquainted(UserId),
}

impl Step {
    pub(crate) fn register(name: &str, at: i64) -> Self {
        Self::Register(user_id(name), Timestamp(at))
    }

    /// Whether reads may answer otherwise after it.
    pub(crate) fn changes(&self) -> bool {
        !matches!(
            self,
            Self::FindUsers(_)
                | Self::ReadEvents(..)
                | Self::ReadMessages(..)
                | Self::ReadMembers(..)
                | Self::ReadReaders(..)
                | Self::ReadInvites(..)
                | Self::ReadInvitation(..)
                | Self::ReadBans(..)
                | Self::ReadVersions(..)
                | Self::ReadMain(..)
                | Self::ReadThread(..)
                | Self::ReadThreads(..)
                | Self::ReadBlocks(..)
                | Self::ReadAcquainted(..)
        )
    }
}

/// Everybody whom a script talks about.
pub(crate) fn people() -> Vec<UserId> {
    PERSON_NAMES.map(user_id).to_vec()
}

/// The conversation with this number.
pub(crate) fn conversation(number: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(number + 1))
}

fn user_id(name: &str) -> UserId {
    UserId::parse(name).expect("a valid user id")
}

/// A history.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..30).prop_map(with_invites_numbered)
}

/// Gives each invite an id and a code of its own, as the server does.
fn with_invites_numbered(mut steps: Vec<Step>) -> Vec<Step> {
    let mut number = 0_u8;
    for step in &mut steps {
        let Step::Commit(commands) = step else {
            continue;
        };
        for command in commands {
            if let Action::Invite(new) = &mut command.action {
                new.id = invite_id(number);
                new.code = code(number);
                number += 1;
            }
        }
    }
    steps
}

fn invite_id(number: u8) -> InviteId {
    InviteId(Uuid::from_u128(number.into()))
}

fn code(number: u8) -> CodeHash {
    CodeHash([number; 32])
}

/// One of the first invites of a script.
fn invite_number() -> impl Strategy<Value = u8> {
    0..4_u8
}

fn new_invite() -> impl Strategy<Value = NewInvite> {
    let role = prop_oneof![Just(Role::Guest), Just(Role::Member), Just(Role::Admin)];
    let expires = option::weighted(0.3, 0..500_u64);
    (role, expires, option::weighted(0.4, 0..3_u64)).prop_map(|(role, expires_in_ms, uses_max)| {
        NewInvite {
            id: invite_id(0),
            code: code(0),
            role,
            expires_in_ms,
            uses_max,
        }
    })
}

fn rules() -> impl Strategy<Value = RulesChange> {
    let history = prop_oneof![Just(History::All), Just(History::SinceJoined)];
    (
        option::of(history),
        option::weighted(0.2, 0..2_u32),
        option::weighted(0.2, any::<bool>()),
        option::of(role()),
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

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![
        Just(Role::Guest),
        Just(Role::Member),
        Just(Role::Moderator),
        Just(Role::Admin),
        Just(Role::Owner),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let caller = || caller().boxed();
    prop_oneof![
        12 => vec(command(), 1..6).prop_map(Step::Commit),
        1 => (person(), time()).prop_map(|(person, at)| Step::Register(person, at)),
        1 => (vec((person(), display_name()), 0..3), any::<bool>(), time())
            .prop_map(|(users, rename, at)| Step::EnsureExternal(users, rename, at)),
        1 => (person(), display_name()).prop_map(|(person, name)| Step::Rename(person, name)),
        3 => (person(), room(), personal())
            .prop_map(|(person, room, change)| Step::ChangePersonal(person, room, change)),
        3 => (person(), person(), any::<bool>(), time())
            .prop_map(|(person, other, on, at)| Step::ChangeBlock([person, other], on, at)),
        1 => (person(), option::of(person()), 1..4_usize)
            .prop_map(|(person, after, most)| Step::ReadBlocks(person, after, most)),
        1 => person().prop_map(Step::ReadAcquainted),
        1 => "[abABe_%]{0,2}".prop_map(Step::FindUsers),
        2 => (caller(), room(), seq(), limits())
            .prop_map(|(caller, room, after, limits)| Step::ReadEvents(caller, room, after, limits)),
        2 => (caller(), room(), window(), limits())
            .prop_map(|(caller, room, window, limits)| {
                Step::ReadMessages(caller, room, window, limits)
            }),
        1 => (caller(), room(), option::of(person()), 1..4_usize)
            .prop_map(|(caller, room, after, most)| Step::ReadMembers(caller, room, after, most)),
        1 => (caller(), room(), seq(), 1..4_usize)
            .prop_map(|(caller, room, place, most)| Step::ReadReaders(caller, room, place, most)),
        1 => (caller(), room()).prop_map(|(caller, room)| Step::ReadInvites(caller, room)),
        1 => (caller(), invite_number(), time())
            .prop_map(|(caller, number, at)| Step::ReadInvitation(caller, code(number), at)),
        1 => (caller(), room(), option::of(person()), 1..4_usize)
            .prop_map(|(caller, room, after, most)| Step::ReadBans(caller, room, after, most)),
        1 => (caller(), room(), (seq(), seq()), limits())
            .prop_map(|(caller, room, (place, after), limits)| {
                Step::ReadVersions(caller, room, [place, after], limits)
            }),
        1 => Just(Step::Reopen),
        1 => Just(Step::Kill),
        4 => (person(), room(), early(), seq())
            .prop_map(|(who, room, root, seq)| Step::MoveThreadCursor(who, room, root, seq)),
        1 => (caller(), room(), window(), limits())
            .prop_map(|(caller, room, window, limits)| {
                Step::ReadMain(caller, room, window, limits)
            }),
        2 => (caller(), room(), early(), window(), limits())
            .prop_map(|(caller, room, root, window, limits)| {
                Step::ReadThread(caller, room, root, window, limits)
            }),
        1 => (person(), option::of(room()), limits())
            .prop_map(|(person, room, limits)| Step::ReadThreads(person, room, limits)),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    (room(), caller(), time(), action()).prop_map(|(conversation, caller, at, action)| Command {
        conversation,
        caller,
        at,
        action,
    })
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => new_conversation().prop_map(Action::Create),
        8 => new_message().prop_map(Action::Send),
        10 => new_amendment().prop_map(Action::Amend),
        2 => vec(joined(), 0..3).prop_map(Action::AddMembers),
        1 => person().prop_map(Action::RemoveMember),
        1 => joined().prop_map(|joined| Action::ChangeRole(joined.user, joined.role)),
        1 => Just(Action::Join),
        1 => Just(Action::Leave),
        2 => settings().prop_map(Action::ChangeSettings),
        1 => (person(), option::of(Just("spam".to_owned())))
            .prop_map(|(user, reason)| Action::Ban(user, reason)),
        1 => person().prop_map(Action::Unban),
        1 => person().prop_map(Action::HandOver),
        1 => new_invite().prop_map(Action::Invite),
        1 => invite_number().prop_map(|number| Action::RevokeInvite(invite_id(number))),
        3 => invite_number().prop_map(|number| Action::JoinByInvite(code(number))),
        3 => seq().prop_map(Action::MoveCursor),
        2 => (seq(), 1..5_u64).prop_map(|(seq, members_max)| {
            Action::MoveDelivered(Delivery { seq, members_max })
        }),
    ]
}

fn new_conversation() -> impl Strategy<Value = NewConversation> {
    let kind = prop_oneof![
        Just(ConversationKind::Direct),
        Just(ConversationKind::Group),
        Just(ConversationKind::Channel),
    ];
    let title = option::weighted(0.2, title());
    let client_id = option::weighted(0.3, client_id());
    (kind, visibility(), title, vec(person(), 0..4), client_id).prop_map(
        |(kind, visibility, title, members, client_id)| NewConversation {
            kind,
            visibility,
            title,
            members,
            client_id,
        },
    )
}

fn new_message() -> impl Strategy<Value = NewMessage> {
    let text = prop_oneof![Just(""), Just("hello"), Just("hello"), Just("and good bye")];
    let reply_to = option::weighted(0.2, seq());
    let client_at = option::of(time());
    let thread = (early(), any::<bool>()).prop_map(|(thread, also_in_conversation)| NewReply {
        thread,
        also_in_conversation,
    });
    let thread = option::weighted(0.5, thread);
    (client_id(), text, reply_to, mentions(), client_at, thread).prop_map(
        |(client_id, text, reply_to, mentions, client_at, thread)| NewMessage {
            client_id,
            text: text.to_owned(),
            reply_to,
            mentions,
            client_at,
            thread,
            attachments: Vec::new(),
        },
    )
}

fn new_amendment() -> impl Strategy<Value = NewAmendment> {
    let text = prop_oneof![
        Just(""),
        Just("hello"),
        Just("hello\0again"),
        Just("a longer text")
    ];
    let text = text.prop_map(str::to_owned);
    let emoji = prop_oneof![Just("👍"), Just("👎"), Just(":boat:")];
    let emoji = emoji.prop_map(|emoji| Emoji::parse(emoji).expect("an emoji"));
    let wish = prop_oneof![
        3 => (text, option::of(mentions()))
            .prop_map(|(text, mentions)| Wish::Edit { text, mentions }),
        1 => Just(Wish::Delete),
        4 => (emoji, prop::bool::weighted(0.7)).prop_map(|(emoji, on)| Wish::React { emoji, on }),
        1 => any::<bool>().prop_map(|on| Wish::Pin { on }),
    ];
    (early(), option::weighted(0.2, client_id()), wish).prop_map(|(target, client_id, wish)| {
        NewAmendment {
            target,
            client_id,
            wish,
        }
    })
}

/// Where messages are likely.
fn early() -> impl Strategy<Value = Seq> {
    (2..6_u64).prop_map(|number| Seq::new(number).expect("a small number"))
}

fn mentions() -> impl Strategy<Value = Mentions> {
    prop_oneof![
        3 => Just(Mentions::default()),
        1 => Just(Mentions::All),
        1 => vec(person(), 1..4).prop_map(Mentions::Users),
    ]
}

fn settings() -> impl Strategy<Value = SettingsChange> {
    let new_title = option::of(option::of(title()));
    let topic = option::of(option::of(title()));
    let days = option::of(option::of(0..3_u32));
    (new_title, topic, option::of(visibility()), days, rules()).prop_map(
        |(title, topic, visibility, retention_days, rules)| SettingsChange {
            title,
            topic,
            visibility,
            retention_days,
            rules,
        },
    )
}

fn personal() -> impl Strategy<Value = PersonalChange> {
    let draft = (prop_oneof![Just(""), Just("begun")], option::of(seq()));
    let draft = draft.prop_map(|(text, reply_to)| Draft {
        text: text.to_owned(),
        reply_to,
    });
    (
        option::of(option::of(time())),
        option::of(any::<bool>()),
        option::of(any::<bool>()),
        option::of(option::of(seq())),
        option::of(option::of(draft)),
    )
        .prop_map(
            |(muted_until, archived, favourite, marked_unread_at, draft)| PersonalChange {
                muted_until,
                archived,
                favourite,
                marked_unread_at,
                draft,
            },
        )
}

fn joined() -> impl Strategy<Value = Joined> {
    (person(), role()).prop_map(|(user, role)| Joined { user, role })
}

/// Whoever calls was let in by the gateway, so they exist.
fn caller() -> impl Strategy<Value = Caller> {
    prop_oneof![
        9 => prop::sample::select(&PERSON_NAMES[..4])
            .prop_map(|name| Caller::User(user_id(name))),
        1 => Just(Caller::Administrator),
    ]
}

fn person() -> impl Strategy<Value = UserId> {
    prop_oneof![
        8 => prop::sample::select(&PERSON_NAMES[..4]),
        1 => prop::sample::select(&PERSON_NAMES[4..]),
    ]
    .prop_map(user_id)
}

fn room() -> impl Strategy<Value = ConversationId> {
    (0..CONVERSATIONS).prop_map(conversation)
}

fn client_id() -> impl Strategy<Value = ClientId> {
    (1..12_u128).prop_map(|number| ClientId(Uuid::from_u128(number)))
}

fn visibility() -> impl Strategy<Value = Visibility> {
    prop_oneof![3 => Just(Visibility::Private), 1 => Just(Visibility::Public)]
}

fn title() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("Boats".to_owned()),
        Just("x".repeat(257))
    ]
}

fn display_name() -> impl Strategy<Value = Option<String>> {
    option::of("[abAB_%]{1,3}")
}

fn seq() -> impl Strategy<Value = Seq> {
    (0..12_u64).prop_map(|number| Seq::new(number).expect("a small number"))
}

/// Not around a place, of which the contract leaves open how the sides are weighed.
fn window() -> impl Strategy<Value = Window> {
    prop_oneof![
        seq().prop_map(Window::Before),
        seq().prop_map(Window::After),
        Just(Window::Latest),
    ]
}

fn limits() -> impl Strategy<Value = PageLimits> {
    (1..6_usize, prop_oneof![0..40_usize, Just(usize::MAX)]).prop_map(
        |(entries_max, text_bytes_max)| PageLimits {
            entries_max,
            text_bytes_max,
        },
    )
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..1_000_i64).prop_map(|offset| Timestamp(1_700_000_000_000 + offset))
}
