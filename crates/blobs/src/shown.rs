//! What a browser is told of a blob.
//!
//! Both parts of it come from people who may mean harm: the name is written into a header and then to somebody's
//! disk, the type decides what a browser does with the bytes.

use crate::ContentType;
use crate::encoding::percent_encoded;

/// What browsers may show or play in place. Nothing in it can run a script or draw a page; so no SVG, HTML, XML, PDF
/// or text.
const INLINE: &[&str] = &[
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/avif",
    "video/mp4",
    "video/webm",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "audio/webm",
];

/// The longest name that is shown, in bytes: what file systems take, with room for ` (1)`.
const NAME_BYTES_MAX: usize = 200;
/// The longest ending of a long name that is kept.
const EXTENSION_BYTES_MAX: usize = 16;
/// What RFC 8187 takes as it is (`attr-char`) beside letters and digits.
const RFC_8187_OTHERS: &[u8] = b"!#$&+-.^_`|~";
/// What a file is called whose name had nothing in it that can be shown.
const NAMELESS: &str = "file";

/// How a blob is shown to whoever downloads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// As the sender called it, whatever that is: it is made harmless when it is used.
    pub file_name: String,
    /// What it is, best by looking at its bytes. What is not in the short list of harmless types is given out as
    /// `application/octet-stream`, to be saved.
    pub content_type: ContentType,
    /// To be shown in place, if its type is one of the harmless ones. Otherwise it is saved.
    pub inline: bool,
}

impl Shown {
    /// The `Content-Type` to answer with.
    pub(crate) fn content_type(&self) -> ContentType {
        match self.harmless_type() {
            Some(harmless) => {
                ContentType::parse(harmless).unwrap_or_else(|_| ContentType::unknown())
            }
            None => ContentType::unknown(),
        }
    }

    /// The `Content-Disposition` to answer with (RFC 6266): a name for everybody and, where ASCII does not do, one for
    /// those who understand RFC 8187.
    pub(crate) fn disposition(&self) -> String {
        let how = if self.inline && self.harmless_type().is_some() {
            "inline"
        } else {
            "attachment"
        };
        let name = harmless_name(&self.file_name);
        let plain: String = name.chars().map(plain_character).collect();
        let plain = format!("{how}; filename=\"{plain}\"");
        if plain.contains(&format!("\"{name}\"")) {
            return plain;
        }
        let encoded = percent_encoded(&name, RFC_8187_OTHERS);
        format!("{plain}; filename*=UTF-8''{encoded}")
    }

    fn harmless_type(&self) -> Option<&'static str> {
        let essence = self.content_type.essence();
        INLINE.iter().copied().find(|harmless| *harmless == essence)
    }
}

/// The last segment of what may be a path, without what means something to a terminal, a shell, a file system or the
/// order in which text is read.
fn harmless_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or("");
    let kept: String = last
        .chars()
        .filter(|character| !is_invisible(*character))
        .map(|character| {
            if r#"<>:"|?*"#.contains(character) {
                '_'
            } else {
                character
            }
        })
        .collect();
    // A leading dot hides a file; Windows drops dots and spaces at the end, and what is before them may be another
    // type.
    let kept = kept
        .trim()
        .trim_start_matches('.')
        .trim_end_matches(['.', ' '])
        .trim();
    let name = shortened(kept);
    match name.as_str() {
        "" => NAMELESS.to_owned(),
        device if is_device(device) => format!("_{name}"),
        _ => name,
    }
}

/// Control characters, and those that are not seen but change how others are: bidirectional controls, breaks, marks
/// of width zero. The two joiners stay: emoji and many scripts need them.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Cuts in the middle, so that the ending stays: it is what says with which program to open a file.
fn shortened(name: &str) -> String {
    if name.len() <= NAME_BYTES_MAX {
        return name.to_owned();
    }
    let ending = name
        .rfind('.')
        .map(|dot| &name[dot..])
        .filter(|ending| ending.len() <= EXTENSION_BYTES_MAX)
        .unwrap_or("");
    let mut end = NAME_BYTES_MAX - ending.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ending}", &name[..end])
}

/// Whether Windows takes a name for a device, with whatever ending.
fn is_device(name: &str) -> bool {
    let (stem, _) = name.split_once('.').unwrap_or((name, ""));
    let stem = stem.trim().to_ascii_uppercase();
    let numbered = |device: &str| {
        let number = stem.strip_prefix(device);
        number
            .is_some_and(|it| it.chars().count() == 1 && it.starts_with(|it: char| it.is_numeric()))
    };
    ["CON", "PRN", "AUX", "NUL"].contains(&stem.as_str()) || numbered("COM") || numbered("LPT")
}

/// What can stand between quotes for everybody. Some read `%41` there as `A`.
fn plain_character(character: char) -> char {
    match character {
        '"' | '\\' | '%' => '_',
        ' '..='~' => character,
        _ => '_',
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{INLINE, NAME_BYTES_MAX, Shown, harmless_name, is_invisible};
    use crate::ContentType;

    fn shown(name: &str, content_type: &str, inline: bool) -> Shown {
        Shown {
            file_name: name.to_owned(),
            content_type: ContentType::parse(content_type).unwrap(),
            inline,
        }
    }

    #[test]
    fn names_lose_what_does_harm_and_nothing_else() {
        let long = format!("{}.tar.gz", "ä".repeat(300));
        for (given, harmless) in [
            ("report 2026.pdf", "report 2026.pdf"),
            ("Überblick – 概要.txt", "Überblick – 概要.txt"),
            ("../../x", "x"),
            (r"C:\Windows\system32\cmd.exe", "cmd.exe"),
            ("a\0b\r\nSet-Cookie: x=y", "abSet-Cookie_ x=y"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            ("\u{feff}a\u{200b}b\u{2066}", "ab"),
            ("a\"b'c;d.txt", "a_b'c;d.txt"),
            ("<script>*?|.html", "_script____.html"),
            (".bashrc", "bashrc"),
            ("invoice.pdf. . .", "invoice.pdf"),
            ("..", "file"),
            ("", "file"),
            ("a/", "file"),
            ("nul.txt", "_nul.txt"),
            ("COM1", "_COM1"),
            ("console.txt", "console.txt"),
            // A family joined by U+200D.
            ("👨\u{200d}👩\u{200d}👧.png", "👨\u{200d}👩\u{200d}👧.png"),
        ] {
            assert_eq!(harmless_name(given), harmless, "{given:?}");
        }
        let short = harmless_name(&long);
        assert!(
            short.len() <= NAME_BYTES_MAX && short.ends_with("ä.gz"),
            "{short}"
        );
    }

    #[test]
    fn the_header_has_the_name_twice_where_ascii_does_not_do() {
        let said = |name| shown(name, "image/png", true).disposition();
        assert_eq!(said("a b.png"), r#"inline; filename="a b.png""#);
        assert_eq!(
            said("100% ü.png"),
            r#"inline; filename="100_ _.png"; filename*=UTF-8''100%25%20%C3%BC.png"#
        );
    }

    #[test]
    fn only_what_cannot_run_is_shown_in_place() {
        for harmless in INLINE {
            let shown = shown("a", harmless, true);
            assert_eq!(shown.content_type().as_str(), *harmless);
            assert!(shown.disposition().starts_with("inline;"), "{harmless}");
        }
        for harmful in [
            "image/svg+xml",
            "text/html",
            "text/html; charset=utf-8",
            "application/xhtml+xml",
            "application/pdf",
            "text/xml",
            "text/plain",
            "multipart/x-mixed-replace",
            "image/png2",
            "application/javascript",
        ] {
            let shown = shown("a", harmful, true);
            assert_eq!(shown.content_type(), ContentType::unknown(), "{harmful}");
            assert!(shown.disposition().starts_with("attachment;"), "{harmful}");
        }
        let saved = shown("a", "IMAGE/PNG; x=y", false);
        assert_eq!(saved.content_type().as_str(), "image/png");
        assert!(saved.disposition().starts_with("attachment;"));
    }

    proptest! {
        #[test]
        fn any_name_makes_a_header_that_ends_where_it_should(name in "\\PC*|(?s).*") {
            let header = shown(&name, "image/png", false).disposition();
            prop_assert!(header.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{header:?}");
            let rest = header.strip_prefix("attachment; filename=\"").unwrap();
            let (plain, rest) = rest.split_once('"').unwrap();
            prop_assert!(!plain.is_empty() && !plain.contains(['/', '\\', '%']));
            // What the other form says is the harmless name, byte for byte.
            let harmless = harmless_name(&name);
            if let Some(encoded) = rest.strip_prefix("; filename*=UTF-8''") {
                prop_assert_eq!(decode(encoded), harmless.clone().into_bytes());
            } else {
                prop_assert_eq!((plain, rest), (harmless.as_str(), ""));
            }
            prop_assert!(!harmless.contains(is_invisible) && !harmless.starts_with('.'));
            prop_assert!((1..=NAME_BYTES_MAX + 1).contains(&harmless.len()));
            // Nothing is left to be made harmless.
            prop_assert_eq!(harmless_name(&harmless), harmless);
        }
    }

    fn decode(encoded: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = encoded.bytes();
        while let Some(byte) = rest.next() {
            if byte == b'%' {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                let text = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(text, 16).unwrap());
            } else {
                bytes.push(byte);
            }
        }
        bytes
    }
}
