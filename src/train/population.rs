//! Many trainings side by side, a net to a lane.
//!
//! What a training comes to is a function of its settings alone: lanes never mix, each net draws
//! its own minibatches, and a lane takes the next training the moment its own ends. A [`Trainer`]
//! with [`EngineKind::Population`] gives the same bits alone.

use super::check::Check;
use super::engine::{Engine, EngineKind};
use super::event::{Event, Outcome, Report};
use super::fault::lane_norms;
use super::metrics::has_row;
use super::optimizer::{LaneOptimizer, Rule};
use super::settings::{Settings, Source, Until};
use super::trainer::{CLEAN, Trainer};
use crate::error::{Error, Result};
use crate::kernel::{Population, Sgd, SimdLevel, Tallies, dispatch};
use crate::model::{Config, Tally};
use crate::task::LaneBits;
use crate::task::lanes::{DataKeys, LANES, PerLane};
use std::time::Instant;

/// What is told of a training of a population.
#[derive(Debug)]
pub enum PopulationEvent<'a> {
    /// Something happened. Updates are told where a curve has a row, see [`has_row`].
    Event(Event),
    /// It is over.
    Ended(&'a mut Trainer, Report),
}

/// Trains many nets side by side, each to the end its settings name, and tells of each by its
/// number.
///
/// All have one [shape](Settings::lanes); seeds, rates and ends are their own. The next training is
/// asked for when there is a lane for it.
///
/// ```
/// use carrylane::train::{EngineKind, Outcome, Rule, Settings, PopulationEvent, Trainer, Until, population};
///
/// let online = Settings { engine: EngineKind::Population, batch: 1, bits: 4, rule: Rule::Sgd { lr: 0.5 }, ..Settings::default() };
/// let until = Until::Solved { budget: 50_000 };
/// let trainings = (0..40).map(|seed| Trainer::new(Settings { seed, until, ..online.clone() }));
/// let mut solved = 0;
/// population(trainings, |_net, told| {
///     if let PopulationEvent::Ended(_trainer, report) = told {
///         solved += usize::from(report.outcome == Outcome::Solved);
///     }
/// })?;
/// assert!(solved > 30);
/// # Ok::<(), carrylane::Error>(())
/// ```
///
/// # Errors
/// Those of the trainings given, and [`Error::Usage`] for one that shares no lanes with the first,
/// or has made updates.
pub fn population(
    trainings: impl IntoIterator<Item = Result<Trainer>>,
    mut on: impl FnMut(usize, PopulationEvent<'_>),
) -> Result<()> {
    let mut trainings = trainings.into_iter().fuse();
    let Some(first) = trainings.next().transpose()? else { return Ok(()) };
    let mut group = Group::new(&first)?;
    let mut next = (0..).zip(std::iter::once(Ok(first)).chain(trainings));
    loop {
        for lane in 0..LANES {
            if group.lanes[lane].is_none()
                && let Some((number, trainer)) = next.next()
            {
                group.begin(lane, number, trainer?)?;
            }
        }
        if group.lanes.iter().all(Option::is_none) {
            return Ok(());
        }
        group.round(&mut on)?;
    }
}

/// What trainings that share the lanes of a population have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LaneShape {
    config: Config,
    bits: usize,
    batch: usize,
    level: SimdLevel,
    adam: bool,
    clipped: bool,
}

impl Settings {
    /// The shape of populations that it can be part of: with the population engine, on new
    /// additions, and with an end that is no time and no proof.
    pub fn lanes(&self) -> Option<LaneShape> {
        let &Self { config, bits, batch, level, engine, source, until, .. } = self;
        let timed = matches!(until, Until::Time(_) | Until::Proved { .. });
        let fits = engine == EngineKind::Population && source == Source::Stream && !timed;
        let (adam, clipped) = (matches!(self.rule, Rule::Adam { .. }), self.clip_norm.is_some());
        fits.then_some(LaneShape { config, bits, batch, level, adam, clipped })
    }

    /// The engine for thousands of such trainings, whatever engine they name: populations where
    /// they have at least twice the rate of nets one by one, by measurement. A smaller gain is
    /// lost again on long trainings, whose neighbours end before them.
    pub fn engine_of_many(&self) -> EngineKind {
        let population = Self { engine: EngineKind::Population, ..self.clone() };
        let small = self.batch * self.config.hidden.max(8) <= LANE_STATES;
        if small && population.lanes().is_some() { EngineKind::Population } else { EngineKind::Fused }
    }
}

/// The most hidden units in all additions of a minibatch, of which a net has 8 at least, with which
/// a sweep trains nets side by side.
pub const LANE_STATES: usize = 128;

/// Most updates between two looks at the lanes.
const ROUND: u64 = 64;

/// Nets that learn side by side without end, to be timed.
#[derive(Debug)]
pub struct TimedPopulation(Vec<Group>);

impl TimedPopulation {
    /// So many nets of some settings, of seeds that follow each other.
    ///
    /// # Errors
    /// Those of [`Trainer::new`] and [`population`].
    pub fn new(settings: &Settings, nets: usize) -> Result<Self> {
        let one = |net: usize| {
            let (seed, until) = (settings.seed + net as u64, Until::Updates(u64::MAX >> 11));
            Trainer::new(Settings { seed, until, engine: EngineKind::Population, ..settings.clone() })
        };
        let group = |first: usize| {
            let mut group = Group::new(&one(first)?)?;
            (first..nets.min(first + LANES)).try_for_each(|net| group.begin(net - first, net, one(net)?))?;
            Ok(group)
        };
        Ok(Self((0..nets).step_by(LANES).map(group).collect::<Result<_>>()?))
    }

    /// Some updates of all nets. Returns the additions they learned from.
    pub fn learn(&mut self) -> u64 {
        self.0
            .iter_mut()
            .map(|group| {
                group.learn(ROUND);
                ROUND * group.settings.batch as u64 * group.lanes.iter().flatten().count() as u64
            })
            .sum()
    }

    /// What the last minibatch of the first net counted.
    pub fn tally(&self) -> Tally {
        self.0[0].nets.tallies().of(0)
    }
}

/// Nets that learn side by side.
#[derive(Debug)]
struct Group {
    settings: Settings,
    shape: LaneShape,
    /// What finished nets are tried with, one after the other.
    engine: Engine<f32>,
    nets: Population<f32>,
    optimizer: LaneOptimizer,
    additions: LaneBits,
    data: DataKeys,
    updates: PerLane<u64>,
    /// Additions in a row without a wrong bit; of an empty lane anything.
    clean: PerLane<u64>,
    tallies: Vec<Tallies>,
    lanes: PerLane<Option<LaneTraining>>,
}

/// A training in its lane.
#[derive(Debug)]
struct LaneTraining {
    number: usize,
    trainer: Box<Trainer>,
    check: Check,
}

impl Group {
    /// Empty lanes for trainings like one.
    fn new(like: &Trainer) -> Result<Self> {
        let settings = like.settings().clone();
        let shape = settings.lanes().ok_or_else(|| {
            Error::usage(
                "a population draws new additions until a number of updates: want the population engine, no data set, no time and no proof",
            )
        })?;
        let Settings { config, bits, batch, level, rule, .. } = settings;
        Ok(Self {
            shape,
            engine: Engine::new(&config, EngineKind::Population, level, 1)?,
            nets: Population::new(&config, bits, level),
            optimizer: LaneOptimizer::new(rule, like.model().params.len()),
            additions: LaneBits::new(batch, bits),
            data: DataKeys::default(),
            updates: [0; LANES],
            clean: [0; LANES],
            tallies: Vec::new(),
            lanes: [const { None }; LANES],
            settings,
        })
    }

    /// Puts a training into an empty lane.
    fn begin(&mut self, lane: usize, number: usize, trainer: Trainer) -> Result<()> {
        let settings = trainer.settings();
        if settings.lanes().as_ref() != Some(&self.shape) || trainer.updates() > 0 {
            return Err(Error::usage(format!(
                "training {number} of a population has begun, or is of another shape, batch, width, level or kind of rule than the first"
            )));
        }
        let check = Check::of(settings);
        self.nets.set_params(lane, &trainer.model().params);
        self.optimizer.set(lane, &trainer.optimizer);
        self.data.set(lane, settings.seed);
        (self.updates[lane], self.clean[lane]) = (0, 0);
        self.lanes[lane] = Some(LaneTraining { number, trainer: Box::new(trainer), check });
        Ok(())
    }

    /// Some updates of all lanes, up to one that is the last of a lane or calls for its check, and
    /// what is due then.
    fn round(&mut self, on: &mut impl FnMut(usize, PopulationEvent<'_>)) -> Result<()> {
        let start = Instant::now();
        let lanes = self.lanes.iter().zip(&self.updates);
        let left = lanes.filter_map(|(lane, updates)| Some(lane.as_ref()?.trainer.end().0.saturating_sub(*updates)));
        self.learn(left.min().unwrap_or(0).min(ROUND));
        let taken = self.lanes.iter().flatten().count();
        let seconds = start.elapsed().as_secs_f64() / taken.max(1) as f64;
        let finite = self.finite();
        for lane in 0..LANES {
            let Some(mut of_lane) = self.lanes[lane].take() else { continue };
            let LaneTraining { number, trainer, check } = &mut of_lane;
            let mut tell = |event: &Event| on(*number, PopulationEvent::Event(*event));
            if finite[lane] && !self.take_note(lane, trainer, seconds, &mut tell) {
                self.lanes[lane] = Some(of_lane);
                continue;
            }
            // Checks and tests of all lanes share one room, which is warm.
            trainer.swap_engine(&mut self.engine);
            let report = if finite[lane] {
                trainer.run_clock(true);
                let due = trainer.due(check, &mut tell)?;
                trainer.run_clock(false);
                self.clean[lane] = trainer.course().clean;
                due.map(|outcome| trainer.report(check, outcome, &mut tell))
            } else {
                Some(diverged(trainer, &mut tell)?)
            };
            let goes_on = report.is_none();
            if let Some(report) = report {
                self.nets.set_params(lane, &[]);
                on(*number, PopulationEvent::Ended(trainer, report));
            }
            trainer.swap_engine(&mut self.engine);
            self.lanes[lane] = goes_on.then_some(of_lane);
        }
        Ok(())
    }

    /// At most so many updates, until a lane has enough clean additions for a check.
    fn learn(&mut self, updates: u64) {
        let Self { settings, nets, optimizer, additions, data, clean, tallies, lanes, .. } = self;
        let level = settings.level.token().expect("checked when made");
        #[expect(clippy::cast_precision_loss, reason = "a batch is at most 2^24, which an f32 holds exactly")]
        let scale = 1.0 / settings.batch as f32;
        let sgd = optimizer.sgd().filter(|_| settings.clip_norm.is_none()).map(|rate| Sgd { rate, scale });
        let checked: PerLane<bool> = std::array::from_fn(|lane| {
            let until = lanes[lane].as_ref().map(|lane| lane.trainer.settings().until);
            matches!(until, Some(Until::Solved { .. }))
        });
        tallies.clear();
        for _ in 0..updates {
            dispatch!(level, simd => additions.fill_uniform(simd, data, &self.updates));
            nets.gradient(additions, sgd.as_ref());
            if sgd.is_none() {
                let mut scales = [scale; LANES];
                if settings.clip_norm.is_some() {
                    let norms = dispatch!(level, _ => lane_norms(nets));
                    for ((lane, norm), to) in lanes.iter().zip(norms).zip(&mut scales) {
                        if let Some(lane) = lane {
                            *to = lane.trainer.clipped(scale, norm * f64::from(scale));
                        }
                    }
                }
                dispatch!(level, _ => optimizer.update(nets, &scales));
            }
            tallies.push(*nets.tallies());
            let mut due = false;
            for lane in 0..LANES {
                self.updates[lane] += 1;
                let right = nets.tallies().wrong_samples()[lane] == 0.0;
                clean[lane] = if right { clean[lane] + settings.batch as u64 } else { 0 };
                due |= checked[lane] & (clean[lane] >= CLEAN);
            }
            if due {
                break;
            }
        }
    }

    /// Lanes in which all numbers are finite, up to now: what is not stays so, in weights, moments
    /// and sums of losses.
    fn finite(&mut self) -> PerLane<bool> {
        let mut finite = self.optimizer.finite();
        self.nets.each(|_, weights, _| finite.iter_mut().zip(weights).for_each(|(finite, w)| *finite &= w.is_finite()));
        for (lane, finite) in finite.iter_mut().enumerate() {
            *finite &= self.tallies.iter().map(|tallies| tallies.of(lane).loss).sum::<f64>().is_finite();
        }
        finite
    }

    /// Brings a lane's trainer to where the lane is, and tells its updates. Returns whether a check
    /// or the end is due; only then the trainer gets the net.
    fn take_note(&self, lane: usize, trainer: &mut Trainer, seconds: f64, tell: &mut impl FnMut(&Event)) -> bool {
        let (batch, before, updates) = (self.settings.batch as u64, trainer.updates(), self.updates[lane]);
        let due = self.clean[lane] >= CLEAN || updates >= trainer.end().0 || trainer.stopped();
        let (params, optimizer, course) = trainer.parts_mut(seconds);
        (course.updates, course.samples, course.clean) = (updates, updates * batch, self.clean[lane]);
        if due {
            self.nets.params(lane, params);
            self.optimizer.get(lane, optimizer);
        }
        for (update, tallies) in (before + 1..).zip(&self.tallies).filter(|(update, _)| has_row(*update)) {
            let tally = tallies.of(lane);
            let (loss, bit_error) = trainer.means(tally.loss, tally.wrong_bits, batch);
            let seconds = trainer.seconds();
            tell(&Event::Update { update, samples: update * batch, loss, bit_error, seconds });
        }
        due
    }
}

/// Repeats a training that has diverged alone, where each step is looked at; tells what was not
/// told before.
#[cold]
fn diverged(trainer: &mut Trainer, tell: &mut impl FnMut(&Event)) -> Result<Report> {
    let told = trainer.updates();
    let mut again = Trainer::new(trainer.settings().clone())?;
    again.stop.clone_from(&trainer.stop);
    let report = again.run(&mut |event: &Event| {
        if let Event::Update { update, .. } | Event::Check { update, .. } = *event
            && update > told
            && (has_row(update) || matches!(event, Event::Check { .. }))
        {
            tell(event);
        }
    })?;
    debug_assert!(matches!(report.outcome, Outcome::Diverged | Outcome::Stopped), "{report:?}");
    *trainer = again;
    Ok(report)
}
