//! The rules about changing a message.

use crate::access::{Caller, Horizon, Operation, Standing, permit};
use crate::conversation::blocking;
use crate::conversation::decide::{Decision, Facts, check_length, check_mentions, each_once};
use crate::conversation::{
    Amended, Amendment, Change, Conversation, DeleteReason, Emoji, EventBody, Mark, Mentions,
    NewAmendment, Wish,
};
use crate::{Limits, Refusal};

/// Decides about `new`, once the caller may change messages at all.
///
/// Whatever is already as wished is answered with the event that made it so, and with the message's own where
/// no event did: nothing new happens.
pub(super) fn amend(
    facts: &Facts<'_>,
    conversation: &Conversation,
    standing: Standing,
    caller: &Caller,
    new: NewAmendment,
) -> Result<Decision, Refusal> {
    // Before everything else: what was accepted once stays accepted.
    if let Some(earlier) = facts.earlier {
        return repeat(earlier, new, caller);
    }
    let horizon = Horizon::of(caller, conversation, facts.caller);
    let message = facts.amended.filter(|_| horizon.includes(new.target));
    let message = message.ok_or_else(Refusal::no_such_message)?;
    if new.wish != Wish::Delete {
        blocking::check_open(conversation)?;
    }
    let change = match new.wish {
        Wish::Edit { text, mentions } => {
            let change = edit(facts.limits, message, caller, text, mentions)?;
            if let Ok(Change::Edit { mentions, .. }) = &change
                && message.mentions != Mentions::All
            {
                conversation.rules.check_mentions(standing, mentions)?;
            }
            change
        }
        Wish::Delete => delete(message, conversation, standing, caller)?,
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

fn delete(
    message: &Amended,
    conversation: &Conversation,
    standing: Standing,
    caller: &Caller,
) -> Result<News, Refusal> {
    let reason = if message.sender == caller.author() {
        DeleteReason::Author
    } else {
        let Conversation {
            kind, visibility, ..
        } = *conversation;
        permit(Operation::DeleteOthers, standing, kind, visibility)?;
        DeleteReason::Moderator
    };
    Ok(match message.deleted {
        Some(mark) => Err(mark),
        None => Ok(Change::Delete {
            reason,
            thread: message.thread,
        }),
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
