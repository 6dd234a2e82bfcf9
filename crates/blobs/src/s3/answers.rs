//! What S3 says in XML.

use quick_xml::de::from_str;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::BlobError;

/// The parts that have arrived, or the first of them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedParts {
    #[serde(default)]
    pub(super) is_truncated: bool,
    pub(super) next_part_number_marker: Option<u32>,
    #[serde(default, rename = "Part")]
    pub(super) parts: Vec<ListedPart>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedPart {
    pub(super) part_number: u32,
    #[serde(rename = "ETag")]
    pub(super) etag: String,
    pub(super) size: u64,
    /// In ISO 8601, so that the later one is the greater text.
    #[serde(default)]
    pub(super) last_modified: String,
}

/// The uploads in parts that are not finished, or the first of them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedUploads {
    #[serde(default)]
    pub(super) is_truncated: bool,
    pub(super) next_key_marker: Option<String>,
    pub(super) next_upload_id_marker: Option<String>,
    #[serde(default, rename = "Upload")]
    pub(super) uploads: Vec<ListedUpload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedUpload {
    pub(super) key: String,
    pub(super) upload_id: String,
    pub(super) initiated: String,
}

pub(super) fn parse<T: DeserializeOwned>(xml: &str) -> Result<T, BlobError> {
    from_str(xml).map_err(|error| BlobError::Unavailable(format!("S3 answered nonsense: {error}")))
}

#[cfg(test)]
mod tests {
    use super::{ListedParts, ListedUploads, parse};

    #[test]
    fn lists_are_understood() {
        let parts: ListedParts = parse(
            "<?xml version=\"1.0\"?><ListPartsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Bucket>b</Bucket><IsTruncated>true</IsTruncated><NextPartNumberMarker>2</NextPartNumberMarker>\
             <Part><PartNumber>1</PartNumber><LastModified>2026-01-01T00:00:00Z</LastModified>\
             <ETag>&quot;a&quot;</ETag><Size>5</Size></Part>\
             <Part><PartNumber>2</PartNumber><ETag>&#34;b&#34;</ETag><Size>7</Size></Part></ListPartsResult>",
        )
        .unwrap();
        assert!(parts.is_truncated);
        assert_eq!(parts.next_part_number_marker, Some(2));
        let listed = parts
            .parts
            .iter()
            .map(|part| (part.part_number, part.etag.as_str(), part.size));
        assert_eq!(
            listed.collect::<Vec<_>>(),
            [(1, "\"a\"", 5), (2, "\"b\"", 7)]
        );

        let none: ListedUploads = parse(
            "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>",
        )
        .unwrap();
        assert!(none.uploads.is_empty() && !none.is_truncated);
        assert!(parse::<ListedParts>("<html>").is_err());
    }
}
