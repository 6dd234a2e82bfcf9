//! What a profile may hold.

/// The longest name of a device, in bytes.
pub const DEVICE_NAME_BYTES_MAX: usize = 128;
const DISPLAY_NAME_BYTES_MAX: usize = 128;
const AVATAR_BYTES_MAX: usize = 2048;

/// Whether a display name can be one.
///
/// # Errors
///
/// What is wrong with it, for whoever chose it.
pub fn check_display_name(name: &str) -> Result<(), &'static str> {
    if name.trim().is_empty() {
        return Err("display_name is empty");
    }
    if name.len() > DISPLAY_NAME_BYTES_MAX {
        return Err("display_name is longer than 128 bytes");
    }
    if name.chars().any(char::is_control) {
        return Err("display_name holds a control character");
    }
    Ok(())
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
