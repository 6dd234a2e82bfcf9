//! Files below a directory, by URLs of the server's own signature.

use std::path::PathBuf;

/// Where files are and who may ask for them.
pub struct LocalConfig {
    /// Made if it is not there. All of it is on one file system, and nothing else is in it.
    pub directory: PathBuf,
    /// What URLs are signed with. The same on all nodes; another one makes all URLs void.
    pub secret: [u8; 32],
    /// Origins of web pages that may send and read bytes by scripts, such as `https://chat.example.com`; `*` is all.
    pub origins: Vec<String>,
}
