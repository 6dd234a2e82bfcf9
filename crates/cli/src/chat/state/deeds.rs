//! What a person does to a message: answering, reacting, editing, deleting, pinning.

use tidemark_core::timeline::TimelineMessage;
use tidemark_core::{ConversationId, Seq};

use super::command::Deed;
use super::{Composer, Effect, Entry, OpenRoom, Scroll, State, mentions};
use crate::chat::event::{Call, Wish};

impl State {
    /// Does something to the message at a place; to the selected one or else the last one, if none is named.
    pub(super) fn do_to_message(
        &mut self,
        here: ConversationId,
        at: Option<Seq>,
        deed: Deed,
    ) -> Result<(), String> {
        let is_own = matches!(deed, Deed::Edit(_) | Deed::Delete);
        let target = self.target(at, is_own)?;
        let line = deed.line(target);
        let wish = match deed {
            Deed::Reply(text) => {
                let thread = self.thread_here();
                self.send(here, text, Some(target), thread);
                return Ok(());
            }
            Deed::Thread(None) => return self.enter_thread(self.root_of(target)),
            Deed::Thread(Some(text)) => {
                let root = self.root_of(target);
                self.send(here, text, None, Some(root));
                return Ok(());
            }
            Deed::Edit(None) => return self.begin_to_edit(target),
            Deed::Edit(Some(text)) => self.edited(here, target, text),
            Deed::React(emoji, on) => Wish::React {
                conversation: here,
                seq: target,
                emoji,
                on,
            },
            Deed::Delete => Wish::Delete(here, target),
            Deed::Pin(on) => Wish::Pin(here, target, on),
        };
        self.effects.push(Effect::Call(Call { wish, line }));
        Ok(())
    }

    /// Puts the own last message, or the selected one if it is the person's own, into the composer. Whether there
    /// is one; while older messages are looked at, only a selected one is meant.
    pub(super) fn edit_last(&mut self) -> bool {
        let is_looking = |open: &OpenRoom| open.scroll == Scroll::Bottom || open.selected.is_some();
        self.open.as_ref().is_some_and(is_looking)
            && self
                .target(None, true)
                .and_then(|target| self.begin_to_edit(target))
                .is_ok()
    }

    /// Saves what the composer says as the message that is being edited.
    pub(super) fn save_edit(&mut self, here: ConversationId, target: Seq) {
        let text = self.draft.composer.take();
        self.draft.editing = None;
        self.notice = None;
        let line = Deed::Edit(Some(text.clone())).line(target);
        let wish = self.edited(here, target, text);
        self.effects.push(Effect::Call(Call { wish, line }));
    }

    fn edited(&self, here: ConversationId, seq: Seq, text: String) -> Wish {
        let members = self.open.as_ref().map(|open| &open.members);
        let mentions = members.map(|members| mentions::of(&text, members));
        Wish::Edit {
            conversation: here,
            seq,
            text,
            mentions,
        }
    }

    fn begin_to_edit(&mut self, target: Seq) -> Result<(), String> {
        let is_own = |it: &&TimelineMessage| it.message.sender == self.me && !it.deleted;
        let message = self.open.as_ref().and_then(|open| open.message(target));
        let Some(message) = message.filter(is_own) else {
            return Err("only what you wrote yourself can be edited".to_owned());
        };
        self.draft.composer = Composer::holding(&message.message.text);
        self.draft.editing = Some(target);
        self.draft.reply_to = None;
        if let Some(open) = &mut self.open {
            open.selected = None;
        }
        Ok(())
    }

    fn target(&self, at: Option<Seq>, is_own: bool) -> Result<Seq, String> {
        let nothing_here = || "there is no message here yet".to_owned();
        let open = self.open.as_ref().ok_or_else(nothing_here)?;
        if let Some(named) = at {
            let held = open.message(named).map(|message| message.seq);
            return held.ok_or_else(|| format!("there is no message #{named} among those on hand"));
        }
        if let Some(selected) = open.selected {
            return Ok(selected);
        }
        let mut shown = open.entries.iter().rev().filter_map(Entry::message);
        let is_meant =
            |it: &&TimelineMessage| !it.deleted && (!is_own || it.message.sender == self.me);
        match shown.find(is_meant) {
            Some(last) => Ok(last.seq),
            None if is_own => Err("there is no message of yours here".to_owned()),
            None => Err(nothing_here()),
        }
    }

    /// The first message of the thread that a message is in, or would begin.
    fn root_of(&self, target: Seq) -> Seq {
        let message = self.open.as_ref().and_then(|open| open.message(target));
        let thread = message.and_then(|message| message.message.thread);
        thread.map_or(target, |thread| thread.root)
    }
}
