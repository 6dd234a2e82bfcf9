//! What an app keeps of what its client told it, and what was wrong with that.

use std::collections::{BTreeMap, HashMap};

use tidemark_client::{ConversationState, Missed, Snapshot, Update};
use tidemark_core::conversation::Event;
use tidemark_core::{ClientId, ConversationId, Seq};

/// How much happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// How often the server let the client in.
    pub(crate) welcomes: u64,
    /// Messages that had arrived before their ack was heard.
    pub(crate) duplicates: u64,
}

/// Kept over all processes of one app.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// The events of each conversation, from its first.
    pub(crate) logs: BTreeMap<ConversationId, Vec<Event>>,
    /// Where the server said that each own message is.
    pub(crate) acknowledged: HashMap<(ConversationId, ClientId), Seq>,
    /// The same, as whoever sent a message was answered.
    pub(crate) receipts: Vec<((ConversationId, ClientId), Seq)>,
    /// Up to where the other one has read.
    pub(crate) read_by_other: BTreeMap<ConversationId, Seq>,
    /// Up to where the other one's devices have fetched.
    delivered_to_other: BTreeMap<ConversationId, Seq>,
    pub(crate) tally: Tally,
    /// Up to where the present process said that we have read.
    read: BTreeMap<ConversationId, Seq>,
    /// What a client must never say.
    wrong: Vec<String>,
}

impl Kept {
    /// Takes in what is new. Whether a message was acknowledged for the first time.
    pub(crate) fn take(&mut self, update: Result<Update, Missed>) -> bool {
        match update {
            Ok(Update::Online { .. }) => self.tally.welcomes += 1,
            Ok(Update::Event(entry)) => match entry.event() {
                Some(event) => self.append(event.clone()),
                None => self.note(format!("an event of an unknown kind: {entry:?}")),
            },
            Ok(Update::Sent {
                conversation,
                client_id,
                seq,
                duplicate,
                ..
            }) => {
                self.tally.duplicates += u64::from(duplicate);
                let earlier = self.acknowledged.insert((conversation, client_id), seq);
                if earlier.is_some_and(|earlier| earlier != seq) {
                    self.note(format!("{client_id} is at {seq} but was at {earlier:?}"));
                }
                return earlier.is_none();
            }
            Ok(Update::ReadBy {
                conversation, seq, ..
            }) => {
                let before = self.read_by_other.insert(conversation, seq);
                if before > Some(seq) {
                    self.note(format!(
                        "the other one's cursor went back: {before:?}, {seq}"
                    ));
                }
            }
            Ok(Update::DeliveredTo {
                conversation, seq, ..
            }) => {
                let before = self.delivered_to_other.insert(conversation, seq);
                if before > Some(seq) {
                    self.note(format!(
                        "the other one's devices went back: {before:?}, {seq}"
                    ));
                }
            }
            Ok(Update::Changed(_)) => {}
            Ok(update) => self.note(format!("{update:?}")),
            Err(missed) => self.note(missed.to_string()),
        }
        false
    }

    fn append(&mut self, event: Event) {
        let log = self.logs.entry(event.conversation).or_default();
        let expected = log.last().map_or(Seq::ZERO, |last| last.seq).next();
        if event.seq == expected {
            log.push(event);
        } else {
            let found = event.seq;
            self.note(format!(
                "the client hands out {found} instead of {expected}"
            ));
        }
    }

    /// Looks at what the client says of a conversation.
    pub(crate) fn look(&mut self, conversation: ConversationId, state: &ConversationState) {
        let before = self.read.insert(conversation, state.read);
        if before > Some(state.read) {
            let now = state.read;
            self.note(format!("the own cursor went back: {before:?}, {now}"));
        }
    }

    /// Whether everything that `snapshot` says was handed out is here.
    pub(crate) fn has_all_of(&self, snapshot: &Snapshot) -> bool {
        self.logs.iter().all(|(conversation, log)| {
            let cursor = snapshot.cursor(*conversation).unwrap_or(Seq::ZERO);
            log.last().is_some_and(|last| last.seq >= cursor)
        })
    }

    /// The process is gone, and with it what came after `snapshot` was written.
    pub(crate) fn fall_back_to(&mut self, snapshot: &Snapshot) {
        for (conversation, log) in &mut self.logs {
            let cursor = snapshot.cursor(*conversation).unwrap_or(Seq::ZERO);
            log.retain(|event| event.seq <= cursor);
        }
        self.read.clear();
    }

    pub(crate) fn note(&mut self, wrong: String) {
        self.wrong.push(wrong);
    }

    /// What was wrong, if anything was.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for (name, seq) in &self.receipts {
            let told = self.acknowledged.get(name);
            anyhow::ensure!(told == Some(seq), "a receipt says {seq} for {told:?}");
        }
        let worst: Vec<_> = self.wrong.iter().take(5).collect();
        anyhow::ensure!(worst.is_empty(), "{} wrongs: {worst:#?}", self.wrong.len());
        Ok(())
    }
}
