//! Files that only their owner may read, replaced as a whole.

use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use tempfile::NamedTempFile;

/// What is in a file, if there is one.
///
/// # Errors
///
/// When it is there but cannot be read.
pub(crate) fn read(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces a file, so that a reader, also one after a crash, sees the old content or the new. Directories that
/// are missing are made, for the owner alone.
///
/// # Errors
///
/// When the system says no; the file is as it was then.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = directory_of(path);
    make_directory(directory)?;
    let mut file = NamedTempFile::new_in(directory)?;
    file.as_file()
        .set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(directory)?.sync_all()
}

/// Waits until no other process holds `path` this way, and holds it until the file is dropped. For reading and
/// replacing in one step, the lock is a file of its own.
///
/// # Errors
///
/// When the system says no.
pub(crate) fn lock(path: &Path) -> io::Result<File> {
    let file = lock_file(path)?;
    file.lock()?;
    Ok(file)
}

/// As [`lock`], without waiting: `None` if another process holds it.
///
/// # Errors
///
/// When the system says no.
pub(crate) fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let file = lock_file(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

fn lock_file(path: &Path) -> io::Result<File> {
    make_directory(directory_of(path))?;
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
}

fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn make_directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_and_its_directories_are_for_the_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b/secrets");
        assert_eq!(read(&path).unwrap(), None);
        replace(&path, b"one").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("one"));
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }

    #[test]
    fn replacing_leaves_one_file_and_closes_what_was_open_to_others() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("secrets");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("new"));
        assert_eq!(mode(&path), 0o600);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_lock_is_held_once() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lock");
        let held = lock(&path).unwrap();
        assert!(try_lock(&path).unwrap().is_none());
        drop(held);
        assert!(try_lock(&path).unwrap().is_some());
    }
}
