//! What happens to the chat, and what it wants to happen.

use crossterm::event::KeyEvent;
use ratatui::layout::Size;
use tidemark_client::{ConversationState, OutgoingMessage, Pending};
use tidemark_core::conversation::{Emoji, Mentions};
use tidemark_core::timeline::Timeline;
use tidemark_core::{ClientId, ConversationId, Seq, UploadId, UserId};
use tidemark_protocol::{Code, body};

/// Something that happened.
#[derive(Debug)]
pub(super) enum Event {
    /// The person pressed a key.
    Key(KeyEvent),
    /// The person pasted text.
    Paste(String),
    /// The terminal has this size.
    Resize(Size),
    /// The connection changed, or the seconds until the next try passed.
    Link(Link),
    /// The server let us in, again or for the first time.
    Online,
    /// What the SDK holds now.
    Sight(Box<Sight>),
    /// We are a member of another conversation.
    Added(Box<body::Conversation>),
    /// A conversation is gone.
    Removed(ConversationId),
    /// A message of ours will never be sent.
    Refused {
        conversation: ConversationId,
        client_id: ClientId,
        code: Code,
        detail: String,
    },
    /// A message of ours cannot even wait to be sent.
    NotTaken {
        conversation: ConversationId,
        message: OutgoingMessage,
        reason: String,
    },
    /// Somebody is writing.
    Typing(ConversationId, UserId),
    /// They are not any more, or what they wrote is there.
    TypingOver(ConversationId, UserId),
    /// Nothing that was held is valid any more.
    HistoryReplaced,
    /// Our conversations, last active first.
    Inbox(Vec<body::Conversation>),
    /// What is known of one conversation.
    Conversation(Box<body::Conversation>),
    /// Older messages are in the timeline; whether there are still older ones.
    Older(ConversationId, Result<bool, String>),
    /// The members of a conversation.
    Members(MembersAnswer),
    /// Somebody's profile.
    Person(body::User),
    /// The threads of a conversation that the person takes part in, by their first messages, with what was read.
    Threads(ConversationId, Vec<(Seq, Seq)>),
    /// The person has read the thread below the first of these places up to the second, on some device.
    ThreadRead(ConversationId, Seq, Seq),
    /// What can be shown of the thread below a message is in the timeline; up to where it was read.
    Thread(ConversationId, Seq, Result<Seq, String>),
    /// Whom a message has reached.
    Readers(ReadersAnswer),
    /// Another member has read up to here.
    ReadBy(ConversationId, UserId, Seq),
    /// A device of another member has fetched up to here.
    DeliveredTo(ConversationId, UserId, Seq),
    /// A conversation that the person asked for: it is to be opened.
    Begun(Box<body::Conversation>),
    /// How far a transfer of files is.
    Progress(Progress),
    /// What a transfer of files has come to.
    TransferOver(TransferId, Outcome),
    /// A file of ours was looked at, and nobody may have it.
    FileRefused {
        name: String,
        reason: Option<String>,
    },
    /// A command did its work.
    Done(String),
    /// A command did not do its work.
    Failed {
        sentence: String,
        /// What was typed, if trying again may help.
        line: Option<String>,
    },
}

/// How we stand to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Connecting,
    Online,
    /// The next try is so many seconds away.
    Waiting(u64),
    /// There will be no further try, for this reason.
    Stopped(String),
}

/// What the SDK holds.
#[derive(Debug, Default)]
pub(super) struct Sight {
    pub(super) conversations: Vec<(ConversationId, ConversationState)>,
    pub(super) pending: Vec<Pending>,
    /// What the user keeps for themselves; conversations that are not named have nothing of it.
    pub(super) kept: Vec<(ConversationId, Kept)>,
    /// That of the open conversation.
    pub(super) timeline: Option<(ConversationId, Timeline)>,
}

/// What the user has set of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) is_muted: bool,
    pub(super) is_archived: bool,
    pub(super) is_favourite: bool,
}

/// The members of a conversation, or the first of them.
#[derive(Debug)]
pub(super) struct MembersAnswer {
    pub(super) conversation: ConversationId,
    pub(super) members: Vec<body::Member>,
    /// Whether these are all.
    pub(super) is_complete: bool,
    /// Whether the person asked to see them.
    pub(super) show: bool,
}

/// Who has read up to a message, and whose devices have fetched it, each with how far they are.
#[derive(Debug)]
pub(super) struct ReadersAnswer {
    pub(super) conversation: ConversationId,
    pub(super) read: Vec<(UserId, Seq)>,
    pub(super) delivered: Vec<(UserId, Seq)>,
}

/// Which transfer of files, in this process.
pub(super) type TransferId = u64;

/// How far a transfer of files is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) transfer: TransferId,
    /// Which file it is about now.
    pub(super) name: String,
    /// Bytes of that file.
    pub(super) done: u64,
    /// Bytes that it has, if that is known.
    pub(super) size: Option<u64>,
}

/// What a transfer of files has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A message may show it.
    Uploaded { upload: UploadId, name: String },
    /// It did what it was to do; what to say of that.
    Done(String),
    /// It did not.
    Failed(String),
    /// The person had it stopped.
    Stopped,
}

/// What a transfer of files is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Job {
    /// Upload the file at this path, as it was typed.
    Upload { path: String },
    /// Save files to a path, as it was typed, or else in the current directory.
    Save {
        files: Vec<RemoteFile>,
        to: Option<String>,
    },
    /// Show files with another program.
    Open { files: Vec<RemoteFile> },
}

/// A file that the server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RemoteFile {
    pub(super) upload: UploadId,
    /// What its owner calls it: anything.
    pub(super) name: String,
}

/// Something that the chat wants to happen.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Effect {
    /// Follow a conversation, tell the server that it is on screen, and load its newest page.
    Open(ConversationId),
    /// It is on screen no longer.
    Close(ConversationId),
    /// Let go of its timeline.
    Unfollow(ConversationId),
    LoadOlder(ConversationId),
    LoadInbox,
    LoadMembers {
        conversation: ConversationId,
        show: bool,
    },
    LoadPerson(UserId),
    /// Ask for the threads of a conversation that the person takes part in.
    LoadThreads(ConversationId),
    /// Bring the thread below a message into the timeline.
    LoadThread(ConversationId, Seq),
    /// The person has read the thread below the first of these places up to the second.
    MarkThreadRead(ConversationId, Seq, Seq),
    /// Ask whom a message has reached.
    LoadReaders(ConversationId, Seq),
    MarkRead(ConversationId, Seq),
    /// The person is writing.
    TellTyping(ConversationId),
    Send(ConversationId, OutgoingMessage),
    /// Begin a transfer of files; none is under way.
    Transfer(TransferId, Job),
    /// Stop it.
    StopTransfer(TransferId),
    /// Ask where an upload that the message at this place shows is: that may have changed while nobody told us.
    AskUpload(ConversationId, Seq, UploadId),
    Call(Call),
    Quit,
}

/// A call over HTTP that the person asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) wish: Wish,
    /// What was typed; given back when trying again may help.
    pub(super) line: String,
}

/// What a call is to bring about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Direct(UserId),
    Group {
        title: String,
        users: Vec<UserId>,
    },
    Channel {
        title: String,
    },
    Join(ConversationId),
    Invite(ConversationId, Vec<UserId>),
    Leave(ConversationId),
    Topic(ConversationId, Option<String>),
    Title(ConversationId, Option<String>),
    /// Notifications or none, for good.
    Mute(ConversationId, bool),
    Archive(ConversationId, bool),
    Favour(ConversationId, bool),
    /// Have a message say something else.
    Edit {
        conversation: ConversationId,
        seq: Seq,
        text: String,
        /// As before, if nothing.
        mentions: Option<Mentions>,
    },
    Delete(ConversationId, Seq),
    /// React, or take that back.
    React {
        conversation: ConversationId,
        seq: Seq,
        emoji: Emoji,
        on: bool,
    },
    /// Pin, or take that back.
    Pin(ConversationId, Seq, bool),
    /// Ask a bot.
    Command {
        conversation: ConversationId,
        name: String,
        arguments: String,
    },
}
