//! Messages as protocol buffers, for ONNX and TensorBoard. Every field is written but a `None`.
//!
//! # Source
//! "Encoding" of Protocol Buffers; numbers in a list are not packed.

/// What a field of a message holds.
pub(crate) trait Field {
    /// Appends the field with its number.
    fn put(&self, number: u8, to: &mut Vec<u8>);
}

/// Appends seven bits a byte, the lowest first; all bytes but the last have their top bit set.
fn put_varint(mut value: u64, to: &mut Vec<u8>) {
    while value > 0x7f {
        to.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    to.push(value.to_le_bytes()[0]);
}

/// Appends bytes as a field: kind 2, the length, the bytes.
pub(crate) fn put_bytes(number: u8, bytes: &[u8], to: &mut Vec<u8>) {
    put_varint(u64::from(number) << 3 | 2, to);
    put_varint(bytes.len() as u64, to);
    to.extend_from_slice(bytes);
}

impl Field for i64 {
    fn put(&self, number: u8, to: &mut Vec<u8>) {
        put_varint(u64::from(number) << 3, to);
        put_varint(self.cast_unsigned(), to);
    }
}

impl Field for f32 {
    fn put(&self, number: u8, to: &mut Vec<u8>) {
        put_varint(u64::from(number) << 3 | 5, to);
        to.extend(self.to_le_bytes());
    }
}

impl Field for f64 {
    fn put(&self, number: u8, to: &mut Vec<u8>) {
        put_varint(u64::from(number) << 3 | 1, to);
        to.extend(self.to_le_bytes());
    }
}

impl Field for String {
    fn put(&self, number: u8, to: &mut Vec<u8>) {
        put_bytes(number, self.as_bytes(), to);
    }
}

impl Field for Vec<u8> {
    fn put(&self, number: u8, to: &mut Vec<u8>) {
        put_bytes(number, self, to);
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, number: u8, to: &mut Vec<u8>) {
        self.iter().for_each(|value| value.put(number, to));
    }
}

impl<T: Field> Field for Vec<T> {
    fn put(&self, number: u8, to: &mut Vec<u8>) {
        self.iter().for_each(|value| value.put(number, to));
    }
}

/// Declares messages, with the numbers of their fields.
macro_rules! messages {
    ($($(#[$about:meta])* $message:ident { $($number:literal $field:ident: $type:ty,)* })*) => {$(
        $(#[$about])*
        #[derive(Debug, Default)]
        pub(super) struct $message { $(pub(super) $field: $type,)* }

        impl $message {
            /// The message as bytes.
            pub(super) fn to_bytes(&self) -> Vec<u8> {
                let mut bytes = Vec::new();
                $($crate::exchange::protobuf::Field::put(&self.$field, $number, &mut bytes);)*
                bytes
            }
        }

        impl $crate::exchange::protobuf::Field for $message {
            fn put(&self, number: u8, to: &mut Vec<u8>) {
                $crate::exchange::protobuf::put_bytes(number, &self.to_bytes(), to);
            }
        }
    )*};
}
pub(crate) use messages;

#[cfg(test)]
mod tests {
    use super::*;

    messages! {
        Number {
            1 value: i64,
        }
    }

    #[test]
    fn messages_are_written_as_protocol_buffers_are() {
        let mut bytes = Vec::new();
        150_i64.put(1, &mut bytes);
        "testing".to_owned().put(2, &mut bytes);
        vec![3_i64, 270, 86_942].put(6, &mut bytes);
        (-2_i64).put(1, &mut bytes);
        None::<i64>.put(1, &mut bytes);
        Some(Number { value: 150 }).put(3, &mut bytes);
        (-0.5_f32).put(4, &mut bytes);
        2.0_f64.put(5, &mut bytes);
        let wanted = "089601 120774657374696e67 3003 308e02 309ea705 08feffffffffffffffff01 1a03089601 25000000bf 290000000000000040";
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, wanted.replace(' ', ""));
    }
}
