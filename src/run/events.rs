//! Curves as TensorBoard reads them.
//!
//! An event file is a row of TFRecords: the length of the data as 8 bytes little-endian, the masked
//! CRC-32C of those, the data, and its masked CRC-32C. The data are `tensorflow.Event` messages;
//! the first names the version.
//!
//! # Source
//! `tensorflow/core/util/event.proto`, `core/framework/summary.proto`,
//! `core/lib/io/record_writer.h`.

use super::curves::Curves;
use crate::error::Result;
use crate::files::{self, Appender};
use crate::protobuf::Message;
use crate::train::Row;
use std::path::Path;

/// An event file that is appended to.
#[derive(Debug)]
pub struct EventLog {
    file: Appender,
    began: f64,
}

impl EventLog {
    /// Name of the file. TensorBoard looks for the part in the middle.
    pub const NAME: &str = "events.out.tfevents.0.carrylane";

    /// Replaces the file by one with the rows so far. `began` is when the training began, in
    /// seconds since 1970, and is only shown.
    pub fn open(folder: &Path, curves: &Curves, began: f64) -> Result<Self> {
        let path = folder.join(Self::NAME);
        let mut bytes = framed(&Message::default().double(1, began).bytes(3, VERSION));
        curves.rows.iter().for_each(|row| bytes.extend(framed(&event(row, began))));
        files::write(&path, &bytes)?;
        Ok(Self { file: Appender::open(&path)?, began })
    }

    /// Adds a row.
    pub fn add(&mut self, row: &Row) -> Result<()> {
        self.file.add(&framed(&event(row, self.began)))
    }
}

/// The version of events, which the first one names.
const VERSION: &str = "brain.Event:2";

/// The `tensorflow.Event` of a row: time, update, and a `Summary` of names and values.
fn event(row: &Row, began: f64) -> Message {
    #[expect(clippy::cast_possible_truncation, reason = "TensorBoard's numbers are f32")]
    let value = |tag: String, value: f64| Message::default().bytes(1, tag).float(2, value as f32);
    let train = row.values().into_iter().chain([("samples_per_s", row.samples_per_s)]);
    let mut values: Vec<Message> = train.map(|(name, x)| value(format!("train/{name}"), x)).collect();
    values.push(value("probe/exact_rate".into(), row.exact_rate));
    let places = row.bit_error_by_position.iter().enumerate();
    values.extend(places.map(|(place, &error)| value(format!("probe/bit_error/{place:02}"), error)));
    let update = i64::try_from(row.update).unwrap_or(i64::MAX);
    let event = Message::default().double(1, began + row.seconds).int(2, update);
    event.bytes(5, Message::default().all(1, values))
}

/// A message as a TFRecord.
fn framed(Message(data): &Message) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), data, &masked(data)].concat()
}

/// CRC-32C, rotated and shifted, so that checksums of data that hold checksums are good ones.
fn masked(bytes: &[u8]) -> [u8; 4] {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// The remainder of a division by Castagnoli's polynomial, a bit at a time: rows are short.
fn crc32c(bytes: &[u8]) -> u32 {
    let bit = |crc: u32, _| (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), bit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_record_is_the_one_that_tensorflow_writes() {
        // EventsWriter's own first record with wall_time 0, which it leaves out: 15 bytes of data,
        // `1a 0d` and the version.
        let bytes = framed(&Message::default().bytes(3, VERSION));
        assert_eq!(bytes[..8], 15_u64.to_le_bytes(), "the length");
        assert_eq!(bytes[12..14], [0x1a, 0x0d], "field 3, 13 bytes");
        assert_eq!(&bytes[14..27], b"brain.Event:2", "the version");
        assert_eq!(bytes.len(), 8 + 4 + 15 + 4, "and nothing else");
    }

    #[test]
    fn checksums_are_crc32c_under_the_mask() {
        // RFC 3720, B.4: CRC-32C of 32 zeros is 0x8a9136aa.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(masked(&[0; 32]), 0x8a91_36aa_u32.rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes());
    }
}
