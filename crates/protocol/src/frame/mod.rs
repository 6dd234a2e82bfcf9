//! What goes over the socket: text frames, each one JSON object with a `type`.

mod client;
mod request;
mod server;
mod welcome;

pub use client::{ClientFrame, FrameError, Hello, ParseLimits, RequestId};
pub use request::{
    CloseConversation, OpenConversation, Ping, ReadCursor, Request, SendMessage, SyncConversation,
};
pub use server::{
    Ack, Added, Bye, Events, Head, Pong, Read, Refused, Removed, ServerFrame, UnknownFrame,
    encode_event,
};
pub use welcome::{AdvertisedLimits, InboxEntry, Welcome};
