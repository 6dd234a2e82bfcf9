//! Files on their way to the server and back, one after the other.

use std::collections::VecDeque;

use tidemark_client::OutgoingMessage;
use tidemark_core::timeline::TimelineMessage;
use tidemark_core::upload::{Attachment, UploadState};
use tidemark_core::{ConversationId, Seq, UploadId};

use super::{Composer, Desk, Draft, Effect, Entry, OpenRoom, State};
use crate::chat::event::{Job, Outcome, Progress, RemoteFile, TransferId};
use crate::chat::harmless;

/// The most transfers that wait, with the one that is under way.
const TRANSFERS_MAX: usize = 10;
/// Of how many uploads the names are known, for messages that are not sent yet.
const NAMES_MAX: usize = 100;
/// How many files are asked for at once, the newest ones.
const ASKED_MAX: usize = 50;

/// The transfers. The first one is under way.
#[derive(Debug, Default)]
pub(in crate::chat) struct Transfers {
    queue: VecDeque<Transfer>,
    /// The last one that was given a number.
    last: TransferId,
    names: VecDeque<(UploadId, String)>,
}

#[derive(Debug)]
pub(in crate::chat) struct Transfer {
    id: TransferId,
    job: Job,
    /// Where to send which message as soon as there is an upload to show.
    message: Option<(ConversationId, OutgoingMessage)>,
    /// What was typed.
    line: String,
    progress: Option<Progress>,
    pub(in crate::chat) is_stopping: bool,
}

impl Transfer {
    /// Whether it goes to the server.
    pub(in crate::chat) fn is_upload(&self) -> bool {
        matches!(self.job, Job::Upload { .. })
    }

    /// What it is about now, harmless.
    pub(in crate::chat) fn name(&self) -> String {
        let first = |files: &[RemoteFile]| files.first().map(|file| file.name.clone());
        let name = match (&self.progress, &self.job) {
            (Some(progress), _) => progress.name.clone(),
            (None, Job::Upload { path }) => path.clone(),
            (None, Job::Save { files, .. } | Job::Open { files }) => {
                first(files).unwrap_or_default()
            }
        };
        harmless::line(&name)
    }

    /// How many bytes of how many are there.
    pub(in crate::chat) fn progress(&self) -> Option<(u64, Option<u64>)> {
        let progress = self.progress.as_ref()?;
        Some((progress.done, progress.size))
    }

    fn goes_to(&self, id: ConversationId) -> bool {
        self.message.as_ref().is_some_and(|(to, _)| *to == id)
    }

    fn desk(&self) -> Option<Desk> {
        let (to, message) = self.message.as_ref()?;
        Some((*to, message.thread.map(|reply| reply.thread)))
    }
}

impl Transfers {
    pub(in crate::chat) fn under_way(&self) -> Option<&Transfer> {
        self.queue.front()
    }

    /// How many wait for that one.
    pub(in crate::chat) fn waiting(&self) -> usize {
        self.queue.len().saturating_sub(1)
    }

    /// What an upload is called, harmless, if it was uploaded here.
    pub(in crate::chat) fn name_of(&self, upload: UploadId) -> Option<&str> {
        let known = self.names.iter().find(|(known, _)| *known == upload);
        known.map(|(_, name)| name.as_str())
    }

    pub(super) fn progress(&mut self, progress: Progress) {
        let first = self.queue.front_mut();
        if let Some(transfer) = first.filter(|it| it.id == progress.transfer) {
            transfer.progress = Some(progress);
        }
    }

    fn remember(&mut self, upload: UploadId, name: &str) {
        self.names.push_back((upload, harmless::line(name)));
        if self.names.len() > NAMES_MAX {
            self.names.pop_front();
        }
    }
}

impl State {
    /// Uploads a file, for a message that is sent as soon as that is done.
    pub(super) fn attach(
        &mut self,
        here: ConversationId,
        path: String,
        text: String,
        typed: &str,
    ) -> Result<(), String> {
        let message = self.compose(text, self.draft.reply_to, self.thread_here());
        self.transfer(Job::Upload { path }, Some((here, message)), typed)?;
        self.draft.reply_to = None;
        Ok(())
    }

    pub(super) fn save_files(
        &mut self,
        at: Option<Seq>,
        to: Option<String>,
        typed: &str,
    ) -> Result<(), String> {
        let files = self.files(at)?;
        self.transfer(Job::Save { files, to }, None, typed)
    }

    pub(super) fn open_files(&mut self, at: Option<Seq>, typed: &str) -> Result<(), String> {
        let files = self.files(at)?;
        self.transfer(Job::Open { files }, None, typed)
    }

    /// Stops the transfer that is under way.
    pub(super) fn cancel_transfer(&mut self) -> Result<(), String> {
        let nothing = || "no file is on its way".to_owned();
        let transfer = self.transfers.queue.front_mut().ok_or_else(nothing)?;
        if !std::mem::replace(&mut transfer.is_stopping, true) {
            self.effects.push(Effect::StopTransfer(transfer.id));
        }
        Ok(())
    }

    /// Whoever is no longer in a conversation sends nothing there.
    pub(super) fn drop_transfers_to(&mut self, id: ConversationId) {
        let first = self.transfers.queue.front_mut();
        if let Some(transfer) = first.filter(|it| it.goes_to(id) && !it.is_stopping) {
            transfer.is_stopping = true;
            self.effects.push(Effect::StopTransfer(transfer.id));
        }
        self.transfers
            .queue
            .retain(|transfer| transfer.is_stopping || !transfer.goes_to(id));
    }

    pub(super) fn transfer_over(&mut self, id: TransferId, outcome: Outcome) {
        let queue = &mut self.transfers.queue;
        let Some(transfer) = queue.pop_front_if(|first| first.id == id) else {
            return;
        };
        match outcome {
            Outcome::Uploaded { upload, name } => {
                self.transfers.remember(upload, &name);
                if let Some((to, message)) = transfer.message {
                    let message = message.showing(vec![upload]);
                    self.effects.push(Effect::Send(to, message));
                }
            }
            Outcome::Done(sentence) => self.say(&sentence),
            Outcome::Failed(sentence) => {
                self.complain(&sentence);
                self.give_back(&transfer);
            }
            Outcome::Stopped => self.say(&format!("stopped: {}", transfer.name())),
        }
        self.begin_transfer();
    }

    pub(super) fn file_refused(&mut self, name: &str, reason: Option<&str>) {
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        self.complain(&format!("{name} was refused{reason}"));
    }

    fn transfer(
        &mut self,
        job: Job,
        message: Option<(ConversationId, OutgoingMessage)>,
        typed: &str,
    ) -> Result<(), String> {
        let transfers = &mut self.transfers;
        if transfers.queue.len() >= TRANSFERS_MAX {
            return Err(format!(
                "{TRANSFERS_MAX} transfers are enough at a time; /cancel stops the first"
            ));
        }
        transfers.last += 1;
        transfers.queue.push_back(Transfer {
            id: transfers.last,
            job,
            message,
            line: typed.to_owned(),
            progress: None,
            is_stopping: false,
        });
        if transfers.queue.len() == 1 {
            self.begin_transfer();
        }
        Ok(())
    }

    fn begin_transfer(&mut self) {
        if let Some(next) = self.transfers.queue.front() {
            self.effects
                .push(Effect::Transfer(next.id, next.job.clone()));
        }
    }

    /// Puts what was typed where it was typed, unless something else is written there.
    fn give_back(&mut self, transfer: &Transfer) {
        let here = self.open.as_ref().map(|open| (open.id, self.thread_here()));
        let desk = transfer.desk().or(here);
        let reply_to = transfer.message.as_ref().and_then(|(_, it)| it.reply_to);
        let composer = Composer::holding(&transfer.line);
        if desk == here {
            if self.draft.composer.is_empty() && self.draft.editing.is_none() {
                self.draft.composer = composer;
                self.draft.reply_to = self.draft.reply_to.or(reply_to);
            }
        } else if let Some(desk) = desk {
            self.drafts.entry(desk).or_insert(Draft {
                composer,
                reply_to,
                editing: None,
            });
        }
    }

    /// The files of the message at a place; of the selected one or else the last one that has some, if none is named.
    fn files(&self, at: Option<Seq>) -> Result<Vec<RemoteFile>, String> {
        let nothing_here = || "there is no message with files here".to_owned();
        let open = self.open.as_ref().ok_or_else(nothing_here)?;
        let message = if let Some(place) = at.or(open.selected) {
            let named = open.message(place);
            named.ok_or_else(|| format!("there is no message #{place} among those on hand"))?
        } else {
            let mut shown = open.entries.iter().rev().filter_map(Entry::message);
            let last = shown.find(|it| !attachments(it).is_empty());
            last.ok_or_else(nothing_here)?
        };
        let all = attachments(message);
        let ready = all.iter().filter(|it| it.state == UploadState::Ready);
        let file = |it: &Attachment| RemoteFile {
            upload: it.upload,
            name: it.name.clone(),
        };
        let files: Vec<RemoteFile> = ready.map(file).collect();
        match all.first() {
            None => Err(format!("message #{} has no files", message.seq)),
            Some(first) if files.is_empty() => Err(unready(first)),
            Some(_) => Ok(files),
        }
    }
}

impl OpenRoom {
    /// Asks for the files at hand that were not ready: what became of them may have been told while nobody listened.
    pub(super) fn ask_about_files(&self) -> Vec<Effect> {
        let unsettled =
            |it: &&Attachment| !matches!(it.state, UploadState::Ready | UploadState::Refused);
        let mut effects = Vec::new();
        for shown in self.entries.iter().rev().filter_map(Entry::message) {
            let files = attachments(shown).iter().filter(unsettled);
            effects.extend(files.map(|it| Effect::AskUpload(self.id, shown.seq, it.upload)));
            if effects.len() >= ASKED_MAX {
                break;
            }
        }
        effects
    }
}

/// The files that a message shows.
fn attachments(shown: &TimelineMessage) -> &[Attachment] {
    if shown.deleted {
        &[]
    } else {
        &shown.message.attachments
    }
}

fn unready(attachment: &Attachment) -> String {
    let name = &attachment.name;
    match attachment.state {
        UploadState::Refused | UploadState::Deleting => {
            format!("{name} was refused; nobody can have it")
        }
        _ => format!("{name} is being looked at; try again in a moment"),
    }
}
