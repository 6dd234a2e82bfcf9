//! Who may do what, written down. The tables are the specification; `permit` has to agree with each word.

use tidemark_core::RefusalCode;
use tidemark_core::access::{Operation, Standing, permit};
use tidemark_core::conversation::{ConversationKind, Role, Visibility};

const STANDINGS: [Standing; 6] = [
    Standing::Administrator,
    Standing::Member(Role::Owner),
    Standing::Member(Role::Admin),
    Standing::Member(Role::Member),
    Standing::Former,
    Standing::Stranger,
];

const OPERATIONS: [Operation; 11] = [
    Operation::See,
    Operation::Read,
    Operation::Send,
    Operation::Amend,
    Operation::MoveCursor,
    Operation::Join,
    Operation::Leave,
    Operation::AddMembers,
    Operation::RemoveMembers,
    Operation::ChangeRoles,
    Operation::ChangeSettings,
];

/// Two people, for ever. `hidden` is the answer for an unknown id.
const DIRECT: &str = "
                administrator owner  admin  member former stranger
See             yes           yes    yes    yes    hidden hidden
Read            yes           yes    yes    yes    hidden hidden
Send            yes           yes    yes    yes    hidden hidden
Amend           yes           yes    yes    yes    hidden hidden
MoveCursor      no            yes    yes    yes    hidden hidden
Join            no            yes    yes    yes    hidden hidden
Leave           no            no     no     no     hidden hidden
AddMembers      no            no     no     no     hidden hidden
RemoveMembers   no            no     no     no     hidden hidden
ChangeRoles     no            no     no     no     hidden hidden
ChangeSettings  no            no     no     no     hidden hidden
";

/// Groups and private channels. Joining again is allowed and changes nothing.
const PRIVATE: &str = "
                administrator owner  admin  member former stranger
See             yes           yes    yes    yes    hidden hidden
Read            yes           yes    yes    yes    hidden hidden
Send            yes           yes    yes    yes    hidden hidden
Amend           yes           yes    yes    yes    hidden hidden
MoveCursor      no            yes    yes    yes    hidden hidden
Join            no            yes    yes    yes    hidden hidden
Leave           no            yes    yes    yes    hidden hidden
AddMembers      yes           yes    yes    no     hidden hidden
RemoveMembers   yes           yes    yes    no     hidden hidden
ChangeRoles     yes           yes    yes    no     hidden hidden
ChangeSettings  yes           yes    yes    no     hidden hidden
";

/// Channels that anybody may find.
const PUBLIC: &str = "
                administrator owner  admin  member former stranger
See             yes           yes    yes    yes    yes    yes
Read            yes           yes    yes    yes    no     no
Send            yes           yes    yes    yes    no     no
Amend           yes           yes    yes    yes    no     no
MoveCursor      no            yes    yes    yes    no     no
Join            no            yes    yes    yes    yes    yes
Leave           no            yes    yes    yes    no     no
AddMembers      yes           yes    yes    no     no     no
RemoveMembers   yes           yes    yes    no     no     no
ChangeRoles     yes           yes    yes    no     no     no
ChangeSettings  yes           yes    yes    no     no     no
";

fn answer(
    operation: Operation,
    standing: Standing,
    kind: ConversationKind,
    visibility: Visibility,
) -> &'static str {
    match permit(operation, standing, kind, visibility).map_err(|refusal| refusal.code) {
        Ok(()) => "yes",
        Err(RefusalCode::Forbidden) => "no",
        Err(RefusalCode::NotFound) => "hidden",
        Err(other) => panic!("{other:?} is no answer to who may"),
    }
}

#[track_caller]
fn assert_table(table: &str, kind: ConversationKind, visibility: Visibility) {
    let rows: Vec<&str> = table.trim_end().lines().skip(2).collect();
    assert_eq!(rows.len(), OPERATIONS.len(), "every operation has a row");
    for (row, operation) in rows.into_iter().zip(OPERATIONS) {
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(cells[0], format!("{operation:?}"));
        assert_eq!(cells.len(), STANDINGS.len() + 1, "{row}");
        for (expected, standing) in cells[1..].iter().zip(STANDINGS) {
            let found = answer(operation, standing, kind, visibility);
            assert_eq!(
                found, *expected,
                "{operation:?} by {standing:?} in a {visibility} {kind}"
            );
        }
    }
}

#[test]
fn a_direct_conversation_is_for_its_two_people() {
    assert_table(DIRECT, ConversationKind::Direct, Visibility::Private);
}

#[test]
fn a_group_and_a_private_channel_are_for_members_and_run_by_admins() {
    assert_table(PRIVATE, ConversationKind::Group, Visibility::Private);
    assert_table(PRIVATE, ConversationKind::Channel, Visibility::Private);
}

#[test]
fn a_public_channel_is_seen_by_all_and_read_by_members() {
    assert_table(PUBLIC, ConversationKind::Channel, Visibility::Public);
}
