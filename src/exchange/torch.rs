//! Safetensors with PyTorch's names.
//!
//! | tensor | shape | is |
//! |---|---|---|
//! | `rnn.weight_ih_l0` | `[G·H, 2]` | `w_ih` transposed, gates in PyTorch's order i, f, g, o, which is ours |
//! | `rnn.weight_hh_l0` | `[G·H, H]` | `w_hh` transposed |
//! | `rnn.bias_ih_l0`, `rnn.bias_hh_l0` | `[G·H]` | `b_h`, and zero: PyTorch adds two biases where one would do |
//! | `out.weight`, `out.bias` | `[1, H]`, `[1]` | `w_ho` transposed, `b_o` |
//!
//! A file that is read may have any prefixes: the names inside PyTorch's modules tell which is
//! which.

use super::meaning::{Array, Arrays, ImportOptions, config_of};
use crate::files::{self, Size};
use crate::model::MAX_HIDDEN;
use crate::model::file::Saved;
use crate::model::sealed::{self, opened};
use safetensors::tensor::{Dtype, TensorView};
use std::collections::BTreeMap;

/// Metadata keys.
const CONFIG: &str = "carrylane.config";
const NOTES: &str = "carrylane.notes";

/// The bytes of a file.
pub(super) fn to_bytes(saved: &Saved) -> Vec<u8> {
    let (model, layout) = (&saved.model, saved.model.layout());
    let weights = layout.weights(&model.params);
    let (hidden, wide) = (model.config.hidden, model.config.hidden * model.config.cell.gates());
    let matrix = |values: &[f32], rows, cols| Array { shape: vec![rows, cols], values: values.to_vec() }.transposed();
    let vector = |values: &[f32]| Array { shape: vec![values.len()], values: values.to_vec() };
    let mut arrays = vec![
        ("rnn.weight_ih_l0", matrix(weights.w_ih, 2, wide)),
        ("rnn.weight_hh_l0", matrix(weights.w_hh, hidden, wide)),
        ("out.weight", matrix(weights.w_ho, hidden, 1)),
    ];
    if model.config.bias {
        arrays.push(("rnn.bias_ih_l0", vector(weights.b_h)));
        arrays.push(("rnn.bias_hh_l0", vector(&vec![0.0; wide])));
        arrays.push(("out.bias", vector(weights.b_o)));
    }
    let blobs: Vec<(&str, Vec<usize>, Vec<u8>)> = arrays
        .into_iter()
        .map(|(name, array)| (name, array.shape, array.values.iter().flat_map(|value| value.to_le_bytes()).collect()))
        .collect();
    let views = blobs.iter().map(|(name, shape, blob)| {
        (*name, TensorView::new(Dtype::F32, shape.clone(), blob).expect("shape and bytes agree"))
    });
    let json = |value: serde_json::Result<String>| value.expect("it has a JSON form");
    let mut metadata = vec![(CONFIG, json(serde_json::to_string(&model.config))), ("format", "pt".to_owned())];
    if !saved.notes.is_empty() {
        metadata.push((NOTES, json(serde_json::to_string(&saved.notes))));
    }
    let bytes = safetensors::serialize(views, None).expect("names are distinct");
    with_metadata(&bytes, metadata)
}

/// A file with metadata added in order. The crate's own map would reorder it from run to run.
fn with_metadata(bytes: &[u8], metadata: Vec<(&str, String)>) -> Vec<u8> {
    let (length, rest) = bytes.split_first_chunk::<8>().expect("a header's length");
    let length = usize::try_from(u64::from_le_bytes(*length)).expect("a header in memory");
    let (header, data) = rest.split_at(length);
    let header = std::str::from_utf8(header).expect("a header is JSON").trim_end();
    let metadata: BTreeMap<&str, String> = metadata.into_iter().collect();
    let metadata = serde_json::to_string(&metadata).expect("strings have a JSON form");
    let tensors = header.strip_prefix('{').expect("an object");
    let mut header = format!("{{\"__metadata__\":{metadata},{tensors}").into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    [&(header.len() as u64).to_le_bytes()[..], &header, data].concat()
}

/// How far a file is read. Small ones are read whole; larger ones only if one layer of their
/// recurrent weights can be so large.
pub(super) fn size(bytes: &[u8]) -> Result<Size, String> {
    const SMALL: usize = 1 << 20;
    sealed::size(bytes, |header| {
        let tensors = header.tensors();
        let recurrent = tensors.iter().filter(|(name, _)| name.ends_with("weight_hh_l0"));
        let largest = recurrent.filter_map(|(_, info)| match info.shape[..] {
            [wide, hidden] if hidden <= MAX_HIDDEN && wide <= 4 * MAX_HIDDEN => {
                Some(4 * (wide * (2 + hidden + 2) + hidden + 1))
            }
            _ => None,
        });
        let (found, most) = (header.data_len(), largest.max().unwrap_or(0).max(SMALL));
        if found <= most {
            return Ok(());
        }
        Err(format!(
            "its tensors have {found} bytes, a net of its recurrent weights has at most {most}: want one layer in f32"
        ))
    })
}

/// A net from the bytes of a file, or what is wrong with them.
pub(super) fn from_bytes(bytes: &[u8], said: &ImportOptions) -> Result<Saved, String> {
    let (header, tensors) = opened(bytes)?;
    let text = |key| header.metadata().as_ref().and_then(|metadata| metadata.get(key));
    if text("format").is_some_and(|format| format.starts_with("carrylane-model")) {
        return Err("it is a model file of carrylane already; use it as it is".into());
    }
    let config = text(CONFIG).map(|json| config_of(json.as_bytes())).transpose()?;
    let notes = text(NOTES).map(|json| files::json(json.as_bytes())).transpose();
    let notes = notes.map_err(|e| format!("its notes do not parse: {e}"))?.unwrap_or_default();
    let mut arrays = BTreeMap::new();
    for (name, view) in tensors.iter() {
        if view.dtype() != Dtype::F32 {
            let dtype = view.dtype();
            return Err(format!("tensor {name} is {dtype:?}, want F32: save the module after .float()"));
        }
        let (chunks, _) = view.data().as_chunks();
        let values = chunks.iter().map(|&chunk| f32::from_le_bytes(chunk)).collect();
        arrays.insert(name.to_owned(), Array { shape: view.shape().to_vec(), values });
    }
    let mut arrays = recognise(arrays)?;
    let config = arrays.judged(config, said)?;
    Ok(Saved { model: arrays.model(config)?, notes })
}

/// Which array is which, by the names inside `nn.RNN`, `nn.LSTM` and `nn.Linear`.
fn recognise(mut arrays: BTreeMap<String, Array>) -> Result<Arrays, String> {
    const INPUT: &str = "weight_ih_l0";
    let names = arrays.keys().cloned().collect::<Vec<_>>();
    let known = || if names.is_empty() { "no tensor".to_owned() } else { names.join(", ") };
    let mut prefixes = names.iter().filter_map(|name| name.strip_suffix(INPUT));
    let (Some(prefix), None) = (prefixes.next(), prefixes.next()) else {
        return Err(format!("want one tensor named …{INPUT}, as nn.RNN and nn.LSTM have it; it holds {}", known()));
    };
    let mut take = |name: String| arrays.remove(&name);
    let (w_ih, w_hh) = (take(format!("{prefix}{INPUT}")), take(format!("{prefix}weight_hh_l0")));
    let biases = (take(format!("{prefix}bias_ih_l0")), take(format!("{prefix}bias_hh_l0")));
    let out: Vec<String> = arrays.keys().filter_map(|name| Some(name.strip_suffix("weight")?.to_owned())).collect();
    let [out] = &out[..] else {
        return Err(format!("want one layer nn.Linear(H, 1) beside {prefix}{INPUT}; it holds {}", known()));
    };
    let (weight, bias) = (format!("{out}weight"), format!("{out}bias"));
    let (w_ho, b_o) = (arrays.remove(&weight), arrays.remove(&bias));
    if let Some(other) = arrays.keys().next() {
        return Err(format!(
            "it has a tensor {other} besides one layer of {prefix} and one of {out}: want one layer each, one way"
        ));
    }
    let matrix = |array: Option<Array>, name: &str| match array {
        Some(array) if array.shape.len() == 2 => Ok(array.transposed()),
        Some(array) => Err(format!("{name} has the shape {:?}, want a matrix", array.shape)),
        None => Err(format!("tensor {name} is missing")),
    };
    let b_h = match biases {
        (None, None) => None,
        (Some(one), Some(other)) if one.shape == other.shape => {
            // The bias is kept to the bit: −0 + 0 would be 0.
            let sum = |(&one, &other): (&f32, &f32)| if other == 0.0 { one } else { one + other };
            Some(Array { values: one.values.iter().zip(&other.values).map(sum).collect(), shape: one.shape })
        }
        _ => return Err(format!("want {prefix}bias_ih_l0 and {prefix}bias_hh_l0 of the same shape, or none")),
    };
    Ok(Arrays {
        w_ih: matrix(w_ih, INPUT)?,
        w_hh: matrix(w_hh, "weight_hh_l0")?,
        b_h,
        w_ho: matrix(w_ho, &weight)?,
        b_o,
    })
}
