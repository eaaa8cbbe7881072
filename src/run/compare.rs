//! Two trainings side by side: what differs in their configs, their curves and their weights.

use super::checkpoints::Checkpoints;
use super::config::read_config;
use super::curves::Curves;
use super::folder::{CONFIG, MODEL, is_run};
use crate::error::{Error, Result};
use crate::model::{Layout, Model, file, weights_hash};
use crate::train::{Row, text};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A training that was kept in a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedRun {
    /// The folder.
    pub path: PathBuf,
    /// Options of `config.toml`, name to value, as written.
    pub config: BTreeMap<String, String>,
    /// Curves of `metrics.jsonl`.
    pub curves: Curves,
    /// The net: that of `model.safetensors`, or of the last checkpoint.
    pub model: Option<Model<f32>>,
}

impl SavedRun {
    /// Reads a run folder.
    pub fn read(path: &Path) -> Result<Self> {
        if !is_run(path) {
            let problem = format!("no run folder: it has no {CONFIG}; `carrylane train --out DIR` makes one");
            return Err(Error::data(path, problem));
        }
        let config =
            read_config(&path.join(CONFIG))?.iter().map(|(name, value)| (name.to_owned(), text(value))).collect();
        let curves = Curves::of(path)?;
        let saved = path.join(MODEL);
        let model = if saved.exists() {
            Some(file::load(&saved)?.model)
        } else {
            match Checkpoints::of(path).latest() {
                Ok((checkpoint, _)) => Some(checkpoint.model()),
                Err(Error::Data { .. }) => None,
                Err(error) => return Err(error),
            }
        };
        Ok(Self { path: path.to_owned(), config, curves, model })
    }
}

/// What differs between two trainings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Options that differ: name and both values; `none` where there is none.
    pub config: Vec<(String, String, String)>,
    /// The first row that differs, and how both curves end.
    pub curve: Option<CurveDifference>,
    /// Rows that both have.
    pub rows: usize,
    /// Differing tensors, if both nets have one shape.
    pub weights: Vec<TensorDifference>,
    /// Hash of each net.
    pub weights_hash: [Option<String>; 2],
}

/// How two curves differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CurveDifference {
    /// The first update that differs.
    pub first_update: u64,
    /// The quantity that differs there.
    pub what: &'static str,
    /// The two values there.
    pub values: [f64; 2],
    /// Updates of the last row of each.
    pub last_update: [u64; 2],
    /// Loss at the last row of each.
    pub last_loss: [f64; 2],
    /// Update at which each ended, if it has.
    pub ended_update: [Option<u64>; 2],
}

/// How far a tensor is from another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TensorDifference {
    /// Name of the tensor.
    pub tensor: &'static str,
    /// Weights that differ in some bit.
    pub differing: usize,
    /// Weights in all.
    pub total: usize,
    /// The largest difference.
    pub max_difference: f64,
    /// Index of the largest difference.
    pub index: usize,
    /// Norm of the difference over the norm of the first.
    pub relative: f64,
}

impl Comparison {
    /// Whether nothing differs.
    pub fn same(&self) -> bool {
        let [a, b] = &self.weights_hash;
        self.config.is_empty() && self.curve.is_none() && a == b
    }
}

/// Compares two trainings. Times are not compared.
pub fn compare(a: &SavedRun, b: &SavedRun) -> Comparison {
    let names: BTreeSet<&String> = a.config.keys().chain(b.config.keys()).collect();
    let value = |of: &SavedRun, name: &String| of.config.get(name).cloned().unwrap_or_else(|| "none".into());
    let config = names.into_iter().map(|name| (name.clone(), value(a, name), value(b, name)));
    let weights = match (&a.model, &b.model) {
        (Some(a), Some(b)) => tensors(a, b),
        _ => Vec::new(),
    };
    let hash = |of: &SavedRun| of.model.as_ref().map(|model| weights_hash(&model.config, &model.params));
    Comparison {
        config: config.filter(|(_, here, there)| here != there).collect(),
        curve: curves(&a.curves, &b.curves),
        rows: a.curves.rows.len().min(b.curves.rows.len()),
        weights,
        weights_hash: [hash(a), hash(b)],
    }
}

/// Where two curves part; `None` if they do not.
fn curves(a: &Curves, b: &Curves) -> Option<CurveDifference> {
    let ended_update = [a, b].map(|curves| curves.end.as_ref().map(|end| end.update));
    let (a, b) = (&a.rows[..], &b.rows[..]);
    let parted =
        a.iter().zip(b).find_map(|(a, b)| other(a, b).map(|(what, values)| (a.update.min(b.update), what, values)));
    let (first_update, what, values) = parted.or_else(|| {
        let longer = if a.len() > b.len() { a } else { b };
        let row = longer.get(a.len().min(b.len()))?;
        Some((row.update, "length", [a.len() as f64, b.len() as f64]))
    })?;
    let last = |rows: &[Row]| rows.last().map_or((0, f64::NAN), |row| (row.update, row.loss));
    let (a, b) = (last(a), last(b));
    Some(CurveDifference { first_update, what, values, last_update: [a.0, b.0], last_loss: [a.1, b.1], ended_update })
}

/// What differs in two rows, but for times.
fn other(a: &Row, b: &Row) -> Option<(&'static str, [f64; 2])> {
    let values = |row: &Row| {
        let counts = [("update", row.update as f64), ("samples", row.samples as f64)];
        let places = row.bit_error_by_position.iter().map(|&error| ("bit error by position", error));
        let probe = [("exact rate", row.exact_rate)].into_iter().chain(places);
        counts.into_iter().chain(row.values()).chain(probe).collect::<Vec<_>>()
    };
    let mut pairs = values(a).into_iter().zip(values(b));
    pairs.find_map(|((what, a), (_, b))| (a != b).then_some((what, [a, b])))
}

/// Tensors that differ, of nets of one shape.
fn tensors(a: &Model<f32>, b: &Model<f32>) -> Vec<TensorDifference> {
    let layout = Layout::of(&a.config);
    if layout != Layout::of(&b.config) {
        return Vec::new();
    }
    let each = layout.tensors().iter().map(|tensor| {
        let (a, b) = (&a.params[tensor.range()], &b.params[tensor.range()]);
        let difference = |index: usize| f64::from(a[index]) - f64::from(b[index]);
        let index = (0..a.len()).max_by(|&i, &j| difference(i).abs().total_cmp(&difference(j).abs())).unwrap_or(0);
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
        let whole = norm(&mut a.iter().map(|&x| f64::from(x)));
        TensorDifference {
            tensor: tensor.name,
            differing: a.iter().zip(b).filter(|(a, b)| a.to_bits() != b.to_bits()).count(),
            total: a.len(),
            max_difference: difference(index).abs(),
            index,
            relative: norm(&mut (0..a.len()).map(difference)) / whole.max(f64::MIN_POSITIVE),
        }
    });
    each.filter(|tensor| tensor.differing > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Config, Init};

    fn saved() -> SavedRun {
        let config = BTreeMap::from([("lr".to_owned(), "0.03".to_owned()), ("seed".to_owned(), "0".to_owned())]);
        let model = Init::Scaled.model(Config { hidden: 3, ..Config::default() }, 1);
        SavedRun { path: "x".into(), config, curves: Curves::default(), model: Some(model) }
    }

    #[test]
    fn what_differs_is_named_and_what_does_not_is_not() {
        let a = saved();
        assert!(compare(&a, &a).same(), "{:?}", compare(&a, &a));
        let mut b = saved();
        b.config.insert("lr".into(), "0.1".into());
        b.config.remove("seed");
        // The six weights of w_ih come first.
        let model = b.model.as_mut().expect("it has one");
        model.params[6 + 4] += 0.5;
        let found = compare(&a, &b);
        let text = |name: &str, a: &str, b: &str| (name.to_owned(), a.to_owned(), b.to_owned());
        assert_eq!(found.config, [text("lr", "0.03", "0.1"), text("seed", "0", "none")]);
        assert_eq!(found.weights.len(), 1, "{:?}", found.weights);
        let tensor = &found.weights[0];
        assert_eq!((tensor.tensor, tensor.differing, tensor.total, tensor.index), ("w_hh", 1, 9, 4));
        assert!((tensor.max_difference - 0.5).abs() < 1e-6 && tensor.relative > 0.0, "{tensor:?}");
        assert!(!found.same(), "{found:?}");
    }
}
