//! One numpy array as a file: a magic word, a version, the length of a header, the header, the elements.
//!
//! # Source
//! numpy's `numpy.lib.format`, versions 1.0 to 3.0; little-endian, in the order of C where written, in either order where read.

use super::meaning::Array;

const MAGIC: &[u8] = b"\x93NUMPY";
/// The longest header read; numpy's own are at most 128 bytes for arrays like these, and it refuses 10,000 itself.
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
    // All before the elements is a multiple of 64 bytes, and its last one ends the line.
    header.resize((MAGIC.len() + 4 + header.len() + 1).next_multiple_of(64) - MAGIC.len() - 5, b' ');
    header.push(b'\n');
    let length = u16::try_from(header.len()).expect("a few sizes").to_le_bytes();
    let mut bytes = [MAGIC, &[1, 0], &length, &header].concat();
    bytes.extend(values.iter().flat_map(|value| value.bytes()));
    bytes
}

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header<'a> {
    pub(super) word: &'a str,
    columns_first: bool,
    pub(super) shape: Vec<usize>,
}

/// Header and elements of an array's bytes.
pub(super) fn split(bytes: &[u8]) -> Result<(Header<'_>, &[u8]), String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("no numpy array")?;
    let cut = "cut short in its header";
    let (&[major, _], rest) = rest.split_first_chunk::<2>().ok_or(cut)?;
    let (length, rest) = match major {
        1 => rest
            .split_first_chunk()
            .map(|(&length, rest)| (usize::from(u16::from_le_bytes(length)), rest))
            .ok_or(cut)?,
        2 | 3 => {
            let (&length, rest) = rest.split_first_chunk().ok_or(cut)?;
            (usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX), rest)
        }
        _ => return Err(format!("an array of version {major}, want 1 to 3")),
    };
    if length > LONGEST {
        return Err(format!("its header has {length} bytes, want at most {LONGEST}"));
    }
    let (header, data) = rest.split_at_checked(length).ok_or(cut)?;
    let header = std::str::from_utf8(header).ok().and_then(parse).ok_or("its header is none of numpy's")?;
    Ok((header, data))
}

/// The header's three entries, in any order.
fn parse(text: &str) -> Option<Header<'_>> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let value = |key: &str| Some(inside.split_once(key)?.1.trim_start().strip_prefix(':')?.trim_start());
    let word = value("'descr'")?.strip_prefix('\'')?.split_once('\'')?.0;
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

/// An array of `f32` from its bytes.
pub(super) fn array(bytes: &[u8]) -> Result<Array, String> {
    let (Header { word, columns_first, shape }, data) = split(bytes)?;
    if word != f32::WORD {
        return Err(format!("its elements are '{word}', want '<f4': save it as .astype('<f4')"));
    }
    let length = shape.iter().try_fold(4_usize, |bytes, &size| bytes.checked_mul(size));
    if length != Some(data.len()) {
        return Err(format!("its shape is {shape:?}, its elements have {} bytes", data.len()));
    }
    let (chunks, _) = data.as_chunks();
    let values = chunks.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect();
    Ok(match shape[..] {
        // Stored by columns: the transpose is stored by rows.
        [rows, cols] if columns_first => Array { shape: vec![cols, rows], values }.transposed(),
        _ => Array { shape, values },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(refused(&bytes[..bytes.len() - 1]), "its shape is [2], its elements have 7 bytes");
        assert_eq!(
            refused(&[MAGIC, &[2, 0], &[255; 4]].concat()),
            "its header has 4294967295 bytes, want at most 4096"
        );
        assert_eq!(refused(&[MAGIC, &[9, 0]].concat()), "an array of version 9, want 1 to 3");
    }
}
