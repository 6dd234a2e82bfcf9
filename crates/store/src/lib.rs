//! Where the log lives.
//!
//! [`Store`] is the contract for conversations: one door for every change ([`Store::commit`]) and a
//! handful of reads, shaped by how clients read. [`Directory`] is the contract for people: users,
//! passwords, sessions, keys. [`Leases`] is the contract for what only one of many nodes may do, [`Consumers`] the one for whoever follows the
//! feed, [`Webhooks`] the one for whom to tell of it, [`BotEndpoints`] the one for whom to ask, and [`Uploads`] the one for files. An engine implements all seven and is certified by the one suite in
//! `conformance`. No engine decides anything: it loads facts, asks
//! [`decide`](tidemark_core::conversation::decide), and makes the answer durable.

mod bot_endpoints;
mod columns;
#[cfg(feature = "conformance")]
pub mod conformance;
mod consumers;
mod contract;
mod cursor_views;
mod directory;
mod error;
mod health;
mod lease_terms;
mod leases;
mod log_page;
pub mod memory;
mod mentions_page;
mod page_room;
mod personal_page;
pub mod postgres;
pub mod sqlite;
mod thread_views;
mod threads_page;
mod uploads;
mod versions_page;
mod views;
mod webhooks;

pub use bot_endpoints::{
    BOT_ENDPOINTS_MAX, BotCommand, BotEndpoint, BotEndpointError, BotEndpoints,
};
pub use consumers::{
    ConsumerError, ConsumerState, Consumers, DEAD_LETTERS_MAX, DeadLetter, Paused, Trouble,
};
pub use contract::{Batch, Health, Outcome, Store, THREADS_MAX};
pub use directory::{
    ApiKey, Credentials, Directory, KeyPowers, NewAccount, NewApiKey, NewBot, NewSession,
    ProfileChange, SecretHash, Session, SessionOwner, User, UserOrigin,
};
pub use error::{CommitError, DirectoryError, OpenError, ReadError};
pub use leases::{Acquired, LeaseError, LeaseToken, Leases};
pub use thread_views::{ThreadCursorMove, ThreadPage, ThreadStanding, ThreadView, ThreadsPage};
pub use uploads::{UploadChanged, Uploads, UploadsPage};
pub use views::{
    Banned, BansPage, Blocked, BlocksPage, ConversationView, CountsOf, CursorMove, Delivered,
    EventsFor, EventsPage, FeedEvent, InboxPage, Invitation, Member, MembersPage, MembershipFeed,
    MembershipView, Mentioned, MentionsPage, PageLimits, PersonalChanged, PersonalPage, Reader,
    Receipts, TimelinePage, VersionsPage, Window,
};
pub use webhooks::{Disabled, WEBHOOKS_MAX, Webhook, WebhookChange, WebhookError, Webhooks};
