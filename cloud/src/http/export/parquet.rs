//! An export as Parquet: columns, compressed, a million readings in a few megabytes.
//!
//! | column | type |
//! |---|---|
//! | `device` | UTF-8 |
//! | `time` | timestamp in milliseconds, UTC |
//! | `temperature_c`, `moisture_pct` | double, null if missing; the nearest to the hundredth that is held |
//! | `flags` | UTF-8, as in the CSV |

use super::{Encoder, Fault, Part};
use crate::store::{ExportDevice, FlaggedReading};
use fieldpost_core::{Moisture, Temperature, quality::Flags};
use parquet::{
    basic::{Compression, ZstdLevel},
    data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type},
    file::{
        properties::WriterProperties,
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::parser::parse_message_type,
};
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

/// Rows that are held until they are written together.
const ROW_GROUP: usize = 131_072;

const SCHEMA: &str = "message readings {
    required binary device (UTF8);
    required int64 time (TIMESTAMP(MILLIS, true));
    optional double temperature_c;
    optional double moisture_pct;
    required binary flags (UTF8);
}";

/// The format.
pub(super) struct Parquet {
    /// None once it has ended.
    writer: Option<SerializedFileWriter<Made>>,
    made: Made,
    rows: Rows,
}

/// The columns of a row group.
#[derive(Default)]
struct Rows {
    device: Vec<ByteArray>,
    time: Vec<i64>,
    temperature: Column,
    moisture: Column,
    flags: Vec<ByteArray>,
    /// Flags as they are printed: there are few.
    printed: BTreeMap<Flags, ByteArray>,
}

/// Values, and for each row whether it has one.
#[derive(Default)]
struct Column {
    values: Vec<f64>,
    there: Vec<i16>,
}

/// Bytes that the library has made, until they are sent.
#[derive(Clone, Default)]
struct Made(Arc<Mutex<Vec<u8>>>);

impl io::Write for Made {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Made {
    fn take(&self, out: &mut Vec<u8>) {
        out.append(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Parquet {
    pub(super) fn new() -> Result<Self, Fault> {
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?));
        let made = Made::default();
        let writer = SerializedFileWriter::new(made.clone(), schema, Arc::new(properties.build()))?;
        Ok(Self { writer: Some(writer), made, rows: Rows::default() })
    }

    fn write_group(&mut self) -> Result<(), Fault> {
        let Some(writer) = self.writer.as_mut().filter(|_| !self.rows.time.is_empty()) else { return Ok(()) };
        let rows = std::mem::take(&mut self.rows);
        let mut group = writer.next_row_group()?;
        column::<ByteArrayType>(&mut group, &rows.device, None)?;
        column::<Int64Type>(&mut group, &rows.time, None)?;
        column::<DoubleType>(&mut group, &rows.temperature.values, Some(&rows.temperature.there))?;
        column::<DoubleType>(&mut group, &rows.moisture.values, Some(&rows.moisture.there))?;
        column::<ByteArrayType>(&mut group, &rows.flags, None)?;
        group.close()?;
        Ok(())
    }
}

impl Encoder for Parquet {
    fn start(&mut self, _: &mut Vec<u8>) -> Result<(), Fault> {
        Ok(())
    }

    fn readings(
        &mut self,
        device: &ExportDevice,
        _: Part,
        readings: &[FlaggedReading],
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let id = ByteArray::from(device.id.as_str());
        for one in readings {
            self.rows.push(id.clone(), one);
            if self.rows.time.len() == ROW_GROUP {
                self.write_group()?;
            }
        }
        self.made.take(out);
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.write_group()?;
        if let Some(writer) = self.writer.take() {
            writer.close()?;
        }
        self.made.take(out);
        Ok(())
    }
}

impl Rows {
    fn push(&mut self, device: ByteArray, one: &FlaggedReading) {
        let values = one.reading.values;
        self.device.push(device);
        self.time.push(one.reading.time.as_millis());
        self.temperature.push(values.temperature().map(Temperature::hundredths));
        self.moisture.push(values.moisture().map(Moisture::hundredths));
        let print = || ByteArray::from(one.flags.to_string().as_str());
        self.flags.push(self.printed.entry(one.flags).or_insert_with(print).clone());
    }
}

impl Column {
    fn push(&mut self, hundredths: Option<i64>) {
        self.there.push(i16::from(hundredths.is_some()));
        // At most 10,000, which every form of number holds exactly.
        let value = hundredths.and_then(|value| i32::try_from(value).ok());
        self.values.extend(value.map(|value| f64::from(value) / 100.0));
    }
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Made>,
    values: &[T::T],
    there: Option<&[i16]>,
) -> Result<(), Fault> {
    let mut column = group.next_column()?.ok_or("the schema has another column")?;
    column.typed::<T>().write_batch(values, there, None)?;
    Ok(column.close()?)
}
