//! [`Leases`] in plain maps.

use std::collections::BTreeMap;
use std::time::Duration;

use tidemark_core::Position;
use tokio::time::Instant;

use super::{Inner, MemoryStore};
use crate::{Acquired, Health, LeaseError, LeaseToken, Leases};

/// What of a lease outlives its holder: the last token, and how far the work has come.
pub(crate) type KeptLeases = BTreeMap<String, (LeaseToken, Position)>;

impl Inner {
    fn check_leases(&self) -> Result<(), LeaseError> {
        match self.health {
            Health::Accepting => Ok(()),
            Health::Recovering | Health::Closed => Err(LeaseError::Unavailable),
        }
    }
}

impl Leases for MemoryStore {
    async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        duration: Duration,
    ) -> Result<Acquired, LeaseError> {
        let mut inner = self.lock();
        inner.check_leases()?;
        let now = Instant::now();
        if let Some(held) = inner.lease_terms.held(name, holder, now) {
            return Ok(held);
        }
        let nothing = (LeaseToken(0), Position(0));
        let kept = inner.leases.entry(name.to_owned()).or_insert(nothing);
        kept.0.0 += 1;
        let (token, position) = *kept;
        inner.lease_terms.grant(name, holder, token, now + duration);
        Ok(Acquired::Granted { token, position })
    }

    async fn renew_lease(
        &self,
        name: &str,
        token: LeaseToken,
        duration: Duration,
    ) -> Result<(), LeaseError> {
        let mut inner = self.lock();
        inner.check_leases()?;
        inner
            .lease_terms
            .renew(name, token, duration, Instant::now())
    }

    async fn release_lease(&self, name: &str, token: LeaseToken) -> Result<(), LeaseError> {
        let mut inner = self.lock();
        inner.check_leases()?;
        inner.lease_terms.release(name, token, Instant::now())
    }

    async fn advance(
        &self,
        name: &str,
        token: LeaseToken,
        position: Position,
    ) -> Result<(), LeaseError> {
        let mut inner = self.lock();
        inner.check_leases()?;
        let kept = inner.leases.get_mut(name);
        let kept = kept
            .filter(|(newest, _)| *newest == token)
            .ok_or(LeaseError::Lost)?;
        kept.1 = kept.1.max(position);
        Ok(())
    }

    async fn lease_position(&self, name: &str) -> Result<Position, LeaseError> {
        let inner = self.lock();
        inner.check_leases()?;
        let kept = inner.leases.get(name);
        Ok(kept.map_or(Position(0), |(_, position)| *position))
    }
}
