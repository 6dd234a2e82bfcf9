//! One call of a consumer, which may do anything.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::timeout;

use crate::Setback;

/// How a call did not end well.
pub(crate) enum Mishap {
    Setback(Setback),
    /// What it said.
    Panicked(String),
    Slow,
}

/// Waits for a call, but not for ever, and survives its panic.
pub(crate) async fn guarded<T>(
    patience: Duration,
    call: impl Future<Output = Result<T, Setback>>,
) -> Result<T, Mishap> {
    match timeout(patience, AssertUnwindSafe(call).catch_unwind()).await {
        Ok(Ok(answer)) => answer.map_err(Mishap::Setback),
        Ok(Err(panic)) => Err(Mishap::Panicked(said(&*panic))),
        Err(_) => Err(Mishap::Slow),
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("nobody knows why"))
}
