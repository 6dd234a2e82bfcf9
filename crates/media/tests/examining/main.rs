//! What is found in files, what is made of them, and what happens to those that are made to do harm.

#![expect(
    clippy::unwrap_used,
    reason = "a failed expectation is a failed test, also in a helper"
)]

mod avif;
mod bombs;
mod documents;
mod films;
mod metadata;
mod pictures;
mod samples;
mod sounds;
mod workers;

use std::path::PathBuf;

use tempfile::TempDir;
use tidemark_media::{Examined, Ffmpeg, Limits, Made, MediaError, Variant, Workshop};

/// A workshop with the real worker, and all directories that it needs.
struct World {
    workshop: Workshop,
    source: PathBuf,
    out: PathBuf,
    /// Goes last.
    directory: TempDir,
}

impl World {
    fn new() -> Self {
        let directory = TempDir::with_prefix("tidemark-media-").unwrap();
        let place = |name: &str| {
            let place = directory.path().join(name);
            std::fs::create_dir(&place).unwrap();
            place
        };
        Self {
            workshop: Workshop {
                program: env!("CARGO_BIN_EXE_media-worker").into(),
                arguments: Vec::new(),
                limits: Limits::default(),
                scratch: place("scratch"),
                ffmpeg: Some(ffmpeg()),
            },
            source: directory.path().join("source"),
            out: place("out"),
            directory,
        }
    }

    fn with_limits(change: impl FnOnce(&mut Limits)) -> Self {
        let mut world = Self::new();
        change(&mut world.workshop.limits);
        world
    }

    async fn examine(&self, bytes: &[u8], declared: &str) -> Result<Examined, MediaError> {
        std::fs::write(&self.source, bytes).unwrap();
        let examined = self
            .workshop
            .examine(&self.source, declared, &self.out)
            .await;
        assert_eq!(
            std::fs::read(&self.source).unwrap(),
            bytes,
            "the file itself was changed"
        );
        let left = std::fs::read_dir(&self.workshop.scratch).unwrap().count();
        assert_eq!(left, 0, "a temporary file was left");
        examined
    }
}

/// A file, examined with the usual limits.
struct Seen {
    examined: Examined,
    _world: World,
}

impl Seen {
    async fn of(bytes: &[u8]) -> Self {
        let world = World::new();
        let examined = world
            .examine(bytes, "application/octet-stream")
            .await
            .unwrap();
        Self {
            examined,
            _world: world,
        }
    }

    fn size(&self) -> (u32, u32) {
        let facts = &self.examined.facts;
        (facts.width.unwrap(), facts.height.unwrap())
    }

    fn made(&self, variant: Variant) -> Option<&Made> {
        self.examined
            .files
            .iter()
            .find(|made| made.variant == variant)
    }

    fn bytes(&self, variant: Variant) -> Vec<u8> {
        std::fs::read(&self.made(variant).expect("it was made").path).unwrap()
    }

    fn thumbnail(&self) -> image::RgbaImage {
        image::load_from_memory(&self.bytes(Variant::Thumbnail))
            .unwrap()
            .into_rgba8()
    }
}

/// How it is refused.
async fn refused(bytes: &[u8]) -> MediaError {
    World::new().examine(bytes, "image/png").await.unwrap_err()
}

fn ffmpeg() -> Ffmpeg {
    Ffmpeg::find().expect("there is no ffmpeg; `cargo xtask test` installs it")
}

fn holds(bytes: &[u8], part: &str) -> bool {
    bytes
        .windows(part.len())
        .any(|window| window == part.as_bytes())
}
