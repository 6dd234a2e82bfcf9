//! [`Consumers`] in plain maps.

use std::collections::BTreeMap;

use tidemark_core::Position;
use tokio::time::Instant;

use super::{Inner, MemoryStore};
use crate::{
    ConsumerError, ConsumerState, Consumers, DEAD_LETTERS_MAX, DeadLetter, Health, LeaseToken,
    Paused, Trouble,
};

/// What there is to know of consumers, beside their leases.
pub(super) type KeptConsumers = BTreeMap<String, Kept>;

#[derive(Clone, Default)]
pub(super) struct Kept {
    paused: Option<Paused>,
    rewound: Option<Position>,
    trouble: Option<Trouble>,
    failures: u64,
    letters: BTreeMap<Position, DeadLetter>,
}

type Answer<T> = Result<T, ConsumerError>;

impl Inner {
    fn check_consumers(&self) -> Answer<()> {
        match self.health {
            Health::Accepting => Ok(()),
            Health::Recovering | Health::Closed => Err(ConsumerError::Unavailable),
        }
    }

    fn kept(&mut self, name: &str) -> Answer<&mut Kept> {
        self.check_consumers()?;
        self.consumers.get_mut(name).ok_or(ConsumerError::Unknown)
    }

    /// What is kept of the consumer, for the holder of the newest token.
    fn kept_for(&mut self, name: &str, token: LeaseToken) -> Answer<&mut Kept> {
        self.check_consumers()?;
        let newest = self.leases.get(name).map(|(newest, _)| *newest);
        if newest != Some(token) {
            return Err(ConsumerError::Lost);
        }
        self.consumers.get_mut(name).ok_or(ConsumerError::Lost)
    }

    fn consumer_state(&self, name: &str, kept: &Kept, now: Instant) -> ConsumerState {
        let nothing = (LeaseToken(0), Position(0));
        let (token, position) = self.leases.get(name).copied().unwrap_or(nothing);
        ConsumerState {
            name: name.to_owned(),
            position,
            token,
            holder: self.lease_terms.holder(name, now),
            paused: kept.paused.clone(),
            rewound: kept.rewound,
            trouble: kept.trouble.clone(),
            failures: kept.failures,
            dead_letters: kept.letters.len() as u64,
            replays: kept.letters.values().filter(|it| it.replay).count() as u64,
        }
    }
}

impl Kept {
    fn named(&mut self, position: Option<Position>) -> Answer<Vec<Position>> {
        match position {
            None => Ok(self.letters.keys().copied().collect()),
            Some(position) if self.letters.contains_key(&position) => Ok(vec![position]),
            Some(_) => Err(ConsumerError::Unknown),
        }
    }
}

impl Consumers for MemoryStore {
    async fn enrol_consumer(&self, name: &str, token: LeaseToken) -> Answer<()> {
        let mut inner = self.lock();
        inner.check_consumers()?;
        let newest = inner.leases.get(name).map(|(newest, _)| *newest);
        if newest != Some(token) {
            return Err(ConsumerError::Lost);
        }
        inner.consumers.entry(name.to_owned()).or_default();
        Ok(())
    }

    async fn consumers(&self) -> Answer<Vec<ConsumerState>> {
        let inner = self.lock();
        inner.check_consumers()?;
        let now = Instant::now();
        let state = |(name, kept): (&String, &Kept)| inner.consumer_state(name, kept, now);
        Ok(inner.consumers.iter().map(state).collect())
    }

    async fn consumer(&self, name: &str) -> Answer<ConsumerState> {
        let inner = self.lock();
        inner.check_consumers()?;
        let kept = inner.consumers.get(name).ok_or(ConsumerError::Unknown)?;
        Ok(inner.consumer_state(name, kept, Instant::now()))
    }

    async fn pause_consumer(&self, name: &str, paused: Option<Paused>) -> Answer<()> {
        self.lock().kept(name)?.paused = paused;
        Ok(())
    }

    async fn rewind_consumer(
        &self,
        name: &str,
        by: Option<LeaseToken>,
        to: Position,
    ) -> Answer<()> {
        let mut inner = self.lock();
        match by {
            Some(token) => inner.kept_for(name, token)?,
            None => inner.kept(name)?,
        };
        let Inner {
            leases,
            lease_terms,
            consumers,
            ..
        } = &mut *inner;
        let (Some(lease), Some(kept)) = (leases.get_mut(name), consumers.get_mut(name)) else {
            return Err(ConsumerError::Unknown);
        };
        if to >= lease.1 {
            return Ok(());
        }
        lease.1 = to;
        kept.letters.retain(|position, _| *position <= to);
        if by.is_none() {
            lease.0.0 += 1;
            lease_terms.make_stale(name, lease.0);
            kept.rewound = Some(to);
        }
        Ok(())
    }

    async fn note_rewound(&self, name: &str, token: LeaseToken) -> Answer<()> {
        self.lock().kept_for(name, token)?.rewound = None;
        Ok(())
    }

    async fn note_trouble(
        &self,
        name: &str,
        token: LeaseToken,
        trouble: Option<Trouble>,
    ) -> Answer<()> {
        let mut inner = self.lock();
        let kept = inner.kept_for(name, token)?;
        kept.failures += u64::from(trouble.is_some());
        kept.trouble = trouble;
        Ok(())
    }

    async fn bury(&self, name: &str, token: LeaseToken, letter: DeadLetter) -> Answer<()> {
        let mut inner = self.lock();
        let letters = &mut inner.kept_for(name, token)?.letters;
        let is_new = !letters.contains_key(&letter.position);
        if is_new && letters.len() as u64 >= DEAD_LETTERS_MAX {
            return Err(ConsumerError::Full);
        }
        letters.insert(letter.position, letter);
        Ok(())
    }

    async fn settle(&self, name: &str, token: LeaseToken, position: Position) -> Answer<()> {
        let mut inner = self.lock();
        inner.kept_for(name, token)?.letters.remove(&position);
        Ok(())
    }

    async fn dead_letters(
        &self,
        name: &str,
        replays: bool,
        after: Position,
        entries_max: usize,
    ) -> Answer<Vec<DeadLetter>> {
        let mut inner = self.lock();
        let letters = inner.kept(name)?.letters.values();
        let asked = letters.filter(|it| it.position > after && (it.replay || !replays));
        Ok(asked.take(entries_max).cloned().collect())
    }

    async fn replay_dead_letters(&self, name: &str, position: Option<Position>) -> Answer<u64> {
        let mut inner = self.lock();
        let kept = inner.kept(name)?;
        let named = kept.named(position)?;
        for position in &named {
            if let Some(letter) = kept.letters.get_mut(position) {
                letter.replay = true;
            }
        }
        Ok(named.len() as u64)
    }

    async fn drop_dead_letters(&self, name: &str, position: Option<Position>) -> Answer<u64> {
        let mut inner = self.lock();
        let kept = inner.kept(name)?;
        let named = kept.named(position)?;
        for position in &named {
            kept.letters.remove(position);
        }
        Ok(named.len() as u64)
    }

    async fn forget_consumer(&self, name: &str) -> Answer<()> {
        let mut inner = self.lock();
        inner.kept(name)?;
        if inner.lease_terms.holder(name, Instant::now()).is_some() {
            return Err(ConsumerError::AtWork);
        }
        inner.consumers.remove(name);
        if let Some(lease) = inner.leases.get_mut(name) {
            lease.0.0 += 1;
            lease.1 = Position(0);
        }
        Ok(())
    }
}
