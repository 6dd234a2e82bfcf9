//! Bytes as text.

use std::fmt::Write;

/// Letters, digits and `others` as they are, everything else as `%XX`.
pub(crate) fn percent_encoded(text: &str, others: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || others.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("text takes all that is written");
        }
    }
    encoded
}

/// In base 16, with small letters.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(digits, "{byte:02x}").expect("text takes all that is written");
    }
    digits
}
