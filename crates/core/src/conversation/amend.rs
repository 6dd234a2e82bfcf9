//! The rules about changing a message.

use crate::access::{Caller, Standing};
use crate::conversation::decide::{Decision, Facts, check_length, check_mentions, each_once};
use crate::conversation::{
    Amended, Amendment, Change, DeleteReason, Emoji, EventBody, Mark, Mentions, NewAmendment, Role,
    Wish,
};
use crate::{Limits, Refusal, RefusalCode};

/// Decides about `new`, once the caller may change messages at all.
///
/// Whatever is already as wished is answered with the event that made it so, and with the message's own where
/// no event did: nothing new happens.
pub(super) fn amend(
    facts: &Facts<'_>,
    standing: Standing,
    caller: &Caller,
    new: NewAmendment,
) -> Result<Decision, Refusal> {
    // Before everything else: what was accepted once stays accepted.
    if let Some(earlier) = facts.earlier {
        return repeat(earlier, new, caller);
    }
    let message = facts.amended.ok_or_else(no_such_message)?;
    let change = match new.wish {
        Wish::Edit { text, mentions } => edit(facts.limits, message, caller, text, mentions)?,
        Wish::Delete => delete(message, standing, caller)?,
        Wish::React { emoji, on } => react(facts.limits, message, emoji, on)?,
        Wish::Pin { on } => pin(message, on)?,
    };
    Ok(match change {
        Ok(change) => Decision::Append(vec![EventBody::Amendment(Amendment {
            target: new.target,
            by: caller.author(),
            client_id: new.client_id,
            change,
        })]),
        Err(Mark { seq, at }) => Decision::Repeated { seq, at },
    })
}

/// What happens, or what made it happen before.
type News = Result<Change, Mark>;

fn edit(
    limits: &Limits,
    message: &Amended,
    caller: &Caller,
    text: String,
    mentions: Option<Mentions>,
) -> Result<News, Refusal> {
    if message.sender != caller.author() {
        return Err(Refusal::forbidden("only its author edits a message"));
    }
    check_not_deleted(message)?;
    if text.is_empty() {
        return Err(Refusal::invalid("text is empty"));
    }
    check_length("text", Some(&text), limits.text_bytes_max)?;
    let mentions = mentions.map_or_else(|| message.mentions.clone(), each_once);
    check_mentions(limits, &mentions)?;
    if text == message.text && mentions == message.mentions {
        return Ok(Err(message.edited.unwrap_or(message.sent)));
    }
    Ok(Ok(Change::Edit { text, mentions }))
}

fn delete(message: &Amended, standing: Standing, caller: &Caller) -> Result<News, Refusal> {
    let reason = match standing {
        _ if message.sender == caller.author() => DeleteReason::Author,
        Standing::Administrator | Standing::Member(Role::Admin | Role::Owner) => {
            DeleteReason::Moderator
        }
        _ => {
            return Err(Refusal::forbidden(
                "only its author, an admin or an owner deletes a message",
            ));
        }
    };
    Ok(match message.deleted {
        Some(mark) => Err(mark),
        None => Ok(Change::Delete { reason }),
    })
}

fn react(limits: &Limits, message: &Amended, emoji: Emoji, on: bool) -> Result<News, Refusal> {
    match (on, message.reacted) {
        (false, None) => return Ok(Err(message.sent)),
        (true, Some(mark)) => return Ok(Err(mark)),
        _ => {}
    }
    if on {
        check_not_deleted(message)?;
        if !message.has_emoji && message.emojis >= limits.reactions_max {
            let most = limits.reactions_max;
            return Err(Refusal::too_large(format!(
                "a message has at most {most} different reactions"
            )));
        }
    }
    Ok(Ok(Change::Reaction { emoji, on }))
}

fn pin(message: &Amended, on: bool) -> Result<News, Refusal> {
    match (on, message.pinned) {
        (false, None) => return Ok(Err(message.sent)),
        (true, Some(mark)) => return Ok(Err(mark)),
        _ => {}
    }
    if on {
        check_not_deleted(message)?;
    }
    Ok(Ok(Change::Pin { on }))
}

/// A client id that was used before: the same wish again, or a contradiction. The text of a message that was
/// deleted since is gone, so it is not compared.
fn repeat(
    earlier: &super::Earlier,
    new: NewAmendment,
    caller: &Caller,
) -> Result<Decision, Refusal> {
    let is_same = match &earlier.body {
        EventBody::Amendment(was) if was.target == new.target && was.by == caller.author() => {
            match (&was.change, new.wish) {
                (
                    Change::Edit { text, mentions },
                    Wish::Edit {
                        text: again,
                        mentions: named,
                    },
                ) => {
                    let named = named.map(each_once);
                    text.is_empty()
                        || (*text == again && named.is_none_or(|named| named == *mentions))
                }
                (Change::Delete { .. }, Wish::Delete) => true,
                (
                    Change::Reaction { emoji, on },
                    Wish::React {
                        emoji: again,
                        on: wished,
                    },
                ) => *emoji == again && *on == wished,
                (Change::Pin { on }, Wish::Pin { on: wished }) => *on == wished,
                _ => false,
            }
        }
        _ => false,
    };
    if is_same {
        Ok(Decision::Repeated {
            seq: earlier.seq,
            at: earlier.at,
        })
    } else {
        Err(Refusal::conflict(
            "this client_id named something else before",
        ))
    }
}

fn check_not_deleted(message: &Amended) -> Result<(), Refusal> {
    if message.deleted.is_some() {
        return Err(Refusal::conflict("the message was deleted"));
    }
    Ok(())
}

fn no_such_message() -> Refusal {
    Refusal::new(
        RefusalCode::NotFound,
        "there is no such message in this conversation",
    )
}
