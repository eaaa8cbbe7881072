//! A net as an ONNX graph, operator set 17: input `x` `[batch, bits, 2]`, the bits of a and b,
//! least significant first; output `y` `[batch, bits]`, a bit being 1 where it is above ½.
//!
//! Every cell is one `Scan` over the steps. Its body is the cell's equation in plain operators; its
//! states are h, an LSTM's c and the dynamic cell's last input. ONNX's own `RNN` and `LSTM` have
//! neither the dynamic cell nor the notebook's LSTM.

mod messages;

use crate::model::file::Saved;
use crate::model::{Activation, Cell, Config, LstmForm, Tensor};
use crate::protobuf::Message;
use messages::Size::{Free, Of};
use messages::{FLOAT, INT64, graph, int, node, tensor, value};

/// Version of ONNX's file format, and of the operators.
const IR_VERSION: i64 = 8;
const OPERATORS: i64 = 17;

/// The bytes of a file.
pub(super) fn to_bytes(saved: &Saved) -> Vec<u8> {
    let config = serde_json::to_string(&saved.model.config).expect("a config has a JSON form");
    let properties = [("carrylane.config".to_owned(), config)].into_iter().chain(saved.notes.clone());
    let property = |(key, value): (String, String)| Message::default().bytes(1, key).bytes(2, value);
    let head = Message::default().int(1, IR_VERSION).bytes(2, "carrylane").bytes(3, env!("CARGO_PKG_VERSION"));
    let model = head.bytes(7, whole(saved)).bytes(8, Message::default().int(2, OPERATORS));
    model.all(14, properties.map(property)).0
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
fn whole(saved: &Saved) -> Message {
    let (config, layout) = (&saved.model.config, saved.model.layout());
    let mut constants = Vec::new();
    for weights in layout.tensors() {
        let &Tensor { name, rows, cols, .. } = weights;
        // The output weights as a vector, so that a step's outputs are one too.
        let shape = if matches!(name, "w_ih" | "w_hh") { vec![rows, cols] } else { vec![weights.len()] };
        let bytes: Vec<u8> = saved.model.params[weights.range()].iter().flat_map(|w| w.to_le_bytes()).collect();
        constants.push(tensor(name, &shape, FLOAT, bytes));
    }
    let states = states(config);
    let mut nodes = vec![node("Shape", &["x"], &["samples"]).with_int("start", 0).with_int("end", 1)];
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    for &(before, width, _) in &states {
        let [size, shape, zeros, last] = ["size", "shape", "zeros", "last"].map(|word| format!("{word}_{before}"));
        constants.push(tensor(&size, &[1], INT64, int(width).to_le_bytes()));
        nodes.push(node("Concat", &["samples", &size], &[&shape]).with_int("axis", 0));
        nodes.push(node("ConstantOfShape", &[&shape], &[&zeros]));
        inputs.push(zeros);
        outputs.push(last);
    }
    inputs.push("x".into());
    outputs.push("y".into());
    let [inputs, outputs] = [&inputs, &outputs].map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
    let scan = node("Scan", &inputs, &outputs).with_graph("body", &body(config, &states));
    nodes.push(scan.with_int("num_scan_inputs", 1).with_ints("scan_input_axes", 1).with_ints("scan_output_axes", 1));
    let (x, y) = (value("x", &[Free("batch"), Free("bits"), Of(2)]), value("y", &[Free("batch"), Free("bits")]));
    graph("carrylane", &nodes, &constants, &[x], &[y])
}

/// One step: `z = x W_ih + s h_prev W_hh + b_h`, the cell, `y = ψ(h W_ho + b_o)`.
fn body(config: &Config, states: &[State]) -> Message {
    let mut nodes = Vec::new();
    let carried = if config.cell == Cell::Dynamic {
        nodes.push(node("Sub", &["x_t", "x_prev"], &["dx"]));
        nodes.push(node("ReduceL2", &["dx"], &["norm"]).with_ints("axes", 1).with_int("keepdims", 1));
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
    let carried = |name, width| value(name, &[Free("batch"), Of(width)]);
    let mut inputs: Vec<_> = states.iter().map(|&(before, width, _)| carried(before, width)).collect();
    let mut outputs: Vec<_> = states.iter().map(|&(_, width, after)| carried(after, width)).collect();
    inputs.push(carried("x_t", 2));
    outputs.push(value("y_t", &[Free("batch")]));
    graph("step", &nodes, &[], &inputs, &outputs)
}

/// `i, f, o = σ(·)`, `g = φ(·)`, `s = g i + c_prev f`; standard `c = s`, `h = φ(c) o`; notebook
/// `c = φ(s)`, `h = c o`.
fn lstm(config: &Config) -> Vec<Message> {
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
    let [sum, squashed] = match config.lstm_form {
        LstmForm::Standard => ["c", "shown"],
        LstmForm::Notebook => ["cell", "c"],
    };
    nodes.push(node("Add", &["written", "kept"], &[sum]));
    nodes.extend([squash(phi, sum, squashed), node("Mul", &[squashed, "o"], &["h"])]);
    nodes
}

/// An activation.
fn squash(activation: Activation, from: &str, to: &str) -> Message {
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

    /// The fields of a message, read by the rules of the wire format: numbers and values.
    fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
        fn varint(bytes: &mut &[u8]) -> u64 {
            let length = 1 + bytes.iter().position(|byte| byte >> 7 == 0).expect("an end");
            let value = bytes[..length].iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f));
            *bytes = &bytes[length..];
            value
        }
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let number = varint(&mut bytes);
            let value = match key & 7 {
                0 => number.to_le_bytes().to_vec(),
                2 => bytes.split_off(..usize::try_from(number).expect("in memory")).expect("so long").to_vec(),
                other => panic!("a field of type {other}"),
            };
            fields.push((key >> 3, value));
        }
        fields
    }

    /// The values of a field.
    fn all(message: &[u8], field: u64) -> Vec<Vec<u8>> {
        fields(message).into_iter().filter(|(number, _)| *number == field).map(|(_, value)| value).collect()
    }

    /// The names in a field's messages.
    fn names(message: &[u8], field: u64, name: u64) -> Vec<Vec<u8>> {
        all(message, field).iter().flat_map(|message| all(message, name)).collect()
    }

    /// Names that a graph's nodes read before anything defines them, and names defined twice.
    fn loose(graph: &[u8], outer: &BTreeSet<Vec<u8>>) -> Vec<Vec<u8>> {
        let (mut known, mut problems) = (outer.clone(), Vec::new());
        let given = [names(graph, 11, 1), names(graph, 5, 8)].concat();
        problems.extend(given.into_iter().filter(|name| !known.insert(name.clone())));
        for node in all(graph, 1) {
            problems.extend(all(&node, 1).into_iter().filter(|name| !known.contains(name)));
            problems.extend(names(&node, 5, 6).iter().flat_map(|body| loose(body, &known)));
            problems.extend(all(&node, 2).into_iter().filter(|name| !known.insert(name.clone())));
        }
        problems.extend(names(graph, 12, 1).into_iter().filter(|name| !known.contains(name)));
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
                    let graph = all(&to_bytes(&saved), 7).swap_remove(0);
                    assert_eq!(loose(&graph, &BTreeSet::new()), [[0; 0]; 0], "{config:?}");
                    let float = FLOAT.to_le_bytes().to_vec();
                    let blobs = all(&graph, 5).into_iter().filter(|tensor| all(tensor, 2) == [float.clone()]);
                    let weights: Vec<u8> = blobs.flat_map(|tensor| all(&tensor, 9).concat()).collect();
                    let wanted: Vec<u8> = saved.model.params.iter().flat_map(|p| p.to_le_bytes()).collect();
                    assert_eq!(weights, wanted, "{config:?}");
                }
            }
        }
    }
}
