//! What somebody said of a file.

use super::{UNKNOWN, magic};

const BYTES_MAX: usize = 127;

/// Type and subtype in lower case, or [`UNKNOWN`] if that is not what was said.
pub(super) fn essence(declared: &str) -> String {
    let essence = declared.split(';').next().unwrap_or_default().trim();
    let is_token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    match essence.split_once('/') {
        Some((kind, subtype))
            if essence.len() <= BYTES_MAX && is_token(kind) && is_token(subtype) =>
        {
            essence.to_ascii_lowercase()
        }
        _ => UNKNOWN.to_owned(),
    }
}

/// Whether a declared type is in a list, in which `prefix*` is whatever begins like that.
pub(super) fn is_one_of(declared: &str, accepted: &[&str]) -> bool {
    accepted.iter().any(|one| match one.strip_suffix('*') {
        Some(prefix) => declared.starts_with(prefix),
        None => declared == *one,
    })
}

/// Whether bytes of which nothing is known may be this. Pictures, audio, video and text are known by their bytes, and so
/// is everything that has a signature which the bytes do not have.
pub(super) fn may_be_unknown_bytes(declared: &str) -> bool {
    is_one_of(
        declared,
        &["application/*", "font/*", "model/*", "chemical/*"],
    ) && !has_signature(declared)
}

/// Whether files of this type are known by how they begin.
pub(super) fn has_signature(declared: &str) -> bool {
    magic::DOCUMENTS
        .iter()
        .any(|document| is_one_of(declared, document.accepted))
}
