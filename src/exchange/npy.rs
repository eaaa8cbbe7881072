//! One numpy array as a file: a magic word, a version, the length of a header, the header, the
//! elements.
//!
//! # Source
//! numpy's `numpy.lib.format`, versions 1.0 to 3.0, little-endian. Arrays are written in C's order
//! and read in either.

use super::meaning::Array;
use std::io::{BufReader, ErrorKind, Read};

const MAGIC: &[u8] = b"\x93NUMPY";
/// The longest header read. numpy writes at most 128 bytes for arrays like these, and refuses
/// 10,000.
const LONGEST: usize = 4096;

/// An element of an array, and numpy's word for it.
pub(super) trait Element: Copy {
    const WORD: &'static str;
    fn bytes(self) -> impl IntoIterator<Item = u8>;
}

macro_rules! element {
    ($($type:ty, $word:literal);*) => { $(impl Element for $type {
        const WORD: &'static str = $word;
        fn bytes(self) -> impl IntoIterator<Item = u8> {
            self.to_le_bytes()
        }
    })* };
}
element!(u8, "|u1"; f32, "<f4"; f64, "<f8");

/// The bytes of an array.
pub(super) fn to_bytes<E: Element>(shape: &[usize], values: &[E]) -> Vec<u8> {
    assert_eq!(shape.iter().product::<usize>(), values.len(), "an array of another shape");
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let sizes = if shape.len() == 1 { sizes.trim_end() } else { sizes.trim_end_matches(", ") };
    let mut header = format!("{{'descr': '{}', 'fortran_order': False, 'shape': ({sizes}), }}", E::WORD).into_bytes();
    // What precedes the elements is a multiple of 64 bytes, and ends a line.
    header.resize((MAGIC.len() + 4 + header.len() + 1).next_multiple_of(64) - MAGIC.len() - 5, b' ');
    header.push(b'\n');
    let length = u16::try_from(header.len()).expect("a few sizes").to_le_bytes();
    let mut bytes = [MAGIC, &[1, 0], &length, &header].concat();
    bytes.extend(values.iter().flat_map(|value| value.bytes()));
    bytes
}

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    word: String,
    columns_first: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Reads the header of an array, and nothing after it.
    pub(super) fn read(from: &mut dyn Read) -> Result<Self, String> {
        let cut = |_| "cut short in its header".to_owned();
        let mut magic = [0; MAGIC.len()];
        if from.read_exact(&mut magic).is_err() || magic != MAGIC {
            return Err("no numpy array".into());
        }
        let (mut version, mut length) = ([0; 2], [0; 4]);
        from.read_exact(&mut version).map_err(cut)?;
        let width = match version[0] {
            1 => 2,
            2 | 3 => 4,
            major => return Err(format!("an array of version {major}, want 1 to 3")),
        };
        from.read_exact(&mut length[..width]).map_err(cut)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > LONGEST {
            return Err(format!("its header has {length} bytes, want at most {LONGEST}"));
        }
        let mut text = vec![0; length];
        from.read_exact(&mut text).map_err(cut)?;
        let header = std::str::from_utf8(&text).ok().and_then(parse);
        header.ok_or_else(|| "its header is none of numpy's, or has a key twice".into())
    }

    /// The array without its elements, if they are `f32`.
    pub(super) fn outline(&self) -> Result<Array, String> {
        if self.word != f32::WORD {
            let word = &self.word;
            return Err(format!("its elements are '{word}', want '<f4': save it as .astype('<f4')"));
        }
        Ok(Array { shape: self.shape.clone(), values: Vec::new() })
    }

    /// Reads the elements that follow: exactly as many as the header says.
    pub(super) fn array(self, from: &mut dyn Read) -> Result<Array, String> {
        let Array { shape, mut values } = self.outline()?;
        let mut from = BufReader::with_capacity(1 << 16, from);
        let mut next = || -> Result<Option<f32>, String> {
            let mut bytes = [0; 4];
            match from.read_exact(&mut bytes) {
                Ok(()) => Ok(Some(f32::from_le_bytes(bytes))),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
                Err(error) => Err(format!("it cannot be read: {error}")),
            }
        };
        let count = shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size));
        while Some(values.len()) != count
            && let Some(value) = next()?
        {
            values.push(value);
        }
        // Reading to the end checks the archive's checksum.
        if Some(values.len()) != count || next()?.is_some() {
            return Err(format!("its elements are not as many as its shape {shape:?} says"));
        }
        Ok(match shape[..] {
            // Stored by columns: the transpose is stored by rows.
            [rows, cols] if self.columns_first => Array { shape: vec![cols, rows], values }.transposed(),
            _ => Array { shape, values },
        })
    }

    /// Reads the text that follows, if it has at most `most` bytes.
    pub(super) fn text(self, from: &mut dyn Read, most: usize) -> Result<Vec<u8>, String> {
        let Self { word, shape, .. } = self;
        match shape[..] {
            [length] if word == "|u1" && length <= most => {
                let mut text = Vec::new();
                let read = from.take(most as u64).read_to_end(&mut text);
                read.map_err(|error| format!("it cannot be read: {error}"))?;
                if text.len() == length {
                    Ok(text)
                } else {
                    Err(format!("its text has {} bytes, its shape says {length}", text.len()))
                }
            }
            _ => Err(format!("it is {shape:?} of '{word}', want at most {most} bytes of JSON, '|u1'")),
        }
    }
}

/// The header's three entries, in any order, each once.
fn parse(text: &str) -> Option<Header> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let value = |key: &str| {
        let (_, value) = inside.split_once(key)?;
        if value.contains(key) { None } else { Some(value.trim_start().strip_prefix(':')?.trim_start()) }
    };
    let word = value("'descr'")?.strip_prefix('\'')?.split_once('\'')?.0.to_owned();
    let order = value("'fortran_order'")?;
    let columns_first = order.starts_with("True");
    if !columns_first && !order.starts_with("False") {
        return None;
    }
    let sizes = value("'shape'")?.strip_prefix('(')?.split_once(')')?.0;
    let sizes = sizes.split(',').map(str::trim).filter(|size| !size.is_empty());
    let shape = sizes.map(|size| size.parse().ok()).collect::<Option<Vec<usize>>>()?;
    Some(Header { word, columns_first, shape })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(mut bytes: &[u8]) -> Result<Array, String> {
        Header::read(&mut bytes)?.array(&mut bytes)
    }

    #[test]
    fn a_header_is_numpys_to_the_byte() {
        // np.save of np.zeros((2, 3), "<f4") and of np.zeros(5, "u1").
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
        let bytes = to_bytes(&[2, 3], &[0.0_f32; 6]);
        assert_eq!(bytes[..10], *b"\x93NUMPY\x01\x00\x76\x00", "magic, version, length");
        assert_eq!(bytes[10..128], *format!("{text:<117}\n").as_bytes(), "header");
        assert_eq!(bytes.len(), 128 + 24, "and the elements");
        let bytes = to_bytes(&[5], &[0_u8; 5]);
        assert!(bytes[10..].starts_with(b"{'descr': '|u1', 'fortran_order': False, 'shape': (5,), }  "), "one size");
    }

    #[test]
    fn arrays_come_back_in_either_order() {
        let array_of = |bytes: &[u8]| array(bytes).expect("an array");
        let values = [1.0_f32, -0.0, 3.5, f32::MIN_POSITIVE, 5.0, 6.0];
        let bytes = to_bytes(&[2, 3], &values);
        let back = array_of(&bytes);
        assert_eq!((back.shape, back.values), (vec![2, 3], values.to_vec()));
        let by_columns = String::from_utf8_lossy(&bytes[10..128]).replace("False", "True ");
        let by_columns = [&bytes[..10], by_columns.as_bytes(), &bytes[128..]].concat();
        assert_eq!(array_of(&by_columns).values, [1.0, 3.5, 5.0, -0.0, f32::MIN_POSITIVE, 6.0], "by columns");
    }

    #[test]
    fn what_is_no_array_of_f32_is_refused_with_what_it_is() {
        let refused = |bytes: &[u8]| array(bytes).expect_err("no array of f32");
        let bytes = to_bytes(&[2], &[1.0_f32, 2.0]);
        assert!(refused(&to_bytes(&[1], &[1.0_f64])).contains("'<f8', want '<f4'"), "f64");
        assert_eq!(refused(b"PK"), "no numpy array");
        assert_eq!(refused(&bytes[..40]), "cut short in its header");
        let other = "its elements are not as many as its shape [2] says";
        assert_eq!(refused(&bytes[..bytes.len() - 1]), other);
        assert_eq!(refused(&[&bytes[..], &[0; 4]].concat()), other);
        assert_eq!(
            refused(&[MAGIC, &[2, 0], &[255; 4]].concat()),
            "its header has 4294967295 bytes, want at most 4096"
        );
        assert_eq!(refused(&[MAGIC, &[9, 0]].concat()), "an array of version 9, want 1 to 3");
    }
}
