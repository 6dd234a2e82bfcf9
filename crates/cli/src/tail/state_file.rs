//! The file that says where the last run ended.

use std::fs::File;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tidemark_client::Snapshot;
use tidemark_protocol::wire::parse_object;

use super::chosen::Chosen;
use crate::connect::Login;
use crate::failure::{Failure, FailureKind};
use crate::{output, places, private_file};

/// Held by this process alone, so that two runs do not print the same and save over each other.
pub(super) struct StateFile {
    path: PathBuf,
    reader: Reader,
    _held: File,
}

/// Whose place it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Reader {
    server: String,
    user: String,
}

#[derive(Serialize, Deserialize)]
struct Content<R, S> {
    #[serde(flatten)]
    reader: R,
    place: S,
}

/// Where the place of this user with this choice is kept, unless told otherwise.
pub(super) fn usual_path(login: &Login, chosen: &Chosen) -> Result<PathBuf, Failure> {
    let user = login.user.id.0.as_str();
    let mut words = vec![login.url.http().to_owned(), user.to_owned()];
    words.extend(chosen.named().map(|id| id.to_string()));
    let name = format!("{user}-{:016x}.json", fingerprint(&words.join(" ")));
    Ok(places::state()?.join("tail").join(name))
}

/// FNV-1a: the same in every version of this program.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl StateFile {
    pub(super) fn open(path: PathBuf, login: &Login) -> Result<Self, Failure> {
        let mut lock = path.clone().into_os_string();
        lock.push(".lock");
        let shown = path.display();
        let held = private_file::try_lock(lock.as_ref())
            .map_err(|error| Failure::failed(format!("cannot lock {shown}: {error}")))?
            .ok_or_else(|| {
                Failure::failed(format!(
                    "another tail is using {shown}; give this one a --state FILE of its own, or --no-state"
                ))
            })?;
        let reader = Reader {
            server: login.url.http().to_owned(),
            user: login.user.id.0.to_string(),
        };
        Ok(Self {
            path,
            reader,
            _held: held,
        })
    }

    pub(super) fn load(&self) -> Result<Option<Snapshot>, Failure> {
        let path = self.path.display();
        let text = private_file::read(&self.path)
            .map_err(|error| Failure::failed(format!("cannot read {path}: {error}")))?;
        let Some(text) = text else { return Ok(None) };
        let content: Content<Reader, Snapshot> = parse_object(&text).map_err(|error| {
            Failure::failed(format!(
                "{path} is damaged ({error}); say --from SEQ, start or now to begin anew"
            ))
        })?;
        let Reader { server, user } = &content.reader;
        if content.reader != self.reader {
            return Err(Failure::new(
                FailureKind::Usage,
                format!("{path} keeps the place of {user} at {server}; give another --state FILE"),
            ));
        }
        Ok(Some(content.place))
    }

    pub(super) fn save(&self, place: &Snapshot) -> Result<(), Failure> {
        let content = Content {
            reader: &self.reader,
            place,
        };
        private_file::replace(&self.path, output::json(&content).as_bytes()).map_err(|error| {
            let path = self.path.display();
            Failure::failed(format!("cannot keep the place in {path}: {error}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn the_fingerprint_is_that_of_the_published_vectors() {
        assert_eq!(fingerprint(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fingerprint("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fingerprint("foobar"), 0x8594_4171_f739_67e8);
    }
}
