//! Makes an ISO picture forget what it is not, in place: whatever lies in it is found by its distance from the begin of
//! the file, so nothing may move.

use std::ops::Range;

use super::boxes::{IsoBox, boxes};
use super::items::Meta;
use crate::MediaError;

/// A box that everybody skips.
const FREE: [u8; 4] = *b"free";

/// The boxes of a file that are kept. What is in `mdat` and `meta` is looked at closer.
const TOP: &[&[u8; 4]] = &[b"ftyp", b"meta", b"mdat", b"moov"];
/// Those of a `meta`.
const IN_META: &[&[u8; 4]] = &[
    b"hdlr", b"pitm", b"iinf", b"iloc", b"iref", b"iprp", b"idat", b"dinf", b"grpl",
];
/// Items that are pictures, or put pictures together.
const PICTURES: &[&[u8; 4]] = &[
    b"av01", b"hvc1", b"hvt1", b"grid", b"iovl", b"iden", b"tmap",
];
/// Properties that are words about a picture, or times.
const WORDS: &[&[u8; 4]] = &[b"udes", b"altt", b"crtt", b"mdft", b"uuid"];
/// What is said of a film or a track of it beside what plays it.
const IN_FILM: &[&[u8; 4]] = &[b"udta", b"meta", b"uuid", b"free", b"skip"];

/// The same file without metadata, without bytes that belong to no picture, and without what follows its end.
pub(super) fn clean(file: &[u8], top: &[IsoBox], meta: &Meta) -> Result<Vec<u8>, MediaError> {
    let mut clean = file.to_vec();
    let movie = top.iter().find(|one| &one.name == b"moov");
    for one in top.iter().filter(|one| !TOP.contains(&&one.name)) {
        free(&mut clean, one);
    }
    for one in meta
        .parts
        .iter()
        .filter(|one| !IN_META.contains(&&one.name))
    {
        free(&mut clean, one);
    }
    for one in meta
        .properties
        .iter()
        .filter(|one| WORDS.contains(&&one.name))
    {
        free(&mut clean, one);
    }
    forget_items(&mut clean, meta);
    match movie {
        Some(movie) => forget_in_film(&mut clean, movie.content.clone(), 0)?,
        None => forget_unreferred(&mut clean, top, meta),
    }
    let end = top.iter().rposition(|one| TOP.contains(&&one.name));
    clean.truncate(end.map_or(0, |end| top[end].content.end));
    Ok(clean)
}

fn free(clean: &mut [u8], one: &IsoBox) {
    clean[one.name_at..one.name_at + 4].copy_from_slice(&FREE);
    clean[one.content.clone()].fill(0);
}

/// Empties every item that is no picture, and says of it that it is nothing.
fn forget_items(clean: &mut [u8], meta: &Meta) {
    for item in meta.items.values() {
        if PICTURES.contains(&&item.kind) {
            continue;
        }
        for extent in &item.extents {
            clean[extent.clone()].fill(0);
        }
        let described = &mut clean[item.described.clone()];
        described.fill(0);
        if let Some(kind) = described.first_chunk_mut() {
            *kind = FREE;
        }
    }
}

/// Empties what lies in `mdat` and `idat` and belongs to no picture. Only where there is no film, which has places of its
/// own there.
fn forget_unreferred(clean: &mut [u8], top: &[IsoBox], meta: &Meta) {
    let pictures = meta
        .items
        .values()
        .filter(|item| PICTURES.contains(&&item.kind));
    let mut kept: Vec<Range<usize>> = pictures.flat_map(|item| item.extents.clone()).collect();
    kept.sort_by_key(|extent| extent.start);
    let data = top.iter().filter(|one| &one.name == b"mdat");
    let data = data.map(|one| one.content.clone());
    for whole in data.chain([meta.inside.clone()]) {
        let mut begin = whole.start;
        for extent in &kept {
            let gap = begin..extent.start.clamp(begin, whole.end);
            clean[gap].fill(0);
            begin = extent.end.clamp(begin, whole.end);
        }
        clean[begin..whole.end].fill(0);
    }
}

/// Empties what is said about a film and about each of its tracks.
fn forget_in_film(clean: &mut [u8], within: Range<usize>, depth: u8) -> Result<(), MediaError> {
    let found: Vec<IsoBox> = boxes(clean, within).collect::<Result<_, _>>()?;
    for one in found {
        if IN_FILM.contains(&&one.name) {
            free(clean, &one);
        } else if &one.name == b"trak" && depth == 0 {
            forget_in_film(clean, one.content, depth + 1)?;
        }
    }
    Ok(())
}
