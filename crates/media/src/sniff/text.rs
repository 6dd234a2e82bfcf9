//! Text, and what browsers make of it.

use super::declared::{has_signature, is_one_of};

/// What kind of text it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A browser would run it.
    Html,
    /// A picture that may run scripts.
    Svg,
    Xml,
    /// Begins with `#!`.
    Script,
    Plain,
}

/// Tags with which the WHATWG's rules for sniffing take bytes for HTML.
const HTML_BEGINS: &[&str] = &[
    "<!doctype html",
    "<html",
    "<head",
    "<script",
    "<iframe",
    "<h1",
    "<div",
    "<font",
    "<table",
    "<a",
    "<style",
    "<title",
    "<b",
    "<body",
    "<br",
    "<p",
    "<!--",
];
/// These make it HTML wherever they are.
const HTML_ANYWHERE: &[&str] = &["<script", "<html", "<iframe", "<body", "<!doctype html"];

/// `None` if it is no text.
pub(super) fn class(head: &[u8]) -> Option<Class> {
    let is_wide = head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
    let is_odd = |byte: &u8| *byte < 0x20 && !b"\t\n\r\x0c\x1b".contains(byte);
    if !is_wide && head.iter().any(is_odd) {
        return None;
    }
    let visible = head.iter().copied().filter(|byte| *byte != 0);
    let lower: Vec<u8> = visible.map(|byte| byte.to_ascii_lowercase()).collect();
    let lower = String::from_utf8_lossy(&lower);
    let begin = lower.trim_start_matches(|character: char| {
        character.is_whitespace() || character == '\u{feff}' || character == '\u{fffd}'
    });
    let has = |tag: &&str| lower.contains(*tag);
    Some(if lower.contains("<svg") {
        Class::Svg
    } else if HTML_BEGINS.iter().any(|tag| begins_tag(begin, tag)) || HTML_ANYWHERE.iter().any(has)
    {
        Class::Html
    } else if begin.starts_with("<?xml") {
        Class::Xml
    } else if begin.starts_with("#!") {
        Class::Script
    } else {
        Class::Plain
    })
}

fn begins_tag(text: &str, tag: &str) -> bool {
    text.strip_prefix(tag)
        .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
}

impl Class {
    /// Whether text of this class may be called that.
    pub(super) fn may_be(self, declared: &str) -> bool {
        let accepted: &[&str] = match self {
            Self::Html => &["text/html", "application/xhtml+xml", "text/plain"],
            Self::Svg => &["image/svg+xml", "application/xml", "text/xml", "text/plain"],
            Self::Xml => {
                return is_one_of(declared, &["application/xml", "text/xml", "text/plain"])
                    || (declared.starts_with("application/") && declared.ends_with("+xml"));
            }
            Self::Script => &["text/*", "application/x-*", "application/javascript"],
            Self::Plain => &[
                "text/*",
                "application/*",
                "message/*",
                "model/*",
                "chemical/*",
            ],
        };
        is_one_of(declared, accepted) && !has_signature(declared)
    }
}
