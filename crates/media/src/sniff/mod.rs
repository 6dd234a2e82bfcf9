//! What the bytes of a file are, whatever somebody said of them.

mod declared;
mod magic;
mod text;

pub(crate) use magic::{Container, Format};

/// How much of a file is looked at.
pub(crate) const HEAD_BYTES: usize = 4 * 1024;
/// What is said of bytes that nobody may trust to be anything.
pub(crate) const UNKNOWN: &str = "application/octet-stream";

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sniffed {
    /// Without parameters, in lower case.
    pub(crate) content_type: String,
    /// What there is to look into.
    pub(crate) kind: Kind,
}

/// What there is to look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Picture(Format),
    Film(Container),
    /// Nothing: it stays as it is.
    Document,
}

/// Looks at the first [`HEAD_BYTES`] of a file.
pub(crate) fn sniff(head: &[u8], declared: &str) -> Sniffed {
    let declared = declared::essence(declared);
    if let Some(format) = magic::picture(head) {
        return Sniffed {
            content_type: format.content_type().to_owned(),
            kind: Kind::Picture(format),
        };
    }
    if let Some(container) = magic::container(head) {
        let content_type = container.content_type(&declared).to_owned();
        let kind = Kind::Film(container);
        return Sniffed { content_type, kind };
    }
    let is_consistent = match magic::document(head) {
        Some(accepted) => declared::is_one_of(&declared, accepted),
        None => match text::class(head) {
            Some(class) => class.may_be(&declared),
            None => declared::may_be_unknown_bytes(&declared),
        },
    };
    Sniffed {
        content_type: if is_consistent {
            declared
        } else {
            UNKNOWN.to_owned()
        },
        kind: Kind::Document,
    }
}

#[cfg(test)]
mod tests;
