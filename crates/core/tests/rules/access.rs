//! Who may do what, written down. The tables are the specification; `permit` has to agree with each word.

use tidemark_core::RefusalCode;
use tidemark_core::access::{Operation, Standing, permit};
use tidemark_core::conversation::{ConversationKind, Role, Visibility};

const STANDINGS: [Standing; 9] = [
    Standing::Administrator,
    Standing::Member(Role::Owner),
    Standing::Member(Role::Admin),
    Standing::Member(Role::Moderator),
    Standing::Member(Role::Member),
    Standing::Member(Role::Guest),
    Standing::Former,
    Standing::Stranger,
    Standing::Banned,
];

const OPERATIONS: [Operation; 15] = [
    Operation::See,
    Operation::Read,
    Operation::MoveCursor,
    Operation::Join,
    Operation::Leave,
    Operation::Send,
    Operation::Amend,
    Operation::DeleteOthers,
    Operation::RemoveMembers,
    Operation::Ban,
    Operation::AddMembers,
    Operation::ChangeRoles,
    Operation::ChangeSettings,
    Operation::ManageInvites,
    Operation::HandOver,
];

/// Two people, for ever. `hidden` is the answer for an unknown id.
const DIRECT: &str = "
               administrator owner  admin  moderator member guest  former stranger banned
See            yes           yes    yes    yes       yes    yes    hidden hidden   hidden
Read           yes           yes    yes    yes       yes    yes    hidden hidden   hidden
MoveCursor     no            yes    yes    yes       yes    yes    hidden hidden   hidden
Join           no            yes    yes    yes       yes    yes    hidden hidden   hidden
Leave          no            no     no     no        no     no     hidden hidden   hidden
Send           yes           yes    yes    yes       yes    no     hidden hidden   hidden
Amend          yes           yes    yes    yes       yes    no     hidden hidden   hidden
DeleteOthers   yes           yes    yes    yes       no     no     hidden hidden   hidden
RemoveMembers  no            no     no     no        no     no     hidden hidden   hidden
Ban            no            no     no     no        no     no     hidden hidden   hidden
AddMembers     no            no     no     no        no     no     hidden hidden   hidden
ChangeRoles    no            no     no     no        no     no     hidden hidden   hidden
ChangeSettings no            no     no     no        no     no     hidden hidden   hidden
ManageInvites  no            no     no     no        no     no     hidden hidden   hidden
HandOver       no            no     no     no        no     no     hidden hidden   hidden
";

/// Groups and private channels. Joining again is allowed and changes nothing.
const PRIVATE: &str = "
               administrator owner  admin  moderator member guest  former stranger banned
See            yes           yes    yes    yes       yes    yes    hidden hidden   hidden
Read           yes           yes    yes    yes       yes    yes    hidden hidden   hidden
MoveCursor     no            yes    yes    yes       yes    yes    hidden hidden   hidden
Join           no            yes    yes    yes       yes    yes    hidden hidden   hidden
Leave          no            yes    yes    yes       yes    yes    hidden hidden   hidden
Send           yes           yes    yes    yes       yes    no     hidden hidden   hidden
Amend          yes           yes    yes    yes       yes    no     hidden hidden   hidden
DeleteOthers   yes           yes    yes    yes       no     no     hidden hidden   hidden
RemoveMembers  yes           yes    yes    yes       no     no     hidden hidden   hidden
Ban            yes           yes    yes    yes       no     no     hidden hidden   hidden
AddMembers     yes           yes    yes    no        no     no     hidden hidden   hidden
ChangeRoles    yes           yes    yes    no        no     no     hidden hidden   hidden
ChangeSettings yes           yes    yes    no        no     no     hidden hidden   hidden
ManageInvites  yes           yes    yes    no        no     no     hidden hidden   hidden
HandOver       no            yes    no     no        no     no     hidden hidden   hidden
";

/// Channels that anybody may find.
const PUBLIC: &str = "
               administrator owner  admin  moderator member guest  former stranger banned
See            yes           yes    yes    yes       yes    yes    yes    yes      yes
Read           yes           yes    yes    yes       yes    yes    no     no       no
MoveCursor     no            yes    yes    yes       yes    yes    no     no       no
Join           no            yes    yes    yes       yes    yes    yes    yes      no
Leave          no            yes    yes    yes       yes    yes    no     no       no
Send           yes           yes    yes    yes       yes    no     no     no       no
Amend          yes           yes    yes    yes       yes    no     no     no       no
DeleteOthers   yes           yes    yes    yes       no     no     no     no       no
RemoveMembers  yes           yes    yes    yes       no     no     no     no       no
Ban            yes           yes    yes    yes       no     no     no     no       no
AddMembers     yes           yes    yes    no        no     no     no     no       no
ChangeRoles    yes           yes    yes    no        no     no     no     no       no
ChangeSettings yes           yes    yes    no        no     no     no     no       no
ManageInvites  yes           yes    yes    no        no     no     no     no       no
HandOver       no            yes    no     no        no     no     no     no       no
";

/// Whose membership may be given and taken, and who may be banned, by whom.
const MANAGES: &str = "
               owner  admin  moderator member guest
administrator  yes    yes    yes       yes    yes
owner          yes    yes    yes       yes    yes
admin          no     no     yes       yes    yes
moderator      no     no     no        yes    yes
member         no     no     no        no     no
guest          no     no     no        no     no
former         no     no     no        no     no
stranger       no     no     no        no     no
banned         no     no     no        no     no
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

#[test]
fn everybody_manages_those_below_them_and_owners_each_other() {
    let roles = [
        Role::Owner,
        Role::Admin,
        Role::Moderator,
        Role::Member,
        Role::Guest,
    ];
    let rows: Vec<&str> = MANAGES.trim_end().lines().skip(2).collect();
    assert_eq!(rows.len(), STANDINGS.len());
    for (row, standing) in rows.into_iter().zip(STANDINGS) {
        let cells = row.split_whitespace().skip(1);
        for (expected, role) in cells.zip(roles) {
            let found = standing.manages(role);
            assert_eq!(found, expected == "yes", "{standing:?} manages {role}");
        }
    }
}
