//! Values of columns one by one, and the text files that are written of them: CSV and JSON lines.
//!
//! Cells of CSV are guarded: text that a spreadsheet would run as a formula gets a leading
//! apostrophe, and control characters are escaped.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int16Type, Int32Type, Int64Type, TimestampNanosecondType};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, DictionaryArray, PrimitiveArray, RecordBatch,
    StringArray,
};
use arrow_schema::Schema;
use jiff::Timestamp;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// A column by its type: one for each type that a column of records can have.
enum Column<'a> {
    Text(&'a StringArray),
    Repeated(&'a DictionaryArray<Int32Type>, &'a StringArray),
    Time(&'a PrimitiveArray<TimestampNanosecondType>),
    Small(&'a PrimitiveArray<Int16Type>),
    Integer(&'a PrimitiveArray<Int64Type>),
    Float(&'a PrimitiveArray<Float64Type>),
    Boolean(&'a BooleanArray),
    Bytes(&'a BinaryArray),
}

/// A value; the text of one that is not text is in the writer's buffer.
enum Cell<'a> {
    /// Text that came from a log.
    Text(Cow<'a, str>),
    /// The text of a time, which is quoted in JSON.
    Time,
    /// The text of a number or truth value, which is not.
    Bare,
}

impl<'a> Column<'a> {
    fn of(array: &'a ArrayRef) -> Column<'a> {
        let repeated = || {
            let dictionary = array.as_dictionary_opt::<Int32Type>()?;
            Some(Column::Repeated(dictionary, dictionary.values().as_string_opt()?))
        };
        (array.as_string_opt().map(Column::Text))
            .or_else(repeated)
            .or_else(|| array.as_primitive_opt().map(Column::Time))
            .or_else(|| array.as_primitive_opt().map(Column::Small))
            .or_else(|| array.as_primitive_opt().map(Column::Integer))
            .or_else(|| array.as_primitive_opt().map(Column::Float))
            .or_else(|| array.as_boolean_opt().map(Column::Boolean))
            .or_else(|| array.as_binary_opt().map(Column::Bytes))
            .expect("records have columns of these types only")
    }

    /// The value of a row, None for null. What is not text is written to `shown`, which is emptied.
    fn cell(&self, row: usize, shown: &mut String) -> Option<Cell<'a>> {
        fn bare<'a>(shown: &mut String, value: impl std::fmt::Debug) -> Option<Cell<'a>> {
            write!(shown, "{value:?}").expect("memory can be written");
            Some(Cell::Bare)
        }
        shown.clear();
        match *self {
            Column::Text(texts) if texts.is_valid(row) => {
                Some(Cell::Text(Cow::Borrowed(texts.value(row))))
            }
            Column::Repeated(keys, texts) => {
                let key = keys.key(row)?;
                texts.is_valid(key).then(|| Cell::Text(Cow::Borrowed(texts.value(key))))
            }
            Column::Time(times) if times.is_valid(row) => {
                write_time(shown, times.value(row));
                Some(Cell::Time)
            }
            Column::Small(numbers) if numbers.is_valid(row) => bare(shown, numbers.value(row)),
            Column::Integer(numbers) if numbers.is_valid(row) => bare(shown, numbers.value(row)),
            // Neither JSON nor most readers of CSV know numbers that are none.
            Column::Float(numbers) if numbers.is_valid(row) && numbers.value(row).is_finite() => {
                bare(shown, numbers.value(row))
            }
            Column::Boolean(truths) if truths.is_valid(row) => bare(shown, truths.value(row)),
            Column::Bytes(bytes) if bytes.is_valid(row) => {
                Some(Cell::Text(String::from_utf8_lossy(bytes.value(row))))
            }
            _ => None,
        }
    }
}

/// A time in nanoseconds since the epoch as RFC 3339 in UTC, with as many groups of three decimals
/// as it has.
fn write_time(shown: &mut String, nanos: i64) {
    let time = Timestamp::from_nanosecond(nanos.into()).expect("jiff knows the times of an i64");
    let nanos = nanos.rem_euclid(1_000_000_000);
    let written = match nanos {
        0 => write!(shown, "{time:.0}"),
        _ if nanos % 1_000_000 == 0 => write!(shown, "{time:.3}"),
        _ if nanos % 1_000 == 0 => write!(shown, "{time:.6}"),
        _ => write!(shown, "{time:.9}"),
    };
    written.expect("memory can be written");
}

/// Begins of cells that spreadsheets run as formulas; the last four are the first four in full width.
const FORMULA_STARTS: [char; 10] =
    ['=', '+', '-', '@', '|', '%', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// Text that is safe in spreadsheets and terminals.
fn guarded(text: Cow<'_, str>) -> Cow<'_, str> {
    let is_formula = text.trim_start().starts_with(FORMULA_STARTS);
    if !is_formula && !text.contains(char::is_control) {
        return text;
    }
    let mut shown = String::with_capacity(text.len() + 1);
    if is_formula {
        shown.push('\'');
    }
    for c in text.chars() {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// Writes CSV with a header.
pub struct CsvWriter<W: Write> {
    rows: csv::Writer<W>,
    shown: String,
}

impl<W: Write> CsvWriter<W> {
    /// A writer to `out`, which gets the header even if there will be no row.
    ///
    /// # Errors
    /// What goes wrong with the output.
    pub fn new(schema: &Schema, out: W) -> io::Result<CsvWriter<W>> {
        let mut rows = csv::Writer::from_writer(out);
        rows.write_record(schema.fields().iter().map(|field| field.name())).map_err(csv_error)?;
        Ok(CsvWriter { rows, shown: String::new() })
    }

    /// Writes a batch.
    ///
    /// # Errors
    /// What goes wrong with the output.
    pub fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let columns: Vec<Column<'_>> = batch.columns().iter().map(Column::of).collect();
        for row in 0..batch.num_rows() {
            for column in &columns {
                let written = match column.cell(row, &mut self.shown) {
                    None => self.rows.write_field(""),
                    Some(Cell::Text(text)) => self.rows.write_field(guarded(text).as_bytes()),
                    Some(Cell::Time | Cell::Bare) => self.rows.write_field(&self.shown),
                };
                written.map_err(csv_error)?;
            }
            self.rows.write_record(None::<&[u8]>).map_err(csv_error)?;
        }
        Ok(())
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// What goes wrong with the output.
    pub fn finish(self) -> io::Result<W> {
        self.rows.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

/// What the system said, if it did: the library's own conversion loses its number.
fn csv_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Writes one JSON object a row, without nulls.
pub struct JsonLinesWriter<W: Write> {
    out: W,
    /// The names of the schema's columns as JSON, each with its colon.
    names: Vec<String>,
    shown: String,
    line: Vec<u8>,
}

impl<W: Write> JsonLinesWriter<W> {
    /// A writer of batches of this schema to `out`.
    pub fn new(schema: &Schema, out: W) -> JsonLinesWriter<W> {
        let name = |name: &String| format!("{}:", serde_json::Value::from(name.as_str()));
        let names = schema.fields().iter().map(|field| name(field.name())).collect();
        JsonLinesWriter { out, names, shown: String::new(), line: Vec::new() }
    }

    /// Writes a batch.
    ///
    /// # Errors
    /// What goes wrong with the output.
    pub fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let columns: Vec<Column<'_>> = batch.columns().iter().map(Column::of).collect();
        for row in 0..batch.num_rows() {
            self.line.clear();
            for (name, column) in self.names.iter().zip(&columns) {
                let Some(cell) = column.cell(row, &mut self.shown) else { continue };
                self.line.push(if self.line.is_empty() { b'{' } else { b',' });
                self.line.extend_from_slice(name.as_bytes());
                match &cell {
                    Cell::Text(text) => serde_json::to_writer(&mut self.line, text)?,
                    Cell::Time => serde_json::to_writer(&mut self.line, &self.shown)?,
                    Cell::Bare => self.line.extend_from_slice(self.shown.as_bytes()),
                }
            }
            if self.line.is_empty() {
                self.line.push(b'{');
            }
            self.line.extend_from_slice(b"}\n");
            self.out.write_all(&self.line)?;
        }
        Ok(())
    }

    /// The output.
    pub fn finish(self) -> W {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float64Array, Int16Array, Int64Array, TimestampNanosecondArray};
    use proptest::prelude::*;
    use std::sync::Arc;

    /// A row: time, text, repeated text, number, fraction, truth, bytes.
    type Row = (
        Option<i64>,
        Option<String>,
        Option<String>,
        Option<i64>,
        Option<f64>,
        Option<bool>,
        Option<Vec<u8>>,
    );

    fn batch(rows: &[Row]) -> RecordBatch {
        let times: TimestampNanosecondArray = rows.iter().map(|row| row.0).collect();
        let texts: StringArray = rows.iter().map(|row| row.1.as_deref()).collect();
        let repeated: DictionaryArray<Int32Type> =
            rows.iter().map(|row| row.2.as_deref()).collect();
        let numbers: Int64Array = rows.iter().map(|row| row.3).collect();
        let small: Int16Array = rows.iter().map(|row| row.3.map(|n| n as i16)).collect();
        let fractions: Float64Array = rows.iter().map(|row| row.4).collect();
        let truths: BooleanArray = rows.iter().map(|row| row.5).collect();
        let bytes: BinaryArray = rows.iter().map(|row| row.6.as_deref()).collect();
        let columns: [(&str, ArrayRef, bool); 8] = [
            ("time", Arc::new(times.with_timezone("UTC")), true),
            ("a \"text\"", Arc::new(texts), true),
            ("repeated", Arc::new(repeated), true),
            ("number", Arc::new(numbers), true),
            ("small", Arc::new(small), true),
            ("fraction", Arc::new(fractions), true),
            ("truth", Arc::new(truths), true),
            ("bytes", Arc::new(bytes), true),
        ];
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    }

    fn time(nanos: i64) -> String {
        let mut shown = String::new();
        write_time(&mut shown, nanos);
        shown
    }

    #[test]
    fn times_have_as_many_decimals_as_they_need() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(1_500_000_000), "1970-01-01T00:00:01.500Z");
        assert_eq!(time(1_000_250_000), "1970-01-01T00:00:01.000250Z");
        assert_eq!(time(-1), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(time(i64::MIN), "1677-09-21T00:12:43.145224192Z");
    }

    proptest! {
        /// What was written is read again by readers of their own.
        #[test]
        fn files_hold_what_the_batch_holds(rows in prop::collection::vec(any::<Row>(), 0..8)) {
            let batch = batch(&rows);
            let mut lines = JsonLinesWriter::new(&batch.schema(), Vec::new());
            lines.write(&batch).unwrap();
            let lines = String::from_utf8(lines.finish()).unwrap();
            prop_assert_eq!(lines.lines().count(), rows.len());

            let mut table = CsvWriter::new(&batch.schema(), Vec::new()).unwrap();
            table.write(&batch).unwrap();
            let table = table.finish().unwrap();
            let mut table = csv::Reader::from_reader(table.as_slice());
            let mut records = table.records();

            for (row, line) in rows.iter().zip(lines.lines()) {
                let object: serde_json::Value = serde_json::from_str(line).unwrap();
                let record = records.next().unwrap().unwrap();
                prop_assert_eq!(record.len(), 8);
                let text = |name: &str| object[name].as_str().map(str::to_owned);
                prop_assert_eq!(text("time"), row.0.map(time));
                prop_assert_eq!(&record[0], row.0.map(time).unwrap_or_default());
                prop_assert_eq!(text("a \"text\""), row.1.clone());
                let cell = |text: &Option<String>| {
                    text.as_deref().map(|text| guarded(text.into()).into_owned()).unwrap_or_default()
                };
                prop_assert_eq!(&record[1], cell(&row.1));
                prop_assert_eq!(text("repeated"), row.2.clone());
                prop_assert_eq!(&record[2], cell(&row.2));
                prop_assert_eq!(object["number"].as_i64(), row.3);
                prop_assert_eq!(object["small"].as_i64(), row.3.map(|n| i64::from(n as i16)));
                prop_assert_eq!(record[3].parse().ok(), row.3);
                let fraction = row.4.filter(|number| number.is_finite());
                prop_assert_eq!(record[5].parse().ok(), fraction);
                prop_assert_eq!(object["fraction"].is_number(), fraction.is_some());
                prop_assert_eq!(object["truth"].as_bool(), row.5);
                prop_assert_eq!(record[6].parse().ok(), row.5);
                let bytes = row.6.as_deref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
                prop_assert_eq!(text("bytes"), bytes.clone());
                prop_assert_eq!(&record[7], cell(&bytes));
            }
            prop_assert!(records.next().is_none());
        }
    }
}
