//! What can change about a conversation and its members.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tidemark_core::InviteId;
use tidemark_core::conversation::{History, Joined, MembersChange, RulesChange, SettingsChange};
use uuid::Uuid;

use crate::frames::{role, text, title, user, visibility};

fn roles() -> impl Strategy<Value = Vec<Joined>> {
    vec(
        (user(), role()).prop_map(|(user, role)| Joined { user, role }),
        0..4,
    )
}

pub(crate) fn members_change() -> impl Strategy<Value = MembersChange> {
    (
        (user(), roles(), vec(user(), 0..4), roles()),
        (vec(user(), 0..3), vec(user(), 0..3)),
        option::of(text()),
        option::of(any::<u128>()),
    )
        .prop_map(
            |((by, joined, left, roles), (banned, unbanned), reason, invite)| MembersChange {
                by,
                joined,
                left,
                roles,
                banned,
                unbanned,
                reason,
                invite: invite.map(|number| InviteId(Uuid::from_u128(number))),
            },
        )
}

pub(crate) fn change() -> impl Strategy<Value = SettingsChange> {
    let fields = (
        option::of(title()),
        option::of(title()),
        option::of(visibility()),
        option::of(option::of(any::<u32>())),
        rules(),
    );
    fields.prop_map(
        |(title, topic, visibility, retention_days, rules)| SettingsChange {
            title,
            topic,
            visibility,
            retention_days,
            rules,
        },
    )
}

fn rules() -> impl Strategy<Value = RulesChange> {
    let history = select(vec![History::All, History::SinceJoined]);
    (
        option::of(history),
        option::of(any::<u32>()),
        option::of(any::<bool>()),
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
