//! What a line of the composer does.

use tidemark_client::OutgoingMessage;
use tidemark_core::conversation::{ConversationKind, NewMessage};
use tidemark_core::{ClientId, ConversationId, Seq};
use uuid::Uuid;

use super::command::{self, Line};
use super::{Dialog, DialogContent, Effect, RefusedMessage, Room, Scroll, State, mentions};
use crate::chat::event::{Call, Kept, Wish};
use crate::chat::harmless;

const NO_CONVERSATION: &str =
    "there is no conversation yet: /direct USER, /group TITLE USER... or /channel TITLE begins one";

impl State {
    /// What to call a conversation.
    pub(in crate::chat) fn room_name(&self, room: &Room) -> String {
        let title = room.title.as_deref().filter(|title| !title.is_empty());
        match (room.kind, &room.peer) {
            (Some(ConversationKind::Direct), Some(peer)) => {
                self.display_name(peer).unwrap_or(peer.as_str()).to_owned()
            }
            (Some(ConversationKind::Direct), None) => "(direct)".to_owned(),
            (Some(ConversationKind::Channel), _) => format!("#{}", title.unwrap_or("untitled")),
            (_, _) => title.unwrap_or("(untitled)").to_owned(),
        }
    }

    /// Does what the composer says; what makes no sense stays in it.
    pub(super) fn submit(&mut self) {
        let typed = self.draft.composer.text().to_owned();
        if typed.trim().is_empty() {
            return;
        }
        let here = self.open.as_ref().map(|open| open.id);
        if let (Some(here), Some(target)) = (here, self.draft.editing) {
            return self.save_edit(here, target);
        }
        match command::parse(&typed).and_then(|line| self.run(line, &typed)) {
            // Otherwise the line has put something else there.
            Ok(()) if self.draft.composer.text() == typed => {
                self.draft.composer.take();
            }
            Ok(()) => {}
            Err(sentence) => self.complain(&sentence),
        }
    }

    fn run(&mut self, line: Line, typed: &str) -> Result<(), String> {
        let here = self.open.as_ref().map(|open| open.id);
        let here = here.ok_or_else(|| NO_CONVERSATION.to_owned());
        self.notice = None;
        let wish = match line {
            Line::Text(text) => {
                let reply_to = self.draft.reply_to.take();
                let thread = self.thread_here();
                self.send(here?, text, reply_to, thread);
                return Ok(());
            }
            Line::Message { at, deed } => return self.do_to_message(here?, at, deed),
            Line::Again => return self.send_again(here?),
            Line::Attach { file, text } => return self.attach(here?, file, text, typed),
            Line::Cancel => return self.cancel_transfer(),
            Line::Save { at, to } => return self.save_files(at, to, typed),
            Line::Open(at) => return self.open_files(at, typed),
            Line::Members => {
                self.effects.push(Effect::LoadMembers {
                    conversation: here?,
                    show: true,
                });
                return Ok(());
            }
            Line::Help => {
                self.show_help();
                return Ok(());
            }
            Line::Quit => {
                self.effects.push(Effect::Quit);
                return Ok(());
            }
            Line::Direct(user) => Wish::Direct(user),
            Line::Group { title, users } => Wish::Group { title, users },
            Line::Channel { title } => Wish::Channel { title },
            Line::Join(id) => Wish::Join(id),
            Line::Invite(users) => Wish::Invite(here?, users),
            Line::Leave => Wish::Leave(here?),
            Line::Mute => {
                let here = here?;
                Wish::Mute(here, !self.kept(here).is_muted)
            }
            Line::Archive => {
                let here = here?;
                Wish::Archive(here, !self.kept(here).is_archived)
            }
            Line::Favourite => {
                let here = here?;
                Wish::Favour(here, !self.kept(here).is_favourite)
            }
            Line::Topic(topic) => Wish::Topic(here?, topic),
            Line::Title(title) => Wish::Title(here?, title),
            Line::Command { name, arguments } => Wish::Command {
                conversation: here?,
                name,
                arguments,
            },
        };
        let line = typed.to_owned();
        self.effects.push(Effect::Call(Call { wish, line }));
        Ok(())
    }

    fn kept(&self, id: ConversationId) -> Kept {
        self.rooms.get(id).map(|room| room.kept).unwrap_or_default()
    }

    pub(super) fn show_help(&mut self) {
        self.dialog = Some(Dialog {
            content: DialogContent::Help,
            top: 0,
        });
    }

    pub(super) fn send(
        &mut self,
        to: ConversationId,
        text: String,
        reply_to: Option<Seq>,
        thread: Option<Seq>,
    ) {
        let message = self.compose(text, reply_to, thread);
        self.effects.push(Effect::Send(to, message));
        if let Some(open) = &mut self.open {
            open.scroll = Scroll::Bottom;
            open.selected = None;
            open.new_after = None;
        }
    }

    /// A message for the conversation on screen.
    pub(super) fn compose(
        &self,
        text: String,
        reply_to: Option<Seq>,
        thread: Option<Seq>,
    ) -> OutgoingMessage {
        let members = self.open.as_ref().map(|open| &open.members);
        let mentions =
            members.map_or_else(Default::default, |members| mentions::of(&text, members));
        let mut message = OutgoingMessage::text(text).mentioning(mentions);
        message.reply_to = reply_to;
        match thread {
            Some(root) => message.in_thread(root, false),
            None => message,
        }
    }

    /// A message cannot even wait to be sent. Words go back to where they were written; files do not fit there.
    pub(super) fn not_taken(
        &mut self,
        conversation: ConversationId,
        message: OutgoingMessage,
        reason: &str,
    ) {
        if message.attachments.is_empty() {
            return self.failed(reason, Some(message.text));
        }
        self.refused.push(RefusedMessage {
            conversation,
            message: NewMessage {
                client_id: ClientId(Uuid::now_v7()),
                text: message.text,
                reply_to: message.reply_to,
                mentions: message.mentions,
                client_at: message.client_at,
                thread: message.thread,
                attachments: message.attachments,
            },
            reason: harmless::line(reason),
        });
    }

    /// Under another name: the one that it had may not be used any more.
    fn send_again(&mut self, here: ConversationId) -> Result<(), String> {
        let is_here = |refused: &RefusedMessage| refused.conversation == here;
        let at = self.refused.iter().rposition(is_here);
        let at = at.ok_or_else(|| "nothing was refused here".to_owned())?;
        let NewMessage {
            text,
            reply_to,
            mentions,
            thread,
            attachments,
            ..
        } = self.refused.remove(at).message;
        let mut message = OutgoingMessage::text(text)
            .mentioning(mentions)
            .showing(attachments);
        message.reply_to = reply_to;
        message.thread = thread;
        self.effects.push(Effect::Send(here, message));
        Ok(())
    }
}
