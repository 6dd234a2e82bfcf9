//! Signatures at the begin of files.

/// A picture that is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Jpeg,
    Png,
    Gif,
    WebP,
    Avif,
    /// Pictures of phones, in the container of AVIF. Not decoded.
    Heic,
}

impl Format {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
            Self::Avif => "image/avif",
            Self::Heic => "image/heic",
        }
    }
}

/// A container of audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Mp4,
    /// MP4 of which its brand says that it is audio.
    M4a,
    QuickTime,
    WebM,
    Matroska,
    /// Ogg with Opus, Vorbis, FLAC or Speex.
    OggAudio,
    OggVideo,
    Mp3,
    Adts,
    Wav,
    Flac,
    Avi,
}

impl Container {
    /// What it is as far as its begin tells. Some containers have audio or video; there the declared type decides.
    pub(super) fn content_type(self, declared: &str) -> &'static str {
        self.content_type_of(!declared.starts_with("audio/"))
    }

    /// What it is, with moving pictures or without.
    pub(crate) fn content_type_of(self, has_video: bool) -> &'static str {
        match (self, has_video) {
            (Self::Mp4, true) => "video/mp4",
            (Self::Mp4 | Self::QuickTime, false) | (Self::M4a, _) => "audio/mp4",
            (Self::QuickTime, true) => "video/quicktime",
            (Self::WebM, true) => "video/webm",
            (Self::WebM, false) => "audio/webm",
            (Self::Matroska, true) => "video/x-matroska",
            (Self::Matroska, false) => "audio/x-matroska",
            (Self::OggVideo, _) => "video/ogg",
            (Self::OggAudio, _) => "audio/ogg",
            (Self::Mp3, _) => "audio/mpeg",
            (Self::Adts, _) => "audio/aac",
            (Self::Wav, _) => "audio/wav",
            (Self::Flac, _) => "audio/flac",
            (Self::Avi, _) => "video/x-msvideo",
        }
    }
}

/// Something that is known by how it begins and is not looked into.
pub(super) struct Document {
    at: usize,
    signature: &'static [u8],
    /// What it may be called.
    pub(super) accepted: &'static [&'static str],
}

const fn known(at: usize, signature: &'static [u8], accepted: &'static [&'static str]) -> Document {
    Document {
        at,
        signature,
        accepted,
    }
}

/// Archives, and documents that are archives inside.
const ZIP: &[&str] = &[
    "application/zip",
    "application/x-zip-compressed",
    "application/vnd.openxmlformats-officedocument.*",
    "application/vnd.oasis.opendocument.*",
    "application/vnd.ms-*",
    "application/epub+zip",
    "application/java-archive",
    "application/vnd.android.package-archive",
    "application/vnd.google-earth.kmz",
];
const GZIP: &[&str] = &[
    "application/gzip",
    "application/x-gzip",
    "application/x-tgz",
];
const PROGRAM: &[&str] = &[
    "application/x-executable",
    "application/x-msdownload",
    "application/x-dosexec",
    "application/vnd.microsoft.portable-executable",
    "application/x-sharedlib",
    "application/x-elf",
];
const TIFF: &[&str] = &["image/tiff"];

/// Everything of that kind.
pub(super) const DOCUMENTS: &[Document] = &[
    known(0, b"%PDF-", &["application/pdf"]),
    known(0, b"PK\x03\x04", ZIP),
    known(0, b"PK\x05\x06", ZIP),
    known(0, b"\x1f\x8b", GZIP),
    known(0, b"BZh", &["application/x-bzip2", "application/x-bzip"]),
    known(0, b"\xfd7zXZ\0", &["application/x-xz"]),
    known(0, b"\x28\xb5\x2f\xfd", &["application/zstd"]),
    known(0, b"7z\xbc\xaf\x27\x1c", &["application/x-7z-compressed"]),
    known(
        0,
        b"Rar!\x1a\x07",
        &["application/vnd.rar", "application/x-rar-compressed"],
    ),
    known(257, b"ustar", &["application/x-tar"]),
    known(0, b"\x7fELF", PROGRAM),
    known(0, b"MZ", PROGRAM),
    known(0, b"II*\0", TIFF),
    known(0, b"MM\0*", TIFF),
    known(
        0,
        b"8BPS",
        &["image/vnd.adobe.photoshop", "image/x-photoshop"],
    ),
    known(
        0,
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
        &["video/x-ms-*", "audio/x-ms-*"],
    ),
    known(0, b"FLV\x01", &["video/x-flv"]),
    known(
        0,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        &[
            "application/msword",
            "application/vnd.ms-*",
            "application/x-msi",
            "application/x-ole-storage",
        ],
    ),
    known(
        0,
        b"SQLite format 3\0",
        &["application/vnd.sqlite3", "application/x-sqlite3"],
    ),
];

/// What a file that begins like one of them may be called.
pub(super) fn document(head: &[u8]) -> Option<&'static [&'static str]> {
    let fits = |document: &&Document| {
        head.get(document.at..)
            .is_some_and(|bytes| bytes.starts_with(document.signature))
    };
    DOCUMENTS
        .iter()
        .find(fits)
        .map(|document| document.accepted)
}

pub(super) fn picture(head: &[u8]) -> Option<Format> {
    if head.starts_with(&[0xff, 0xd8, 0xff]) {
        Some(Format::Jpeg)
    } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(Format::Png)
    } else if head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a") {
        Some(Format::Gif)
    } else if riff(head) == Some(b"WEBP") {
        Some(Format::WebP)
    } else {
        let brands = Brands::read(head)?;
        if brands.has(&[b"avif", b"avis"]) {
            Some(Format::Avif)
        } else if brands.has(&[
            b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1",
        ]) {
            Some(Format::Heic)
        } else {
            None
        }
    }
}

pub(super) fn container(head: &[u8]) -> Option<Container> {
    match riff(head) {
        Some(b"WAVE") => return Some(Container::Wav),
        Some(b"AVI ") => return Some(Container::Avi),
        _ => {}
    }
    if head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]) {
        let header = &head[..head.len().min(64)];
        let says = |name: &[u8]| header.windows(name.len()).any(|window| window == name);
        return if says(b"webm") {
            Some(Container::WebM)
        } else {
            says(b"matroska").then_some(Container::Matroska)
        };
    }
    if head.starts_with(b"OggS") {
        return ogg(head);
    }
    if head.starts_with(b"fLaC") {
        return Some(Container::Flac);
    }
    if head.starts_with(b"ID3") {
        return Some(Container::Mp3);
    }
    if let Some(container) = sync_word(head) {
        return Some(container);
    }
    if let Some(brands) = Brands::read(head) {
        return Some(match &brands.0[0] {
            b"qt  " => Container::QuickTime,
            b"M4A " | b"M4B " | b"M4P " => Container::M4a,
            b"crx " => return None,
            _ => Container::Mp4,
        });
    }
    // QuickTime before there were brands.
    let kind = head.get(4..8)?;
    [b"moov", b"mdat", b"wide"]
        .iter()
        .any(|one| kind == *one)
        .then_some(Container::QuickTime)
}

/// What a RIFF file is.
fn riff(head: &[u8]) -> Option<&[u8; 4]> {
    head.starts_with(b"RIFF")
        .then(|| head.get(8..12)?.try_into().ok())?
}

/// The codec is named at the begin of the first page.
fn ogg(head: &[u8]) -> Option<Container> {
    let segments = usize::from(*head.get(26)?);
    let body = head.get(27 + segments..)?;
    let begins = |names: &[&[u8]]| names.iter().any(|name| body.starts_with(name));
    if begins(&[b"OpusHead", b"\x01vorbis", b"\x7fFLAC", b"Speex   "]) {
        return Some(Container::OggAudio);
    }
    begins(&[b"\x80theora", b"fishead\0", b"\x01video"]).then_some(Container::OggVideo)
}

/// Frames of MPEG audio have no signature, only eleven bits, and fields of which some values are none.
fn sync_word(head: &[u8]) -> Option<Container> {
    let [first, second, third] = *head.first_chunk()?;
    if first != 0xff || second & 0xe0 != 0xe0 {
        return None;
    }
    let version = second >> 3 & 3;
    let layer = second >> 1 & 3;
    if version & 2 != 0 && layer == 0 && second & 0xf0 == 0xf0 {
        let has_sample_rate = third >> 2 & 15 < 13;
        return has_sample_rate.then_some(Container::Adts);
    }
    let is_frame = version != 1 && layer == 1 && third >> 4 < 15 && third >> 4 > 0;
    (is_frame && third >> 2 & 3 != 3).then_some(Container::Mp3)
}

/// The brands of an ISO container, the major one first.
struct Brands(Vec<[u8; 4]>);

impl Brands {
    fn read(head: &[u8]) -> Option<Self> {
        if head.get(4..8)? != b"ftyp" {
            return None;
        }
        let length = u32::from_be_bytes(*head.first_chunk()?) as usize;
        let content = head.get(8..length.min(head.len()))?;
        let (brands, _) = content.as_chunks::<4>();
        let major = *brands.first()?;
        // Between the major one and the others is a version.
        let others = brands.iter().skip(2).copied();
        Some(Self([major].into_iter().chain(others).collect()))
    }

    fn has(&self, brands: &[&[u8; 4]]) -> bool {
        self.0.iter().any(|one| brands.contains(&one))
    }
}
