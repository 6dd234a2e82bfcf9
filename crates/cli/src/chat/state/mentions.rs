//! Who is meant by the `@name` in a message.

use std::collections::BTreeSet;

use tidemark_core::UserId;
use tidemark_core::conversation::Mentions;

/// The members of a conversation, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KnownMembers {
    pub(super) users: BTreeSet<UserId>,
    /// Whether these are all.
    pub(super) is_complete: bool,
}

/// Finds the people whom `text` mentions. Of those named, only members are meant; as long as not all members are
/// known, whoever could be one.
pub(super) fn of(text: &str, members: &KnownMembers) -> Mentions {
    let mut meant: Vec<UserId> = Vec::new();
    for name in names(text) {
        if trimmed(name).any(|name| name == "all") {
            return Mentions::All;
        }
        let member = trimmed(name).find_map(|name| member(name, &members.users));
        let guess = || {
            trimmed(name)
                .last()
                .and_then(|name| UserId::parse(name).ok())
        };
        let found = member.or_else(|| guess().filter(|_| !members.is_complete));
        meant.extend(found.filter(|user| !meant.contains(user)));
    }
    Mentions::Users(meant)
}

/// What follows each `@` that no name goes before.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let belongs =
        |character: char| character.is_ascii_alphanumeric() || "._@:-".contains(character);
    text.match_indices('@').filter_map(move |(at, _)| {
        if text[..at].chars().next_back().is_some_and(belongs) {
            return None;
        }
        let rest = &text[at + 1..];
        let end = rest.find(|it| !belongs(it)).unwrap_or(rest.len());
        Some(&rest[..end]).filter(|name| !name.is_empty())
    })
}

/// The name itself, and then without the punctuation at its end, mark by mark.
fn trimmed(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| {
        let shorter = name.strip_suffix(['.', ':', '-']);
        shorter.filter(|shorter| !shorter.is_empty())
    })
}

fn member(name: &str, members: &BTreeSet<UserId>) -> Option<UserId> {
    let exact = UserId::parse(name).ok().filter(|it| members.contains(it));
    exact.or_else(|| {
        let mut alike = members
            .iter()
            .filter(|member| member.as_str().eq_ignore_ascii_case(name));
        let only = alike.next()?;
        alike.next().is_none().then(|| only.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(is_complete: bool) -> KnownMembers {
        let names = ["ann", "ben", "c.d", "Eve", "eVe"];
        let users = names.map(|name| UserId::parse(name).unwrap()).into();
        KnownMembers { users, is_complete }
    }

    fn mentioned(text: &str) -> String {
        match of(text, &members(true)) {
            Mentions::All => "everybody".to_owned(),
            Mentions::Users(users) => {
                let names: Vec<_> = users.iter().map(UserId::as_str).collect();
                names.join(" ")
            }
        }
    }

    #[test]
    fn members_are_meant_once_each() {
        assert_eq!(mentioned("@ann and @ben: see @ann"), "ann ben");
        assert_eq!(mentioned("(@ann) ask @c.d."), "ann c.d");
        assert_eq!(mentioned("@all look, @ann too"), "everybody");
        assert_eq!(mentioned("@all: look"), "everybody");
    }

    #[test]
    fn others_and_addresses_are_not_meant() {
        assert_eq!(mentioned("@zoe ann@ben x@ann @ @."), "");
        assert_eq!(mentioned("@allan"), "");
    }

    #[test]
    fn case_does_not_matter_where_one_member_has_the_name() {
        assert_eq!(mentioned("@ANN @Eve @EVE"), "ann Eve");
    }

    #[test]
    fn in_a_crowd_whoever_is_named_is_meant() {
        let mentions = of("@zoe.: hello", &members(false));
        assert_eq!(
            mentions,
            Mentions::Users(vec![UserId::parse("zoe").unwrap()])
        );
    }
}
