//! Apache Parquet: one row for each event.

use std::fs::File;
use std::io;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use serde_json::Value;
use tidemark_protocol::body::FeedEntry;

use super::Sink;

/// `occurred_at` is `at` of the event, which is a keyword in some dialects of SQL.
const SCHEMA: &str = "message event {
    REQUIRED INT64 position;
    REQUIRED BYTE_ARRAY conversation (STRING);
    REQUIRED INT64 seq;
    REQUIRED INT64 occurred_at (TIMESTAMP(MILLIS, true));
    REQUIRED BYTE_ARRAY kind (STRING);
    OPTIONAL BYTE_ARRAY sender (STRING);
    OPTIONAL BYTE_ARRAY text (STRING);
    REQUIRED BYTE_ARRAY event (JSON);
}";

/// What is written together, at most: as many rows, or so many bytes of JSON.
const GROUP_ROWS_MAX: usize = 50_000;
const GROUP_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A Parquet file, and the rows that wait to be written together.
pub(super) struct Columns {
    writer: SerializedFileWriter<File>,
    rows: Rows,
}

#[derive(Default)]
struct Rows {
    position: Vec<i64>,
    conversation: Vec<ByteArray>,
    seq: Vec<i64>,
    at: Vec<i64>,
    kind: Vec<ByteArray>,
    sender: Optional,
    text: Optional,
    event: Vec<ByteArray>,
    bytes: usize,
}

/// A column with gaps: values, and for each row whether it has one.
#[derive(Default)]
struct Optional {
    values: Vec<ByteArray>,
    levels: Vec<i16>,
}

impl Columns {
    pub(super) fn begin(file: File) -> io::Result<Self> {
        let schema = parse_message_type(SCHEMA).map_err(broken)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .build();
        let writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties));
        Ok(Self {
            writer: writer.map_err(broken)?,
            rows: Rows::default(),
        })
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let rows = std::mem::take(&mut self.rows);
        if rows.position.is_empty() {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        column::<Int64Type>(&mut group, &rows.position, None)?;
        column::<ByteArrayType>(&mut group, &rows.conversation, None)?;
        column::<Int64Type>(&mut group, &rows.seq, None)?;
        column::<Int64Type>(&mut group, &rows.at, None)?;
        column::<ByteArrayType>(&mut group, &rows.kind, None)?;
        for Optional { values, levels } in [&rows.sender, &rows.text] {
            column::<ByteArrayType>(&mut group, values, Some(levels))?;
        }
        column::<ByteArrayType>(&mut group, &rows.event, None)?;
        group.close()?;
        Ok(())
    }
}

impl Sink for Columns {
    fn write(&mut self, entries: &[FeedEntry]) -> io::Result<()> {
        for entry in entries {
            self.rows.push(entry)?;
            if self.rows.position.len() >= GROUP_ROWS_MAX || self.rows.bytes >= GROUP_BYTES_MAX {
                self.write_group().map_err(broken)?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.write_group().map_err(broken)?;
        self.writer.close().map_err(broken)?;
        Ok(())
    }
}

impl Rows {
    fn push(&mut self, entry: &FeedEntry) -> io::Result<()> {
        let event = serde_json::to_value(entry)?;
        let text = |name: &str| event.get(name).and_then(Value::as_str);
        let number = |name: &str| event.get(name).and_then(Value::as_i64).unwrap_or(0);
        self.position
            .push(i64::try_from(entry.position.0.0).unwrap_or(i64::MAX));
        self.conversation
            .push(text("conversation").unwrap_or_default().into());
        self.seq.push(number("seq"));
        self.at.push(number("at"));
        self.kind.push(text("kind").unwrap_or_default().into());
        self.sender.push(text("sender"));
        self.text.push(text("text"));
        let json = event.to_string();
        self.bytes += json.len();
        self.event.push(json.into_bytes().into());
        Ok(())
    }
}

impl Optional {
    fn push(&mut self, value: Option<&str>) {
        self.levels.push(i16::from(value.is_some()));
        self.values.extend(value.map(ByteArray::from));
    }
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("a column too many".to_owned()));
    };
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}

fn broken(error: ParquetError) -> io::Error {
    io::Error::other(error)
}
