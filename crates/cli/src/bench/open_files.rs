//! The limit of open files, of which every socket is one.

use crate::failure::{Failure, FailureKind};

/// Files that a process has open beside its sockets.
const OTHER_FILES: u64 = 128;

/// Makes room for so many sockets in this process; a server that it starts finds the same room.
pub(super) fn allow_sockets(sockets: usize) -> Result<(), Failure> {
    let needed = sockets as u64 + OTHER_FILES;
    let allowed = rlimit::increase_nofile_limit(needed)?;
    if allowed >= needed {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Usage,
        format!(
            "{sockets} sockets need {needed} open files and this process may have {allowed}; raise the hard limit (ulimit -Hn, or LimitNOFILE= of a unit) or ask for fewer"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_system_allows_is_refused_with_the_number() {
        assert!(allow_sockets(1).is_ok());
        let refusal = allow_sockets(1 << 40).unwrap_err().to_string();
        assert!(refusal.contains(&(1_u64 << 40).to_string()), "{refusal}");
    }
}
