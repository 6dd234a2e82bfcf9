//! GIF: blocks of sub-blocks of at most 255 bytes.

use super::Parsed;
use super::cut::{Cut, broken};
use super::orientation::Orientation;
use crate::MediaError;

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2c;
const TRAILER: u8 = 0x3b;
const CONTROL: u8 = 0xf9;
const APPLICATION: u8 = 0xff;

/// Reads all blocks up to the trailer. What is kept are the images, how each is shown, and how often all of them are.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, MediaError> {
    let mut source = Cut::new(bytes);
    let mut clean = Vec::with_capacity(bytes.len());
    clean.extend_from_slice(source.take(6)?);
    let screen: [u8; 7] = source.array()?;
    clean.extend_from_slice(&screen);
    clean.extend_from_slice(source.take(table_bytes(screen[4]))?);
    let mut frames = 0;
    // How the next image is shown. It goes with the image, if one comes.
    let mut control: Vec<u8> = Vec::new();
    loop {
        match source.byte()? {
            TRAILER => break,
            IMAGE => {
                clean.append(&mut control);
                let begin = source.rest();
                let descriptor: [u8; 9] = source.array()?;
                source.take(table_bytes(descriptor[8]))?;
                source.byte()?;
                sub_blocks(&mut source)?;
                clean.push(IMAGE);
                clean.extend_from_slice(&begin[..begin.len() - source.rest().len()]);
                frames += 1;
            }
            EXTENSION => match source.byte()? {
                CONTROL => {
                    let blocks = sub_blocks(&mut source)?;
                    let [content] = blocks.as_slice() else {
                        return Err(broken("an extension has an odd length"));
                    };
                    let content: [u8; 4] = (*content)
                        .try_into()
                        .map_err(|_| broken("an extension has an odd length"))?;
                    control = vec![EXTENSION, CONTROL, 4];
                    control.extend_from_slice(&content);
                    control.push(0);
                }
                APPLICATION => {
                    let blocks = sub_blocks(&mut source)?;
                    if let [b"NETSCAPE2.0" | b"ANIMEXTS1.0", [1, low, high], ..] = blocks.as_slice()
                    {
                        clean.extend_from_slice(&[EXTENSION, APPLICATION, 11]);
                        clean.extend_from_slice(blocks[0]);
                        clean.extend_from_slice(&[3, 1, *low, *high, 0]);
                    }
                }
                kind => {
                    sub_blocks(&mut source)?;
                    if kind == 0x01 {
                        // Text that would have been drawn as this said.
                        control.clear();
                    }
                }
            },
            // Some programs write a zero too many.
            0 => {}
            _ => return Err(broken("there is something between the blocks")),
        }
    }
    clean.push(TRAILER);
    if frames == 0 {
        return Err(broken("it has no picture"));
    }
    Ok(Parsed {
        width: u16::from_le_bytes([screen[0], screen[1]]).into(),
        height: u16::from_le_bytes([screen[2], screen[3]]).into(),
        frames,
        orientation: Orientation::NoTransforms,
        clean,
    })
}

/// How long the table of colours is that follows flags.
fn table_bytes(flags: u8) -> usize {
    if flags & 0x80 == 0 {
        return 0;
    }
    3 << ((flags & 7) + 1)
}

fn sub_blocks<'a>(source: &mut Cut<'a>) -> Result<Vec<&'a [u8]>, MediaError> {
    let mut blocks = Vec::new();
    loop {
        let length = source.byte()?;
        if length == 0 {
            return Ok(blocks);
        }
        blocks.push(source.take(length.into())?);
    }
}
