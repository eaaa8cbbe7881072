//! A net as an ONNX graph, operator set 17: input `x` `[batch, bits, 2]`, the bits of a and b,
//! least significant first; output `y` `[batch, bits]`, a bit being 1 where it is above ½.
//!
//! Every cell is one `Scan` over the steps. Its body is the cell's equation in plain operators; its
//! states are h, an LSTM's c and the dynamic cell's last input. ONNX's own `RNN` and `LSTM` have
//! neither the dynamic cell nor the notebook's LSTM.

mod messages;
mod parts;

use crate::model::file::Saved;
use crate::model::{Activation, Cell, Config, LstmForm};
use messages::{GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto};
use parts::Size::{Free, Of};
use parts::{floats, node, number, value};

/// Version of ONNX's file format, and of the operators.
const IR_VERSION: i64 = 8;
const OPERATORS: i64 = 17;

/// The bytes of a file.
pub(super) fn to_bytes(saved: &Saved) -> Vec<u8> {
    let config = serde_json::to_string(&saved.model.config).expect("a config has a JSON form");
    let properties = [("carrylane.config".to_owned(), config)].into_iter().chain(saved.notes.clone());
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "carrylane".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(graph(saved)),
        opset_import: vec![OperatorSetIdProto { version: OPERATORS }],
        metadata_props: properties.map(|(key, value)| StringStringEntryProto { key, value }).collect(),
    };
    model.to_bytes()
}

/// The name of a state before a step, its width, and its name after the step.
type State = (&'static str, usize, &'static str);

/// The states of a cell.
fn states(config: &Config) -> Vec<State> {
    let hidden = ("h_prev", config.hidden, "h");
    match config.cell {
        Cell::Elman => vec![hidden],
        Cell::Dynamic => vec![hidden, ("x_prev", 2, "x_kept")],
        Cell::Lstm => vec![hidden, ("c_prev", config.hidden, "c")],
    }
}

/// The whole graph: states of zeros, and the scan.
fn graph(saved: &Saved) -> GraphProto {
    let (config, layout) = (&saved.model.config, saved.model.layout());
    let mut initializer = Vec::new();
    for tensor in layout.tensors() {
        // The output weights as a vector, so that a step's outputs are one too.
        let shape =
            if matches!(tensor.name, "w_ih" | "w_hh") { vec![tensor.rows, tensor.cols] } else { vec![tensor.len()] };
        initializer.push(floats(tensor.name, &shape, &saved.model.params[tensor.range()]));
    }
    let states = states(config);
    let mut nodes = vec![node("Shape", &["x"], &["samples"]).with_int("start", 0).with_int("end", 1)];
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    for &(before, width, _) in &states {
        let [size, shape, zeros, last] = ["size", "shape", "zeros", "last"].map(|word| format!("{word}_{before}"));
        initializer.push(number(&size, width));
        nodes.push(node("Concat", &["samples", &size], &[&shape]).with_int("axis", 0));
        nodes.push(node("ConstantOfShape", &[&shape], &[&zeros]));
        inputs.push(zeros);
        outputs.push(last);
    }
    inputs.push("x".into());
    outputs.push("y".into());
    let names = |names: &[String]| names.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
    let (inputs, outputs) = (names(&inputs), names(&outputs));
    let scan = node("Scan", &inputs.lines().collect::<Vec<_>>(), &outputs.lines().collect::<Vec<_>>());
    nodes.push(
        scan.with_graph("body", body(config, &states))
            .with_int("num_scan_inputs", 1)
            .with_ints("scan_input_axes", &[1])
            .with_ints("scan_output_axes", &[1]),
    );
    GraphProto {
        name: "carrylane".into(),
        node: nodes,
        initializer,
        input: vec![value("x", &[Free("batch"), Free("bits"), Of(2)])],
        output: vec![value("y", &[Free("batch"), Free("bits")])],
    }
}

/// One step: `z = x W_ih + s h_prev W_hh + b_h`, the cell, `y = ψ(h W_ho + b_o)`.
fn body(config: &Config, states: &[State]) -> GraphProto {
    let mut nodes = Vec::new();
    let carried = if config.cell == Cell::Dynamic {
        nodes.push(node("Sub", &["x_t", "x_prev"], &["dx"]));
        nodes.push(node("ReduceL2", &["dx"], &["norm"]).with_ints("axes", &[1]).with_int("keepdims", 1));
        nodes.push(node("Exp", &["norm"], &["scale"]));
        nodes.push(node("Mul", &["scale", "h_prev"], &["h_scaled"]));
        nodes.push(node("Identity", &["x_t"], &["x_kept"]));
        "h_scaled"
    } else {
        "h_prev"
    };
    nodes.push(node("MatMul", &["x_t", "w_ih"], &["z_input"]));
    nodes.push(node("MatMul", &[carried, "w_hh"], &["z_recurrent"]));
    nodes.push(node("Add", &["z_input", "z_recurrent"], &[if config.bias { "z_sum" } else { "z" }]));
    if config.bias {
        nodes.push(node("Add", &["z_sum", "b_h"], &["z"]));
    }
    match config.cell {
        Cell::Elman | Cell::Dynamic => nodes.push(squash(config.activation, "z", "h")),
        Cell::Lstm => nodes.extend(lstm(config)),
    }
    nodes.push(node("MatMul", &["h", "w_ho"], &[if config.bias { "z_o_sum" } else { "z_o" }]));
    if config.bias {
        nodes.push(node("Add", &["z_o_sum", "b_o"], &["z_o"]));
    }
    nodes.push(squash(config.output, "z_o", "y_t"));
    let mut input: Vec<_> =
        states.iter().map(|&(before, width, _)| value(before, &[Free("batch"), Of(width)])).collect();
    let mut output: Vec<_> =
        states.iter().map(|&(_, width, after)| value(after, &[Free("batch"), Of(width)])).collect();
    input.push(value("x_t", &[Free("batch"), Of(2)]));
    output.push(value("y_t", &[Free("batch")]));
    GraphProto { name: "step".into(), node: nodes, initializer: Vec::new(), input, output }
}

/// `i, f, o = σ(·)`, `g = φ(·)`, `s = g i + c_prev f`; standard `c = s`, `h = φ(c) o`; notebook
/// `c = φ(s)`, `h = c o`.
fn lstm(config: &Config) -> Vec<NodeProto> {
    let phi = config.activation;
    let mut nodes = vec![
        node("Split", &["z"], &["z_i", "z_f", "z_g", "z_out"]).with_int("axis", 1),
        squash(Activation::Sigmoid, "z_i", "i"),
        squash(Activation::Sigmoid, "z_f", "f"),
        squash(phi, "z_g", "g"),
        squash(Activation::Sigmoid, "z_out", "o"),
        node("Mul", &["g", "i"], &["written"]),
        node("Mul", &["c_prev", "f"], &["kept"]),
    ];
    nodes.extend(match config.lstm_form {
        LstmForm::Standard => {
            [node("Add", &["written", "kept"], &["c"]), squash(phi, "c", "shown"), node("Mul", &["shown", "o"], &["h"])]
        }
        LstmForm::Notebook => {
            [node("Add", &["written", "kept"], &["cell"]), squash(phi, "cell", "c"), node("Mul", &["c", "o"], &["h"])]
        }
    });
    nodes
}

/// An activation.
fn squash(activation: Activation, from: &str, to: &str) -> NodeProto {
    let op = match activation {
        Activation::Sigmoid => "Sigmoid",
        Activation::Tanh => "Tanh",
        Activation::Relu => "Relu",
    };
    node(op, &[from], &[to])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Init;
    use std::collections::{BTreeMap, BTreeSet};

    /// Names that a graph's nodes read before anything defines them, and names defined twice.
    fn loose(graph: &GraphProto, outer: &BTreeSet<String>) -> Vec<String> {
        let mut known = outer.clone();
        let mut problems = Vec::new();
        let given =
            graph.input.iter().map(|value| &value.name).chain(graph.initializer.iter().map(|tensor| &tensor.name));
        for name in given.collect::<Vec<_>>() {
            if !known.insert(name.clone()) {
                problems.push(format!("{name} twice"));
            }
        }
        for node in &graph.node {
            problems.extend(node.input.iter().filter(|name| !known.contains(*name)).cloned());
            for body in node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()) {
                problems.extend(loose(body, &known));
            }
            problems.extend(node.output.iter().filter(|name| !known.insert((*name).clone())).cloned());
        }
        problems
            .extend(graph.output.iter().filter(|value| !known.contains(&value.name)).map(|value| value.name.clone()));
        problems
    }

    #[test]
    fn each_graph_defines_what_it_reads_and_holds_the_weights() {
        for cell in Cell::ALL {
            for form in LstmForm::ALL {
                let lstm_form = if cell == Cell::Lstm { form } else { LstmForm::Standard };
                for bias in [true, false] {
                    let config = Config { hidden: 3, bias, lstm_form, ..Config::of(cell) };
                    let saved = Saved { model: Init::Scaled.model(config, 1), notes: BTreeMap::new() };
                    let graph = graph(&saved);
                    assert_eq!(loose(&graph, &BTreeSet::new()), [""; 0], "{config:?}");
                    let blobs = graph.initializer.iter().filter(|tensor| tensor.data_type == messages::FLOAT);
                    let weights: Vec<u8> = blobs.flat_map(|tensor| tensor.raw_data.clone()).collect();
                    let wanted: Vec<u8> = saved.model.params.iter().flat_map(|p| p.to_le_bytes()).collect();
                    assert_eq!(weights, wanted, "{config:?}");
                }
            }
        }
    }
}
