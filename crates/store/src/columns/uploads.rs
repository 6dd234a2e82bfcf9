//! What is known of uploads, as JSON: in the rows of uploads, and in those of the messages that show them.

use serde::{Deserialize, Serialize};
use tidemark_core::upload::{Attachment, MadeFile, MediaFacts};

use super::detail::Damaged;

/// An attachment in the detail of a message.
#[derive(Serialize, Deserialize)]
pub(super) struct AttachmentDetail {
    upload: String,
    name: String,
    #[serde(rename = "type")]
    content_type: String,
    size: u64,
    state: String,
    #[serde(default, skip_serializing_if = "FactsDetail::is_empty")]
    facts: FactsDetail,
}

#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct FactsDetail {
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blur: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waveform: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<FileDetail>,
}

#[derive(PartialEq, Serialize, Deserialize)]
struct FileDetail {
    variant: String,
    #[serde(rename = "type")]
    content_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
}

/// What is in a file, as the row of its upload says it; nothing if nothing is known.
pub(crate) fn write_facts(facts: &MediaFacts) -> Option<String> {
    let facts = FactsDetail::from(facts);
    (!facts.is_empty()).then(|| {
        serde_json::to_string(&facts).expect("strings, numbers and lists of them are always JSON")
    })
}

/// An attachment, as a message's detail has it.
pub(crate) fn write_attachment(attachment: &Attachment) -> String {
    serde_json::to_string(&AttachmentDetail::from(attachment))
        .expect("strings, numbers and lists of them are always JSON")
}

/// The same, from the row.
pub(crate) fn read_facts(column: Option<&str>) -> Result<MediaFacts, Damaged> {
    match column {
        Some(json) => serde_json::from_str::<FactsDetail>(json)?.try_into(),
        None => Ok(MediaFacts::default()),
    }
}

impl FactsDetail {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<&Attachment> for AttachmentDetail {
    fn from(attachment: &Attachment) -> Self {
        Self {
            upload: attachment.upload.to_string(),
            name: attachment.name.clone(),
            content_type: attachment.content_type.clone(),
            size: attachment.size,
            state: attachment.state.to_string(),
            facts: FactsDetail::from(&attachment.facts),
        }
    }
}

impl TryFrom<AttachmentDetail> for Attachment {
    type Error = Damaged;

    fn try_from(detail: AttachmentDetail) -> Result<Self, Damaged> {
        Ok(Self {
            upload: detail.upload.parse()?,
            name: detail.name,
            content_type: detail.content_type,
            size: detail.size,
            state: detail.state.parse()?,
            facts: detail.facts.try_into()?,
        })
    }
}

impl From<&MediaFacts> for FactsDetail {
    fn from(facts: &MediaFacts) -> Self {
        let file = |file: &MadeFile| FileDetail {
            variant: file.variant.to_string(),
            content_type: file.content_type.clone(),
            width: file.width,
            height: file.height,
        };
        Self {
            width: facts.width,
            height: facts.height,
            duration_ms: facts.duration_ms,
            blur: facts.blur.clone(),
            waveform: facts.waveform.clone(),
            files: facts.files.iter().map(file).collect(),
        }
    }
}

impl TryFrom<FactsDetail> for MediaFacts {
    type Error = Damaged;

    fn try_from(detail: FactsDetail) -> Result<Self, Damaged> {
        let file = |file: FileDetail| {
            Ok::<_, Damaged>(MadeFile {
                variant: file.variant.parse()?,
                content_type: file.content_type,
                width: file.width,
                height: file.height,
            })
        };
        Ok(Self {
            width: detail.width,
            height: detail.height,
            duration_ms: detail.duration_ms,
            blur: detail.blur,
            waveform: detail.waveform,
            files: detail
                .files
                .into_iter()
                .map(file)
                .collect::<Result<_, _>>()?,
        })
    }
}
