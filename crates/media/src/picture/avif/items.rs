//! The items of an ISO picture: what the box `meta` says there is, and where.

use std::collections::BTreeMap;
use std::ops::Range;

use super::boxes::{IsoBox, boxes, find};
use crate::MediaError;
use crate::picture::cut::{Cut, broken};

/// A picture, a part of one, or something about one.
#[derive(Debug, Default)]
pub(super) struct Item {
    /// What it is: `av01`, `Exif`. Empty if nothing says it.
    pub(super) kind: [u8; 4],
    /// Where the file says so, and what more it says of it.
    pub(super) described: Range<usize>,
    /// Where its bytes are, in their order.
    pub(super) extents: Vec<Range<usize>>,
    /// Places in [`Meta::properties`].
    pub(super) properties: Vec<usize>,
}

/// All that is said of the items.
#[derive(Debug, Default)]
pub(super) struct Meta {
    pub(super) primary: u32,
    pub(super) items: BTreeMap<u32, Item>,
    pub(super) properties: Vec<IsoBox>,
    /// What refers to what, and how.
    pub(super) references: Vec<([u8; 4], u32, Vec<u32>)>,
    /// Bytes of items that are kept in here.
    pub(super) inside: Range<usize>,
    /// The boxes in it.
    pub(super) parts: Vec<IsoBox>,
}

impl Meta {
    /// Reads the content of a box `meta`.
    pub(super) fn read(file: &[u8], content: Range<usize>) -> Result<Self, MediaError> {
        let within = after_version(file, &content)?;
        let mut meta = Self {
            parts: boxes(file, within.clone()).collect::<Result<_, _>>()?,
            ..Self::default()
        };
        if let Some(inside) = find(file, within, *b"idat")? {
            meta.inside = inside.content;
        }
        for part in meta.parts.clone() {
            let mut content = Cut::new(&file[part.content.clone()]);
            match &part.name {
                b"pitm" => {
                    let version = version(&mut content)?;
                    meta.primary = number(&mut content, version > 0)?;
                }
                b"iinf" => meta.read_kinds(file, part.content)?,
                b"iloc" => meta.read_places(file, &mut content)?,
                b"iref" => meta.read_references(file, part.content)?,
                b"iprp" => meta.read_properties(file, part.content)?,
                _ => {}
            }
        }
        Ok(meta)
    }

    fn read_kinds(&mut self, file: &[u8], content: Range<usize>) -> Result<(), MediaError> {
        let mut counted = Cut::new(&file[content.clone()]);
        let count_bytes = if version(&mut counted)? == 0 { 2 } else { 4 };
        let begin = content.start + 4 + count_bytes;
        if begin > content.end {
            return Err(broken("it ends too early"));
        }
        for entry in boxes(file, begin..content.end) {
            let entry = entry?;
            let mut content = Cut::new(&file[entry.content.clone()]);
            let version = version(&mut content)?;
            if version < 2 {
                continue;
            }
            let id = number(&mut content, version > 2)?;
            content.u16()?;
            let item = self.items.entry(id).or_default();
            let described = entry.content.end - content.rest().len();
            item.described = described..entry.content.end;
            item.kind = content.array()?;
        }
        Ok(())
    }

    fn read_places(&mut self, file: &[u8], content: &mut Cut<'_>) -> Result<(), MediaError> {
        let version = version(content)?;
        let sizes = content.u16()?;
        let [offset_bytes, length_bytes, base_bytes, index_bytes] =
            [12, 8, 4, 0].map(|shift| sizes >> shift & 15);
        let index_bytes = if version == 0 { 0 } else { index_bytes };
        let count = number(content, version > 1)?;
        for _ in 0..count {
            let id = number(content, version > 1)?;
            let method = if version == 0 { 0 } else { content.u16()? & 15 };
            content.u16()?;
            let base = sized(content, base_bytes)?;
            let extents = content.u16()?;
            let item = self.items.entry(id).or_default();
            for _ in 0..extents {
                sized(content, index_bytes)?;
                let offset = sized(content, offset_bytes)?;
                let length = sized(content, length_bytes)?;
                let whole = match method {
                    0 => 0..file.len(),
                    1 => self.inside.clone(),
                    _ => return Err(broken("its items are kept in a way that nobody reads")),
                };
                let begin = whole.start.saturating_add(base).saturating_add(offset);
                let end = match length {
                    0 => whole.end,
                    length => begin.saturating_add(length),
                };
                if begin > end || end > whole.end {
                    return Err(broken("it ends too early"));
                }
                item.extents.push(begin..end);
            }
        }
        Ok(())
    }

    fn read_references(&mut self, file: &[u8], content: Range<usize>) -> Result<(), MediaError> {
        let is_wide = version(&mut Cut::new(&file[content.clone()]))? > 0;
        for reference in boxes(file, after_version(file, &content)?) {
            let reference = reference?;
            let mut content = Cut::new(&file[reference.content.clone()]);
            let from = number(&mut content, is_wide)?;
            let count = content.u16()?;
            let to = (0..count).map(|_| number(&mut content, is_wide));
            let to = to.collect::<Result<_, _>>()?;
            self.references.push((reference.name, from, to));
        }
        Ok(())
    }

    fn read_properties(&mut self, file: &[u8], content: Range<usize>) -> Result<(), MediaError> {
        if let Some(all) = find(file, content.clone(), *b"ipco")? {
            self.properties = boxes(file, all.content).collect::<Result<_, _>>()?;
        }
        for part in boxes(file, content) {
            let part = part?;
            if &part.name != b"ipma" {
                continue;
            }
            let mut content = Cut::new(&file[part.content.clone()]);
            let [version, .., flags] = content.array::<4>()?;
            let count = content.u32()?;
            for _ in 0..count {
                let id = number(&mut content, version > 0)?;
                let associations = content.byte()?;
                for _ in 0..associations {
                    let index = if flags & 1 == 1 {
                        usize::from(content.u16()? & 0x7fff)
                    } else {
                        usize::from(content.byte()? & 0x7f)
                    };
                    // They are counted from 1; 0 is none.
                    if let (Some(index), Some(item)) =
                        (index.checked_sub(1), self.items.get_mut(&id))
                    {
                        item.properties.push(index);
                    }
                }
            }
        }
        Ok(())
    }

    /// The content of a property of an item.
    pub(super) fn property<'a>(
        &self,
        file: &'a [u8],
        item: u32,
        name: [u8; 4],
    ) -> Option<&'a [u8]> {
        let mut properties = self.properties_of(item);
        let property = properties.find(|property| property.name == name)?;
        file.get(property.content.clone())
    }

    /// All properties of an item, in their order.
    pub(super) fn properties_of(&self, item: u32) -> impl Iterator<Item = &IsoBox> {
        let places = self.items.get(&item).map(|item| item.properties.as_slice());
        let places = places.unwrap_or_default().iter();
        places.filter_map(|place| self.properties.get(*place))
    }

    /// The bytes of an item, from all its places.
    pub(super) fn bytes(&self, file: &[u8], item: u32) -> Result<Vec<u8>, MediaError> {
        let item = self
            .items
            .get(&item)
            .ok_or_else(|| broken("an item is missing"))?;
        let length: usize = item.extents.iter().map(ExactSizeIterator::len).sum();
        if length > file.len() {
            return Err(broken("its items lie over each other"));
        }
        let mut bytes = Vec::with_capacity(length);
        for extent in &item.extents {
            bytes.extend_from_slice(&file[extent.clone()]);
        }
        Ok(bytes)
    }
}

/// The first byte of the content of a full box; three of flags follow.
fn version(content: &mut Cut<'_>) -> Result<u8, MediaError> {
    Ok(content.array::<4>()?[0])
}

fn after_version(file: &[u8], content: &Range<usize>) -> Result<Range<usize>, MediaError> {
    version(&mut Cut::new(&file[content.clone()]))?;
    Ok(content.start + 4..content.end)
}

fn number(content: &mut Cut<'_>, is_wide: bool) -> Result<u32, MediaError> {
    if is_wide {
        content.u32()
    } else {
        content.u16().map(u32::from)
    }
}

/// A number whose size the file names.
fn sized(content: &mut Cut<'_>, bytes: u16) -> Result<usize, MediaError> {
    let long = match bytes {
        0 => return Ok(0),
        2 => return content.u16().map(usize::from),
        4 => return content.length(),
        8 => u64::from_be_bytes(content.array()?),
        _ => return Err(broken("a number has an odd size")),
    };
    usize::try_from(long).map_err(|_| broken("it ends too early"))
}
