//! What is in a file that somebody uploaded.
//!
//! Nobody's word is taken for it: not the declared content type, not the header, not the length that a container
//! claims. [`Workshop::examine`] lets a process of its own look, with little memory, little time and no
//! environment, so that a file that breaks a decoder breaks that process only; [`work`] is that process. What
//! it finds is [`Examined`]: what the bytes are, how large the picture is, a thumbnail, and the same file without
//! what it tells of whoever made it. [`scan`] asks others whether a file is harmful.
//!
//! This crate knows nothing of uploads, conversations or where bytes are kept: a file comes in, files come out.

mod error;
mod examined;
mod film;
mod limits;
mod picture;
mod report;
pub mod scan;
mod sniff;
mod worker;
mod workshop;

pub use error::MediaError;
pub use examined::{Examined, Facts, Made, Variant};
pub use film::Ffmpeg;
pub use limits::Limits;
pub use worker::work;
pub use workshop::Workshop;
