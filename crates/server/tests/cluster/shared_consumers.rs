//! Consumers of the shared store: handed on as they are.

use tidemark_core::Position;
use tidemark_store::{
    ConsumerError, ConsumerState, Consumers, DeadLetter, LeaseToken, Paused, Store, Trouble,
};

use crate::shared_store::SharedStore;

impl<S: Store> Consumers for SharedStore<S> {
    async fn enrol_consumer(&self, name: &str, token: LeaseToken) -> Result<(), ConsumerError> {
        self.store.enrol_consumer(name, token).await
    }

    async fn consumers(&self) -> Result<Vec<ConsumerState>, ConsumerError> {
        self.store.consumers().await
    }

    async fn consumer(&self, name: &str) -> Result<ConsumerState, ConsumerError> {
        self.store.consumer(name).await
    }

    async fn pause_consumer(
        &self,
        name: &str,
        paused: Option<Paused>,
    ) -> Result<(), ConsumerError> {
        self.store.pause_consumer(name, paused).await
    }

    async fn rewind_consumer(
        &self,
        name: &str,
        by: Option<LeaseToken>,
        to: Position,
    ) -> Result<(), ConsumerError> {
        self.store.rewind_consumer(name, by, to).await
    }

    async fn note_rewound(&self, name: &str, token: LeaseToken) -> Result<(), ConsumerError> {
        self.store.note_rewound(name, token).await
    }

    async fn note_trouble(
        &self,
        name: &str,
        token: LeaseToken,
        trouble: Option<Trouble>,
    ) -> Result<(), ConsumerError> {
        self.store.note_trouble(name, token, trouble).await
    }

    async fn bury(
        &self,
        name: &str,
        token: LeaseToken,
        letter: DeadLetter,
    ) -> Result<(), ConsumerError> {
        self.store.bury(name, token, letter).await
    }

    async fn settle(
        &self,
        name: &str,
        token: LeaseToken,
        position: Position,
    ) -> Result<(), ConsumerError> {
        self.store.settle(name, token, position).await
    }

    async fn dead_letters(
        &self,
        name: &str,
        replays: bool,
        after: Position,
        entries_max: usize,
    ) -> Result<Vec<DeadLetter>, ConsumerError> {
        let store = &self.store;
        store.dead_letters(name, replays, after, entries_max).await
    }

    async fn replay_dead_letters(
        &self,
        name: &str,
        position: Option<Position>,
    ) -> Result<u64, ConsumerError> {
        self.store.replay_dead_letters(name, position).await
    }

    async fn drop_dead_letters(
        &self,
        name: &str,
        position: Option<Position>,
    ) -> Result<u64, ConsumerError> {
        self.store.drop_dead_letters(name, position).await
    }

    async fn forget_consumer(&self, name: &str) -> Result<(), ConsumerError> {
        self.store.forget_consumer(name).await
    }
}
