//! The `origin` column of users.

/// Where a user comes from; the numbers are in the files and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The unique index of local names, and queries, name this one by its number.
    Local = 0,
    External = 1,
    /// The author of what API keys do. Nobody sees it as a user.
    Server = 2,
}
