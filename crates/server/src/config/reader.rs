//! Takes values out of the merged layers one by one, and notes every mistake instead of stopping at
//! the first.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Value;

use super::layers::{Layers, Written};
use super::{ConfigError, Mistake, Origin, Secret};

pub(super) struct Reader {
    layers: Layers,
    known: Vec<&'static str>,
    mistakes: Vec<Mistake>,
}

impl Reader {
    pub(super) fn new(layers: Layers) -> Self {
        Self {
            layers,
            known: Vec::new(),
            mistakes: Vec::new(),
        }
    }

    /// A text, if it is set.
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        let written = self.take(key)?;
        match written.value {
            Value::String(text) if text.is_empty() => {
                self.mistake(key, written.origin, "it is empty");
                None
            }
            Value::String(text) => Some(text),
            _ => {
                self.mistake(key, written.origin, "it is not a text in quotes");
                None
            }
        }
    }

    /// A text that `parse` understands; `expected` says what it understands.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let origin = self.origin(key);
        let text = self.text(key)?;
        let value = parse(&text);
        if value.is_none() {
            self.mistake(key, origin, format!("{text:?} is not {expected}"));
        }
        value
    }

    /// One of a few names.
    pub(super) fn choice<T: Clone>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        let expected = match names.as_slice() {
            [one] => format!("{one:?}, the only one there is so far"),
            _ => format!("one of {}", names.join(", ")),
        };
        self.parsed(key, &expected, |text| {
            let (_, value) = choices.iter().find(|(name, _)| *name == text)?;
            Some(value.clone())
        })
    }

    /// A secret of at least so many bytes.
    pub(super) fn secret(&mut self, key: &'static str, bytes_min: usize) -> Option<Secret> {
        let origin = self.origin(key);
        let text = self.text(key)?;
        self.check_secret(key, &origin, text, bytes_min)
    }

    /// A list of secrets, each of at least so many bytes.
    pub(super) fn secrets(&mut self, key: &'static str, bytes_min: usize) -> Vec<Secret> {
        let (texts, origin) = self.texts(key);
        texts
            .into_iter()
            .filter_map(|text| self.check_secret(key, &origin, text, bytes_min))
            .collect()
    }

    /// A list of texts that `parse` understands; `expected` says what it understands.
    pub(super) fn parsed_list<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let (texts, origin) = self.texts(key);
        let mut values = Vec::with_capacity(texts.len());
        for text in texts {
            if let Some(value) = parse(&text) {
                values.push(value);
            } else {
                let problem = format!("{text:?} is not {expected}");
                self.mistake(key, origin.clone(), problem);
            }
        }
        values
    }

    /// A list of texts, which commas separate where everything is text, and where it was set.
    fn texts(&mut self, key: &'static str) -> (Vec<String>, Origin) {
        let Some(written) = self.take(key) else {
            return (Vec::new(), Origin::Unset);
        };
        let texts: Option<Vec<String>> = match written.value {
            Value::Array(items) => items
                .into_iter()
                .map(|item| match item {
                    Value::String(text) => Some(text),
                    _ => None,
                })
                .collect(),
            Value::String(text) if written.origin.is_textual() => Some(
                text.split(',')
                    .map(|part| part.trim().to_owned())
                    .filter(|part| !part.is_empty())
                    .collect(),
            ),
            _ => None,
        };
        let Some(texts) = texts else {
            let problem = "it is not a list of texts in quotes";
            self.mistake(key, written.origin.clone(), problem);
            return (Vec::new(), written.origin);
        };
        (texts, written.origin)
    }

    /// A whole number within `range`.
    pub(super) fn whole(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> u64 {
        let Some(written) = self.take(key) else {
            return default;
        };
        let number = match &written.value {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::String(text) if written.origin.is_textual() => text.trim().parse().ok(),
            _ => None,
        };
        if let Some(number) = number.filter(|number| range.contains(number)) {
            return number;
        }
        let (found, least, most) = (&written.value, range.start(), range.end());
        let problem = format!("{found} is not a whole number from {least} to {most}");
        self.mistake(key, written.origin, problem);
        default
    }

    /// Yes or no.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some(written) = self.take(key) else {
            return default;
        };
        let flag = match &written.value {
            Value::Boolean(flag) => Some(*flag),
            Value::String(text) if written.origin.is_textual() => text.trim().parse().ok(),
            _ => None,
        };
        if let Some(flag) = flag {
            return flag;
        }
        let problem = format!("{} is neither true nor false", written.value);
        self.mistake(key, written.origin, problem);
        default
    }

    /// As [`whole`](Self::whole), for what counts things in memory.
    pub(super) fn size(
        &mut self,
        key: &'static str,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> usize {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        let number = self.whole(key, u64::from(default), range);
        usize::try_from(number).expect("at most u32::MAX, and we run on 32 bits or more")
    }

    /// A duration in milliseconds.
    pub(super) fn milliseconds(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Duration {
        Duration::from_millis(self.whole(key, default, range))
    }

    /// Where a key that was not taken yet is set.
    pub(super) fn origin(&self, key: &str) -> Origin {
        self.layers
            .get(key)
            .map_or(Origin::Unset, |written| written.origin.clone())
    }

    pub(super) fn mistake(&mut self, key: &str, origin: Origin, problem: impl Into<String>) {
        self.mistakes.push(Mistake {
            key: key.to_owned(),
            origin,
            problem: problem.into(),
        });
    }

    /// Every mistake, with the keys that nobody took: those are unknown.
    pub(super) fn finish(mut self) -> Result<(), ConfigError> {
        for (key, written) in std::mem::take(&mut self.layers) {
            if let Some(problem) = self.unknown(&key, &written.origin) {
                self.mistake(&key, written.origin, problem);
            }
        }
        if self.mistakes.is_empty() {
            Ok(())
        } else {
            Err(ConfigError {
                mistakes: self.mistakes,
            })
        }
    }

    fn unknown(&self, key: &str, origin: &Origin) -> Option<String> {
        let section = key.rsplit_once('.').map(|(section, _)| section);
        // Orchestrators set variables such as TIDEMARK_PORT for a service of our name, and the command line has
        // some of its own; so at the top level an unknown variable is somebody else's.
        if section.is_none() && matches!(origin, Origin::Environment(_)) {
            return None;
        }
        let siblings: Vec<_> = self
            .known
            .iter()
            .filter_map(|known| match section {
                Some(section) => known.strip_prefix(section)?.strip_prefix('.'),
                None => Some(*known),
            })
            .filter(|name| !name.contains('.'))
            .collect();
        Some(match (section, siblings.is_empty()) {
            (_, true) => "there is no such key".to_owned(),
            (Some(section), _) => format!(
                "there is no such key; [{section}] has {}",
                siblings.join(", ")
            ),
            (None, _) => format!(
                "there is no such key; outside of sections there are {}",
                siblings.join(", ")
            ),
        })
    }

    fn take(&mut self, key: &'static str) -> Option<Written> {
        self.known.push(key);
        self.layers.remove(key)
    }

    fn check_secret(
        &mut self,
        key: &'static str,
        origin: &Origin,
        text: String,
        bytes_min: usize,
    ) -> Option<Secret> {
        if text.len() < bytes_min {
            let problem = format!(
                "it has {} bytes; a secret here has at least {bytes_min}",
                text.len()
            );
            self.mistake(key, origin.clone(), problem);
            return None;
        }
        Some(Secret::new(text))
    }
}

impl Origin {
    /// Whether every value from there is text, also numbers and lists.
    fn is_textual(&self) -> bool {
        matches!(self, Self::Environment(_) | Self::Flag(_))
    }
}
