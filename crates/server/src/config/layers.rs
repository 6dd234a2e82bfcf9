//! Merges the layers of a configuration, without understanding any key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Value;

use super::{ConfigError, Mistake, Origin};

/// Environment variables that begin so belong to us.
const PREFIX: &str = "TIDEMARK_";
/// What stands in a variable's name where a key has a dot.
const SEPARATOR: &str = "__";

/// Where a configuration comes from; later layers win.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The TOML file, if there is one. One that is named must exist.
    pub file: Option<PathBuf>,
    /// The environment. Only variables that begin with `TIDEMARK_` are looked at, nested keys with two
    /// underscores: `TIDEMARK_STORE__URL` is `store.url`. Values are text; lists are separated by commas.
    pub environment: Vec<(String, String)>,
    /// Flags of the command line, by key: `("listen", "127.0.0.1:0")`.
    pub flags: Vec<(String, String)>,
}

impl Sources {
    /// A file, if any, under the environment of this process.
    pub fn of_process(file: Option<PathBuf>) -> Self {
        // Variables that are not Unicode cannot be ours to read; another program may have set them.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            file,
            environment,
            flags: Vec::new(),
        }
    }
}

/// A value as somebody wrote it.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// The merged layers, by key with dots. Nothing is checked yet.
pub(super) type Layers = BTreeMap<String, Written>;

pub(super) fn merge(sources: &Sources) -> Result<Layers, ConfigError> {
    let mut layers = Layers::new();
    if let Some(path) = &sources.file {
        let table = read_table(path).map_err(|problem| ConfigError {
            mistakes: vec![Mistake {
                key: path.display().to_string(),
                origin: Origin::Unset,
                problem,
            }],
        })?;
        flatten(&mut layers, "", table, &Origin::File(path.clone()));
    }
    for (name, text) in &sources.environment {
        if let Some(key) = variable_key(name) {
            let origin = Origin::Environment(name.clone());
            insert_text(&mut layers, key, text, origin);
        }
    }
    for (key, text) in &sources.flags {
        // The flag for `store.url` is `--store`.
        let flag = key.strip_suffix(".url").unwrap_or(key).to_owned();
        insert_text(&mut layers, key.clone(), text, Origin::Flag(flag));
    }
    Ok(layers)
}

fn read_table(path: &Path) -> Result<toml::Table, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read it: {error}"))?;
    text.parse::<toml::Table>().map_err(|error| {
        // The error's own Display quotes the line, which may hold a secret.
        let line = error
            .span()
            .map(|span| 1 + text[..span.start].matches('\n').count());
        match line {
            Some(line) => format!("line {line} is not TOML: {}", error.message()),
            None => format!("it is not TOML: {}", error.message()),
        }
    })
}

fn flatten(layers: &mut Layers, prefix: &str, table: toml::Table, origin: &Origin) {
    for (name, value) in table {
        let key = if prefix.is_empty() {
            name
        } else {
            format!("{prefix}.{name}")
        };
        match value {
            Value::Table(inner) => flatten(layers, &key, inner, origin),
            value => {
                let origin = origin.clone();
                layers.insert(key, Written { value, origin });
            }
        }
    }
}

fn insert_text(layers: &mut Layers, key: String, text: &str, origin: Origin) {
    let value = Value::String(text.to_owned());
    layers.insert(key, Written { value, origin });
}

/// The key that a variable sets.
fn variable_key(name: &str) -> Option<String> {
    let rest = name.strip_prefix(PREFIX)?;
    Some(rest.to_ascii_lowercase().replace(SEPARATOR, "."))
}
