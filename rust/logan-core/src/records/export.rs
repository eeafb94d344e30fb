//! Files of records: Parquet, Arrow, CSV, JSON lines.
//!
//! Parquet keeps dictionaries; the others get plain text, as an Arrow file may hold one dictionary
//! for a column only.

use super::cells::{CsvWriter, JsonLinesWriter};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

/// Rows of a row group: what a reader skips or reads as a whole.
const GROUP_ROWS: usize = 1 << 20;

/// What a file may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Apache Parquet, compressed with zstd.
    Parquet,
    /// The Arrow IPC file format.
    Arrow,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object a line, without nulls.
    JsonLines,
    /// The lines as they are: the column `raw`.
    Raw,
}

impl Kind {
    /// All, by name.
    pub const ALL: [(&'static str, Kind); 5] = [
        ("parquet", Kind::Parquet),
        ("arrow", Kind::Arrow),
        ("csv", Kind::Csv),
        ("jsonl", Kind::JsonLines),
        ("raw", Kind::Raw),
    ];
}

/// Bytes that are written at once.
const BUFFER_BYTES: usize = 1 << 20;

/// Where a file goes. Not a type parameter: what writes Parquet is much to compile.
type Out<'a> = BufWriter<Box<dyn Write + Send + 'a>>;

enum Format<'a> {
    Parquet(Box<ArrowWriter<Out<'a>>>),
    /// With the schema that has plain text for dictionaries.
    Arrow(arrow_ipc::writer::FileWriter<Out<'a>>, Arc<Schema>),
    Csv(CsvWriter<Out<'a>>),
    JsonLines(JsonLinesWriter<Out<'a>>),
    Raw(Out<'a>),
}

/// Writes one file.
pub struct Writer<'a> {
    format: Format<'a>,
}

impl<'a> Writer<'a> {
    /// A writer of batches of this schema to `out`.
    ///
    /// # Errors
    /// What goes wrong with `out`.
    pub fn new(
        kind: Kind,
        schema: &Arc<Schema>,
        out: impl Write + Send + 'a,
    ) -> io::Result<Writer<'a>> {
        let out: Out<'a> = BufWriter::with_capacity(BUFFER_BYTES, Box::new(out));
        let format = match kind {
            Kind::Parquet => {
                let properties = properties(schema);
                let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties));
                Format::Parquet(Box::new(writer.map_err(|error| parquet_error(&error))?))
            }
            Kind::Arrow => {
                let plain = plain_schema(schema);
                let writer = arrow_ipc::writer::FileWriter::try_new(out, &plain);
                Format::Arrow(writer.map_err(arrow_error)?, plain)
            }
            Kind::Csv => Format::Csv(CsvWriter::new(schema, out)?),
            Kind::JsonLines => Format::JsonLines(JsonLinesWriter::new(schema, out)),
            Kind::Raw => Format::Raw(out),
        };
        Ok(Writer { format })
    }

    /// Writes a batch.
    ///
    /// # Errors
    /// What goes wrong with the output.
    pub fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        match &mut self.format {
            Format::Parquet(writer) => writer.write(batch).map_err(|error| parquet_error(&error)),
            Format::Arrow(writer, schema) => {
                writer.write(&plain(batch, schema)).map_err(arrow_error)
            }
            Format::Csv(writer) => writer.write(batch),
            Format::JsonLines(writer) => writer.write(batch),
            Format::Raw(out) => write_lines(batch, out),
        }
    }

    /// Writes what is left; what was written is a whole file then.
    ///
    /// # Errors
    /// What goes wrong with the output.
    pub fn finish(self) -> io::Result<()> {
        // A buffer that is dropped says nothing of what it could not write.
        let mut out = match self.format {
            Format::Parquet(writer) => writer.into_inner().map_err(|e| parquet_error(&e))?,
            Format::Arrow(mut writer, _) => {
                writer.finish().map_err(arrow_error)?;
                writer.into_inner().map_err(arrow_error)?
            }
            Format::Csv(writer) => writer.finish()?,
            Format::Raw(out) => out,
            Format::JsonLines(writer) => writer.finish(),
        };
        out.flush()
    }
}

fn write_lines(batch: &RecordBatch, out: &mut impl Write) -> io::Result<()> {
    let lines = batch.column_by_name("raw").and_then(|column| column.as_binary_opt::<i32>());
    let lines = lines.ok_or_else(|| io::Error::other("the batch has no column raw"))?;
    for line in lines.iter().flatten() {
        out.write_all(line)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn properties(schema: &Schema) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_created_by(format!("logan {}", env!("CARGO_PKG_VERSION")));
    for field in schema.fields() {
        // Numbers that mostly rise: the differences are small, and hardly one comes twice.
        let rises = matches!(field.name().as_str(), "time" | "offset" | "line");
        if rises {
            let path = ColumnPath::from(field.name().as_str());
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    properties.build()
}

/// The schema with plain text for dictionaries.
fn plain_schema(schema: &Schema) -> Arc<Schema> {
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Dictionary(..) => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
        _ => field.clone(),
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

/// The batch with columns as the schema has them.
fn plain(batch: &RecordBatch, schema: &Arc<Schema>) -> RecordBatch {
    let column = |column: &ArrayRef| -> ArrayRef {
        let dictionary = column.as_dictionary_opt::<Int32Type>();
        match dictionary.and_then(|dictionary| dictionary.downcast_dict::<StringArray>()) {
            Some(values) => Arc::new(values.into_iter().collect::<StringArray>()),
            None => column.clone(),
        }
    };
    let columns = batch.columns().iter().map(column).collect();
    RecordBatch::try_new(schema.clone(), columns).expect("columns are of their types")
}

/// What the system said, if it did.
fn arrow_error(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        other => io::Error::other(other.to_string()),
    }
}

/// What the system said, if it did.
fn parquet_error(error: &parquet::errors::ParquetError) -> io::Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(code) = current.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return io::Error::from_raw_os_error(code);
        }
        cause = current.source();
    }
    io::Error::other(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::text::TextRows;
    use arrow_array::TimestampNanosecondArray;

    /// What a file of this kind holds, of a batch with a time and a text.
    fn written(kind: Kind, texts: &[&str]) -> String {
        let mut rows = TextRows::default();
        texts.iter().for_each(|text| rows.push(text.as_bytes()));
        let times = TimestampNanosecondArray::from(vec![Some(1_500_000_000); texts.len()]);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("time", Arc::new(times.with_timezone("UTC"))),
            ("message", Arc::new(rows.finish())),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut out = Vec::new();
        let mut writer = Writer::new(kind, &batch.schema(), &mut out).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn cells_are_guarded() {
        assert_eq!(
            written(Kind::Csv, &["plain, text", "=1+2", " @x", "a\u{1b}[1mb", ""]),
            "time,message\n\
             1970-01-01T00:00:01.500Z,\"plain, text\"\n\
             1970-01-01T00:00:01.500Z,'=1+2\n\
             1970-01-01T00:00:01.500Z,' @x\n\
             1970-01-01T00:00:01.500Z,a\\u{1b}[1mb\n\
             1970-01-01T00:00:01.500Z,\n"
        );
        assert_eq!(written(Kind::Csv, &[]), "time,message\n");
    }

    #[test]
    fn json_lines_hold_what_there_is() {
        assert_eq!(
            written(Kind::JsonLines, &["=1", ""]),
            "{\"time\":\"1970-01-01T00:00:01.500Z\",\"message\":\"=1\"}\n\
             {\"time\":\"1970-01-01T00:00:01.500Z\"}\n"
        );
    }
}
