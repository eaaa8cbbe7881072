//! Messages of protocol buffers: fields one after the other, each a key (its number and how long
//! its value is) and a value.
//!
//! # Source
//! Google's *Protocol Buffers, Encoding*.

/// A message: the bytes of its fields, in the order in which they are added.
#[derive(Debug, Clone, Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    /// Seven bits a byte, the lowest first; all but the last one have their top bit set.
    fn varint(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
        self
    }

    /// Adds a whole number.
    pub(crate) fn int(self, field: u64, value: i64) -> Self {
        self.varint(field << 3).varint(value.cast_unsigned())
    }

    /// Adds a float.
    pub(crate) fn float(mut self, field: u64, value: f32) -> Self {
        self = self.varint(field << 3 | 5);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Adds a double.
    pub(crate) fn double(mut self, field: u64, value: f64) -> Self {
        self = self.varint(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Adds a string, bytes, or another message.
    pub(crate) fn bytes(mut self, field: u64, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self = self.varint(field << 3 | 2).varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    /// Adds a field once for each value.
    pub(crate) fn all(self, field: u64, values: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        values.into_iter().fold(self, |message, value| message.bytes(field, value))
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_as_in_the_documents_of_the_encoding() {
        let message = Message::default;
        assert_eq!(message().int(1, 150).0, [0x08, 0x96, 0x01], "150 as field 1");
        assert_eq!(message().int(2, -2).0, [&[0x10, 0xfe][..], &[0xff; 8], &[1]].concat(), "ten bytes");
        assert_eq!(message().bytes(2, "testing").0, *b"\x12\x07testing", "a string");
        assert_eq!(message().bytes(3, message().int(1, 150)).0, *b"\x1a\x03\x08\x96\x01", "a message");
        assert_eq!(message().all(1, ["a", "b"]).0, *b"\x0a\x01a\x0a\x01b", "a field twice");
        assert_eq!(message().float(2, 1.0).0, [0x15, 0, 0, 0x80, 0x3f], "a float");
        assert_eq!(message().double(20, 1.0).0, [0xa1, 1, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f], "a key of two bytes");
    }
}
