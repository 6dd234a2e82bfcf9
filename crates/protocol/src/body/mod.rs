//! What goes over HTTP: one struct for each request and response body.
//!
//! Times are milliseconds since the Unix epoch. In a change, an absent field stays as it is and `null`
//! takes the value away.

mod account;
mod block;
mod bot;
mod conversation;
mod feed;
mod invite;
mod member;
mod mention;
mod message;
mod moderation;
mod personal;
mod pipeline;
mod problem;
mod read;
mod sync;
mod thread;
mod upload;
mod user;
mod webhook;

pub use account::{NewAccount, Session, Sessions, SignIn, SignedIn};
pub use block::{Block, Blocks};
pub use bot::{
    ApiKey, ApiKeys, BotCommand, BotCommands, BotCommandsWanted, Bots, CommandAnswer, CommandCall,
    CommandDone, CommandVisibility, CommandWanted, ConversationCommand, ConversationCommands,
    IncomingMessage, NewApiKey, NewBot,
};
pub use conversation::{Conversation, ConversationPatch, Inbox, NewConversation};
pub use feed::{FeedEntry, FeedPage};
pub use invite::{Invite, InvitePreview, InviteToMake, Invites, MadeInvite};
pub use member::{Accepted, Member, Members, MembersToAdd, RolePatch};
pub use mention::{Mention, MentionsPage};
pub(crate) use message::ALSO_WITHOUT_THREAD;
pub use message::{
    EventsPage, Message, MessageAccepted, MessageEdit, MessageKind, MessagesPage, NewMessage,
    Reaction,
};
pub use moderation::{Ban, BanToMake, Bans, MessageHistory, MessageVersion, NewOwner};
pub use personal::{Draft, Personal, PersonalChanges, PersonalPatch};
pub use pipeline::{
    DeadLetter, DeadLetters, DeadLettersChanged, DeadLettersWanted, PauseWanted, Pipeline,
    PipelineCondition, PipelinePause, PipelineTrouble, Pipelines, RewindWanted,
};
pub use problem::Problem;
pub use read::{Cursor, DeliveredCursor, DeliveredTo, MoveCursor, Reader, Readers};
pub use sync::{SyncRequest, SyncResponse, SyncedConversation};
pub use thread::{ThreadCursor, ThreadEntry, ThreadPage, Threads};
pub use upload::{
    ArrivedParts, Attachment, NewUpload, PartsWanted, SignedPart, SignedParts, SignedRequest,
    Upload, UploadBegun, UploadChanged, UploadReference, UploadStage, Uploads, VariantInfo,
};
pub use user::{ProfilePatch, User, Users};
pub use webhook::{
    NewWebhook, SecretWanted, Webhook, WebhookCall, WebhookDisabled, WebhookPatch, WebhookTested,
    Webhooks,
};
