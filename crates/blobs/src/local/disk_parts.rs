//! Uploads in parts on the disk.
//!
//! A part is received into a file of its own and copied to its place under the lock of the upload, when it is whole.
//! So a part that was cut, or is still coming over a connection that broke without a word, is in nobody's way.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::disk::{Disk, children_from, last_touched_ms, look_into, name_of_type, sync_directory};
use super::grant::PartGrant;
use crate::encoding::hex;
use crate::{BlobError, Expected, InParts, Part, PartsId};

/// The length of an id, in digits of base 16.
const ID_DIGITS: usize = 32;

/// An upload whose files nobody else changes while this is held.
struct Locked {
    directory: PathBuf,
    /// Where the file is, which is called as its type.
    blob: PathBuf,
    /// Unlocked when it is closed.
    _lock: File,
}

impl Disk {
    pub(super) fn begin_parts(&self, expected: &Expected) -> Result<PartsId, BlobError> {
        let mut random = [0; ID_DIGITS / 2];
        getrandom::fill(&mut random).map_err(|error| BlobError::Unavailable(error.to_string()))?;
        let id = hex(&random);
        let scratch = self.scratch()?;
        let upload = scratch.path().join("upload");
        let blob = upload.join("blob");
        fs::create_dir_all(&blob)?;
        let file = File::create_new(blob.join(name_of_type(&expected.content_type)))?;
        file.set_len(expected.size)?;
        file.sync_all()?;
        sync_directory(&blob)?;
        sync_directory(&upload)?;
        fs::rename(&upload, self.begun.join(&id))?;
        sync_directory(&self.begun)?;
        PartsId::parse(id).map_err(|_| BlobError::NotFound)
    }

    /// Whether a part is there already.
    pub(super) fn has_part(&self, id: &PartsId, number: u32) -> Result<bool, BlobError> {
        let directory = self.directory_of(id).ok_or(BlobError::NotFound)?;
        if !directory.join("blob").is_dir() {
            return Err(BlobError::NotFound);
        }
        Ok(directory.join(number.to_string()).exists())
    }

    /// Puts a part that is whole in its place, unless it is there already.
    pub(super) fn keep_part(&self, part: &PartGrant, received: &mut File) -> Result<(), BlobError> {
        let upload = self.lock(&part.id)?;
        let marker = upload.directory.join(part.number.to_string());
        if marker.exists() {
            return Ok(());
        }
        let path = look_into(&upload.blob)?.ok_or(BlobError::NotFound)?.path;
        let mut file = File::options().write(true).open(path)?;
        if part.offset + part.size > file.metadata()?.len() {
            return Err(BlobError::NoSuchPart {
                number: part.number,
            });
        }
        received.seek(SeekFrom::Start(0))?;
        file.seek(SeekFrom::Start(part.offset))?;
        self.lane.copy(received, &mut file)?;
        file.sync_all()?;
        File::create_new(marker)?;
        Ok(sync_directory(&upload.directory)?)
    }

    pub(super) fn parts(&self, upload: &InParts) -> Result<Vec<Part>, BlobError> {
        let directory = self.directory_of(&upload.id).ok_or(BlobError::NotFound)?;
        if !directory.join("blob").is_dir() {
            return Err(BlobError::NotFound);
        }
        let mut parts = Vec::new();
        for path in children_from(&directory, None)? {
            let name = path.file_name().and_then(|name| name.to_str());
            let number: Option<u32> = name.and_then(|name| name.parse().ok());
            if let Some(number) = number
                && let Some((_, size)) = upload.place_of(number)
            {
                parts.push(Part { number, size });
            }
        }
        parts.sort_unstable_by_key(|part| part.number);
        Ok(parts)
    }

    pub(super) fn finish_parts(&self, upload: &InParts) -> Result<(), BlobError> {
        let count = upload.count()?;
        match self.lock(&upload.id) {
            Ok(locked) => {
                let have = self.parts(upload)?;
                let numbers = 1..=count;
                if let Some(first) = numbers
                    .clone()
                    .zip(
                        have.iter()
                            .map(|part| Some(part.number))
                            .chain(std::iter::repeat(None)),
                    )
                    .find_map(|(number, there)| (there != Some(number)).then_some(number))
                {
                    return Err(BlobError::PartMissing { first });
                }
                self.settle(&locked.blob, &upload.key)?;
                self.discard(&locked.directory)?;
                Ok(())
            }
            Err(BlobError::NotFound) => {
                let found = self.find_durable(&upload.key)?.ok_or(BlobError::NotFound)?;
                // What was left by a kill between the two steps above.
                if let Some(directory) = self.directory_of(&upload.id) {
                    self.discard(&directory)?;
                }
                drop(found);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn abort_parts(&self, id: &PartsId) -> Result<(), BlobError> {
        match self.lock(id) {
            Ok(locked) => self.discard(&locked.directory)?,
            Err(BlobError::NotFound) => false,
            Err(error) => return Err(error),
        };
        Ok(())
    }

    /// Removes uploads in parts that nothing was sent to. How many of them.
    pub(super) fn sweep_parts(&self, older_than_ms: u64) -> io::Result<u64> {
        let mut swept = 0;
        for directory in children_from(&self.begun, None)? {
            let is_old = |directory: &Path| -> io::Result<bool> {
                Ok(last_touched_ms(directory)?.is_some_and(|touched| touched < older_than_ms))
            };
            if !is_old(&directory)? {
                continue;
            }
            // Nobody keeps a part while it is looked at again.
            let _lock = match lock_directory(&directory) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                lock => lock?,
            };
            if is_old(&directory)? && self.discard(&directory)? {
                swept += 1;
            }
        }
        Ok(swept)
    }

    /// Waits for whoever keeps a part, which is not long: nobody waits for a client meanwhile.
    fn lock(&self, id: &PartsId) -> Result<Locked, BlobError> {
        let directory = self.directory_of(id).ok_or(BlobError::NotFound)?;
        let lock = match lock_directory(&directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(BlobError::NotFound),
            lock => lock?,
        };
        let blob = directory.join("blob");
        // It may have been finished or given up while this waited.
        if !blob.is_dir() {
            return Err(BlobError::NotFound);
        }
        Ok(Locked {
            directory,
            blob,
            _lock: lock,
        })
    }

    /// `None` for what is no id of this place.
    fn directory_of(&self, id: &PartsId) -> Option<PathBuf> {
        let id = id.as_str();
        let is_ours = id.len() == ID_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_ours.then(|| self.begun.join(id))
    }
}

fn lock_directory(directory: &Path) -> io::Result<File> {
    let lock = File::open(directory)?;
    lock.lock()?;
    Ok(lock)
}
