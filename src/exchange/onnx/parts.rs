//! Nodes, tensors and types of a graph, in few words.

use super::messages::{
    AttributeProto, DimensionProto, FLOAT, GRAPH, GraphProto, INT, INT64, INTS, NodeProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};

/// A node: `outputs = op(inputs)`.
pub(super) fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    NodeProto { op_type: op.into(), input: owned(inputs), output: owned(outputs), attribute: Vec::new() }
}

impl NodeProto {
    /// Adds an attribute.
    fn with(mut self, attribute: AttributeProto) -> Self {
        self.attribute.push(attribute);
        self
    }

    /// Adds a number as an attribute.
    pub(super) fn with_int(self, name: &str, value: i64) -> Self {
        self.with(AttributeProto { name: name.into(), i: Some(value), r#type: INT, ..AttributeProto::default() })
    }

    /// Adds numbers as an attribute.
    pub(super) fn with_ints(self, name: &str, values: &[i64]) -> Self {
        self.with(AttributeProto { name: name.into(), ints: values.into(), r#type: INTS, ..AttributeProto::default() })
    }

    /// Adds a graph as an attribute.
    pub(super) fn with_graph(self, name: &str, graph: GraphProto) -> Self {
        self.with(AttributeProto { name: name.into(), g: Some(graph), r#type: GRAPH, ..AttributeProto::default() })
    }
}

/// A tensor of floats.
pub(super) fn floats(name: &str, shape: &[usize], values: &[f32]) -> TensorProto {
    let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    TensorProto { name: name.into(), dims: shape.iter().map(|&size| int(size)).collect(), data_type: FLOAT, raw_data }
}

/// A vector of one number.
pub(super) fn number(name: &str, value: usize) -> TensorProto {
    TensorProto { name: name.into(), dims: vec![1], data_type: INT64, raw_data: int(value).to_le_bytes().into() }
}

fn int(size: usize) -> i64 {
    i64::try_from(size).expect("a size in memory")
}

/// A size of a value.
pub(super) enum Size {
    /// A fixed size.
    Of(usize),
    /// The name of a size that is known when the graph runs.
    Free(&'static str),
}

/// A value of floats and its sizes.
pub(super) fn value(name: &str, sizes: &[Size]) -> ValueInfoProto {
    let dim = sizes.iter().map(|size| match size {
        Size::Of(size) => DimensionProto { dim_value: Some(int(*size)), dim_param: None },
        Size::Free(name) => DimensionProto { dim_value: None, dim_param: Some((*name).into()) },
    });
    let shape = Some(TensorShapeProto { dim: dim.collect() });
    let tensor_type = Some(TensorTypeProto { elem_type: FLOAT, shape });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }) }
}
