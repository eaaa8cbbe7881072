//! The protocol-buffer messages of ONNX that a net needs, with ONNX's names, numbers and types.
//!
//! # Source
//! `onnx/onnx.proto` of ONNX, intermediate representation 8; fields that no net needs are left out.

use crate::exchange::protobuf::messages;

/// Codes of `AttributeProto.AttributeType`.
pub(super) const INT: i64 = 2;
pub(super) const GRAPH: i64 = 5;
pub(super) const INTS: i64 = 7;
/// Codes of `TensorProto.DataType`.
pub(super) const FLOAT: i64 = 1;
pub(super) const INT64: i64 = 7;

messages! {
    ModelProto {
        1 ir_version: i64,
        2 producer_name: String,
        3 producer_version: String,
        7 graph: Option<GraphProto>,
        8 opset_import: Vec<OperatorSetIdProto>,
        14 metadata_props: Vec<StringStringEntryProto>,
    }
    OperatorSetIdProto {
        2 version: i64,
    }
    StringStringEntryProto {
        1 key: String,
        2 value: String,
    }
    GraphProto {
        1 node: Vec<NodeProto>,
        2 name: String,
        5 initializer: Vec<TensorProto>,
        11 input: Vec<ValueInfoProto>,
        12 output: Vec<ValueInfoProto>,
    }
    NodeProto {
        1 input: Vec<String>,
        2 output: Vec<String>,
        4 op_type: String,
        5 attribute: Vec<AttributeProto>,
    }
    AttributeProto {
        1 name: String,
        3 i: Option<i64>,
        6 g: Option<GraphProto>,
        8 ints: Vec<i64>,
        20 r#type: i64,
    }
    /// Raw data are little-endian.
    TensorProto {
        1 dims: Vec<i64>,
        2 data_type: i64,
        8 name: String,
        9 raw_data: Vec<u8>,
    }
    ValueInfoProto {
        1 name: String,
        2 r#type: Option<TypeProto>,
    }
    TypeProto {
        1 tensor_type: Option<TensorTypeProto>,
    }
    TensorTypeProto {
        1 elem_type: i64,
        2 shape: Option<TensorShapeProto>,
    }
    TensorShapeProto {
        1 dim: Vec<DimensionProto>,
    }
    /// A size, or the name of one that is free.
    DimensionProto {
        1 dim_value: Option<i64>,
        2 dim_param: Option<String>,
    }
}
