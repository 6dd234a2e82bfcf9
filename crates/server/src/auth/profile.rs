//! What a profile may hold.

use tidemark_core::names::{self, InvalidName, NameLimits};

/// The longest name of a device, in bytes.
pub const DEVICE_NAME_BYTES_MAX: usize = 128;
const DISPLAY_NAME: NameLimits = NameLimits {
    characters_max: 128,
    bytes_max: 512,
    has_lines: false,
};
const AVATAR_BYTES_MAX: usize = 2048;

/// A display name in its one form; see [`names::tidy`].
///
/// # Errors
///
/// What is wrong with it, for whoever chose it.
pub fn display_name(chosen: &str) -> Result<String, &'static str> {
    names::tidy(chosen, &DISPLAY_NAME).map_err(|why| match why {
        InvalidName::Empty => "display_name is empty",
        InvalidName::Control => "display_name holds a control character",
        InvalidName::TooLong(_) => "display_name is longer than 128 characters or 512 bytes",
    })
}

/// Whether an avatar can be one: clients load it, so it is a web address and nothing that runs.
///
/// # Errors
///
/// What is wrong with it, for whoever chose it.
pub fn check_avatar(url: &str) -> Result<(), &'static str> {
    if url.len() > AVATAR_BYTES_MAX {
        return Err("avatar is longer than 2048 bytes");
    }
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    if !is_web
        || url
            .chars()
            .any(|symbol| symbol.is_control() || symbol.is_whitespace())
    {
        return Err("avatar is not an http or https URL");
    }
    Ok(())
}
