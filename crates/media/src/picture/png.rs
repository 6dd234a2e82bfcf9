//! PNG: chunks, each with a name and a checksum.

use super::Parsed;
use super::cut::{Cut, broken};
use super::orientation::{Orientation, exif_of, of_exif};
use crate::MediaError;

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// What decodes, what says how colours are meant, and what moves. Everything else is dropped.
const KEPT: &[&[u8; 4]] = &[
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB",
    b"cICP", b"mDCV", b"cLLI", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT",
];

/// Reads all chunks up to the end of the picture.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, MediaError> {
    let mut source = Cut::new(bytes);
    if &source.array()? != SIGNATURE {
        return Err(broken("it does not begin like PNG"));
    }
    let mut clean = Vec::with_capacity(bytes.len());
    clean.extend_from_slice(SIGNATURE);
    let mut size = None;
    let mut orientation = Orientation::NoTransforms;
    let mut frames = 0_u64;
    // Where a chunk may stand that says how the picture is turned: behind the header.
    let mut after_header = clean.len();
    loop {
        let chunk = source.rest();
        let length = source.length()?;
        let name = source.array()?;
        let content = source.take(length)?;
        source.take(4)?;
        match &name {
            b"IHDR" if size.is_none() => {
                let mut content = Cut::new(content);
                size = Some((content.u32()?, content.u32()?));
            }
            _ if size.is_none() => return Err(broken("it has no header")),
            b"eXIf" => orientation = of_exif(content),
            b"fcTL" => frames += 1,
            _ => {}
        }
        if KEPT.contains(&&name) {
            clean.extend_from_slice(&chunk[..length + 12]);
        }
        if &name == b"IHDR" {
            after_header = clean.len();
        }
        if &name == b"IEND" {
            break;
        }
    }
    if let Some(exif) = exif_of(orientation) {
        clean.splice(after_header..after_header, chunk_of(*b"eXIf", &exif));
    }
    let (width, height) = size.ok_or_else(|| broken("it has no header"))?;
    Ok(Parsed {
        width,
        height,
        frames: frames.max(1),
        orientation,
        clean,
    })
}

fn chunk_of(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let mut chunk = length.to_be_bytes().to_vec();
    chunk.extend_from_slice(&name);
    chunk.extend_from_slice(content);
    let checksum = checksum(&chunk[4..]);
    chunk.extend_from_slice(&checksum.to_be_bytes());
    chunk
}

/// CRC-32 as PNG defines it. Bit by bit: it is for 30 bytes.
fn checksum(bytes: &[u8]) -> u32 {
    let mut state = u32::MAX;
    for byte in bytes {
        state ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = state & 1;
            state >>= 1;
            if carry == 1 {
                state ^= 0xedb8_8320;
            }
        }
    }
    !state
}

#[cfg(test)]
mod tests {
    use super::checksum;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        // Every PNG ends with this chunk.
        assert_eq!(checksum(b"IEND"), 0xae42_6082);
    }
}
