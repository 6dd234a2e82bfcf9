//! From what the store says to what the protocol says: the only place where the two meet.

use tidemark_core::access::Horizon;
use tidemark_core::{ConversationId, Refusal, Seq, Timestamp};
use tidemark_protocol::frame::{InboxEntry, Refused, RequestId, ThreadRead};
use tidemark_protocol::wire::Wire;
use tidemark_protocol::{Code, body};
use tidemark_store::{
    ConversationView, MembershipView, Mentioned, ThreadCursorMove, ThreadPage, ThreadView, User,
    UserOrigin,
};

/// When to try again after a store that could not accept, in milliseconds.
pub(crate) const UNAVAILABLE_RETRY_MS: u64 = 500;
/// What a store that could not accept means for the caller.
pub(crate) const UNAVAILABLE_DETAIL: &str =
    "the store cannot accept now; send again with the same client_id";
/// What a user hears who sends too fast.
pub(crate) const RATE_LIMITED_DETAIL: &str = "too many messages in too short a time";

/// A conversation, as one caller sees it at this time.
pub(crate) fn conversation(view: ConversationView, now: Timestamp) -> body::Conversation {
    let ConversationView {
        conversation,
        membership,
        counts,
        personal,
        last_message,
        ..
    } = view;
    let personal = personal.personal;
    let visible_from = membership.as_ref().and_then(|membership| {
        // Whoever has a membership is a person.
        Horizon::of_member(&conversation, membership).visible_from()
    });
    let rules = conversation.rules;
    let slow_mode_seconds = Some(rules.slow_mode_seconds).filter(|seconds| *seconds > 0);
    let id = conversation.id;
    body::Conversation {
        id: Wire(id),
        kind: Wire(conversation.kind),
        title: conversation.title,
        topic: conversation.topic,
        visibility: Wire(conversation.visibility),
        created_at: Wire(conversation.created_at),
        head_seq: Wire(conversation.head),
        member_count: conversation.members,
        role: membership.as_ref().map(|membership| Wire(membership.role)),
        read_seq: Wire(membership.map_or(Seq::ZERO, |membership| membership.read)),
        unread: counts.unread,
        mentions: counts.mentions,
        muted: personal.is_muted(now),
        muted_until: personal.muted_until.map(Wire),
        archived: personal.archived,
        favourite: personal.favourite,
        marked_unread_at: personal.marked_unread_at.map(Wire),
        history: Wire(rules.history),
        slow_mode_seconds,
        announcements_only: rules.announcements_only,
        mention_all: Wire(rules.mention_all),
        visible_from: visible_from.map(Wire),
        last_message: last_message.map(|message| body::Message::new(id, message)),
    }
}

/// A conversation, in the words of a `welcome`.
pub(crate) fn inbox_entry(view: &MembershipView) -> InboxEntry {
    InboxEntry {
        id: Wire(view.conversation.id),
        kind: Wire(view.conversation.kind),
        head_seq: Wire(view.conversation.head),
        read_seq: Wire(view.read),
        unread: view.counts.unread,
        mentions: view.counts.mentions,
        member_count: view.conversation.members,
    }
}

/// A message that mentions the caller.
pub(crate) fn mention(mentioned: Mentioned) -> body::Mention {
    let message = mentioned.message;
    body::Mention {
        conversation: Wire(mentioned.conversation),
        seq: Wire(message.seq),
        at: Wire(message.at),
        sender: Wire(message.message.sender),
        text: message.message.text,
        position: Wire(mentioned.position),
    }
}

/// A page of a thread.
pub(crate) fn thread_page(id: ConversationId, page: ThreadPage) -> body::ThreadPage {
    let message = |it| body::Message::new(id, it);
    let below = page.root.replies.clone();
    let (replies, participant_count) = below
        .as_ref()
        .map_or((0, 0), |below| (below.count, below.participant_count));
    let participants = below.into_iter().flat_map(|below| below.participants);
    body::ThreadPage {
        root: message(page.root),
        messages: page.replies.into_iter().map(message).collect(),
        head_seq: Wire(page.head),
        more: page.more,
        replies,
        participants: participants.map(Wire).collect(),
        participant_count,
        read_seq: Wire(page.standing.read),
        unread: page.standing.unread,
    }
}

/// A thread that the caller takes part in.
pub(crate) fn thread(view: ThreadView) -> body::ThreadEntry {
    body::ThreadEntry {
        conversation: Wire(view.conversation),
        root: body::Message::new(view.conversation, view.root),
        read_seq: Wire(view.standing.read),
        unread: view.standing.unread,
    }
}

/// Where a user's cursor in a thread stands.
pub(crate) fn thread_read(
    id: Option<RequestId>,
    conversation: ConversationId,
    thread: Seq,
    moved: ThreadCursorMove,
) -> ThreadRead {
    ThreadRead {
        id,
        conversation: Wire(conversation),
        thread: Wire(thread),
        read_seq: Wire(moved.standing.read),
        head_seq: Wire(moved.head),
        unread: moved.standing.unread,
    }
}

/// A profile.
pub(crate) fn user(user: User) -> body::User {
    body::User {
        id: Wire(user.id),
        username: user.username,
        display_name: user.display_name,
        avatar: user.avatar,
        bot: user.origin == UserOrigin::Bot,
        show_last_seen: None,
    }
}

/// A profile, for the user whose it is.
pub(crate) fn own_profile(user: User) -> body::User {
    let show_last_seen = Some(user.shows_last_seen);
    body::User {
        show_last_seen,
        ..self::user(user)
    }
}

/// A no of the rules.
pub(crate) fn refused(id: Option<RequestId>, refusal: Refusal) -> Refused {
    Refused {
        id,
        code: refusal.code.into(),
        detail: refusal.detail,
        retry_after_ms: refusal.retry_after_ms,
    }
}

/// A store that cannot accept or answer now.
pub(crate) fn unavailable(id: Option<RequestId>) -> Refused {
    Refused {
        id,
        code: Code::Unavailable,
        detail: UNAVAILABLE_DETAIL.into(),
        retry_after_ms: Some(UNAVAILABLE_RETRY_MS),
    }
}

/// Too many sends in too short a time.
pub(crate) fn rate_limited(id: Option<RequestId>, retry_after_ms: u64) -> Refused {
    Refused {
        id,
        code: Code::RateLimited,
        detail: RATE_LIMITED_DETAIL.into(),
        retry_after_ms: Some(retry_after_ms),
    }
}

/// Too many signals in too short a time.
pub(crate) fn too_many_signals(id: Option<RequestId>, retry_after_ms: u64) -> Refused {
    Refused {
        detail: "too many signals in too short a time".into(),
        ..rate_limited(id, retry_after_ms)
    }
}
