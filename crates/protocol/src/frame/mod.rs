//! What goes over the socket: text frames, each one JSON object with a `type`.

mod amend;
mod client;
mod request;
mod server;
mod shared_events;
mod signal;
mod thread;
mod welcome;

pub use amend::AmendMessage;
pub use client::{ClientFrame, FrameError, Hello, ParseLimits, RequestId};
pub use request::{
    CloseConversation, OpenConversation, Ping, ReadCursor, Request, SendMessage, SyncConversation,
};
pub use server::{
    Ack, Added, Bye, Events, Head, Pong, Presence, Read, Refused, Removed, ServerFrame, Typing,
    UnknownFrame, encode_event,
};
pub use shared_events::SharedEvents;
pub use signal::{DeclarePresence, StartTyping, WatchUsers};
pub use thread::{Delivered, ReadThread, ReportDelivered, ThreadRead};
pub use welcome::{AdvertisedLimits, InboxEntry, Welcome};
