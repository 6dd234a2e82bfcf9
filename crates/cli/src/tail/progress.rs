//! How far each conversation was printed.

use std::collections::BTreeMap;
use std::str::FromStr;

use tidemark_client::Snapshot;
use tidemark_core::{ConversationId, Seq};

/// Where to begin when no earlier run says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// With the first event.
    Beginning,
    /// With what is said from now on.
    Now,
    /// With the event at this place, in every conversation.
    At(Seq),
}

impl FromStr for Start {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "start" => Ok(Self::Beginning),
            "now" => Ok(Self::Now),
            _ => text
                .parse()
                .ok()
                .and_then(Seq::new)
                .filter(|seq| *seq > Seq::ZERO)
                .map(Self::At)
                .ok_or("it is `start`, `now`, or a seq, which is a number from 1"),
        }
    }
}

/// The last printed event of each conversation. A conversation that was left is kept, so that nothing of it is
/// printed again if it comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    epoch: Option<String>,
    printed: BTreeMap<ConversationId, Seq>,
    /// Events below are passed without being printed.
    first: Seq,
}

/// What an event is to the one who prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is the next one.
    Print,
    /// It is the next one, but from before the place to begin at.
    Pass,
    /// It was printed before.
    Repeated,
    /// There are others before it.
    TooEarly,
}

impl Progress {
    /// There is nothing to print below `first`: the user does not see it.
    pub(super) fn begins_at(&mut self, conversation: ConversationId, first: Seq) {
        let printed = self.printed.entry(conversation).or_insert(Seq::ZERO);
        *printed = (*printed).max(first.previous());
    }

    /// Goes on where `saved` ended, or begins at `start` in the conversations with these heads.
    pub(super) fn begin(
        saved: Option<Snapshot>,
        start: Start,
        heads: &BTreeMap<ConversationId, Seq>,
    ) -> Self {
        let Some(saved) = saved else {
            let first = match start {
                Start::Beginning | Start::Now => Seq::ZERO,
                Start::At(seq) => seq,
            };
            // Never above a head: the server would take us for a reader of another history.
            let cursor = |head: Seq| match start {
                Start::Beginning => Seq::ZERO,
                Start::Now => head,
                Start::At(seq) => seq.previous().min(head),
            };
            let printed = heads.iter().map(|(id, head)| (*id, cursor(*head)));
            return Self {
                epoch: None,
                printed: printed.collect(),
                first,
            };
        };
        let mut printed: BTreeMap<_, _> = saved.cursors().collect();
        for id in heads.keys() {
            printed.entry(*id).or_default();
        }
        Self {
            epoch: saved.epoch().map(str::to_owned),
            printed,
            first: Seq::ZERO,
        }
    }

    /// The name of the history that was printed, once the server has said it.
    pub(super) fn epoch(&self) -> Option<&str> {
        self.epoch.as_deref()
    }

    pub(super) fn of_conversation(&self, conversation: ConversationId) -> Seq {
        self.printed.get(&conversation).copied().unwrap_or_default()
    }

    /// Whether the event at `seq` is to be printed now; if it is, or is passed, the place moves onto it.
    pub(super) fn step(&mut self, conversation: ConversationId, seq: Seq) -> Turn {
        let printed = self.printed.entry(conversation).or_default();
        if seq <= *printed {
            return Turn::Repeated;
        }
        if seq > printed.next() {
            return Turn::TooEarly;
        }
        *printed = seq;
        if seq < self.first {
            Turn::Pass
        } else {
            Turn::Print
        }
    }

    /// Takes the name of the history, if there is none yet. Whether it does.
    pub(super) fn learn_epoch(&mut self, epoch: Option<&str>) -> bool {
        let is_new = self.epoch.is_none() && epoch.is_some();
        if is_new {
            self.epoch = epoch.map(str::to_owned);
        }
        is_new
    }

    /// The history is another one now; nothing of it was printed.
    pub(super) fn restart(&mut self, epoch: Option<&str>) {
        self.epoch = epoch.map(str::to_owned);
        self.printed.values_mut().for_each(|seq| *seq = Seq::ZERO);
    }

    /// What a client needs to follow these conversations from here.
    pub(super) fn of<'a>(
        &self,
        conversations: impl Iterator<Item = &'a ConversationId>,
    ) -> Snapshot {
        let cursors = conversations.map(|id| (*id, self.of_conversation(*id)));
        Snapshot::of_cursors(self.epoch.clone(), cursors)
    }

    /// What the next run needs.
    pub(super) fn snapshot(&self) -> Snapshot {
        self.of(self.printed.keys())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(number: u8) -> ConversationId {
        format!("00000000-0000-0000-0000-0000000000{number:02}")
            .parse()
            .unwrap()
    }

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn heads() -> BTreeMap<ConversationId, Seq> {
        BTreeMap::from([(room(1), seq(5)), (room(2), seq(50))])
    }

    #[test]
    fn a_start_is_a_word_or_a_place() {
        assert_eq!("start".parse(), Ok(Start::Beginning));
        assert_eq!("now".parse(), Ok(Start::Now));
        assert_eq!("7".parse(), Ok(Start::At(seq(7))));
        for text in ["", "0", "-1", "then", "99999999999999999999"] {
            assert!(text.parse::<Start>().is_err(), "{text}");
        }
    }

    #[test]
    fn each_event_is_printed_once_and_in_its_turn() {
        let mut progress = Progress::begin(None, Start::Beginning, &heads());
        assert_eq!(progress.step(room(1), seq(2)), Turn::TooEarly);
        assert_eq!(progress.step(room(1), seq(1)), Turn::Print);
        assert_eq!(progress.step(room(1), seq(1)), Turn::Repeated);
        assert_eq!(progress.step(room(1), seq(2)), Turn::Print);
        assert_eq!(progress.step(room(2), seq(1)), Turn::Print);
    }

    #[test]
    fn from_now_on_only_what_comes_is_printed() {
        let mut progress = Progress::begin(None, Start::Now, &heads());
        assert_eq!(progress.step(room(1), seq(5)), Turn::Repeated);
        assert_eq!(progress.step(room(1), seq(6)), Turn::Print);
        assert_eq!(progress.step(room(3), seq(1)), Turn::Print, "a new one");
    }

    #[test]
    fn a_place_that_is_not_there_yet_is_waited_for() {
        let mut progress = Progress::begin(None, Start::At(seq(7)), &heads());
        assert_eq!(progress.of_conversation(room(1)), seq(5));
        assert_eq!(progress.step(room(1), seq(6)), Turn::Pass);
        assert_eq!(progress.step(room(1), seq(7)), Turn::Print);
        assert_eq!(progress.step(room(2), seq(7)), Turn::Print);
    }

    #[test]
    fn the_next_run_goes_on_also_where_the_user_was_away() {
        let mut first = Progress::begin(None, Start::Beginning, &heads());
        first.step(room(1), seq(1));
        first.step(room(2), seq(1));
        first.learn_epoch(Some("history"));
        let now = BTreeMap::from([(room(1), seq(9)), (room(3), seq(9))]);
        let mut second = Progress::begin(Some(first.snapshot()), Start::Beginning, &now);
        assert_eq!(second.snapshot().epoch(), Some("history"));
        assert_eq!(second.step(room(1), seq(2)), Turn::Print);
        assert_eq!(second.step(room(2), seq(1)), Turn::Repeated);
        assert_eq!(second.step(room(3), seq(1)), Turn::Print);
    }

    #[test]
    fn another_history_is_printed_from_its_first_event() {
        let mut progress = Progress::begin(None, Start::Now, &heads());
        progress.learn_epoch(Some("old"));
        progress.restart(Some("new"));
        assert_eq!(progress.step(room(1), seq(1)), Turn::Print);
        assert_eq!(progress.snapshot().epoch(), Some("new"));
    }
}
