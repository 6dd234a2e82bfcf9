//! Who comes in, who stays out, what messages said before: over HTTP.

use tidemark_core::conversation::{ConversationKind, EventBody, History, Mentions, Role};
use tidemark_protocol::body::{
    Ban, BanToMake, Bans, Block, Blocks, ConversationPatch, EventsPage, Invite, InvitePreview,
    InviteToMake, Invites, MadeInvite, MessageHistory, MessageVersion, NewOwner,
};
use tidemark_protocol::wire::{LogEntry, Secret, Wire};

use crate::file::{Case, Golden};
use crate::samples::{at, event, invite_id, plain_message, seq, user};

pub(crate) fn files() -> Vec<Golden> {
    vec![
        Golden::new("http/invites.json", invites()),
        Golden::new("http/moderation.json", moderation()),
    ]
}

fn invites() -> Vec<Case> {
    vec![
        Case::body(
            "POST …/invites",
            "for a day and ten people, who come as guests",
            InviteToMake {
                expires_in_ms: Some(86_400_000),
                uses_max: Some(10),
                role: Some(Wire(Role::Guest)),
            },
        ),
        Case::body(
            "POST …/invites: without limits",
            "for any number of members, for ever",
            InviteToMake::default(),
        ),
        Case::body(
            "the answer",
            "the code is shown here and never again",
            MadeInvite {
                invite_id: Wire(invite_id()),
                code: Secret::new("tmi_CODE"),
                role: Wire(Role::Guest),
                expires_at: Some(Wire(at(86_410))),
                uses_max: Some(10),
                uses: 0,
            },
        ),
        Case::body(
            "GET …/invites",
            "without codes",
            Invites {
                invites: vec![Invite {
                    invite_id: Wire(invite_id()),
                    by: Wire(user("ann")),
                    at: Wire(at(10)),
                    role: Wire(Role::Member),
                    expires_at: None,
                    uses_max: None,
                    uses: 3,
                }],
            },
        ),
        Case::body(
            "GET /v1/invites/{code}",
            "what it is to",
            InvitePreview {
                title: Some("Harbour".to_owned()),
                kind: Wire(ConversationKind::Group),
                member_count: 2,
            },
        ),
    ]
}

fn moderation() -> Vec<Case> {
    let version = |place, seconds, text: &str| MessageVersion {
        seq: Wire(seq(place)),
        at: Wire(at(seconds)),
        by: Wire(user("ann")),
        text: text.to_owned(),
        mentions: Wire(Mentions::default()),
    };
    vec![
        Case::body(
            "PATCH …: rules",
            "what newcomers see, slow mode, announcements and mentions of everybody",
            ConversationPatch {
                history: Some(Wire(History::SinceJoined)),
                slow_mode_seconds: Some(Some(30)),
                announcements_only: Some(true),
                mention_all: Some(Wire(Role::Moderator)),
                ..ConversationPatch::default()
            },
        ),
        Case::body(
            "GET …/events?after=0, where newcomers see what is since they came",
            "the page begins at visible_from, and nothing is missing before it",
            EventsPage {
                events: vec![LogEntry::Known(event(
                    43,
                    EventBody::Message(plain_message()),
                ))],
                head_seq: Wire(seq(43)),
                more: false,
                visible_from: Some(Wire(seq(43))),
            },
        ),
        Case::body(
            "PUT …/bans/{user}",
            "with words for the log",
            BanToMake {
                reason: Some("spam".to_owned()),
            },
        ),
        Case::body(
            "GET …/bans",
            "in the order of their ids",
            Bans {
                bans: vec![Ban {
                    user: Wire(user("cleo")),
                    seq: Wire(seq(21)),
                    at: Wire(at(210)),
                    by: Wire(user("ann")),
                    reason: Some("spam".to_owned()),
                }],
                more: false,
            },
        ),
        Case::body(
            "GET /v1/blocks",
            "whom the caller blocks, in the order of their ids",
            Blocks {
                users: vec![Block {
                    user: Wire(user("ben")),
                    at: Wire(at(220)),
                }],
                more: true,
            },
        ),
        Case::body(
            "POST …/owner",
            "ben is an owner, and the caller an admin",
            NewOwner {
                user: Wire(user("ben")),
            },
        ),
        Case::body(
            "GET …/messages/{seq}/history",
            "the message and its edits",
            MessageHistory {
                versions: vec![
                    version(42, 420, "The tide is coming in."),
                    version(43, 430, "High water at noon."),
                ],
                more: false,
            },
        ),
    ]
}
