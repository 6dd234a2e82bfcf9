//! Files below a directory. Everything here waits for the disk.
//!
//! A blob is a directory with one file, which is called as its type: so both become visible, and go, by one rename.
//! `rename` refuses to put a directory in the place of one that has something in it: so what is there stays.
//!
//! ```text
//! stored/3f/a0/uploads.0190…/image:png     a blob: by two bytes of the hash of its key
//! temporary/…                              what is being written or removed
//! begun/{id}/blob/image:png                an upload in parts, all of its size from the beginning
//! begun/{id}/7                             part 7 is in it, whole and on the disk
//! ```

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::lane::Lane;
use crate::encoding::hex;
use crate::{BlobError, BlobHead, BlobKey, ContentType, Fetched, Listed};

/// The directories.
#[derive(Debug)]
pub(super) struct Disk {
    stored: PathBuf,
    temporary: PathBuf,
    pub(super) begun: PathBuf,
    /// By which bytes get there.
    pub(super) lane: Lane,
}

/// A file that is being written. It goes away with this.
#[derive(Debug)]
pub(super) struct Staged {
    directory: TempDir,
    pub(super) file: File,
}

impl Staged {
    /// Where it is.
    pub(super) fn path(&self) -> io::Result<PathBuf> {
        let found = look_into(&self.directory.path().join("blob"))?;
        Ok(found.ok_or(ErrorKind::NotFound)?.path)
    }
}

/// A blob's file.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) head: BlobHead,
}

impl Disk {
    pub(super) fn open(directory: &Path, lane: Lane) -> io::Result<Self> {
        let at = |name| directory.join(name);
        let disk = Self {
            stored: at("stored"),
            temporary: at("temporary"),
            begun: at("begun"),
            lane,
        };
        for directory in [&disk.stored, &disk.temporary, &disk.begun] {
            fs::create_dir_all(directory)?;
        }
        sync_directory(directory)?;
        if let Some(parent) = directory.parent().filter(|it| !it.as_os_str().is_empty()) {
            sync_directory(parent)?;
        }
        Ok(disk)
    }

    /// The directories that lead to a blob, from the inside out. The first is the blob's.
    fn places(&self, key: &BlobKey) -> [PathBuf; 3] {
        let hash = Sha256::digest(key.as_str());
        let outer = self.stored.join(hex(&hash[..1]));
        let inner = outer.join(hex(&hash[1..2]));
        [inner.join(name_of(key)), inner, outer]
    }

    /// An empty directory that goes away when it is dropped, or at the next sweep after a kill.
    pub(super) fn scratch(&self) -> io::Result<TempDir> {
        TempDir::new_in(&self.temporary)
    }

    /// A new file for a blob of this type.
    pub(super) fn stage(&self, content_type: &ContentType) -> io::Result<Staged> {
        let directory = self.scratch()?;
        let blob = directory.path().join("blob");
        fs::create_dir(&blob)?;
        let file = File::create_new(blob.join(name_of_type(content_type)))?;
        Ok(Staged { directory, file })
    }

    /// Makes a staged file the blob, if there is none. Afterwards there is one, on the disk.
    pub(super) fn keep(&self, staged: &Staged, key: &BlobKey) -> io::Result<()> {
        staged.file.sync_all()?;
        let blob = staged.directory.path().join("blob");
        sync_directory(&blob)?;
        self.settle(&blob, key)
    }

    /// Puts a directory, whose file is on the disk, in the place of the blob, if there is none.
    pub(super) fn settle(&self, blob: &Path, key: &BlobKey) -> io::Result<()> {
        if let Some(found) = look_into(blob)? {
            let mut permissions = fs::metadata(&found.path)?.permissions();
            permissions.set_readonly(true);
            fs::set_permissions(&found.path, permissions)?;
        }
        let [place, inner, _] = self.places(key);
        fs::create_dir_all(inner)?;
        match fs::rename(blob, &place) {
            Ok(()) => self.sync_places(key).inspect_err(|_| {
                // Nobody knows whether it would be there after a power cut, so it is not there now.
                if let Err(error) = self.delete(key) {
                    tracing::error!(%error, "a blob that may not be on the disk cannot be removed");
                }
            }),
            Err(error) if is_taken(&error) => self.sync_places(key),
            Err(error) => Err(error),
        }
    }

    /// What was renamed is on the disk afterwards. Costs little where nothing was.
    fn sync_places(&self, key: &BlobKey) -> io::Result<()> {
        let [_, inner, outer] = self.places(key);
        [&inner, &outer, &self.stored]
            .into_iter()
            .try_for_each(|directory| sync_directory(directory))
    }

    /// The file of a blob, on the disk or not.
    pub(super) fn find(&self, key: &BlobKey) -> io::Result<Option<Found>> {
        let [place, ..] = self.places(key);
        look_into(&place)
    }

    /// The same, and it is on the disk: another thread or node may have renamed it just now.
    pub(super) fn find_durable(&self, key: &BlobKey) -> io::Result<Option<Found>> {
        let found = self.find(key)?;
        if found.is_some() {
            match self.sync_places(key) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                synced => synced?,
            }
        }
        Ok(found)
    }

    pub(super) fn delete(&self, key: &BlobKey) -> io::Result<()> {
        let [place, inner, _] = self.places(key);
        if self.discard(&place)? {
            sync_directory(&inner)?;
        }
        Ok(())
    }

    /// Takes a directory away at once, and then what is in it. Whether there was one.
    pub(super) fn discard(&self, directory: &Path) -> io::Result<bool> {
        let scratch = self.scratch()?;
        match fs::rename(directory, scratch.path().join("gone")) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A link to the file of a blob, or a copy where there are no links.
    pub(super) fn fetch(&self, key: &BlobKey, scratch: &Path) -> Result<Fetched, BlobError> {
        let found = self.find_durable(key)?.ok_or(BlobError::NotFound)?;
        let size = found.head.size;
        let linked =
            tempfile::Builder::new().make_in(scratch, |path| fs::hard_link(&found.path, path));
        let path = match linked {
            Ok(linked) => linked.into_temp_path(),
            Err(error) if error.kind() == ErrorKind::NotFound && scratch.is_dir() => {
                return Err(BlobError::NotFound);
            }
            Err(_) => {
                let mut copy = tempfile::NamedTempFile::new_in(scratch)?;
                io::copy(&mut File::open(&found.path)?, copy.as_file_mut())?;
                copy.into_temp_path()
            }
        };
        Ok(Fetched { path, size })
    }

    pub(super) fn put_file(
        &self,
        key: &BlobKey,
        file: &Path,
        content_type: &ContentType,
    ) -> io::Result<()> {
        if self.find_durable(key)?.is_some() {
            return Ok(());
        }
        let mut staged = self.stage(content_type)?;
        self.lane.copy(&mut File::open(file)?, &mut staged.file)?;
        self.keep(&staged, key)
    }

    /// By the hashes of the keys.
    pub(super) fn list(
        &self,
        prefix: &str,
        after: Option<&BlobKey>,
        max: usize,
    ) -> io::Result<Vec<Listed>> {
        let passed = after
            .map(|key| self.places(key))
            .map(|[place, inner, outer]| [outer, inner, place]);
        let [from_outer, from_inner, from_place] = match &passed {
            Some(places) => places.each_ref().map(|place| Some(place.as_path())),
            None => [None; 3],
        };
        let mut listed = Vec::new();
        for outer in children_from(&self.stored, from_outer)? {
            for inner in children_from(&outer, from_inner)? {
                for place in children_from(&inner, from_place)? {
                    if listed.len() == max {
                        return Ok(listed);
                    }
                    let key = key_of(&place).filter(|key| key.as_str().starts_with(prefix));
                    let Some(key) = key.filter(|key| Some(key) != after) else {
                        continue;
                    };
                    if let Some(found) = look_into(&place)? {
                        let modified_ms = found.head.modified_ms;
                        listed.push(Listed { key, modified_ms });
                    }
                }
            }
        }
        Ok(listed)
    }

    /// Removes what a kill left behind. How many of them.
    pub(super) fn sweep_temporary(&self, older_than_ms: u64) -> io::Result<u64> {
        let mut swept = 0;
        for path in children_from(&self.temporary, None)? {
            if last_touched_ms(&path)?.is_some_and(|touched| touched < older_than_ms) {
                let removed = if path.is_dir() {
                    fs::remove_dir_all(&path)
                } else {
                    fs::remove_file(&path)
                };
                match removed {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => swept += 1,
                }
            }
        }
        Ok(swept)
    }
}

/// What is in a directory, in the order of names, from `from` on (if it is in this directory at all).
pub(super) fn children_from(directory: &Path, from: Option<&Path>) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut children = Vec::new();
    for entry in entries {
        children.push(entry?.path());
    }
    // Of whole paths, the parents decide first: a directory after that of `from` is listed from its beginning.
    children.retain(|child| from.is_none_or(|from| child.as_path() >= from));
    children.sort_unstable();
    Ok(children)
}

/// The one file in the directory of a blob.
pub(super) fn look_into(directory: &Path) -> io::Result<Option<Found>> {
    let found = || {
        let Some(entry) = fs::read_dir(directory)?.next() else {
            return Ok(None);
        };
        let path = entry?.path();
        let metadata = fs::metadata(&path)?;
        let content_type = type_of(&path);
        Ok(Some(Found {
            head: head(&metadata, content_type),
            path,
        }))
    };
    match found() {
        Err(error) if is_gone(&error) => Ok(None),
        found => found,
    }
}

fn head(metadata: &fs::Metadata, content_type: ContentType) -> BlobHead {
    let nanoseconds =
        i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    BlobHead {
        size: metadata.len(),
        content_type,
        // Another blob under the same key is one that was stored later.
        etag: format!("\"{nanoseconds:x}-{:x}\"", metadata.len()),
        modified_ms: modified_ms(metadata),
    }
}

fn modified_ms(metadata: &fs::Metadata) -> u64 {
    let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// When anything in a directory was last written to or came. `None` if it is gone.
pub(super) fn last_touched_ms(path: &Path) -> io::Result<Option<u64>> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if is_gone(&error) => return Ok(None),
        metadata => metadata?,
    };
    let mut last = modified_ms(&metadata);
    if metadata.is_dir() {
        for child in children_from(path, None)? {
            last = last.max(last_touched_ms(&child)?.unwrap_or(0));
        }
    }
    Ok(Some(last))
}

pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn is_taken(error: &io::Error) -> bool {
    let kinds = [ErrorKind::DirectoryNotEmpty, ErrorKind::AlreadyExists];
    kinds.contains(&error.kind())
}

fn is_gone(error: &io::Error) -> bool {
    [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind())
}

/// Keys have no `.`, names of directories no `/`.
fn name_of(key: &BlobKey) -> String {
    key.as_str().replace('/', ".")
}

fn key_of(place: &Path) -> Option<BlobKey> {
    let name = place.file_name()?.to_str()?;
    BlobKey::parse(name.replace('.', "/")).ok()
}

/// Media types have no `:`.
pub(super) fn name_of_type(content_type: &ContentType) -> String {
    content_type.as_str().replace('/', ":")
}

fn type_of(file: &Path) -> ContentType {
    let name = file.file_name().and_then(|name| name.to_str());
    name.and_then(|name| ContentType::parse(name.replace(':', "/")).ok())
        .unwrap_or_else(ContentType::unknown)
}
