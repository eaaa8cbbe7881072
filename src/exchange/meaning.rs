//! The net that some weights make, by what the file, a person and the shapes say.

use crate::files;
use crate::model::{Activation, Cell, Config, Layout, Loss, LstmForm, MAX_HIDDEN, Model};
use crate::task::whole::wanted;
use std::fmt::Display;

/// What a person says about a net, where its file is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// The recurrent cell [default: LSTM for four gates, Elman for none].
    pub cell: Option<Cell>,
    /// What an LSTM keeps [default: standard, as in PyTorch].
    pub lstm_form: Option<LstmForm>,
    /// φ of the hidden units [default: tanh, as in PyTorch].
    pub activation: Option<Activation>,
    /// ψ of the output unit [default: sigmoid].
    pub output: Option<Activation>,
    /// What is minimised [default: half squared errors].
    pub loss: Option<Loss>,
}

/// An array of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Array {
    /// Sizes, the fastest one last.
    pub(super) shape: Vec<usize>,
    /// Elements.
    pub(super) values: Vec<f32>,
}

impl Array {
    /// The transpose `[cols, rows]` of a matrix `[rows, cols]`.
    pub(super) fn transposed(&self) -> Self {
        let &[rows, cols] = &self.shape[..] else { return self.clone() };
        let values = (0..cols).flat_map(|col| (0..rows).map(move |row| self.values[row * cols + col])).collect();
        Self { shape: vec![cols, rows], values }
    }
}

/// The arrays of a net, in the shapes of [`Layout`]. Biases may be missing.
#[derive(Debug, Clone)]
pub(super) struct Arrays {
    pub(super) w_ih: Array,
    pub(super) w_hh: Array,
    pub(super) b_h: Option<Array>,
    pub(super) w_ho: Array,
    pub(super) b_o: Option<Array>,
}

impl Arrays {
    /// Arrays by their names in [`Layout`].
    pub(super) fn named(&mut self) -> [(&'static str, Option<&mut Array>); 5] {
        let Self { w_ih, w_hh, b_h, w_ho, b_o } = self;
        [("w_ih", Some(w_ih)), ("w_hh", Some(w_hh)), ("b_h", b_h.as_mut()), ("w_ho", Some(w_ho)), ("b_o", b_o.as_mut())]
    }

    /// The net's config, if the shapes make one net, whatever the values.
    pub(super) fn judged(&mut self, stored: Option<Config>, said: &ImportOptions) -> Result<Config, String> {
        let config = self.config(stored, said)?;
        let layout = Layout::of(&config);
        for (name, array) in self.named() {
            let (Some(tensor), Some(array)) = (layout.get(name), array) else { continue };
            let wanted = if name.starts_with('b') { vec![tensor.cols] } else { vec![tensor.rows, tensor.cols] };
            if array.shape != wanted {
                let found = &array.shape;
                return Err(format!("{name} has the shape {found:?}, a net of its w_hh wants {wanted:?}"));
            }
        }
        Ok(config)
    }

    /// The net of these arrays, after [`Arrays::judged`] found this config.
    pub(super) fn model(mut self, config: Config) -> Result<Model<f32>, String> {
        let layout = Layout::of(&config);
        let mut params = Vec::with_capacity(layout.len());
        for (name, array) in self.named() {
            let Some(tensor) = layout.get(name) else { continue };
            match array {
                // The file has one of two biases: the other one is zero.
                None => params.resize(params.len() + tensor.len(), 0.0),
                Some(array) => {
                    if let Some(place) = array.values.iter().position(|value| !value.is_finite()) {
                        return Err(format!("weight {place} of {name} is {}", array.values[place]));
                    }
                    params.append(&mut array.values);
                }
            }
        }
        Ok(Model { config, params })
    }

    /// The net's config: what is stored, or what the shapes and the person say.
    fn config(&self, stored: Option<Config>, said: &ImportOptions) -> Result<Config, String> {
        let (hidden, gates) = match self.w_hh.shape[..] {
            [hidden, wide] if (1..=MAX_HIDDEN).contains(&hidden) && wide % hidden == 0 => (hidden, wide / hidden),
            [hidden, _] if hidden > MAX_HIDDEN => {
                return Err(format!("it has {hidden} hidden units, {}", wanted(&(1..=MAX_HIDDEN as u64))));
            }
            _ => {
                let shape = &self.w_hh.shape;
                return Err(format!(
                    "its recurrent weights have the shape {shape:?}, want [H, H], or [H, 4 H] for an LSTM"
                ));
            }
        };
        let bias = self.b_h.is_some() || self.b_o.is_some();
        let guess = match gates {
            1 => Config { activation: Activation::Tanh, ..Config::of(Cell::Elman) },
            4 => Config::of(Cell::Lstm),
            3 => {
                return Err(
                    "it has three gates for each hidden unit, which is a GRU; want one, or four for an LSTM".into()
                );
            }
            _ => return Err(format!("it has {gates} gates for each hidden unit, want 1, or 4 for an LSTM")),
        };
        let mut config = stored.unwrap_or(Config { hidden, bias, ..guess });
        let known = stored.is_some();
        agree("cell", &mut config.cell, said.cell, known)?;
        agree("lstm-form", &mut config.lstm_form, said.lstm_form, known)?;
        agree("activation", &mut config.activation, said.activation, known)?;
        agree("output-activation", &mut config.output, said.output, known)?;
        agree("loss", &mut config.loss, said.loss, known)?;
        if config.cell.gates() != gates {
            let (cell, wanted) = (config.cell, config.cell.gates());
            return Err(format!("it has {gates} gates for each hidden unit, the {cell} cell has {wanted}"));
        }
        if (config.hidden, config.bias) != (hidden, bias) {
            let with = |bias| if bias { "with" } else { "without" };
            let (found, wanted) = (with(bias), with(config.bias));
            let problem =
                format!("it holds {hidden} hidden units {found} biases, its config says {} {wanted}", config.hidden);
            return Err(problem);
        }
        config.checked().map_err(|error| error.to_string())
    }
}

/// Takes what was said, unless the file says otherwise.
fn agree<T: PartialEq + Copy + Display>(name: &str, own: &mut T, said: Option<T>, known: bool) -> Result<(), String> {
    match said {
        Some(said) if known && said != *own => {
            Err(format!("the file says its {name} is {own}, --{name} asks for {said}: leave --{name} out"))
        }
        Some(said) => {
            *own = said;
            Ok(())
        }
        None => Ok(()),
    }
}

/// A stored config, parsed and checked.
pub(super) fn config_of(json: &[u8]) -> Result<Config, String> {
    let config: Config = files::json(json).map_err(|e| format!("its config does not parse: {e}"))?;
    config.checked().map_err(|e| format!("its config is impossible: {e}"))
}
