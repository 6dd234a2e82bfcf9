//! The Rust SDK: a [`Client`] that keeps up with a Tidemark server, whatever the network does.
//!
//! It holds one socket, comes back by itself when that is lost, catches up from where it was, and sends
//! every message until the server has it. What a person sees can be drawn from [`Client::timeline`],
//! [`Client::conversations`] and [`Client::connection`]; [`Client::updates`] says when to look again.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use tidemark_client::{Client, ClientOptions, Http, OutgoingMessage, ServerUrl, Update};
//! use tidemark_protocol::body::SignIn;
//! use tidemark_protocol::wire::Secret;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let url = ServerUrl::parse("https://chat.example.org")?;
//! let signed_in = Http::new(url.clone(), None)?
//!     .sign_in(&SignIn {
//!         username: "ann".to_owned(),
//!         password: Secret::new("correct horse"),
//!         device_name: Some("laptop".to_owned()),
//!     })
//!     .await?;
//!
//! let client = Client::connect(ClientOptions::new(url, signed_in.token))?;
//! let mut updates = client.updates();
//! client.online().await?;
//! let (conversation, _) = client.conversations()[0];
//! let receipt = client.send(conversation, OutgoingMessage::text("good morning")).await?;
//! println!("message {} is safe", receipt.seq);
//!
//! while let Some(update) = updates.next().await {
//!     match update {
//!         Ok(Update::Event(entry)) => println!("{entry:?}"),
//!         Ok(_) => {}
//!         Err(missed) => println!("{missed}; the timeline has them"),
//!     }
//! }
//! client.close(Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```
//!
//! - [`Client`]: the live side.
//! - [`Http`]: accounts, conversations, members, pages of the past, files.
//! - [`transport`]: the socket alone, for whoever wants to speak the protocol by hand.
//! - [`Snapshot`]: what to keep so that the next process goes on where this one ended.

mod amend;
mod backoff;
mod client;
mod connection;
mod delivery;
mod driver;
mod http;
mod message;
mod operating;
mod options;
mod shared;
mod snapshot;
mod threads;
pub mod transport;
mod updates;
mod upload;

pub use backoff::Backoff;
pub use client::{CHANGES_WITHIN, Client, Closed, ConnectError};
pub use connection::{Connection, StopReason};
pub use delivery::{Delivery, EnqueueError, Receipt, SendError};
pub use http::{Http, HttpError, Page};
pub use message::OutgoingMessage;
pub use options::ClientOptions;
pub use snapshot::Snapshot;
pub use transport::{InvalidUrl, ServerUrl};
pub use updates::{Missed, Updates};
pub use upload::{FileToUpload, TransferError, UploadProgress, Wanted};

pub use tidemark_core::presence::{Presence, Status};
pub use tidemark_protocol::session::client::{ConversationState, Pending, ThreadState, Update};
