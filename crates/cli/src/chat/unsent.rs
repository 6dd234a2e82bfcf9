//! Messages that outlive the process: they are sent by the next one, under the names that they have.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use tidemark_client::{Pending, ServerUrl, Snapshot};
use tidemark_core::{ClientId, ConversationId, UserId};

use crate::failure::Failure;
use crate::{places, private_file};

/// The file of one user of one server.
///
/// Several chats of the same user share it: each adds what it has to send, and takes away what it knows
/// to have an answer. Two that send the same message do no harm, as the message has one name.
#[derive(Debug)]
pub(super) struct UnsentFile {
    path: PathBuf,
    /// What this process wrote there, or found there.
    ours: BTreeSet<Name>,
    /// Whether the person was told that nothing can be kept.
    has_complained: bool,
}

type Name = (ConversationId, ClientId);

fn name(pending: &Pending) -> Name {
    (pending.conversation, pending.message.client_id)
}

impl UnsentFile {
    /// The one of this user at this server.
    ///
    /// # Errors
    ///
    /// When there is no place for files of the person.
    pub(super) fn of(url: &ServerUrl, user: &UserId) -> Result<Self, Failure> {
        let file = format!("{}~{}.json", escaped(url.http()), escaped(user.as_str()));
        Ok(Self::at(places::state()?.join("unsent").join(file)))
    }

    fn at(path: PathBuf) -> Self {
        Self {
            path,
            ours: BTreeSet::new(),
            has_complained: false,
        }
    }

    /// What earlier processes could not send. It stays in the file until it is.
    ///
    /// # Errors
    ///
    /// When the file is there but cannot be read.
    pub(super) fn take_over(&mut self) -> Result<Vec<Pending>, Failure> {
        let path = self.path.display();
        let found = read(&self.path).map_err(|error| {
            Failure::failed(format!(
                "cannot read the messages that wait in {path}: {error}; remove the file to give them up"
            ))
        })?;
        self.ours = found.iter().map(name).collect();
        Ok(found)
    }

    /// As [`UnsentFile::keep`]. What to tell the person, the first time that it fails.
    pub(super) fn keep_or_complain(&mut self, pending: &[Pending]) -> Option<String> {
        let kept = self.keep(pending);
        let has_complained = std::mem::replace(&mut self.has_complained, kept.is_err());
        let error = kept.err().filter(|_| !has_complained)?;
        let path = self.path.display();
        Some(format!(
            "messages that wait are not kept for the next time: {path}: {error}"
        ))
    }

    /// Keeps what has no final answer yet. Nothing is written if that is what was kept before.
    ///
    /// # Errors
    ///
    /// When the system says no; the file is as it was then.
    pub(super) fn keep(&mut self, pending: &[Pending]) -> io::Result<()> {
        let names: BTreeSet<Name> = pending.iter().map(name).collect();
        if names == self.ours {
            return Ok(());
        }
        let _held = private_file::lock(&self.path.with_extension("lock"))?;
        let mut messages = read(&self.path)?;
        messages.retain(|kept| !self.ours.contains(&name(kept)) && !names.contains(&name(kept)));
        messages.extend_from_slice(pending);
        if messages.is_empty() {
            match std::fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        } else {
            let text = serde_json::to_vec_pretty(&Snapshot::of_messages(messages))?;
            private_file::replace(&self.path, &text)?;
        }
        self.ours = names;
        Ok(())
    }
}

fn read(path: &Path) -> io::Result<Vec<Pending>> {
    let Some(text) = private_file::read(path)? else {
        return Ok(Vec::new());
    };
    let snapshot: Snapshot = serde_json::from_str(&text)?;
    Ok(snapshot.into_messages())
}

/// As a part of a file's name: different texts stay different.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02x}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use tidemark_core::UploadId;
    use tidemark_core::conversation::{Mentions, NewMessage};
    use uuid::Uuid;

    use super::*;

    fn pending(number: u128) -> Pending {
        Pending {
            conversation: ConversationId(Uuid::from_u128(1)),
            message: NewMessage {
                client_id: ClientId(Uuid::from_u128(number)),
                text: format!("message {number}"),
                reply_to: None,
                mentions: Mentions::default(),
                client_at: None,
                thread: None,
                attachments: vec![UploadId(Uuid::from_u128(number + 100))],
            },
        }
    }

    fn file(home: &tempfile::TempDir) -> UnsentFile {
        UnsentFile::at(home.path().join("unsent/ann.json"))
    }

    #[test]
    fn the_next_process_has_what_the_last_one_could_not_send() {
        let home = tempfile::tempdir().unwrap();
        let mut first = file(&home);
        assert_eq!(first.take_over().unwrap(), []);
        first.keep(&[pending(1), pending(2)]).unwrap();
        let mut second = file(&home);
        assert_eq!(second.take_over().unwrap(), [pending(1), pending(2)]);
        second.keep(&[pending(2)]).unwrap();
        assert_eq!(file(&home).take_over().unwrap(), [pending(2)]);
        second.keep(&[]).unwrap();
        assert!(!second.path.exists());
    }

    #[test]
    fn chats_at_the_same_time_keep_each_others_messages() {
        let home = tempfile::tempdir().unwrap();
        let (mut one, mut other) = (file(&home), file(&home));
        one.keep(&[pending(1)]).unwrap();
        other.keep(&[pending(2)]).unwrap();
        assert_eq!(file(&home).take_over().unwrap(), [pending(1), pending(2)]);
        one.keep(&[]).unwrap();
        assert_eq!(file(&home).take_over().unwrap(), [pending(2)]);
    }

    #[test]
    fn a_damaged_file_is_not_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let mut file = file(&home);
        private_file::replace(&file.path, b"{").unwrap();
        assert!(
            file.take_over()
                .unwrap_err()
                .to_string()
                .contains("ann.json")
        );
        assert!(file.keep(&[pending(1)]).is_err());
        let mut complaint = || file.keep_or_complain(&[pending(1)]);
        assert!(complaint().is_some_and(|words| words.contains("ann.json")));
        assert_eq!(complaint(), None, "once is enough");
        assert_eq!(std::fs::read(&file.path).unwrap(), b"{");
    }

    #[test]
    fn servers_and_users_have_files_of_their_own() {
        let names = ["http://a:1", "http://a%3a1", "http___a_1", "ann", "a.n"];
        let escaped: BTreeSet<String> = names.iter().map(|name| escaped(name)).collect();
        assert_eq!(escaped.len(), names.len());
        assert!(escaped.iter().all(|name| !name.contains('/')));
    }
}
