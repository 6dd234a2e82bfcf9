//! Where a person's own files are kept, as the XDG base directory specification says.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::failure::Failure;

const OURS: &str = "tidemark";

/// The directory for what a person set up: `$XDG_CONFIG_HOME/tidemark`, or `~/.config/tidemark`.
///
/// # Errors
///
/// When neither variable names a directory.
pub(crate) fn configuration() -> Result<PathBuf, Failure> {
    under("XDG_CONFIG_HOME", ".config")
}

/// The directory for what has to outlive a process: `$XDG_STATE_HOME/tidemark`, or
/// `~/.local/state/tidemark`.
///
/// # Errors
///
/// When neither variable names a directory.
pub(crate) fn state() -> Result<PathBuf, Failure> {
    under("XDG_STATE_HOME", ".local/state")
}

fn under(variable: &str, in_home: &str) -> Result<PathBuf, Failure> {
    choose(env::var_os(variable), env::var_os("HOME"), in_home).ok_or_else(|| {
        Failure::failed(format!(
            "there is no place for files of yours: set HOME or {variable} to an absolute path"
        ))
    })
}

/// A relative path counts as none: it would name another place in every directory.
fn choose(chosen: Option<OsString>, home: Option<OsString>, in_home: &str) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    chosen
        .and_then(absolute)
        .or_else(|| Some(home.and_then(absolute)?.join(in_home)))
        .map(|base| base.join(OURS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(variable: Option<&str>, home: Option<&str>) -> Option<String> {
        let path = choose(
            variable.map(OsString::from),
            home.map(OsString::from),
            ".config",
        );
        path.map(|path| path.display().to_string())
    }

    #[test]
    fn the_variable_comes_before_the_home() {
        let path = chosen(Some("/elsewhere"), Some("/people/ann"));
        assert_eq!(path.as_deref(), Some("/elsewhere/tidemark"));
        let path = chosen(None, Some("/people/ann"));
        assert_eq!(path.as_deref(), Some("/people/ann/.config/tidemark"));
    }

    #[test]
    fn what_is_not_absolute_does_not_count() {
        let path = chosen(Some("here"), Some("/people/ann"));
        assert_eq!(path.as_deref(), Some("/people/ann/.config/tidemark"));
        assert_eq!(chosen(Some(""), Some("")), None);
        assert_eq!(chosen(None, None), None);
    }
}
