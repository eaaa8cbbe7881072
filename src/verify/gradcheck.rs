//! The chain of checks, over a grid of nets and sizes.

use super::compare::{Against, Comparison, Expected, Precision, tolerance};
use super::differences;
use crate::error::Result;
use crate::kernel::{Float, SimdLevel};
use crate::model::{Cell, Config, Init, Model};
use crate::reference::{self, Real};
use crate::task::Minibatch;
use crate::task::rng::{Purpose, stream};
use crate::train::{Engine, EngineKind};

/// What is checked: every config with every width, every batch and every level.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Nets.
    pub configs: Vec<Config>,
    /// Widths in bits.
    pub bits: Vec<usize>,
    /// Additions in a minibatch.
    pub batches: Vec<usize>,
    /// Levels of the fused engine.
    pub levels: Vec<SimdLevel>,
    /// Key of the random nets and additions.
    pub seed: u64,
}

impl Grid {
    /// Hidden sizes below, at and above each tile, that the default grid covers.
    pub const HIDDEN: [usize; 8] = [1, 2, 3, 8, 16, 17, 64, 100];
    /// Widths that the default grid covers.
    pub const BITS: [usize; 5] = [1, 2, 8, 33, 64];
    /// Batches that the default grid covers: below, at and above a word.
    pub const BATCHES: [usize; 5] = [1, 63, 64, 65, 256];
}

impl Default for Grid {
    fn default() -> Self {
        Self {
            configs: Self::HIDDEN.map(|hidden| Config { hidden, ..Config::default() }).into(),
            bits: Self::BITS.into(),
            batches: Self::BATCHES.into(),
            levels: SimdLevel::available(),
            seed: 0,
        }
    }
}

/// What the checks came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GradcheckSummary {
    /// Comparisons made.
    pub comparisons: usize,
    /// Comparisons above their tolerance.
    pub failed: usize,
    /// Totals for each engine, level, precision and what it was compared with.
    pub groups: Vec<GradcheckGroup>,
}

/// Comparisons of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct GradcheckGroup {
    /// Engine, level, precision and what it was compared with.
    pub kind: [String; 4],
    /// Comparisons made.
    pub comparisons: usize,
    /// Comparisons above their tolerance.
    pub failed: usize,
    /// The comparison closest to its tolerance, or furthest beyond.
    pub worst: Comparison,
}

impl GradcheckSummary {
    fn add(&mut self, found: &Comparison) {
        let failed = usize::from(!found.ok());
        self.comparisons += 1;
        self.failed += failed;
        let level = found.level.map_or_else(|| "–".into(), |level| level.to_string());
        let kind = [found.engine.to_string(), level, found.precision.to_string(), found.against.to_string()];
        let Some(group) = self.groups.iter_mut().find(|group| group.kind == kind) else {
            self.groups.push(GradcheckGroup { kind, comparisons: 1, failed, worst: found.clone() });
            return;
        };
        group.comparisons += 1;
        group.failed += failed;
        let severity = |c: &Comparison| c.max_relative_error / c.tolerance;
        if severity(found).total_cmp(&severity(&group.worst)).is_gt() {
            group.worst = found.clone();
        }
    }
}

/// Tolerance of the reference against central differences: the rounding of a quotient in `f64`.
const DIFFERENCES: f64 = 1e-6;

/// Runs every check of the grid, and calls `on` with each.
///
/// # Errors
/// [`Error::Usage`](crate::Error::Usage) for a config that is not consistent, a size of 0, or a
/// level the machine lacks.
pub fn gradcheck(grid: &Grid, mut on: impl FnMut(&Comparison)) -> Result<GradcheckSummary> {
    let mut summary = GradcheckSummary::default();
    for &config in &grid.configs {
        let config = config.checked()?;
        for &bits in &grid.bits {
            for &batch in &grid.batches {
                case(grid, config, bits, batch, &mut |comparison| {
                    summary.add(comparison);
                    on(comparison);
                })?;
            }
        }
    }
    Ok(summary)
}

/// One net and one minibatch through the whole chain.
fn case(grid: &Grid, config: Config, bits: usize, batch: usize, on: &mut dyn FnMut(&Comparison)) -> Result<()> {
    // Parameters that are exact in f32, so that both precisions check the same net.
    let narrow = random_net(config, grid.seed);
    let model: Model<f64> = narrow.cast();
    let mut additions = Minibatch::new(batch, bits);
    additions.fill_uniform(&mut stream(grid.seed, Purpose::Gradcheck, 0));
    let base = Comparison {
        config,
        against: Against::Reference,
        precision: Precision::F64,
        level: None,
        engine: EngineKind::Reference,
        bits,
        batch,
        max_relative_error: 0.0,
        tolerance: DIFFERENCES,
        worst: None,
    };

    let (max_relative_error, worst, batch) = differences::check(&model, &additions, grid.seed);
    on(&Comparison { against: Against::Differences, batch, max_relative_error, worst, ..base.clone() });

    let mut expected = Expected::new(model.layout());
    let all = 0..additions.samples();
    reference::contributions(&config, &model.params, &additions, all, |index, part| expected.add(index, part));
    expected.finish();
    let own = grid.levels.iter().map(|&level| (EngineKind::Fused, level));
    let others = [EngineKind::Blas, EngineKind::Population].into_iter();
    let others = others.filter_map(|engine| Some((engine, *grid.levels.last()?)));
    for (engine, level) in own.chain(others) {
        let base = Comparison { engine, level: Some(level), ..base.clone() };
        on(&against_reference(&base, &model, &additions, &expected, Precision::F64)?);
        on(&against_reference(&base, &narrow, &additions, &expected, Precision::F32)?);
    }
    Ok(())
}

/// A random net that is not chaotic: rounding that grows from step to step would hide all other
/// errors. The dynamic cell scales its state by up to e^√2 a step, so its recurrent weights are
/// smaller by that.
fn random_net(config: Config, seed: u64) -> Model<f32> {
    let mut model: Model<f32> = Init::Scaled.model(config, seed);
    if config.cell == Cell::Dynamic
        && let Some(w_hh) = model.layout().get("w_hh")
    {
        model.params[w_hh.range()].iter_mut().for_each(|w| *w /= std::f32::consts::SQRT_2.exp());
    }
    model
}

/// One engine's gradient against the reference's.
fn against_reference<F: Float + Real>(
    base: &Comparison,
    model: &Model<F>,
    additions: &Minibatch,
    expected: &Expected,
    precision: Precision,
) -> Result<Comparison> {
    let level = base.level.expect("an engine has a level");
    let mut engine = Engine::<F>::new(&base.config, base.engine, level, 1)?;
    let mut grad = vec![F::zero(); model.params.len()];
    engine.set_params(&model.params);
    engine.gradient(additions, &mut grad);
    let found: Vec<f64> = grad.iter().map(|g| g.to_f64().unwrap_or(f64::NAN)).collect();
    let (max_relative_error, worst) = expected.error_of(&found);
    let epsilon = F::epsilon().to_f64().expect("a small number");
    let tolerance = tolerance(epsilon, base.config.hidden, base.bits, base.batch);
    Ok(Comparison { precision, max_relative_error, tolerance, worst, ..base.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Activation, Loss, LstmForm};

    #[test]
    fn every_level_of_this_machine_passes_a_small_grid() {
        let levels = SimdLevel::available();
        let names: Vec<String> = levels.iter().map(SimdLevel::to_string).collect();
        // A machine that is meant to have more levels says so: REQUIRE_LEVELS=avx2,avx512.
        for wanted in std::env::var("REQUIRE_LEVELS").unwrap_or_default().split(',').filter(|name| !name.is_empty()) {
            assert!(
                names.iter().any(|name| name == wanted),
                "REQUIRE_LEVELS wants {wanted}, this machine has {names:?}"
            );
        }
        let mut configs: Vec<Config> = [1, 5, 16, 17].map(|hidden| Config { hidden, ..Config::default() }).into();
        for cell in Cell::ALL {
            configs.extend([1, 7].map(|hidden| Config { hidden, ..Config::of(cell) }));
            configs.extend(Activation::ALL.map(|activation| Config {
                hidden: 5,
                activation,
                bias: false,
                ..Config::of(cell)
            }));
            configs.extend(Activation::ALL.map(|output| Config { hidden: 5, output, ..Config::of(cell) }));
            configs.push(Config { hidden: 6, loss: Loss::CrossEntropy, ..Config::of(cell) });
        }
        configs.extend([3, 8].map(|hidden| Config { hidden, lstm_form: LstmForm::Notebook, ..Config::of(Cell::Lstm) }));
        let nets = configs.len();
        let grid = Grid { configs, bits: vec![1, 3, 8, 20], batches: vec![1, 63, 65], ..Grid::default() };
        let mut failures = Vec::new();
        let summary = gradcheck(&grid, |c| {
            if !c.ok() {
                failures.push(format!("{c:?}"));
            }
        })
        .expect("a fine grid");
        assert!(failures.is_empty(), "levels {names:?}\n{}", failures.join("\n"));
        assert_eq!(summary.comparisons, nets * 4 * 3 * (1 + 2 * (levels.len() + 2)), "every check was made");
    }
}
