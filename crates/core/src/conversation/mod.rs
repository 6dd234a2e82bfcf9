//! A conversation: its state, the commands that may change it, the events that did.

mod amend;
mod amendment;
mod attach;
mod blocking;
mod command;
mod decide;
mod delivered;
mod emoji;
mod event;
mod invite;
mod moderation;
mod rules;
mod state;
pub mod thread;

pub use amendment::{Amended, Amendment, Change, DeleteReason, Mark, NewAmendment, Wish};
pub use attach::UploadFacts;
pub use blocking::{BlockFacts, change_block, shows_cursor};
pub use command::{Action, Command, Needs, NewConversation, NewMessage};
pub use decide::{Decision, Earlier, Facts, Target, UserFacts, decide};
pub use delivered::Delivery;
pub use emoji::Emoji;
pub use event::{Event, EventBody, Joined, MembersChange, Mentions, Message, SettingsChange};
pub use invite::{CodeHash, Invite, NewInvite, open_to};
pub use moderation::{Effect, Version, may_read_versions};
pub use rules::{History, Rules, RulesChange};
pub(crate) use state::named_variants;
pub use state::{Conversation, ConversationKind, Logged, Membership, Role, Visibility, append};
pub use thread::{InThread, NewReply, Root};
