//! What a person can ask for with a line that begins with a slash.

use tidemark_core::conversation::Emoji;
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
    Again,
    /// Send a file, with a text.
    Attach {
        file: String,
        text: String,
    },
    /// Stop the transfer that is under way.
    Cancel,
    /// Save the files of a message, to a path if one is named.
    Save {
        at: Option<Seq>,
        to: Option<String>,
    },
    /// Show the files of a message with another program.
    Open(Option<Seq>),
    Help,
    Quit,
    /// What a bot may know.
    Command {
        name: String,
        arguments: String,
    },
    /// Something that is done to a message: the one at this place, or the one that is meant without a word.
    Message {
        at: Option<Seq>,
        deed: Deed,
    },
}

/// What can be done to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Reply(String),
    /// Reply in the thread below it; without words, look at that.
    Thread(Option<String>),
    /// React, or take that back.
    React(Emoji, bool),
    /// Without words: let the person change those that are there.
    Edit(Option<String>),
    Delete,
    /// Pin, or take that back.
    Pin(bool),
}

impl Deed {
    /// The line that does this to the message at a place, whichever is meant without a word by then.
    pub(super) fn line(&self, at: Seq) -> String {
        let (name, rest) = match self {
            Self::Reply(text) => ("reply", Some(text.as_str())),
            Self::Thread(text) => ("thread", text.as_deref()),
            Self::React(emoji, true) => ("react", Some(emoji.as_str())),
            Self::React(emoji, false) => ("unreact", Some(emoji.as_str())),
            Self::Edit(text) => ("edit", text.as_deref()),
            Self::Delete => ("delete", None),
            Self::Pin(true) => ("pin", None),
            Self::Pin(false) => ("unpin", None),
        };
        match rest {
            Some(rest) => format!("/{name} #{at} {rest}"),
            None => format!("/{name} #{at}"),
        }
    }
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
    ("/reply TEXT", "answer the selected or last message"),
    (
        "/thread TEXT",
        "reply in its thread; without TEXT, go there",
    ),
    (
        "/react EMOJI",
        "react to it; /unreact EMOJI takes that back",
    ),
    (
        "/edit TEXT",
        "make it say that; without TEXT, change it here",
    ),
    (
        "/delete",
        "delete it (your own last one if none is selected)",
    ),
    ("/pin, /unpin", "pin it, or take that back"),
    ("/again", "send once more what was refused"),
    ("/attach FILE TEXT", "send a file (quote one with spaces)"),
    ("/cancel", "stop the file that is on its way"),
    (
        "/save PATH",
        "save the files of the selected or last message",
    ),
    ("/open", "show them with another program"),
    ("/NAME TEXT", "ask a bot here, if one knows that"),
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
        "reply" | "thread" | "react" | "unreact" | "edit" | "delete" | "pin" | "unpin" => {
            let (at, rest) = place(rest);
            let deed = deed(name, rest)?.ok_or_else(|| usage(name))?;
            Ok(Line::Message { at, deed })
        }
        "again" => bare(Line::Again, name, rest),
        "attach" => {
            let (file, rest) = file(rest).ok_or_else(|| usage(name))?;
            let text = rest.trim().to_owned();
            Ok(Line::Attach { file, text })
        }
        "cancel" => bare(Line::Cancel, name, rest),
        "save" => {
            let (at, rest) = place(rest);
            let quoted = file(rest).filter(|(_, rest)| rest.is_empty());
            let to = quoted.map(|(path, _)| path).or_else(|| text(rest));
            Ok(Line::Save { at, to })
        }
        "open" => {
            let (at, rest) = place(rest);
            bare(Line::Open(at), name, rest)
        }
        "help" => Ok(Line::Help),
        "quit" => bare(Line::Quit, name, rest),
        // Whether a bot here has it is known to the server.
        _ if may_be_of_bot(name) => Ok(Line::Command {
            name: name.to_owned(),
            arguments: rest.to_owned(),
        }),
        _ => Err(format!(
            "there is no command /{name}; /help lists them, and // begins a message with a slash"
        )),
    }
}

/// Whether a bot can have a command of this name.
fn may_be_of_bot(name: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=32).contains(&name.len()) && name.bytes().all(allowed)
}

fn usage(name: &str) -> String {
    let known = COMMANDS
        .iter()
        .map(|(usage, _)| *usage)
        .find(|usage| usage[1..].split(' ').next() == Some(name));
    match known {
        Some(usage) => format!("usage: {usage}"),
        None if name == "unreact" => "usage: /unreact EMOJI".to_owned(),
        None => format!("usage: /{name}"),
    }
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

/// The path of a file, in quotes or of one word, and what follows it.
fn file(rest: &str) -> Option<(String, &str)> {
    let (path, rest) = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => rest[1..].split_once(quote)?,
        _ => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
    };
    Some((text(path)?, rest))
}

/// The place that `#12` in front of everything else names, and what follows it.
fn place(rest: &str) -> (Option<Seq>, &str) {
    let (first, words) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let number = first.strip_prefix('#').and_then(|it| it.parse().ok());
    match number.and_then(Seq::new).filter(|at| *at > Seq::ZERO) {
        Some(at) => (Some(at), words.trim()),
        None => (None, rest),
    }
}

/// What a command does to a message; nothing if it takes something else than `rest`.
fn deed(name: &str, rest: &str) -> Result<Option<Deed>, String> {
    let emoji = |on: bool| match rest {
        "" => Ok(None),
        rest => match Emoji::parse(rest) {
            Ok(emoji) => Ok(Some(Deed::React(emoji, on))),
            Err(error) => Err(error.to_string()),
        },
    };
    let alone = |deed: Deed| Some(deed).filter(|_| rest.is_empty());
    Ok(match name {
        "reply" => text(rest).map(Deed::Reply),
        "thread" => Some(Deed::Thread(text(rest))),
        "react" => emoji(true)?,
        "unreact" => emoji(false)?,
        "edit" => Some(Deed::Edit(text(rest))),
        "delete" => alone(Deed::Delete),
        "pin" => alone(Deed::Pin(true)),
        "unpin" => alone(Deed::Pin(false)),
        _ => None,
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
    fn what_is_done_to_a_message_may_name_it() {
        let reply = |at: Option<u64>, text: &str| Line::Message {
            at: at.and_then(Seq::new),
            deed: Deed::Reply(text.to_owned()),
        };
        assert_eq!(parse("/reply so it is"), Ok(reply(None, "so it is")));
        assert_eq!(
            parse("/reply #12 so it is"),
            Ok(reply(Some(12), "so it is"))
        );
        assert_eq!(parse("/reply 12 boats"), Ok(reply(None, "12 boats")));
        assert_eq!(parse("/reply #pier it is"), Ok(reply(None, "#pier it is")));
        assert_eq!(parse("/reply #0 it is"), Ok(reply(None, "#0 it is")));
        assert_eq!(parse("/reply #12"), Err("usage: /reply TEXT".to_owned()));
        assert_eq!(parse("/unpin it"), Err("usage: /unpin".to_owned()));
        assert_eq!(parse("/unreact"), Err("usage: /unreact EMOJI".to_owned()));
        assert!(parse("/react good").unwrap_err().contains("one character"));
    }

    #[test]
    fn the_path_of_a_file_is_a_word_or_quoted() {
        let attach = |file: &str, text: &str| Line::Attach {
            file: file.to_owned(),
            text: text.to_owned(),
        };
        let parsed = |line: &str| parse(line).unwrap();
        assert_eq!(parsed("/attach ~/cat.jpg"), attach("~/cat.jpg", ""));
        assert_eq!(
            parsed("/attach a.jpg  look at that"),
            attach("a.jpg", "look at that")
        );
        assert_eq!(
            parsed("/attach \"a b.jpg\" look"),
            attach("a b.jpg", "look")
        );
        assert_eq!(parsed("/attach 'a \" b'"), attach("a \" b", ""));
        for wrong in ["/attach", "/attach \"\"", "/attach \"a b"] {
            assert_eq!(parse(wrong), Err("usage: /attach FILE TEXT".to_owned()));
        }
        let save = |at: Option<u64>, to: Option<&str>| Line::Save {
            at: at.and_then(Seq::new),
            to: to.map(str::to_owned),
        };
        assert_eq!(parsed("/save"), save(None, None));
        assert_eq!(parsed("/save #3"), save(Some(3), None));
        assert_eq!(parsed("/save #3 my cats/"), save(Some(3), Some("my cats/")));
        assert_eq!(parsed("/save \"a b\""), save(None, Some("a b")));
        assert_eq!(parsed("/open #3"), Line::Open(Seq::new(3)));
        assert_eq!(parse("/open it"), Err("usage: /open".to_owned()));
    }

    #[test]
    fn the_line_to_try_again_with_names_the_message() {
        for line in [
            "/reply #7 so it is",
            "/thread #7 here",
            "/thread #7",
            "/react #7 👍",
            "/unreact #7 :ok:",
            "/edit #7 better",
            "/edit #7",
            "/delete #7",
            "/pin #7",
            "/unpin #7",
        ] {
            let Ok(Line::Message { at: Some(at), deed }) = parse(line) else {
                panic!("{line}");
            };
            assert_eq!(deed.line(at), line);
        }
    }

    #[test]
    fn nonsense_is_explained() {
        let words = parse("/Laeve").unwrap_err();
        assert!(
            words.contains("/Laeve") && words.contains("/help"),
            "{words}"
        );
        assert_eq!(parse("/leave now"), Err("usage: /leave".to_owned()));
        assert!(parse("/join here").unwrap_err().contains("/members"));
    }

    #[test]
    fn what_a_bot_may_know_is_left_to_it() {
        assert_eq!(
            parse("/remind  me at 5 "),
            Ok(Line::Command {
                name: "remind".to_owned(),
                arguments: "me at 5".to_owned(),
            })
        );
        for line in ["/Remind", "/", "/a.b", &format!("/{}", "x".repeat(33))] {
            assert!(
                parse(line).unwrap_err().contains("there is no command"),
                "{line}"
            );
        }
    }

    #[test]
    fn every_command_of_the_help_sheet_exists() {
        for (usage, _) in COMMANDS {
            let name = usage.split([' ', ',']).next().unwrap();
            if name == "/NAME" {
                continue;
            }
            let answer = parse(name);
            let is_unknown = matches!(answer, Ok(Line::Command { .. }));
            assert!(!is_unknown, "{name}");
        }
    }
}
