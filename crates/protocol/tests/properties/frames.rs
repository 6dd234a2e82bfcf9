//! Any frame that there can be. Strategies are boxed where they would outgrow the stack of a test.

use std::num::NonZeroU32;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tidemark_core::conversation::{
    Amendment, Change, ConversationKind, DeleteReason, Emoji, Event, EventBody, History, InThread,
    Mentions, Message, NewAmendment, NewMessage, NewReply, Role, Visibility, Wish,
};
use tidemark_core::presence::Status;
use tidemark_core::timeline::TimelineMessage;
use tidemark_core::{ClientId, ConversationId, Seq, SessionId, Timestamp, UploadId, UserId};
use tidemark_protocol::body::{Conversation, Draft, Message as ShownMessage, Personal, User};
use tidemark_protocol::frame::{
    Ack, Added, AdvertisedLimits, AmendMessage, Bye, ClientFrame, CloseConversation,
    DeclarePresence, Events, Head, Hello, InboxEntry, OpenConversation, Ping, Pong, Presence, Read,
    ReadCursor, Refused, Removed, Request, RequestId, SendMessage, ServerFrame, StartTyping,
    SyncConversation, Typing, UnknownFrame, WatchUsers, Welcome,
};
use tidemark_protocol::wire::{LogEntry, Secret, UnknownEvent, Wire};
use tidemark_protocol::{ByeCode, Code};
use uuid::Uuid;

use crate::attachments::attachment;
use crate::changes::{change, members_change};

const MILLIS_MAX: i64 = (1 << 53) - 1;

pub(crate) fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn conversation() -> impl Strategy<Value = ConversationId> {
    uuid().prop_map(ConversationId)
}

pub(crate) fn user() -> impl Strategy<Value = UserId> {
    "[A-Za-z0-9._@:-]{1,64}".prop_map(|text| UserId::parse(&text).unwrap())
}

fn seq_from(least: u64) -> impl Strategy<Value = Seq> {
    prop_oneof![least..20, least..=Seq::MAX.get()].prop_map(|place| Seq::new(place).unwrap())
}

fn seq() -> impl Strategy<Value = Seq> {
    seq_from(0)
}

fn at() -> impl Strategy<Value = Timestamp> {
    (-MILLIS_MAX..=MILLIS_MAX).prop_map(Timestamp)
}

fn id() -> impl Strategy<Value = Option<RequestId>> {
    option::of(any::<i64>().prop_map(RequestId))
}

pub(crate) fn text() -> impl Strategy<Value = String> {
    any::<String>()
}

pub(crate) fn title() -> impl Strategy<Value = Option<String>> {
    option::of(text())
}

fn mentions() -> impl Strategy<Value = Mentions> {
    prop_oneof![
        Just(Mentions::default()),
        Just(Mentions::All),
        vec(user(), 1..4).prop_map(Mentions::Users),
    ]
}

pub(crate) fn role() -> impl Strategy<Value = Role> {
    select(vec![Role::Member, Role::Admin, Role::Owner])
}

pub(crate) fn visibility() -> impl Strategy<Value = Visibility> {
    select(vec![Visibility::Private, Visibility::Public])
}

fn status() -> impl Strategy<Value = Status> {
    select(vec![Status::Offline, Status::Away, Status::Online])
}

fn kind() -> impl Strategy<Value = ConversationKind> {
    use ConversationKind::{Channel, Direct, Group};
    select(vec![Direct, Group, Channel])
}

fn new_message() -> impl Strategy<Value = NewMessage> {
    let fields = (
        uuid(),
        text(),
        option::of(seq_from(1)),
        mentions(),
        option::of(at()),
        option::of((seq_from(1), any::<bool>())),
        vec(uuid().prop_map(UploadId), 0..3),
    );
    fields.prop_map(
        |(client_id, text, reply_to, mentions, client_at, thread, attachments)| NewMessage {
            client_id: ClientId(client_id),
            text,
            reply_to,
            mentions,
            client_at,
            thread: thread.map(|(thread, also_in_conversation)| NewReply {
                thread,
                also_in_conversation,
            }),
            attachments,
        },
    )
}

fn message() -> BoxedStrategy<Message> {
    let attachments = vec(attachment(), 0..3);
    (user(), new_message(), any::<bool>(), attachments)
        .prop_map(|(sender, new, first, attachments)| Message {
            sender,
            client_id: new.client_id,
            text: new.text,
            reply_to: new.reply_to,
            mentions: new.mentions,
            client_at: new.client_at,
            thread: new.thread.map(|reply| InThread {
                root: reply.thread,
                also_in_conversation: reply.also_in_conversation,
                first,
            }),
            attachments,
        })
        .boxed()
}

fn client_id() -> impl Strategy<Value = ClientId> {
    any::<u128>().prop_map(|number| ClientId(Uuid::from_u128(number)))
}

fn emoji() -> impl Strategy<Value = Emoji> {
    select(vec!["👍", "👩🏽‍🚀", ":boat:", "+"]).prop_map(|emoji| Emoji::parse(emoji).unwrap())
}

fn message_change() -> impl Strategy<Value = Change> {
    let reason = select(vec![
        DeleteReason::Author,
        DeleteReason::Moderator,
        DeleteReason::Retention,
    ]);
    prop_oneof![
        (text(), mentions()).prop_map(|(text, mentions)| Change::Edit { text, mentions }),
        (reason, option::of(seq_from(1)))
            .prop_map(|(reason, thread)| Change::Delete { reason, thread }),
        (emoji(), any::<bool>()).prop_map(|(emoji, on)| Change::Reaction { emoji, on }),
        any::<bool>().prop_map(|on| Change::Pin { on }),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        (text(), option::of(mentions())).prop_map(|(text, mentions)| Wish::Edit { text, mentions }),
        Just(Wish::Delete),
        (emoji(), any::<bool>()).prop_map(|(emoji, on)| Wish::React { emoji, on }),
        any::<bool>().prop_map(|on| Wish::Pin { on }),
    ]
}

fn body() -> BoxedStrategy<EventBody> {
    prop_oneof![
        (user(), title()).prop_map(|(by, title)| EventBody::Created { by, title }),
        message().prop_map(EventBody::Message),
        members_change().prop_map(EventBody::Members),
        (user(), change()).prop_map(|(by, change)| EventBody::Settings { by, change }),
        (seq(), user(), option::of(client_id()), message_change()).prop_map(
            |(target, by, client_id, change)| {
                EventBody::Amendment(Amendment {
                    target,
                    by,
                    client_id,
                    change,
                })
            }
        ),
    ]
    .boxed()
}

pub(crate) fn event() -> BoxedStrategy<Event> {
    (conversation(), seq(), at(), body())
        .prop_map(|(conversation, seq, at, body)| Event {
            conversation,
            seq,
            at,
            body,
        })
        .boxed()
}

fn entry() -> BoxedStrategy<LogEntry> {
    let unknown = (conversation(), seq(), at(), "later_[a-z]{0,8}").prop_map(
        |(conversation, seq, at, kind)| {
            LogEntry::Unknown(UnknownEvent {
                conversation: Wire(conversation),
                seq: Wire(seq),
                at: Wire(at),
                kind,
            })
        },
    );
    prop_oneof![4 => event().prop_map(LogEntry::Known), 1 => unknown].boxed()
}

pub(crate) fn client() -> BoxedStrategy<ClientFrame> {
    let hello = (
        option::of(text()),
        btree_map(conversation(), seq(), 0..4),
        title(),
        title(),
    );
    let hello = hello.prop_map(|(token, cursors, epoch, device)| {
        ClientFrame::Hello(Hello {
            token: token.map(Secret::new),
            cursors,
            epoch,
            device,
        })
    });
    prop_oneof![1 => hello, 4 => request().prop_map(ClientFrame::Request)].boxed()
}

fn request() -> BoxedStrategy<Request> {
    prop_oneof![
        (id(), conversation(), new_message()).prop_map(|(id, conversation, message)| {
            Request::Send(SendMessage {
                id,
                conversation,
                message,
            })
        }),
        (
            id(),
            conversation(),
            seq_from(1),
            option::of(client_id()),
            wish()
        )
            .prop_map(|(id, conversation, target, client_id, wish)| {
                Request::Amend(AmendMessage {
                    id,
                    conversation,
                    amendment: NewAmendment {
                        target,
                        client_id,
                        wish,
                    },
                })
            }),
        (id(), conversation(), seq_from(1)).prop_map(|(id, conversation, seq)| {
            Request::Read(ReadCursor {
                id,
                conversation,
                seq,
            })
        }),
        (id(), conversation(), seq(), any::<Option<NonZeroU32>>()).prop_map(
            |(id, conversation, after, limit)| {
                Request::Sync(SyncConversation {
                    id,
                    conversation,
                    after,
                    limit,
                })
            }
        ),
        (id(), conversation(), option::of(seq())).prop_map(|(id, conversation, after)| {
            Request::Open(OpenConversation {
                id,
                conversation,
                after,
            })
        }),
        (id(), conversation())
            .prop_map(|(id, conversation)| Request::Close(CloseConversation { id, conversation })),
        (id(), conversation())
            .prop_map(|(id, conversation)| Request::Typing(StartTyping { id, conversation })),
        (id(), select(vec![Status::Away, Status::Online]))
            .prop_map(|(id, status)| Request::Presence(DeclarePresence { id, status })),
        (id(), vec(user(), 0..4)).prop_map(|(id, users)| Request::Watch(WatchUsers { id, users })),
        id().prop_map(|id| Request::Ping(Ping { id })),
    ]
    .boxed()
}

fn profile() -> impl Strategy<Value = User> {
    let fields = (
        user(),
        text(),
        title(),
        title(),
        any::<bool>(),
        any::<Option<bool>>(),
    );
    fields.prop_map(
        |(id, username, display_name, avatar, bot, show_last_seen)| User {
            id: Wire(id),
            username,
            display_name,
            avatar,
            bot,
            show_last_seen,
        },
    )
}

fn limits() -> impl Strategy<Value = AdvertisedLimits> {
    any::<[u64; 8]>().prop_map(
        |[text, frame, page, cursors, group, sends, burst, receipts]| AdvertisedLimits {
            text_bytes_max: text,
            frame_bytes_max: frame,
            page_events_max: page,
            cursors_max: cursors,
            group_members_max: group,
            sends_per_second: sends,
            sends_burst: burst,
            receipt_members_max: receipts,
        },
    )
}

fn inbox_entry() -> impl Strategy<Value = InboxEntry> {
    (conversation(), kind(), seq(), seq(), any::<[u64; 3]>()).prop_map(
        |(id, kind, head, read, [unread, mentions, member_count])| InboxEntry {
            id: Wire(id),
            kind: Wire(kind),
            head_seq: Wire(head),
            read_seq: Wire(read),
            unread,
            mentions,
            member_count,
        },
    )
}

fn welcome() -> BoxedStrategy<ServerFrame> {
    let fields = (
        uuid(),
        profile(),
        text(),
        any::<u64>(),
        limits(),
        vec(inbox_entry(), 0..4),
        any::<bool>(),
        any::<u64>(),
    );
    fields
        .prop_map(
            |(
                session,
                user,
                epoch,
                heartbeat_ms,
                limits,
                conversations,
                more,
                personal_version,
            )| {
                ServerFrame::Welcome(Box::new(Welcome {
                    session_id: Wire(SessionId(session)),
                    user,
                    epoch,
                    heartbeat_ms,
                    limits,
                    conversations,
                    more,
                    personal_version,
                }))
            },
        )
        .boxed()
}

fn shown_conversation() -> BoxedStrategy<Conversation> {
    let last = (conversation(), seq(), at(), message()).prop_map(|(id, seq, at, message)| {
        ShownMessage::new(id, TimelineMessage::new(seq, at, message))
    });
    let shape = (
        conversation(),
        kind(),
        title(),
        title(),
        visibility(),
        option::of(role()),
    );
    let state = (
        at(),
        seq(),
        seq(),
        any::<[u64; 3]>(),
        any::<[bool; 3]>(),
        (option::of(at()), option::of(seq())),
        option::of(last),
    );
    let history = select(vec![History::All, History::SinceJoined]);
    let rules = (
        history,
        option::of(any::<u32>()),
        any::<bool>(),
        role(),
        option::of(seq()),
    );
    (shape, state, rules)
        .prop_map(|(shape, state, rules)| {
            let (history, slow_mode_seconds, announcements_only, mention_all, visible_from) = rules;
            let (id, kind, title, topic, visibility, role) = shape;
            let (created_at, head, read, counts, flags, (muted_until, mark), last_message) = state;
            let [member_count, unread, mentions] = counts;
            let [muted, archived, favourite] = flags;
            Conversation {
                id: Wire(id),
                kind: Wire(kind),
                title,
                topic,
                visibility: Wire(visibility),
                created_at: Wire(created_at),
                head_seq: Wire(head),
                member_count,
                role: role.map(Wire),
                read_seq: Wire(read),
                unread,
                mentions,
                muted,
                muted_until: muted_until.map(Wire),
                archived,
                favourite,
                marked_unread_at: mark.map(Wire),
                history: Wire(history),
                slow_mode_seconds,
                announcements_only,
                mention_all: Wire(mention_all),
                visible_from: visible_from.map(Wire),
                last_message,
            }
        })
        .boxed()
}

fn personal() -> impl Strategy<Value = Personal> {
    let draft = (text(), option::of(seq())).prop_map(|(text, reply_to)| Draft {
        text,
        reply_to: reply_to.map(Wire),
    });
    let flags = any::<[bool; 2]>();
    let fields = (option::of(at()), option::of(seq()), option::of(draft));
    (conversation(), any::<u64>(), flags, fields).prop_map(
        |(conversation, version, [archived, favourite], (muted_until, mark, draft))| Personal {
            conversation: Wire(conversation),
            version,
            muted_until: muted_until.map(Wire),
            archived,
            favourite,
            marked_unread_at: mark.map(Wire),
            draft,
        },
    )
}

fn answers() -> BoxedStrategy<ServerFrame> {
    let ack = (
        id(),
        conversation(),
        option::of(uuid()),
        seq(),
        at(),
        any::<bool>(),
    );
    prop_oneof![
        ack.prop_map(|(id, conversation, client_id, seq, at, duplicate)| {
            ServerFrame::Ack(Ack {
                id,
                conversation: Wire(conversation),
                client_id: client_id.map(|id| Wire(ClientId(id))),
                seq: Wire(seq),
                at: Wire(at),
                duplicate,
                first_in_thread: false,
            })
        }),
        (
            id(),
            select(Code::ALL.to_vec()),
            text(),
            any::<Option<u64>>()
        )
            .prop_map(|(id, code, detail, retry_after_ms)| {
                ServerFrame::Refused(Refused {
                    id,
                    code,
                    detail: detail.into(),
                    retry_after_ms,
                })
            }),
        personal().prop_map(|personal| ServerFrame::Personal(Box::new(personal))),
        (conversation(), user(), at()).prop_map(|(conversation, user, until)| {
            ServerFrame::Typing(Typing {
                conversation: Wire(conversation),
                user: Wire(user),
                until: Wire(until),
            })
        }),
        (user(), status(), option::of(at())).prop_map(|(user, status, last_seen)| {
            ServerFrame::Presence(Presence {
                user: Wire(user),
                status: Wire(status),
                last_seen: last_seen.map(Wire),
            })
        }),
        id().prop_map(|id| ServerFrame::Pong(Pong { id })),
        (select(ByeCode::ALL.to_vec()), any::<bool>(), any::<u64>()).prop_map(
            |(code, reconnect, after_ms)| {
                ServerFrame::Bye(Bye {
                    code,
                    reconnect,
                    after_ms,
                })
            }
        ),
    ]
    .boxed()
}

fn news() -> BoxedStrategy<ServerFrame> {
    let counts = any::<[Option<u64>; 2]>();
    prop_oneof![
        entry().prop_map(ServerFrame::Event),
        (
            id(),
            conversation(),
            vec(entry(), 0..4),
            seq(),
            any::<bool>()
        )
            .prop_map(|(id, conversation, events, head, more)| {
                ServerFrame::Events(Events {
                    visible_from: None,
                    id,
                    conversation: Wire(conversation),
                    events,
                    head_seq: Wire(head),
                    more,
                })
            }),
        (conversation(), seq(), any::<[u64; 2]>()).prop_map(
            |(conversation, head, [unread, mentions])| {
                ServerFrame::Head(Head {
                    conversation: Wire(conversation),
                    head_seq: Wire(head),
                    unread,
                    mentions,
                })
            }
        ),
        (
            id(),
            conversation(),
            user(),
            seq(),
            option::of(seq()),
            counts
        )
            .prop_map(|(id, conversation, user, read, head, [unread, mentions])| {
                ServerFrame::Read(Read {
                    id,
                    conversation: Wire(conversation),
                    user: Wire(user),
                    read_seq: Wire(read),
                    head_seq: head.map(Wire),
                    unread,
                    mentions,
                })
            }),
        shown_conversation()
            .prop_map(|conversation| ServerFrame::Added(Box::new(Added { conversation }))),
        conversation().prop_map(|conversation| {
            ServerFrame::Removed(Removed {
                conversation: Wire(conversation),
            })
        }),
        "later_[a-z]{0,8}".prop_map(|name| ServerFrame::Unknown(UnknownFrame { name })),
    ]
    .boxed()
}

pub(crate) fn server() -> BoxedStrategy<ServerFrame> {
    prop_oneof![1 => welcome(), 3 => answers(), 6 => news()].boxed()
}
