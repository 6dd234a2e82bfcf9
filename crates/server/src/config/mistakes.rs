//! What is wrong with a configuration, for the operator who reads it at start.

use std::fmt;
use std::path::PathBuf;

/// Where a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In this file.
    File(PathBuf),
    /// In this environment variable.
    Environment(String),
    /// By the flag of the command line that sets this key.
    Flag(String),
    /// Nowhere: it is missing, or follows from other values.
    Unset,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, " (in {})", path.display()),
            Self::Environment(name) => write!(formatter, " (from {name})"),
            Self::Flag(key) => {
                // What a section is about is in its `url`; the flag is called like the section.
                let name = key.strip_suffix(".url").unwrap_or(key);
                write!(formatter, " (from --{name})")
            }
            Self::Unset => Ok(()),
        }
    }
}

/// One thing to correct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The key, with dots; of a file that cannot be read, its path.
    pub key: String,
    /// Where it was set.
    pub origin: Origin,
    /// What is wrong and what would be right. Never holds a secret.
    pub problem: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}: {}", self.key, self.origin, self.problem)
    }
}

/// Everything that is wrong with a configuration, so that one look is enough to correct it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the configuration cannot be used:")?;
        for mistake in &self.mistakes {
            write!(formatter, "\n  {mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
