//! What a person can ask for with a line that begins with a slash.

use tidemark_core::{ConversationId, Seq, UserId};

/// A line of the composer, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Something to say.
    Text(String),
    Direct(UserId),
    Group {
        title: String,
        users: Vec<UserId>,
    },
    Channel {
        title: String,
    },
    Join(ConversationId),
    Invite(Vec<UserId>),
    Leave,
    Mute,
    Archive,
    Favourite,
    Members,
    Topic(Option<String>),
    Title(Option<String>),
    Reply {
        to: Seq,
        text: String,
    },
    Again,
    Help,
    Quit,
}

/// The commands with what they take and do, for the help sheet.
pub(in crate::chat) const COMMANDS: &[(&str, &str)] = &[
    ("/direct USER", "talk to one person"),
    ("/group TITLE USER...", "begin a group (quote a long TITLE)"),
    ("/channel TITLE", "begin a channel that anybody may join"),
    ("/join ID", "join a channel"),
    ("/invite USER...", "bring people in"),
    ("/leave", "leave this conversation"),
    ("/mute", "no counts of this one, or counts again"),
    ("/archive", "put it out of the way, or bring it back"),
    ("/favourite", "mark it with a star, or unmark it"),
    ("/members", "who is here, and the ID to join with"),
    ("/topic TEXT", "say what it is about; nothing takes it away"),
    ("/title TEXT", "rename it; nothing takes the title away"),
    ("/reply SEQ TEXT", "answer message #SEQ"),
    ("/again", "send once more what was refused"),
    ("/help", "this sheet"),
    ("/quit", "leave the program"),
];

/// Understands a line. What it says to whoever typed nonsense is the error.
pub(super) fn parse(line: &str) -> Result<Line, String> {
    if let Some(text) = line.strip_prefix("//") {
        return Ok(Line::Text(format!("/{text}")));
    }
    let Some(command) = line.strip_prefix('/') else {
        return Ok(Line::Text(line.to_owned()));
    };
    let (name, rest) = command
        .split_once(char::is_whitespace)
        .unwrap_or((command, ""));
    let rest = rest.trim();
    match name {
        "direct" => match users(rest)?.as_slice() {
            [user] => Ok(Line::Direct(user.clone())),
            _ => Err(usage(name)),
        },
        "group" => {
            let (title, rest) = title(rest).ok_or_else(|| usage(name))?;
            Ok(Line::Group {
                title,
                users: some(users(rest)?, name)?,
            })
        }
        "channel" => Ok(Line::Channel {
            title: text(rest).ok_or_else(|| usage(name))?,
        }),
        "join" => match rest.parse() {
            Ok(id) => Ok(Line::Join(id)),
            Err(_) => Err(format!(
                "{}: ID is what /members shows at the top",
                usage(name)
            )),
        },
        "invite" => Ok(Line::Invite(some(users(rest)?, name)?)),
        "leave" => bare(Line::Leave, name, rest),
        "mute" => bare(Line::Mute, name, rest),
        "archive" => bare(Line::Archive, name, rest),
        "favourite" => bare(Line::Favourite, name, rest),
        "members" => bare(Line::Members, name, rest),
        "topic" => Ok(Line::Topic(text(rest))),
        "title" => Ok(Line::Title(text(rest))),
        "reply" => reply(rest).ok_or_else(|| usage(name)),
        "again" => bare(Line::Again, name, rest),
        "help" => Ok(Line::Help),
        "quit" => bare(Line::Quit, name, rest),
        _ => Err(format!(
            "there is no command /{name}; /help lists them, and // begins a message with a slash"
        )),
    }
}

fn usage(name: &str) -> String {
    let known = COMMANDS
        .iter()
        .map(|(usage, _)| *usage)
        .find(|usage| usage[1..].split(' ').next() == Some(name));
    format!("usage: {}", known.unwrap_or(name))
}

fn bare(line: Line, name: &str, rest: &str) -> Result<Line, String> {
    if rest.is_empty() {
        Ok(line)
    } else {
        Err(usage(name))
    }
}

fn some(users: Vec<UserId>, name: &str) -> Result<Vec<UserId>, String> {
    if users.is_empty() {
        return Err(usage(name));
    }
    Ok(users)
}

fn users(text: &str) -> Result<Vec<UserId>, String> {
    let word = |word: &str| {
        let name = word.strip_prefix('@').unwrap_or(word);
        UserId::parse(name).map_err(|error| format!("{word}: {error}"))
    };
    text.split_whitespace().map(word).collect()
}

fn text(rest: &str) -> Option<String> {
    Some(rest.to_owned()).filter(|text| !text.is_empty())
}

/// A title, in quotes or of one word, and what follows it.
fn title(rest: &str) -> Option<(String, &str)> {
    let (title, rest) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => rest.split_once(char::is_whitespace)?,
    };
    Some((text(title.trim())?, rest))
}

fn reply(rest: &str) -> Option<Line> {
    let (to, words) = rest.split_once(char::is_whitespace)?;
    let to = to.strip_prefix('#').unwrap_or(to).parse().ok()?;
    Some(Line::Reply {
        to: Seq::new(to).filter(|to| *to > Seq::ZERO)?,
        text: text(words.trim())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    #[test]
    fn what_has_no_slash_is_said() {
        assert_eq!(parse("hello"), Ok(Line::Text("hello".to_owned())));
        assert_eq!(parse(" /leave"), Ok(Line::Text(" /leave".to_owned())));
        assert_eq!(
            parse("//etc/hosts"),
            Ok(Line::Text("/etc/hosts".to_owned()))
        );
    }

    #[test]
    fn people_are_named_with_or_without_their_sign() {
        assert_eq!(parse("/direct @ann"), Ok(Line::Direct(user("ann"))));
        assert_eq!(
            parse("/invite ann  @ben"),
            Ok(Line::Invite(vec![user("ann"), user("ben")]))
        );
        assert!(parse("/invite é").unwrap_err().contains("1 to 64 bytes"));
    }

    #[test]
    fn a_title_is_a_word_or_quoted() {
        let group = |title: &str| Line::Group {
            title: title.to_owned(),
            users: vec![user("ann")],
        };
        assert_eq!(parse("/group Harbour ann"), Ok(group("Harbour")));
        assert_eq!(
            parse("/group \"The Harbour\" ann"),
            Ok(group("The Harbour"))
        );
        for wrong in [
            "/group",
            "/group Harbour",
            "/group \"\" ann",
            "/group \"x ann",
        ] {
            assert_eq!(parse(wrong), Err("usage: /group TITLE USER...".to_owned()));
        }
    }

    #[test]
    fn a_reply_names_its_message() {
        let reply = Line::Reply {
            to: Seq::new(12).unwrap(),
            text: "so it is".to_owned(),
        };
        assert_eq!(parse("/reply 12 so it is"), Ok(reply.clone()));
        assert_eq!(parse("/reply #12 so it is"), Ok(reply));
        assert!(parse("/reply so it is").is_err());
        assert!(parse("/reply 0 so it is").is_err());
    }

    #[test]
    fn nonsense_is_explained() {
        let words = parse("/laeve").unwrap_err();
        assert!(
            words.contains("/laeve") && words.contains("/help"),
            "{words}"
        );
        assert_eq!(parse("/leave now"), Err("usage: /leave".to_owned()));
        assert!(parse("/join here").unwrap_err().contains("/members"));
    }

    #[test]
    fn every_command_of_the_help_sheet_exists() {
        for (usage, _) in COMMANDS {
            let name = usage.split(' ').next().unwrap();
            let answer = parse(name);
            let is_unknown = answer.is_err_and(|words| words.contains("there is no command"));
            assert!(!is_unknown, "{name}");
        }
    }
}
