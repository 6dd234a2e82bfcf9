//! The file that says where the last run ended.

use std::fs::File;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tidemark_client::ServerUrl;
use tidemark_core::Position;
use tidemark_protocol::wire::{Wire, WirePosition, parse_object};

use crate::failure::{Failure, FailureKind};
use crate::{output, private_file};

/// Held by this process alone, so that two runs do not print the same and save over each other.
pub(super) struct CursorFile {
    path: PathBuf,
    server: String,
    _held: File,
}

#[derive(Serialize, Deserialize)]
struct Content {
    server: String,
    after: WirePosition,
}

impl CursorFile {
    pub(super) fn open(path: PathBuf, server: &ServerUrl) -> Result<Self, Failure> {
        let mut lock = path.clone().into_os_string();
        lock.push(".lock");
        let shown = path.display();
        let held = private_file::try_lock(lock.as_ref())
            .map_err(|error| Failure::failed(format!("cannot lock {shown}: {error}")))?
            .ok_or_else(|| {
                Failure::failed(format!(
                    "another run is using {shown}; give this one a --cursor FILE of its own"
                ))
            })?;
        Ok(Self {
            path,
            server: server.http().to_owned(),
            _held: held,
        })
    }

    pub(super) fn load(&self) -> Result<Option<Position>, Failure> {
        let path = self.path.display();
        let text = private_file::read(&self.path)
            .map_err(|error| Failure::failed(format!("cannot read {path}: {error}")))?;
        let Some(text) = text else { return Ok(None) };
        let content: Content = parse_object(&text).map_err(|error| {
            Failure::failed(format!(
                "{path} is damaged ({error}); say --after POSITION to begin anew"
            ))
        })?;
        if content.server != self.server {
            let server = content.server;
            return Err(Failure::new(
                FailureKind::Usage,
                format!("{path} keeps a place in the feed of {server}; give another --cursor FILE"),
            ));
        }
        Ok(Some(content.after.0))
    }

    pub(super) fn save(&self, after: Position) -> Result<(), Failure> {
        let content = Content {
            server: self.server.clone(),
            after: Wire(after),
        };
        private_file::replace(&self.path, output::json(&content).as_bytes()).map_err(|error| {
            let path = self.path.display();
            Failure::failed(format!("cannot keep the place in {path}: {error}"))
        })
    }
}
