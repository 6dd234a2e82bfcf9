//! The tokens of earlier sign-ins, for each server and user.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tidemark_client::ServerUrl;
use tidemark_protocol::wire::Secret;

use crate::failure::Failure;
use crate::{places, private_file};

/// The file that keeps them. Whoever reads it can act as these users until they sign out.
pub(super) struct Credentials {
    path: PathBuf,
}

/// A token that was given to `username`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) username: String,
    pub(super) token: Secret,
}

/// The content of the file.
#[derive(Default, Serialize, Deserialize)]
struct Content {
    servers: BTreeMap<String, AtServer>,
}

#[derive(Default, Serialize, Deserialize)]
struct AtServer {
    /// Who was named last.
    last: String,
    /// Tokens by username.
    tokens: BTreeMap<String, Secret>,
}

impl Credentials {
    /// Those of the person who runs this.
    pub(super) fn of_person() -> Result<Self, Failure> {
        let path = places::configuration()?.join("credentials.json");
        Ok(Self { path })
    }

    /// The token of `username`, or of whoever was named last.
    pub(super) fn find(
        &self,
        url: &ServerUrl,
        username: Option<&str>,
    ) -> Result<Option<Kept>, Failure> {
        let mut content = self.read()?;
        let Some(server) = content.servers.remove(url.http()) else {
            return Ok(None);
        };
        let wanted = username.unwrap_or(&server.last);
        // As the server sees names.
        let is_wanted = |name: &str| name.eq_ignore_ascii_case(wanted);
        let mut tokens = server.tokens.into_iter();
        Ok(tokens
            .find(|(name, _)| is_wanted(name))
            .map(|(username, token)| Kept { username, token }))
    }

    /// Keeps a token in place of an earlier one of the same user, who is now the last.
    pub(super) fn keep(&self, url: &ServerUrl, kept: Kept) -> Result<(), Failure> {
        let cannot = |error| {
            let path = self.path.display();
            Failure::failed(format!("cannot write {path}: {error}"))
        };
        // Two sign-ins at a time must both be kept.
        let _held = private_file::lock(&self.path.with_extension("lock")).map_err(cannot)?;
        let mut content = self.read()?;
        let server = content.servers.entry(url.http().to_owned()).or_default();
        if server.last == kept.username && server.tokens.get(&kept.username) == Some(&kept.token) {
            return Ok(());
        }
        server.last.clone_from(&kept.username);
        server.tokens.insert(kept.username, kept.token);
        let text = serde_json::to_vec_pretty(&content).map_err(|error| cannot(error.into()))?;
        private_file::replace(&self.path, &text).map_err(cannot)
    }

    fn read(&self) -> Result<Content, Failure> {
        let path = self.path.display();
        let text = private_file::read(&self.path)
            .map_err(|error| Failure::failed(format!("cannot read {path}: {error}")))?;
        let Some(text) = text else {
            return Ok(Content::default());
        };
        serde_json::from_str(&text).map_err(|error| {
            // The error's own words may quote a token.
            let (line, column) = (error.line(), error.column());
            Failure::failed(format!(
                "{path} is damaged at line {line}, column {column}; remove it and sign in again"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> ServerUrl {
        ServerUrl::parse(text).unwrap()
    }

    fn kept(username: &str, token: &str) -> Kept {
        Kept {
            username: username.to_owned(),
            token: Secret::new(token),
        }
    }

    fn empty(directory: &tempfile::TempDir) -> Credentials {
        let path = directory.path().join("tidemark/credentials.json");
        Credentials { path }
    }

    #[test]
    fn the_last_one_of_a_server_is_found_without_a_name() {
        let directory = tempfile::tempdir().unwrap();
        let credentials = empty(&directory);
        let (here, there) = (url("http://here"), url("http://there"));
        assert_eq!(credentials.find(&here, None).unwrap(), None);
        credentials.keep(&here, kept("ann", "1")).unwrap();
        credentials.keep(&here, kept("ben", "2")).unwrap();
        credentials.keep(&there, kept("cat", "3")).unwrap();
        let last = credentials.find(&here, None).unwrap();
        assert_eq!(last, Some(kept("ben", "2")));
        let ann = credentials.find(&here, Some("Ann")).unwrap();
        assert_eq!(ann, Some(kept("ann", "1")));
        credentials.keep(&here, kept("ann", "1")).unwrap();
        let last = credentials.find(&here, None).unwrap();
        assert_eq!(last, Some(kept("ann", "1")));
        assert_eq!(credentials.find(&here, Some("cat")).unwrap(), None);
    }

    #[test]
    fn a_new_token_takes_the_place_of_the_old_one() {
        let directory = tempfile::tempdir().unwrap();
        let credentials = empty(&directory);
        let here = url("http://here");
        for token in ["1", "2"] {
            credentials.keep(&here, kept("ann", token)).unwrap();
        }
        let found = credentials.find(&here, None).unwrap();
        assert_eq!(found, Some(kept("ann", "2")));
    }

    #[test]
    fn a_damaged_file_is_named_but_not_quoted() {
        let directory = tempfile::tempdir().unwrap();
        let credentials = empty(&directory);
        private_file::replace(&credentials.path, br#"{"servers": "tms_secret"}"#).unwrap();
        let failure = credentials.find(&url("http://here"), None).unwrap_err();
        let words = failure.to_string();
        assert!(words.contains("credentials.json is damaged"), "{words}");
        assert!(!words.contains("tms_secret"), "{words}");
    }
}
