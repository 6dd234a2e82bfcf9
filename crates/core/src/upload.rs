//! Files that people upload: what one becomes, from the announcement to its end.
//!
//! ```text
//! Waiting ──▶ Uploaded ──▶ Scanning ──▶ Ready
//!    │            │            └──────▶ Refused
//!    └────────────┴─────────────────────────┴──▶ Deleting, and then it is gone
//! ```
//!
//! Its bytes are somewhere else, and so is whoever looks at them. A message shows an upload as an [`Attachment`].

use crate::conversation::named_variants;
use crate::names::{self, NameLimits};
use crate::{InvalidId, Limits, Refusal, Timestamp, UploadId, UserId};

mod change;

pub use change::{UploadChange, UploadUse, change};

/// The digest of a file's bytes.
pub type Sha256 = [u8; 32];

/// What a file name may hold.
const FILE_NAME: NameLimits = NameLimits {
    characters_max: 255,
    bytes_max: 1020,
    has_lines: false,
};

/// The longest content type, in bytes.
const CONTENT_TYPE_BYTES_MAX: usize = 127;

/// Where an upload is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UploadState {
    /// It was announced; its bytes have not come.
    Waiting,
    /// Its bytes are there; nobody has looked at them yet.
    Uploaded,
    /// Somebody looks at them.
    Scanning,
    /// Whoever sees a message that shows it may fetch it.
    Ready,
    /// Nobody may fetch it, ever.
    Refused,
    /// It is no more; its bytes are being taken away.
    Deleting,
}

named_variants!(UploadState, "an upload is waiting, uploaded, scanning, ready, refused or deleting",
    Waiting => "waiting", Uploaded => "uploaded", Scanning => "scanning", Ready => "ready",
    Refused => "refused", Deleting => "deleting");

/// A file made from an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Variant {
    /// The upload without what it says about its maker. Served in its place.
    Clean,
    /// A small picture of it.
    Thumbnail,
    /// The same in a form that browsers play.
    Rendition,
}

named_variants!(Variant, "a variant is clean, thumbnail or rendition",
    Clean => "clean", Thumbnail => "thumbnail", Rendition => "rendition");

/// A file made from an upload, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeFile {
    /// Which one.
    pub variant: Variant,
    /// What kind of file.
    pub content_type: String,
    /// In pixels, where it has any.
    pub width: Option<u32>,
    /// In pixels, where it has any.
    pub height: Option<u32>,
}

/// What is known of the contents of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaFacts {
    /// In pixels, as it is to be shown.
    pub width: Option<u32>,
    /// In pixels, as it is to be shown.
    pub height: Option<u32>,
    /// How long it plays, in milliseconds.
    pub duration_ms: Option<u64>,
    /// What to show until the picture is there, as a short string.
    pub blur: Option<String>,
    /// How loud it is over time: peaks from 0 to 255.
    pub waveform: Option<Vec<u8>>,
    /// What was made from it.
    pub files: Vec<MadeFile>,
}

impl MediaFacts {
    /// What was made from the upload as this variant.
    pub fn file(&self, variant: Variant) -> Option<&MadeFile> {
        self.files.iter().find(|file| file.variant == variant)
    }
}

/// A file that somebody wishes to upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUpload {
    /// What it will be called by.
    pub id: UploadId,
    /// Whose it is.
    pub owner: UserId,
    /// What its owner calls it: data, never a path.
    pub name: String,
    /// What kind of file its owner says it is.
    pub content_type: String,
    /// How many bytes.
    pub size: u64,
    /// What its owner says that its bytes are.
    pub sha256: Option<Sha256>,
    /// What the server's clock says.
    pub at: Timestamp,
    /// Until when its bytes are awaited.
    pub expires_at: Timestamp,
}

/// A file that somebody uploads or has uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// What it is called by.
    pub id: UploadId,
    /// Whose it is.
    pub owner: UserId,
    /// What its owner calls it.
    pub name: String,
    /// What kind of file it is: what its owner says, until somebody has looked.
    pub content_type: String,
    /// How many bytes.
    pub size: u64,
    /// What its bytes are: what its owner says, until somebody has looked.
    pub sha256: Option<Sha256>,
    /// How far it is.
    pub state: UploadState,
    /// Which upload's bytes these are: its own, or those of an earlier one of the same owner with the same.
    pub content: UploadId,
    /// What is known of what is in it.
    pub facts: MediaFacts,
    /// Why it was refused.
    pub reason: Option<String>,
    /// When it was announced.
    pub created_at: Timestamp,
    /// When it ends if no message shows it by then; nothing as long as one does.
    pub expires_at: Option<Timestamp>,
    /// The name that the blob storage gave to its parts, if it comes in parts.
    pub parts: Option<String>,
    /// How often somebody looked at it in vain.
    pub attempts: u32,
    /// When to look at it again.
    pub retry_at: Option<Timestamp>,
}

/// An upload, as a message shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Which upload.
    pub upload: UploadId,
    /// What its owner calls it.
    pub name: String,
    /// What kind of file.
    pub content_type: String,
    /// How many bytes were uploaded.
    pub size: u64,
    /// How far it was when this was read.
    pub state: UploadState,
    /// What was known of what is in it.
    pub facts: MediaFacts,
}

impl Attachment {
    /// How much it brings along, in bytes and about: what pages are measured by.
    pub fn bytes(&self) -> usize {
        /// What stands around it, wherever it is written down.
        const OVERHEAD: usize = 256;
        let facts = &self.facts;
        let waveform = facts.waveform.as_ref().map_or(0, |peaks| peaks.len() * 4);
        let blur = facts.blur.as_ref().map_or(0, String::len);
        OVERHEAD + self.name.len() + self.content_type.len() + waveform + blur
    }
}

/// What somebody has uploaded so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// How many files, refused ones left out.
    pub count: u64,
    /// How many bytes, also those that are still to come.
    pub bytes: u64,
}

impl Upload {
    /// What a message shows of it.
    pub fn attachment(&self) -> Attachment {
        Attachment {
            upload: self.id,
            name: self.name.clone(),
            content_type: self.content_type.clone(),
            size: self.size,
            state: self.state,
            facts: self.facts.clone(),
        }
    }

    /// Whether another upload of these bytes, by the same owner, may have these.
    pub fn can_lend(&self, owner: &UserId, sha256: &Sha256, size: u64) -> bool {
        self.state == UploadState::Ready
            && self.owner == *owner
            && self.size == size
            && self.sha256.as_ref() == Some(sha256)
    }

    /// Takes over the bytes of another upload, and what is known of them.
    fn borrow(&mut self, lender: &Self) {
        self.state = UploadState::Ready;
        self.content = lender.content;
        self.content_type.clone_from(&lender.content_type);
        self.sha256 = lender.sha256;
        self.facts = lender.facts.clone();
        self.retry_at = None;
    }
}

/// Lets an upload begin. `held` is what its owner has uploaded so far, `twin` a ready upload of the owner with these
/// bytes, if there is one: then nothing has to be sent.
///
/// # Errors
///
/// `invalid` for a name, a size or a type that is none, `too_large` for what is over a limit.
pub fn begin(
    new: NewUpload,
    held: Held,
    twin: Option<&Upload>,
    limits: &Limits,
) -> Result<Upload, Refusal> {
    let name = file_name(&new.name)?;
    let content_type = content_type(&new.content_type)?;
    if new.size == 0 {
        return Err(Refusal::invalid(
            "size is 0, and there is nothing to upload",
        ));
    }
    if new.size > limits.upload_bytes_max {
        let most = limits.upload_bytes_max;
        return Err(Refusal::too_large(format!("size is over {most} bytes")));
    }
    if held.bytes.saturating_add(new.size) > limits.upload_quota_bytes {
        let most = limits.upload_quota_bytes;
        return Err(Refusal::too_large(format!(
            "with this one your uploads would be over {most} bytes; delete some first"
        )));
    }
    if held.count >= limits.uploads_max {
        let most = limits.uploads_max;
        return Err(Refusal::too_large(format!(
            "you have {most} uploads; delete some first"
        )));
    }
    let mut upload = Upload {
        id: new.id,
        owner: new.owner,
        name,
        content_type,
        size: new.size,
        sha256: new.sha256,
        state: UploadState::Waiting,
        content: new.id,
        facts: MediaFacts::default(),
        reason: None,
        created_at: new.at,
        expires_at: Some(new.expires_at),
        parts: None,
        attempts: 0,
        retry_at: None,
    };
    let lends = |twin: &&Upload| {
        new.sha256
            .is_some_and(|sha256| twin.can_lend(&upload.owner, &sha256, upload.size))
    };
    if let Some(twin) = twin.filter(lends) {
        upload.borrow(twin);
    }
    Ok(upload)
}

/// The name of a file as it is kept: what comes behind the last separator of a path, in the one form of names.
fn file_name(name: &str) -> Result<String, Refusal> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let invalid = || Refusal::invalid("name is no name of a file");
    let tidy = names::tidy(last, &FILE_NAME).map_err(|_| invalid())?;
    if tidy.chars().all(|letter| letter == '.') {
        return Err(invalid());
    }
    Ok(tidy)
}

/// The type of a file as it is kept: in lower case and without parameters.
fn content_type(given: &str) -> Result<String, Refusal> {
    let essence = given.split(';').next().unwrap_or_default().trim();
    let is_token = |text: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte);
        !text.is_empty() && text.bytes().all(allowed)
    };
    let is_type = essence.len() <= CONTENT_TYPE_BYTES_MAX
        && essence
            .split_once('/')
            .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    if is_type {
        Ok(essence.to_ascii_lowercase())
    } else {
        Err(Refusal::invalid(
            "content_type is a type and a subtype, as in image/png",
        ))
    }
}

#[cfg(test)]
mod tests;
