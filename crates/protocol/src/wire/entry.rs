//! An event of the log in JSON: flat, with its kind's own fields beside the common ones.

use serde::de;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use tidemark_core::conversation::{
    Event, EventBody, History, InThread, Joined, MembersChange, Mentions, Message, Role,
    RulesChange, SettingsChange, Visibility,
};
use tidemark_core::{ClientId, ConversationId, InviteId, Seq, Timestamp, UserId};

use crate::body::Attachment;
use crate::wire::amendment::{
    DeleteFields, EditFields, PinFields, ReactionFields, amendment_kind, parse_amendment,
    serialize_amendment,
};
use crate::wire::{Wire, parse_object, present, unwrap_all, wrap_all};

/// An entry of a conversation's log, as a reader gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEntry {
    /// An event.
    Known(Event),
    /// An event of a kind that this version does not know: it is skipped, but it has its place, so that
    /// a cursor moves over it.
    Unknown(UnknownEvent),
}

/// The fields that events of every kind have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownEvent {
    /// Whose log it is in.
    pub conversation: Wire<ConversationId>,
    /// Its place there.
    pub seq: Wire<Seq>,
    /// When the server accepted it.
    pub at: Wire<Timestamp>,
    /// What kind it is.
    pub kind: String,
}

impl LogEntry {
    /// The names of the kinds that this version knows.
    pub const KINDS: [&str; 8] = [
        "created", "message", "edit", "delete", "reaction", "pin", "members", "settings",
    ];

    /// Whose log it is in.
    pub fn conversation(&self) -> ConversationId {
        match self {
            Self::Known(event) => event.conversation,
            Self::Unknown(event) => event.conversation.0,
        }
    }

    /// Its place there.
    pub fn seq(&self) -> Seq {
        match self {
            Self::Known(event) => event.seq,
            Self::Unknown(event) => event.seq.0,
        }
    }

    /// The event, if its kind is known.
    pub fn event(&self) -> Option<&Event> {
        match self {
            Self::Known(event) => Some(event),
            Self::Unknown(_) => None,
        }
    }
}

impl From<Event> for LogEntry {
    fn from(event: Event) -> Self {
        Self::Known(event)
    }
}

impl Serialize for LogEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(event) => serialize_event(event, None, serializer),
            Self::Unknown(event) => event.serialize(serializer),
        }
    }
}

/// The name of the kind of an event.
pub fn kind_of(body: &EventBody) -> &'static str {
    match body {
        EventBody::Created { .. } => "created",
        EventBody::Message(_) => "message",
        EventBody::Amendment(amendment) => amendment_kind(&amendment.change),
        EventBody::Members(_) => "members",
        EventBody::Settings { .. } => "settings",
    }
}

/// Writes `event`, with a `type` before its fields where it is a frame of its own.
pub(crate) fn serialize_event<S: Serializer>(
    event: &Event,
    frame_type: Option<&str>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    if let Some(name) = frame_type {
        map.serialize_entry("type", name)?;
    }
    map.serialize_entry("conversation", &Wire(event.conversation))?;
    map.serialize_entry("seq", &Wire(event.seq))?;
    map.serialize_entry("at", &Wire(event.at))?;
    map.serialize_entry("kind", kind_of(&event.body))?;
    match &event.body {
        EventBody::Created { by, title } => {
            map.serialize_entry("by", by.as_str())?;
            map.serialize_entry("title", title)?;
        }
        EventBody::Message(message) => {
            serialize_message(message, &mut map)?;
        }
        EventBody::Amendment(amendment) => serialize_amendment(amendment, &mut map)?,
        EventBody::Members(change) => {
            map.serialize_entry("by", change.by.as_str())?;
            map.serialize_entry("joined", &roles(&change.joined))?;
            map.serialize_entry("left", &wrap_all(change.left.iter().cloned()))?;
            map.serialize_entry("roles", &roles(&change.roles))?;
            for (name, users) in [("banned", &change.banned), ("unbanned", &change.unbanned)] {
                if !users.is_empty() {
                    map.serialize_entry(name, &wrap_all(users.iter().cloned()))?;
                }
            }
            if let Some(reason) = &change.reason {
                map.serialize_entry("reason", reason)?;
            }
            if let Some(invite) = change.invite {
                map.serialize_entry("invite_id", &Wire(invite))?;
            }
        }
        EventBody::Settings { by, change } => {
            map.serialize_entry("by", by.as_str())?;
            if let Some(title) = &change.title {
                map.serialize_entry("title", title)?;
            }
            if let Some(topic) = &change.topic {
                map.serialize_entry("topic", topic)?;
            }
            if let Some(visibility) = change.visibility {
                map.serialize_entry("visibility", visibility.as_str())?;
            }
            if let Some(days) = change.retention_days {
                map.serialize_entry("retention_days", &days)?;
            }
            serialize_rules(&change.rules, &mut map)?;
        }
    }
    map.end()
}

fn serialize_rules<M: SerializeMap>(rules: &RulesChange, map: &mut M) -> Result<(), M::Error> {
    if let Some(history) = rules.history {
        map.serialize_entry("history", history.as_str())?;
    }
    if let Some(seconds) = rules.slow_mode_seconds {
        map.serialize_entry("slow_mode_seconds", &seconds)?;
    }
    if let Some(only) = rules.announcements_only {
        map.serialize_entry("announcements_only", &only)?;
    }
    if let Some(role) = rules.mention_all {
        map.serialize_entry("mention_all", role.as_str())?;
    }
    Ok(())
}

fn serialize_message<M: SerializeMap>(message: &Message, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("sender", message.sender.as_str())?;
    map.serialize_entry("client_id", &Wire(message.client_id))?;
    map.serialize_entry("text", &message.text)?;
    if message.is_redacted() {
        map.serialize_entry("deleted", &true)?;
    }
    if let Some(target) = message.reply_to {
        map.serialize_entry("reply_to", &Wire(target))?;
    }
    if !message.mentions.is_empty() {
        map.serialize_entry("mentions", &Wire(&message.mentions))?;
    }
    if let Some(at) = message.client_at {
        map.serialize_entry("client_at", &Wire(at))?;
    }
    if let Some(thread) = message.thread {
        map.serialize_entry("thread", &Wire(thread.root))?;
        if thread.also_in_conversation {
            map.serialize_entry("also_in_conversation", &true)?;
        }
        if thread.first {
            map.serialize_entry("first_in_thread", &true)?;
        }
    }
    if !message.attachments.is_empty() {
        let attachments = message.attachments.iter().cloned();
        let attachments: Vec<Attachment> = attachments.map(Attachment::from).collect();
        map.serialize_entry("attachments", &attachments)?;
    }
    Ok(())
}

impl<'de> Deserialize<'de> for LogEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        let common: UnknownEvent = parse_object(json.get()).map_err(de::Error::custom)?;
        let body = match common.kind.as_str() {
            "created" => parse_object::<CreatedFields>(json.get()).map(EventBody::from),
            "message" => parse_object::<MessageFields>(json.get()).map(EventBody::from),
            "edit" => parse_amendment(json.get(), EditFields::into_change),
            "delete" => parse_amendment(json.get(), DeleteFields::into_change),
            "reaction" => parse_amendment(json.get(), ReactionFields::into_change),
            "pin" => parse_amendment(json.get(), PinFields::into_change),
            "members" => parse_object::<MembersFields>(json.get()).map(EventBody::from),
            "settings" => parse_object::<SettingsFields>(json.get()).map(EventBody::from),
            _ => return Ok(Self::Unknown(common)),
        };
        Ok(Self::Known(Event {
            conversation: common.conversation.0,
            seq: common.seq.0,
            at: common.at.0,
            body: body.map_err(de::Error::custom)?,
        }))
    }
}

#[derive(Deserialize)]
struct CreatedFields {
    by: Wire<UserId>,
    title: Option<String>,
}

impl From<CreatedFields> for EventBody {
    fn from(fields: CreatedFields) -> Self {
        Self::Created {
            by: fields.by.0,
            title: fields.title,
        }
    }
}

#[derive(Deserialize)]
struct MessageFields {
    sender: Wire<UserId>,
    client_id: Wire<ClientId>,
    text: String,
    reply_to: Option<Wire<Seq>>,
    #[serde(default)]
    mentions: Wire<Mentions>,
    client_at: Option<Wire<Timestamp>>,
    thread: Option<Wire<Seq>>,
    #[serde(default)]
    also_in_conversation: bool,
    #[serde(default)]
    first_in_thread: bool,
    #[serde(default)]
    attachments: Vec<Attachment>,
}

impl From<MessageFields> for EventBody {
    fn from(fields: MessageFields) -> Self {
        Self::Message(Message {
            sender: fields.sender.0,
            client_id: fields.client_id.0,
            text: fields.text,
            reply_to: fields.reply_to.map(|seq| seq.0),
            mentions: fields.mentions.0,
            client_at: fields.client_at.map(|at| at.0),
            thread: fields.thread.map(|root| InThread {
                root: root.0,
                also_in_conversation: fields.also_in_conversation,
                first: fields.first_in_thread,
            }),
            attachments: fields.attachments.into_iter().map(Into::into).collect(),
        })
    }
}

#[derive(Deserialize)]
struct MembersFields {
    by: Wire<UserId>,
    #[serde(default)]
    joined: Vec<MemberRole>,
    #[serde(default)]
    left: Vec<Wire<UserId>>,
    #[serde(default)]
    roles: Vec<MemberRole>,
    #[serde(default)]
    banned: Vec<Wire<UserId>>,
    #[serde(default)]
    unbanned: Vec<Wire<UserId>>,
    reason: Option<String>,
    invite_id: Option<Wire<InviteId>>,
}

#[derive(Serialize, Deserialize)]
struct MemberRole {
    user: Wire<UserId>,
    role: Wire<Role>,
}

impl From<MemberRole> for Joined {
    fn from(member: MemberRole) -> Self {
        Self {
            user: member.user.0,
            role: member.role.0,
        }
    }
}

fn roles(members: &[Joined]) -> Vec<MemberRole> {
    let shell = |member: &Joined| MemberRole {
        user: Wire(member.user.clone()),
        role: Wire(member.role),
    };
    members.iter().map(shell).collect()
}

impl From<MembersFields> for EventBody {
    fn from(fields: MembersFields) -> Self {
        Self::Members(MembersChange {
            by: fields.by.0,
            joined: fields.joined.into_iter().map(Joined::from).collect(),
            left: unwrap_all(fields.left),
            roles: fields.roles.into_iter().map(Joined::from).collect(),
            banned: unwrap_all(fields.banned),
            unbanned: unwrap_all(fields.unbanned),
            reason: fields.reason,
            invite: fields.invite_id.map(|invite| invite.0),
        })
    }
}

#[derive(Deserialize)]
#[expect(
    clippy::option_option,
    reason = "absent, null and a value are three things"
)]
struct SettingsFields {
    by: Wire<UserId>,
    #[serde(default, deserialize_with = "present")]
    title: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    topic: Option<Option<String>>,
    visibility: Option<Wire<Visibility>>,
    #[serde(default, deserialize_with = "present")]
    retention_days: Option<Option<u32>>,
    history: Option<Wire<History>>,
    slow_mode_seconds: Option<u32>,
    announcements_only: Option<bool>,
    mention_all: Option<Wire<Role>>,
}

impl From<SettingsFields> for EventBody {
    fn from(fields: SettingsFields) -> Self {
        Self::Settings {
            by: fields.by.0,
            change: SettingsChange {
                title: fields.title,
                topic: fields.topic,
                visibility: fields.visibility.map(|visibility| visibility.0),
                retention_days: fields.retention_days,
                rules: RulesChange {
                    history: fields.history.map(|history| history.0),
                    slow_mode_seconds: fields.slow_mode_seconds,
                    announcements_only: fields.announcements_only,
                    mention_all: fields.mention_all.map(|role| role.0),
                },
            },
        }
    }
}
