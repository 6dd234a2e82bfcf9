//! `/v1/uploads`, and uploads as messages show them.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tidemark_core::UploadId;
use tidemark_core::upload::{self, MadeFile, MediaFacts, UploadState, Variant};

use crate::wire::{Wire, WireConversationId, WireSeq, WireTimestamp, WireUploadId};

/// `POST /v1/uploads`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewUpload {
    /// What the file is called; of a path, what comes last.
    pub name: String,
    /// How many bytes it has.
    pub size: u64,
    /// What kind of file it is, as in `image/png`.
    pub content_type: String,
    /// The SHA-256 of its bytes, in hexadecimal digits: bytes that the caller has uploaded before need not be sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// Where an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum UploadStage {
    /// Its bytes have not come.
    Waiting,
    /// Its bytes are there and are being looked at; only its owner can fetch it.
    Scanning,
    /// Whoever sees a message that shows it can fetch it.
    Ready,
    /// Nobody can fetch it.
    Refused,
}

/// A request for bytes that whoever holds it may make, for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SignedRequest {
    /// Which method.
    pub method: String,
    /// Where.
    pub url: String,
    /// With these headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Until when.
    pub expires_at: WireTimestamp,
}

/// The answer to `POST /v1/uploads`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct UploadBegun {
    /// What to call it by.
    pub upload_id: WireUploadId,
    /// `ready` where the caller has uploaded these bytes before; otherwise `waiting`.
    pub state: UploadStage,
    /// How to send the bytes.
    #[serde(flatten)]
    pub request: SignedRequest,
    /// How many bytes each part has but the last, where the file may come in parts: see
    /// `POST /v1/uploads/{id}/parts`. A cut then costs one part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_size: Option<u64>,
}

/// An upload, as its owner or the reader of a message that shows it sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Upload {
    /// What it is, as in a message.
    #[serde(flatten)]
    pub attachment: Attachment,
    /// When it was announced.
    pub created_at: WireTimestamp,
    /// When it ends if no message shows it by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<WireTimestamp>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An upload, as a message shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Attachment {
    /// Which upload.
    pub upload_id: WireUploadId,
    /// What its owner calls it. Data, never a path.
    pub name: String,
    /// What kind of file it is.
    pub content_type: String,
    /// How many bytes were uploaded.
    pub size: u64,
    /// Where it was when this was read; an `upload` frame tells when that changes.
    pub state: UploadStage,
    /// In pixels, as it is to be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// In pixels, as it is to be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// How long it plays, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// What to show until the picture is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blur: Option<String>,
    /// How loud it is over time: peaks from 0 to 255.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waveform: Option<Vec<u8>>,
    /// Its small picture, for `variant=thumbnail`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<VariantInfo>,
    /// The form that browsers play, for `variant=rendition`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendition: Option<VariantInfo>,
}

/// A file that was made from an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct VariantInfo {
    /// What kind of file it is.
    pub content_type: String,
    /// In pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// In pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
}

/// `GET /v1/uploads`: the caller's own, the latest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Uploads {
    /// The latest first.
    pub uploads: Vec<Upload>,
    /// Whether others follow; pass the last one's `upload_id` as `before`.
    pub more: bool,
    /// How many bytes the caller's uploads have together.
    pub used_bytes: u64,
    /// How many they may have.
    pub quota_bytes: u64,
}

/// `POST /v1/uploads/{id}/parts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PartsWanted {
    /// Which parts are to be sent next, from 1; at most 100.
    pub numbers: Vec<u32>,
}

/// The answer to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SignedParts {
    /// In the order asked for.
    pub parts: Vec<SignedPart>,
}

/// How to send a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SignedPart {
    /// Which one, from 1.
    pub number: u32,
    /// How many bytes it has.
    pub size: u64,
    /// How to send them.
    #[serde(flatten)]
    pub request: SignedRequest,
}

/// `GET /v1/uploads/{id}/parts`: the parts that have arrived whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ArrivedParts {
    /// How many bytes each part has but the last.
    pub part_size: u64,
    /// How many parts there are in all.
    pub count: u32,
    /// Those that are there, in order.
    pub arrived: Vec<u32>,
}

/// `upload`: where an upload is has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadChanged {
    /// Where a message shows it; absent for its owner's devices, which hear of each change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<WireConversationId>,
    /// Which message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<WireSeq>,
    /// What it is now.
    pub attachment: Attachment,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An upload, as a message to send names it: its id, or an object with it as `upload_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String, format = Uuid))]
pub struct UploadReference(pub UploadId);

impl Serialize for UploadReference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for UploadReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reference;

        impl<'de> Visitor<'de> for Reference {
            type Value = UploadReference;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an upload id, or an object with upload_id")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                text.parse().map(UploadReference).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key == "upload_id" {
                        found = Some(map.next_value::<WireUploadId>()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                let found = found.ok_or_else(|| de::Error::missing_field("upload_id"))?;
                Ok(UploadReference(found.0))
            }
        }

        deserializer.deserialize_any(Reference)
    }
}

impl From<UploadState> for UploadStage {
    fn from(state: UploadState) -> Self {
        match state {
            UploadState::Waiting => Self::Waiting,
            UploadState::Uploaded | UploadState::Scanning => Self::Scanning,
            UploadState::Ready => Self::Ready,
            UploadState::Refused | UploadState::Deleting => Self::Refused,
        }
    }
}

impl From<UploadStage> for UploadState {
    fn from(stage: UploadStage) -> Self {
        match stage {
            UploadStage::Waiting => Self::Waiting,
            UploadStage::Scanning => Self::Scanning,
            UploadStage::Ready => Self::Ready,
            UploadStage::Refused => Self::Refused,
        }
    }
}

impl From<&MadeFile> for VariantInfo {
    fn from(file: &MadeFile) -> Self {
        Self {
            content_type: file.content_type.clone(),
            width: file.width,
            height: file.height,
        }
    }
}

impl VariantInfo {
    fn into_file(self, variant: Variant) -> MadeFile {
        MadeFile {
            variant,
            content_type: self.content_type,
            width: self.width,
            height: self.height,
        }
    }
}

impl From<upload::Attachment> for Attachment {
    fn from(attachment: upload::Attachment) -> Self {
        let facts = attachment.facts;
        let variant = |variant| facts.file(variant).map(VariantInfo::from);
        Self {
            upload_id: Wire(attachment.upload),
            name: attachment.name,
            content_type: attachment.content_type,
            size: attachment.size,
            state: attachment.state.into(),
            width: facts.width,
            height: facts.height,
            duration_ms: facts.duration_ms,
            thumbnail: variant(Variant::Thumbnail),
            rendition: variant(Variant::Rendition),
            blur: facts.blur,
            waveform: facts.waveform,
        }
    }
}

impl From<Attachment> for upload::Attachment {
    fn from(attachment: Attachment) -> Self {
        let thumbnail = attachment
            .thumbnail
            .map(|it| it.into_file(Variant::Thumbnail));
        let rendition = attachment
            .rendition
            .map(|it| it.into_file(Variant::Rendition));
        Self {
            upload: attachment.upload_id.0,
            name: attachment.name,
            content_type: attachment.content_type,
            size: attachment.size,
            state: attachment.state.into(),
            facts: MediaFacts {
                width: attachment.width,
                height: attachment.height,
                duration_ms: attachment.duration_ms,
                blur: attachment.blur,
                waveform: attachment.waveform,
                files: thumbnail.into_iter().chain(rendition).collect(),
            },
        }
    }
}

impl From<upload::Upload> for Upload {
    fn from(upload: upload::Upload) -> Self {
        Self {
            attachment: upload.attachment().into(),
            created_at: Wire(upload.created_at),
            expires_at: upload.expires_at.map(Wire),
            reason: upload.reason,
        }
    }
}
