//! `tidemark media-worker`: what the server starts to look into a file. Nobody types it.

use clap::Args;

/// Looks into one file for the server.
#[derive(Args)]
pub(crate) struct Arguments {}
