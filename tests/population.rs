//! Nets that learn side by side get the bits that each gets alone.

use carrylane::kernel::{Noise, Population, SimdLevel};
use carrylane::model::{Activation, Cell, Config, Init, LstmForm, Model, weights_hash};
use carrylane::task::lanes::LANES;
use carrylane::task::rng::{Purpose, below, stream};
use carrylane::task::{LaneBits, Minibatch};
use carrylane::train::{
    EngineKind, Event, Outcome, PopulationEvent, Report, Rule, Settings, Trainer, Until, population,
};

/// What a training came to, but for its times.
#[derive(Debug, Clone, PartialEq)]
struct End {
    outcome: Outcome,
    wrong: u64,
    updates: u64,
    samples: u64,
    fault: Option<String>,
    weights: String,
    /// Updates told, with the bits of their loss, and checks.
    told: Vec<(u64, u64)>,
}

impl End {
    fn of(trainer: &Trainer, report: &Report, told: Vec<(u64, u64)>) -> Self {
        let Report { outcome, score, updates, samples, fault, .. } = *report;
        let model = trainer.model();
        let (wrong, fault) = (score.wrong, fault.map(|fault| format!("{} {fault}", fault.update)));
        Self { outcome, wrong, updates, samples, fault, weights: weights_hash(&model.config, &model.params), told }
    }
}

fn note(told: &mut Vec<(u64, u64)>, event: &Event) {
    match *event {
        Event::Update { update, loss, .. } if carrylane::train::has_row(update) => told.push((update, loss.to_bits())),
        Event::Check { update, passed } => told.push((update, passed.into())),
        _ => {}
    }
}

fn alone(settings: &Settings) -> End {
    let mut trainer = Trainer::new(settings.clone()).expect("settings in range");
    let mut told = Vec::new();
    let report = trainer.run(&mut |event: &Event| note(&mut told, event)).expect("a training");
    End::of(&trainer, &report, told)
}

fn side_by_side(all: &[Settings]) -> Vec<End> {
    let (mut ends, mut told) = (vec![None; all.len()], vec![Vec::new(); all.len()]);
    let trainings = all.iter().map(|settings| Trainer::new(settings.clone()));
    population(trainings, |net, what| match what {
        PopulationEvent::Event(event) => note(&mut told[net], &event),
        PopulationEvent::Ended(trainer, report) => {
            ends[net] = Some(End::of(trainer, &report, std::mem::take(&mut told[net])))
        }
    })
    .expect("trainings of one shape");
    ends.into_iter().map(|end| end.expect("every training ends")).collect()
}

/// Trainings of one shape: other seeds, rates and ends.
fn trainings(base: &Settings, count: u64) -> Vec<Settings> {
    let rate = |seed: u64| base.rule.lr() * [1.0, 0.5, 2.0][(seed % 3) as usize];
    let one = |seed: u64| {
        let rule = match base.rule {
            Rule::Sgd { .. } => Rule::Sgd { lr: rate(seed) },
            Rule::Adam { .. } => Rule::adam(rate(seed)),
        };
        let clip_norm = base.clip_norm.map(|norm| norm * rate(seed));
        let until = if seed.is_multiple_of(5) { Until::Updates(1 + 9 * seed) } else { base.until };
        Settings { seed, rule, clip_norm, until, ..base.clone() }
    };
    (0..count).map(one).collect()
}

#[test]
fn a_training_gets_the_same_bits_alone_and_in_any_group_and_order() {
    let base = Settings {
        engine: EngineKind::Population,
        bits: 3,
        until: Until::Solved { budget: 400 },
        config: Config { hidden: 3, ..Config::default() },
        ..Settings::default()
    };
    let with = |cell: Cell, hidden: usize| Config { hidden, ..Config::of(cell) };
    let notebook = Config { lstm_form: LstmForm::Notebook, bias: false, ..with(Cell::Lstm, 2) };
    let sgd = Rule::Sgd { lr: 0.5 };
    let kinds = [
        Settings { batch: 1, rule: sgd, until: Until::Solved { budget: 6000 }, ..base.clone() },
        Settings { batch: 8, rule: sgd, clip_norm: Some(0.1), config: with(Cell::Dynamic, 5), ..base.clone() },
        Settings { batch: 66, rule: Rule::adam(0.05), ..base.clone() },
        Settings { batch: 7, rule: Rule::adam(0.05), config: with(Cell::Lstm, 4), ..base.clone() },
        Settings { batch: 6, rule: Rule::adam(0.05), clip_norm: Some(0.2), config: notebook, ..base },
    ];
    let mut rng = stream(7, Purpose::Eval, 0);
    let mut solved = 0;
    for base in kinds {
        let mut all = trainings(&base, LANES as u64 + 9);
        let wanted: Vec<End> = all.iter().map(alone).collect();
        solved += wanted.iter().filter(|end| end.outcome == Outcome::Solved).count();
        assert_eq!(side_by_side(&all), wanted, "{base:?}");
        // Half of them, in another order, so that lanes and neighbours are others.
        let mut order: Vec<usize> = (0..all.len()).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, usize::try_from(below(&mut rng, i as u64 + 1)).expect("below i"));
        }
        order.truncate(all.len() / 2);
        let some: Vec<End> = order.iter().map(|&i| wanted[i].clone()).collect();
        all = order.iter().map(|&i| all[i].clone()).collect();
        assert_eq!(side_by_side(&all), some, "{order:?} of {base:?}");
    }
    assert!(solved > 10, "only {solved} solved: checks were hardly tried");
}

#[test]
fn a_training_that_diverges_leaves_its_lane_clean() {
    let config = Config { hidden: 5, activation: Activation::Relu, output: Activation::Relu, ..Config::default() };
    let base = Settings { engine: EngineKind::Population, batch: 2, bits: 6, config, ..Settings::default() };
    let one = |seed: u64| {
        let rule = Rule::adam(if seed.is_multiple_of(2) { 1e30 } else { 0.01 });
        Settings { seed, rule, until: Until::Updates(300), ..base.clone() }
    };
    let all: Vec<Settings> = (0..40).map(one).collect();
    let wanted: Vec<End> = all.iter().map(alone).collect();
    let diverged = wanted.iter().filter(|end| end.outcome == Outcome::Diverged).count();
    assert!((4..36).contains(&diverged), "{diverged} of 40 diverged");
    assert_eq!(side_by_side(&all), wanted);
}

#[test]
fn gradients_are_the_same_in_any_lane_beside_any_nets_on_every_level_of_a_kind() {
    let configs = Cell::ALL.into_iter().flat_map(|cell| [3, 8, 17].map(|hidden| Config { hidden, ..Config::of(cell) }));
    let mut first = std::collections::HashMap::new();
    for (at, config) in configs.enumerate() {
        for level in SimdLevel::available() {
            for (batch, noise) in [(1, false), (7, false), (7, true), (33, true)] {
                for lane in [0, 3, 15] {
                    let mut nets = Population::<f32>::new(&config, 4, level);
                    let mut additions = LaneBits::new(batch, 4);
                    // The lane's net is net 100; the others are other ones, and some lanes are
                    // empty.
                    for of in (0..LANES).filter(|of| of % 4 != 1 || *of == lane) {
                        let net = if of == lane { 100 } else { 7 * lane as u64 + of as u64 };
                        let model: Model<f32> = Init::Scaled.model(config, net);
                        let mut batch = Minibatch::new(batch, 4);
                        batch.fill_uniform(&mut stream(net, Purpose::Data, 0));
                        additions.set(of, &batch);
                        nets.set_params(of, &model.params);
                        // Neighbours may have noise where the net has none.
                        let of_net = Noise { amplitude: [0.2, 0.3], cell_limit: 0.5, key: net };
                        nets.set_noise(of, Some(of_net).filter(|_| if of == lane { noise } else { of % 3 == 0 }));
                    }
                    nets.gradient(&additions, None);
                    let mut grad = vec![0.0; carrylane::model::Layout::of(&config).len()];
                    nets.grad(lane, &mut grad);
                    let found = (grad, nets.tallies().of(lane));
                    assert!(found.0.iter().any(|g| *g != 0.0), "a gradient");
                    let key = (at, batch, noise, level.fused_multiply_add());
                    let wanted = first.entry(key).or_insert_with(|| found.clone());
                    assert_eq!(found, *wanted, "{config:?}, batch {batch}, noise {noise}, lane {lane}, {level}");
                }
            }
        }
    }
    let fused = SimdLevel::best().fused_multiply_add();
    assert_ne!(first[&(0, 7, false, fused)], first[&(0, 7, true, fused)], "noise does something");
}
