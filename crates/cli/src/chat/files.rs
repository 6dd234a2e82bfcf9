//! Files of this machine: which one is meant, under which name one is kept, and what shows it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::harmless;

/// The longest name that a file is saved under, in bytes: file systems stop at 255.
const NAME_BYTES_MAX: usize = 200;
/// How many files of one name are told apart.
const SAME_NAME_MAX: u32 = 1_000;
/// What shows a file in the program that the person has for such ones.
const OPENERS: [&str; 2] = ["xdg-open", "open"];
/// What is shown by another program: nothing that any program would run, and nothing that could lead anywhere.
const SHOWN: [&str; 31] = [
    "aac", "avif", "bmp", "csv", "flac", "gif", "heic", "jpeg", "jpg", "log", "m4a", "m4v", "md",
    "mkv", "mov", "mp3", "mp4", "oga", "ogg", "ogv", "opus", "pdf", "png", "tif", "tiff", "txt",
    "wav", "webm", "webp", "3gp", "heif",
];

/// The path that is meant by what a person typed; `~/` is the home directory.
pub(super) fn typed_path(typed: &str, home: Option<OsString>) -> PathBuf {
    match (typed.strip_prefix('~'), home) {
        (Some(""), Some(home)) => PathBuf::from(home),
        (Some(below), Some(home)) if below.starts_with('/') => {
            Path::new(&home).join(below.trim_start_matches('/'))
        }
        _ => PathBuf::from(typed),
    }
}

/// Checks that there are bytes to send: nothing else than a file, which could go on for ever.
///
/// # Errors
///
/// What to tell the person.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(found) if found.is_dir() => Err(format!("{shown} is a directory")),
        Ok(_) => Err(format!("{shown} is not a file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(format!("there is no file {shown}"))
        }
        Err(error) => Err(format!("cannot read {shown}: {error}")),
    }
}

/// Where files are to be saved.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Under their own names.
    Directory(PathBuf),
    /// The only one, under this name.
    Named(PathBuf, String),
}

impl Place {
    /// What is meant by a path, for so many files.
    ///
    /// # Errors
    ///
    /// What to tell the person.
    pub(super) fn find(path: &Path, typed: &str, files: usize) -> Result<Self, String> {
        if path.is_dir() {
            return Ok(Self::Directory(path.to_owned()));
        }
        let directory = path.parent().unwrap_or(Path::new(""));
        let directory = if directory.as_os_str().is_empty() {
            Path::new(".")
        } else {
            directory
        };
        let name = path.file_name().and_then(|name| name.to_str());
        match name.filter(|_| !typed.ends_with('/') && directory.is_dir()) {
            None => Err(format!("there is no directory {typed}")),
            Some(_) if files > 1 => Err(format!(
                "there are {files} files, and {typed} is not a directory"
            )),
            Some(name) => Ok(Self::Named(directory.to_owned(), name.to_owned())),
        }
    }

    /// Takes a name that no file has yet, for one that its owner calls `name`.
    ///
    /// # Errors
    ///
    /// When the system says no.
    pub(super) fn claim(&self, name: &str) -> io::Result<Claimed> {
        match self {
            Self::Directory(directory) => claim(directory, &harmless_name(name)),
            Self::Named(directory, name) => claim(directory, name),
        }
    }
}

/// A name that is taken by an empty file, which goes away again unless it is kept.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) path: PathBuf,
    is_kept: bool,
}

impl Claimed {
    pub(super) fn keep(mut self) -> PathBuf {
        self.is_kept = true;
        std::mem::take(&mut self.path)
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        if !self.is_kept {
            // An empty file that stays is no further mistake.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn claim(directory: &Path, name: &str) -> io::Result<Claimed> {
    let (stem, ending) = divided(name);
    for number in 0..SAME_NAME_MAX {
        let name = match number {
            0 => name.to_owned(),
            number => format!("{stem} ({number}){ending}"),
        };
        let path = directory.join(name);
        // Also a link that leads nowhere counts as being there.
        match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(_) => {
                let is_kept = false;
                return Ok(Claimed { path, is_kept });
            }
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// A name without its ending, and that with its dot.
fn divided(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 => name.split_at(dot),
        _ => (name, ""),
    }
}

/// What to call a file whose owner calls it anything: a name within a directory, which nothing hides and nothing obeys.
pub(super) fn harmless_name(dangerous: &str) -> String {
    let last = dangerous.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown = harmless::line(last);
    let name = shown.trim().trim_start_matches(['.', '-', '~']).trim();
    let (stem, ending) = divided(name);
    let ending = &ending[..ending.floor_char_boundary(NAME_BYTES_MAX / 4)];
    let stem = &stem[..stem.floor_char_boundary(NAME_BYTES_MAX - ending.len())];
    match stem {
        "" => "file".to_owned(),
        stem => format!("{stem}{ending}"),
    }
}

/// Whether a file of this name is shown by another program.
pub(super) fn is_shown(name: &str) -> bool {
    let name = harmless_name(name);
    let (_, ending) = divided(&name);
    let ending = ending.trim_start_matches('.');
    SHOWN.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// The program that shows files, if there is one in a directory of this `PATH`.
pub(super) fn opener(search: Option<OsString>) -> Option<PathBuf> {
    let directories: Vec<PathBuf> = std::env::split_paths(&search?).collect();
    let found = |name: &str| {
        let mut places = directories.iter().map(|directory| directory.join(name));
        places.find(|place| is_program(place))
    };
    OPENERS.into_iter().find_map(found)
}

fn is_program(path: &Path) -> bool {
    let found = fs::metadata(path);
    found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_file_stays_in_its_directory_whatever_its_owner_calls_it() {
        for (dangerous, harmless) in [
            ("cat.jpg", "cat.jpg"),
            ("Old Quay 🌊.jpg", "Old Quay 🌊.jpg"),
            ("../../etc/passwd", "passwd"),
            ("/etc/passwd", "passwd"),
            ("C:\\Windows\\a.exe", "a.exe"),
            ("..", "file"),
            (".", "file"),
            ("", "file"),
            ("   ", "file"),
            ("a/", "file"),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("a\u{1b}[2J\n\u{202e}gpj.exe", "a␛[2J gpj.exe"),
            ("a\0b", "a␀b"),
        ] {
            assert_eq!(harmless_name(dangerous), harmless, "{dangerous:?}");
        }
        let long = harmless_name(&format!("{}.{}", "漢".repeat(400), "é".repeat(400)));
        assert!(
            long.len() <= NAME_BYTES_MAX && long.contains(".é"),
            "{long}"
        );
    }

    #[test]
    fn nothing_is_overwritten() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("cat.jpg"), "mine").unwrap();
        std::os::unix::fs::symlink("/nowhere/at/all", home.path().join("cat (1).jpg")).unwrap();
        let place = Place::Directory(home.path().to_owned());
        let kept = place.claim("cat.jpg").unwrap().keep();
        assert_eq!(kept, home.path().join("cat (2).jpg"));
        let given_up = place.claim("../cat.jpg").unwrap();
        assert_eq!(given_up.path, home.path().join("cat (3).jpg"));
        drop(given_up);
        assert!(!home.path().join("cat (3).jpg").exists());
        let mine = fs::read_to_string(home.path().join("cat.jpg")).unwrap();
        assert_eq!(mine, "mine");
    }

    #[test]
    fn a_path_is_a_directory_or_the_name_of_the_only_file() {
        let home = tempfile::tempdir().unwrap();
        let find = |below: &str, files| {
            let path = home.path().join(below);
            Place::find(&path, &path.to_string_lossy(), files)
        };
        let own = home.path().to_owned();
        assert_eq!(find("", 3), Ok(Place::Directory(own.clone())));
        assert_eq!(find("a b", 1), Ok(Place::Named(own, "a b".to_owned())));
        assert!(find("a b", 2).unwrap_err().contains("there are 2 files"));
        assert!(find("a/", 1).unwrap_err().contains("no directory"));
        assert!(find("a/b", 1).unwrap_err().contains("no directory"));
        let bare = Place::find(Path::new("b"), "b", 1);
        assert_eq!(bare, Ok(Place::Named(".".into(), "b".to_owned())));
    }

    #[test]
    fn only_files_are_sent() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("cat.jpg");
        assert!(check(&path).unwrap_err().contains("there is no file"));
        fs::write(&path, "").unwrap();
        assert_eq!(check(&path), Ok(()));
        assert!(check(home.path()).unwrap_err().contains("is a directory"));
        assert!(
            check(Path::new("/dev/zero"))
                .unwrap_err()
                .contains("is not a file")
        );
    }

    #[test]
    fn the_home_directory_may_be_abbreviated() {
        let typed = |path: &str| typed_path(path, Some("/people/ann".into()));
        assert_eq!(typed("~/a b"), Path::new("/people/ann/a b"));
        assert_eq!(typed("~"), Path::new("/people/ann"));
        assert_eq!(typed("~ben/a"), Path::new("~ben/a"));
        assert_eq!(typed("/a"), Path::new("/a"));
        assert_eq!(typed_path("~/a", None), Path::new("~/a"));
    }

    #[test]
    fn nothing_that_could_be_run_is_shown() {
        for name in ["cat.jpg", "CAT.JPG", "a.b.pdf", "x.txt"] {
            assert!(is_shown(name), "{name}");
        }
        for name in [
            "cat",
            "jpg",
            ".jpg",
            "a.desktop",
            "a.sh",
            "a.html",
            "a.jpg.exe",
            "a.",
        ] {
            assert!(!is_shown(name), "{name}");
        }
    }

    #[test]
    fn what_shows_files_is_found_on_the_path() {
        let home = tempfile::tempdir().unwrap();
        let (one, other) = (home.path().join("one"), home.path().join("other"));
        let search = std::env::join_paths([&one, &other]).unwrap();
        assert_eq!(opener(Some(search.clone())), None);
        for directory in [&one, &other] {
            fs::create_dir(directory).unwrap();
        }
        fs::write(one.join("xdg-open"), "no program").unwrap();
        let program = other.join("xdg-open");
        fs::write(&program, "").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(opener(Some(search)), Some(program));
        assert_eq!(opener(None), None);
    }
}
