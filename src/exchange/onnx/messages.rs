//! ONNX's messages.
//!
//! # Source
//! `onnx/onnx.proto` of ONNX, intermediate representation 8; fields that no net needs are left out.

use crate::protobuf::Message;

/// Codes of `TensorProto.DataType`.
pub(super) const FLOAT: i64 = 1;
pub(super) const INT64: i64 = 7;

/// Attributes of a node; field 20 is an attribute's type.
impl Message {
    /// Adds a whole number.
    pub(super) fn with_int(self, name: &str, value: i64) -> Self {
        self.bytes(5, Self::default().bytes(1, name).int(3, value).int(20, 2))
    }

    /// Adds a list of one whole number.
    pub(super) fn with_ints(self, name: &str, value: i64) -> Self {
        self.bytes(5, Self::default().bytes(1, name).int(8, value).int(20, 7))
    }

    /// Adds a graph.
    pub(super) fn with_graph(self, name: &str, graph: &Self) -> Self {
        self.bytes(5, Self::default().bytes(1, name).bytes(6, graph).int(20, 5))
    }
}

/// `NodeProto`: `outputs = op(inputs)`.
pub(super) fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> Message {
    Message::default().all(1, inputs).all(2, outputs).bytes(4, op)
}

/// `GraphProto`.
pub(super) fn graph(
    name: &str,
    nodes: &[Message],
    constants: &[Message],
    inputs: &[Message],
    outputs: &[Message],
) -> Message {
    Message::default().all(1, nodes).bytes(2, name).all(5, constants).all(11, inputs).all(12, outputs)
}

/// `TensorProto`, of a `kind` and its elements' bytes.
pub(super) fn tensor(name: &str, shape: &[usize], kind: i64, bytes: impl AsRef<[u8]>) -> Message {
    let dims = shape.iter().fold(Message::default(), |message, &size| message.int(1, int(size)));
    dims.int(2, kind).bytes(8, name).bytes(9, bytes)
}

/// A size as ONNX has it.
pub(super) fn int(size: usize) -> i64 {
    i64::try_from(size).expect("a size in memory")
}

/// A size of a value.
pub(super) enum Size {
    /// A fixed size.
    Of(usize),
    /// The name of a size that is known when the graph runs.
    Free(&'static str),
}

/// `ValueInfoProto`: a value of floats and its sizes.
pub(super) fn value(name: &str, sizes: &[Size]) -> Message {
    let dims = sizes.iter().map(|size| match size {
        Size::Of(size) => Message::default().int(1, int(*size)),
        Size::Free(name) => Message::default().bytes(2, name),
    });
    let tensor = Message::default().int(1, FLOAT).bytes(2, Message::default().all(1, dims));
    Message::default().bytes(1, name).bytes(2, Message::default().bytes(1, tensor))
}
