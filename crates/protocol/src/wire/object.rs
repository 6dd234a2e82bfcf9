//! Reading one JSON object, and saying which field was wrong.

use std::fmt;

use serde::Deserialize;
use serde_json::error::Category;

/// The longest detail, in characters: what was sent is quoted in it.
const DETAIL_CHARS_MAX: usize = 200;

/// Text that is not the JSON object that was expected; says which field is wrong, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidJson(String);

impl InvalidJson {
    /// What is wrong with fields together, where each by itself is right.
    pub(crate) fn of(detail: &str) -> Self {
        Self(detail.to_owned())
    }
}

impl fmt::Display for InvalidJson {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for InvalidJson {}

/// Reads `text` as one JSON object. Fields that `T` does not know are skipped, however deep they are.
///
/// # Errors
///
/// [`InvalidJson`], with the path of the field where there is one.
pub fn parse_object<'text, T: Deserialize<'text>>(text: &'text str) -> Result<T, InvalidJson> {
    // A list would otherwise be read as the fields of a struct in their order.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(InvalidJson("expected a JSON object".to_owned()));
    }
    serde_json::from_str(text).map_err(|error| explain::<T>(text, &error))
}

/// Reads again what failed, this time keeping track of where it is: paths cost too much to keep them for
/// what is right.
fn explain<'text, T: Deserialize<'text>>(
    text: &'text str,
    error: &serde_json::Error,
) -> InvalidJson {
    let mut reader = serde_json::Deserializer::from_str(text);
    let detail = match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Ok(_) => format!("not JSON: {error}"),
        Err(error) if error.inner().classify() == Category::Data => {
            let words = error.inner().to_string();
            let words = words.rsplit_once(" at line ").map_or(&*words, |(it, _)| it);
            match error.path().to_string() {
                path if path == "." => words.to_owned(),
                path => format!("{path}: {words}"),
            }
        }
        Err(error) => format!("not JSON: {}", error.inner()),
    };
    InvalidJson(detail.chars().take(DETAIL_CHARS_MAX).collect())
}
