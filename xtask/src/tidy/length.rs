//! A file that is too long holds more than one thing.

use super::{Finding, SourceFile};

const LINES_MAX: usize = 600;

/// Finds source files over the limit.
pub(super) fn check(files: &[SourceFile]) -> Vec<Finding> {
    files
        .iter()
        .filter(|file| file.has_extension(&["rs", "ts", "tsx"]))
        .filter_map(|file| {
            let lines = file.text.lines().count();
            (lines > LINES_MAX).then(|| {
                let problem =
                    format!("has {lines} lines, at most {LINES_MAX}: split it by concept");
                Finding::in_file(file, problem)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{LINES_MAX, SourceFile, check};

    #[test]
    fn a_source_file_over_the_limit_is_found() {
        let full = "\n".repeat(LINES_MAX);
        let over = format!("{full}\n");
        let files = [
            SourceFile::new("full.rs", &full),
            SourceFile::new("over.rs", &over),
            SourceFile::new("over.tsx", &over),
            SourceFile::new("Cargo.lock", &over),
        ];
        let found: Vec<String> = check(&files).into_iter().map(|one| one.path).collect();
        assert_eq!(found, ["over.rs", "over.tsx"]);
    }
}
