//! The `detail` column: JSON, so that a person with a shell of the database can read the log.

use serde::{Deserialize, Deserializer, Serialize};
use tidemark_core::conversation::{
    Amendment, Change, EventBody, InThread, Joined, MembersChange, Mentions, Message, RulesChange,
    SettingsChange,
};
use tidemark_core::upload::Attachment;
use tidemark_core::{ClientId, Seq, Timestamp, UserId};

use super::EventKind;
use super::uploads::AttachmentDetail;

/// What is wrong with a detail that cannot be read.
#[derive(Debug)]
pub(crate) struct Damaged(String);

impl std::fmt::Display for Damaged {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<serde_json::Error> for Damaged {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<tidemark_core::InvalidId> for Damaged {
    fn from(error: tidemark_core::InvalidId) -> Self {
        Self(error.to_string())
    }
}

/// The columns of an event that its kind gives a meaning.
pub(crate) struct Columns<'a> {
    pub(crate) author: UserId,
    pub(crate) client_id: Option<ClientId>,
    /// The message that the event is about.
    pub(crate) target: Option<Seq>,
    pub(crate) text: Option<&'a str>,
    pub(crate) detail: Option<&'a str>,
}

/// The `text` of an event.
pub(crate) fn text(body: &EventBody) -> Option<&str> {
    match body {
        EventBody::Message(message) => Some(&message.text),
        EventBody::Amendment(amendment) => match &amendment.change {
            Change::Edit { text, .. } => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// The `target` of an event: the message that it is about, or the thread that alone shows it.
pub(crate) fn target(body: &EventBody) -> Option<Seq> {
    match body {
        EventBody::Amendment(amendment) => Some(amendment.target),
        EventBody::Message(message) if message.is_in_thread_only() => {
            message.thread.map(|thread| thread.root)
        }
        _ => None,
    }
}

/// The `detail` of an event; `None` for a message with nothing but its text.
pub(crate) fn write(body: &EventBody) -> Option<String> {
    match body {
        EventBody::Created { title, .. } => title.as_ref().map(|title| {
            json(&CreatedDetail {
                title: Some(title.clone()),
            })
        }),
        EventBody::Message(message) => {
            let plain = message.reply_to.is_none()
                && message.client_at.is_none()
                && message.thread.is_none()
                && message.attachments.is_empty()
                && message.mentions.is_empty();
            (!plain).then(|| json(&MessageDetail::from(message)))
        }
        EventBody::Members(change) => Some(json(&MembersDetail {
            joined: change.joined.iter().map(PersonDetail::from).collect(),
            left: change.left.iter().map(UserId::to_string).collect(),
            roles: change.roles.iter().map(PersonDetail::from).collect(),
            banned: change.banned.iter().map(UserId::to_string).collect(),
            unbanned: change.unbanned.iter().map(UserId::to_string).collect(),
            reason: change.reason.clone(),
            invite: change.invite.map(|invite| invite.to_string()),
        })),
        EventBody::Settings { change, .. } => Some(json(&SettingsDetail::from(change))),
        EventBody::Amendment(amendment) => match &amendment.change {
            Change::Edit { mentions, .. } if mentions.is_empty() => None,
            change => Some(json(&ChangeDetail::from(change))),
        },
    }
}

/// The body of an event, from its columns.
pub(crate) fn read(kind: EventKind, columns: Columns<'_>) -> Result<EventBody, Damaged> {
    let by = columns.author;
    let detail = columns.detail.unwrap_or("{}");
    Ok(match kind {
        EventKind::Created => EventBody::Created {
            by,
            title: serde_json::from_str::<CreatedDetail>(detail)?.title,
        },
        EventKind::Message => {
            let detail = match columns.detail {
                None => MessageDetail::default(),
                Some(detail) => serde_json::from_str(detail)?,
            };
            EventBody::Message(Message {
                sender: by,
                client_id: columns
                    .client_id
                    .ok_or_else(|| Damaged("a message without a client id".to_owned()))?,
                text: columns.text.unwrap_or_default().to_owned(),
                reply_to: detail.reply_to.and_then(Seq::new),
                mentions: detail
                    .mentions
                    .map_or(Ok(Mentions::default()), Mentions::try_from)?,
                client_at: detail.client_at.map(Timestamp),
                thread: detail.thread.and_then(Seq::new).map(|root| InThread {
                    root,
                    also_in_conversation: detail.also_in_conversation,
                    first: detail.first_in_thread,
                }),
                attachments: attachments(detail.attachments)?,
            })
        }
        EventKind::Members => {
            let detail: MembersDetail = serde_json::from_str(detail)?;
            EventBody::Members(MembersChange {
                by,
                joined: people(detail.joined)?,
                left: users(&detail.left)?,
                roles: people(detail.roles)?,
                banned: users(&detail.banned)?,
                unbanned: users(&detail.unbanned)?,
                reason: detail.reason,
                invite: detail.invite.as_deref().map(str::parse).transpose()?,
            })
        }
        EventKind::Settings => EventBody::Settings {
            by,
            change: serde_json::from_str::<SettingsDetail>(detail)?.try_into()?,
        },
        EventKind::Edit | EventKind::Delete | EventKind::Reaction | EventKind::Pin => {
            let detail: ChangeDetail = serde_json::from_str(detail)?;
            EventBody::Amendment(Amendment {
                target: needed(columns.target, "target")?,
                by,
                client_id: columns.client_id,
                change: change(kind, columns.text.unwrap_or_default(), detail)?,
            })
        }
    })
}

fn attachments(details: Vec<AttachmentDetail>) -> Result<Vec<Attachment>, Damaged> {
    details.into_iter().map(Attachment::try_from).collect()
}

/// The detail of a message in which an upload is what `attachment` says.
pub(crate) fn with_attachment(detail: &str, attachment: &Attachment) -> Result<String, Damaged> {
    let mut detail: MessageDetail = serde_json::from_str(detail)?;
    let mut shown = attachments(std::mem::take(&mut detail.attachments))?;
    for known in shown
        .iter_mut()
        .filter(|known| known.upload == attachment.upload)
    {
        known.clone_from(attachment);
    }
    detail.attachments = shown.iter().map(AttachmentDetail::from).collect();
    Ok(json(&detail))
}

fn change(kind: EventKind, text: &str, detail: ChangeDetail) -> Result<Change, Damaged> {
    Ok(match kind {
        EventKind::Edit => Change::Edit {
            text: text.to_owned(),
            mentions: detail
                .mentions
                .map_or(Ok(Mentions::default()), Mentions::try_from)?,
        },
        EventKind::Reaction => Change::Reaction {
            emoji: needed(detail.emoji, "emoji")?.parse()?,
            on: needed(detail.on, "on")?,
        },
        EventKind::Pin => Change::Pin {
            on: needed(detail.on, "on")?,
        },
        _ => Change::Delete {
            reason: needed(detail.reason, "reason")?.parse()?,
            thread: detail.thread.and_then(Seq::new),
        },
    })
}

fn needed<T>(value: Option<T>, name: &str) -> Result<T, Damaged> {
    value.ok_or_else(|| Damaged(format!("an event about a message without {name}")))
}

fn json(detail: &impl Serialize) -> String {
    serde_json::to_string(detail).expect("strings, numbers and lists of them are always JSON")
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct CreatedDetail {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct MessageDetail {
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mentions: Option<MentionsDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    also_in_conversation: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    first_in_thread: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<AttachmentDetail>,
}

impl From<&Message> for MessageDetail {
    fn from(message: &Message) -> Self {
        Self {
            reply_to: message.reply_to.map(Seq::get),
            mentions: MentionsDetail::of(&message.mentions),
            client_at: message.client_at.map(|at| at.0),
            thread: message.thread.map(|thread| thread.root.get()),
            also_in_conversation: message
                .thread
                .is_some_and(|thread| thread.also_in_conversation),
            first_in_thread: message.thread.is_some_and(|thread| thread.first),
            attachments: message
                .attachments
                .iter()
                .map(AttachmentDetail::from)
                .collect(),
        }
    }
}

/// What an event about a message says beside its text.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct ChangeDetail {
    #[serde(skip_serializing_if = "Option::is_none")]
    mentions: Option<MentionsDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    emoji: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<u64>,
}

impl From<&Change> for ChangeDetail {
    fn from(change: &Change) -> Self {
        let mut detail = Self::default();
        match change {
            Change::Edit { mentions, .. } => detail.mentions = MentionsDetail::of(mentions),
            Change::Delete { reason, thread } => {
                detail.reason = Some(reason.to_string());
                detail.thread = thread.map(Seq::get);
            }
            Change::Reaction { emoji, on } => {
                detail.emoji = Some(emoji.to_string());
                detail.on = Some(*on);
            }
            Change::Pin { on } => detail.on = Some(*on),
        }
        detail
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum MentionsDetail {
    Everybody(Everybody),
    Users(Vec<String>),
}

impl MentionsDetail {
    /// Nothing for nobody.
    fn of(mentions: &Mentions) -> Option<Self> {
        match mentions {
            Mentions::All => Some(Self::Everybody(Everybody::All)),
            Mentions::Users(users) if users.is_empty() => None,
            Mentions::Users(users) => {
                Some(Self::Users(users.iter().map(UserId::to_string).collect()))
            }
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Everybody {
    All,
}

impl TryFrom<MentionsDetail> for Mentions {
    type Error = Damaged;

    fn try_from(detail: MentionsDetail) -> Result<Self, Damaged> {
        Ok(match detail {
            MentionsDetail::Everybody(Everybody::All) => Self::All,
            MentionsDetail::Users(names) => Self::Users(users(&names)?),
        })
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct MembersDetail {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    joined: Vec<PersonDetail>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<PersonDetail>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    banned: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unbanned: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invite: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct PersonDetail {
    user: String,
    role: String,
}

impl From<&Joined> for PersonDetail {
    fn from(joined: &Joined) -> Self {
        Self {
            user: joined.user.to_string(),
            role: joined.role.to_string(),
        }
    }
}

fn people(details: Vec<PersonDetail>) -> Result<Vec<Joined>, Damaged> {
    let person = |detail: PersonDetail| {
        Ok(Joined {
            user: detail.user.parse()?,
            role: detail.role.parse()?,
        })
    };
    details.into_iter().map(person).collect()
}

fn users(names: &[String]) -> Result<Vec<UserId>, Damaged> {
    names.iter().map(|name| Ok(name.parse()?)).collect()
}

/// What changed: an absent field stayed as it was, a null was taken away.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::option_option,
    reason = "absent, null and a value are three things"
)]
struct SettingsDetail {
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    title: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    topic: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    visibility: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    retention_days: Option<Option<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slow_mode_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    announcements_only: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mention_all: Option<String>,
}

impl From<&SettingsChange> for SettingsDetail {
    fn from(change: &SettingsChange) -> Self {
        Self {
            title: change.title.clone(),
            topic: change.topic.clone(),
            visibility: change.visibility.map(|visibility| visibility.to_string()),
            retention_days: change.retention_days,
            history: change.rules.history.map(|history| history.to_string()),
            slow_mode_seconds: change.rules.slow_mode_seconds,
            announcements_only: change.rules.announcements_only,
            mention_all: change.rules.mention_all.map(|role| role.to_string()),
        }
    }
}

impl TryFrom<SettingsDetail> for SettingsChange {
    type Error = Damaged;

    fn try_from(detail: SettingsDetail) -> Result<Self, Damaged> {
        Ok(Self {
            title: detail.title,
            topic: detail.topic,
            visibility: detail.visibility.as_deref().map(str::parse).transpose()?,
            retention_days: detail.retention_days,
            rules: RulesChange {
                history: detail.history.as_deref().map(str::parse).transpose()?,
                slow_mode_seconds: detail.slow_mode_seconds,
                announcements_only: detail.announcements_only,
                mention_all: detail.mention_all.as_deref().map(str::parse).transpose()?,
            },
        })
    }
}

fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
