//! Reading the bytes of a file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

/// How much is read at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// The SHA-256 of a file, of any size.
pub(super) async fn digest(path: &Path) -> io::Result<[u8; 32]> {
    let path = path.to_owned();
    let digested = spawn_blocking(move || {
        let mut file = File::open(path)?;
        let mut hash = Sha256::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match file.read(&mut chunk)? {
                0 => return Ok(hash.finalize().into()),
                read => hash.update(&chunk[..read]),
            }
        }
    });
    digested.await.map_err(io::Error::other)?
}
