//! How long leases last, in an engine that is one process: with that process they end, so their times are kept
//! in memory and on a clock that cannot jump.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::{Acquired, LeaseError, LeaseToken};

/// The leases that somebody has, or had last.
#[derive(Debug, Default)]
pub(crate) struct LeaseTerms(HashMap<String, Term>);

#[derive(Debug)]
struct Term {
    holder: String,
    token: LeaseToken,
    ends: Instant,
}

impl LeaseTerms {
    /// Who has the lease now, if it is not `holder`.
    pub(crate) fn held(&self, name: &str, holder: &str, now: Instant) -> Option<Acquired> {
        let term = self.0.get(name)?;
        let remaining = term.ends.saturating_duration_since(now);
        if remaining.is_zero() || term.holder == holder {
            return None;
        }
        Some(Acquired::Held {
            holder: term.holder.clone(),
            remaining,
        })
    }

    /// Who has the lease now.
    pub(crate) fn holder(&self, name: &str, now: Instant) -> Option<String> {
        let term = self.0.get(name).filter(|term| term.ends > now)?;
        Some(term.holder.clone())
    }

    /// There is a newer token, which nobody was granted. Whoever had the lease has it still, and asks again.
    pub(crate) fn make_stale(&mut self, name: &str, newest: LeaseToken) {
        if let Some(term) = self.0.get_mut(name) {
            term.token = newest;
        }
    }

    /// The lease is `holder`'s until `ends`.
    pub(crate) fn grant(&mut self, name: &str, holder: &str, token: LeaseToken, ends: Instant) {
        let term = Term {
            holder: holder.to_owned(),
            token,
            ends,
        };
        self.0.insert(name.to_owned(), term);
    }

    pub(crate) fn renew(
        &mut self,
        name: &str,
        token: LeaseToken,
        duration: Duration,
        now: Instant,
    ) -> Result<(), LeaseError> {
        self.current(name, token, now)?.ends = now + duration;
        Ok(())
    }

    pub(crate) fn release(
        &mut self,
        name: &str,
        token: LeaseToken,
        now: Instant,
    ) -> Result<(), LeaseError> {
        self.current(name, token, now)?.ends = now;
        Ok(())
    }

    fn current(
        &mut self,
        name: &str,
        token: LeaseToken,
        now: Instant,
    ) -> Result<&mut Term, LeaseError> {
        self.0
            .get_mut(name)
            .filter(|term| term.token == token && term.ends > now)
            .ok_or(LeaseError::Lost)
    }
}
