//! The trials of a sweep, in order, and the folder they are locked in.

use super::record::FORM;
use super::spec::Spec;
use super::trial::Trial;
use crate::error::{Error, Result};
use crate::files;
use crate::model::config_hash;
use serde::Deserialize;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The folder of a sweep that holds its shard files.
pub(super) const SHARDS: &str = "shards";

/// The trials of a sweep: all different, all possible, in an order that is a function of the spec.
#[derive(Debug, Clone)]
pub struct Plan {
    spec: Spec,
    /// Id of each trial, and its index in the spec.
    trials: Vec<(u64, usize)>,
    repeated: usize,
}

/// The result of locking a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locked {
    /// The folder is new.
    New,
    /// The folder holds the same trials already.
    Same,
    /// The number of trials that were added.
    Extended(usize),
}

/// A trial's id as a number; ids are a t and 16 hexadecimal digits.
pub(super) fn id_number(id: &str) -> Option<u64> {
    let digits = id.strip_prefix('t').filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}

impl Plan {
    /// The file of a sweep folder that holds the locked spec.
    pub const LOCK: &str = "sweep.toml";

    /// The trials of a spec. Equal trials, as small random ranges give them, are kept once.
    ///
    /// # Cost
    /// Some microseconds a trial.
    pub fn new(spec: Spec) -> Result<Self> {
        let size = spec.size()?;
        let (mut seen, mut trials) = (HashSet::new(), Vec::with_capacity(size));
        for index in 0..size {
            let id = id_number(&spec.trial(index)?.id()).expect("a hash has 16 digits");
            if seen.insert(id) {
                trials.push((id, index));
            }
        }
        let repeated = size - trials.len();
        Ok(Self { spec, trials, repeated })
    }

    /// The spec of the sweep.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Number of trials.
    #[expect(clippy::len_without_is_empty, reason = "an axis has a value, so a plan has a trial")]
    pub fn len(&self) -> usize {
        self.trials.len()
    }

    /// Trials of the spec that equal others, and are left out.
    pub fn repeated(&self) -> usize {
        self.repeated
    }

    /// A trial.
    ///
    /// # Panics
    /// If `index` is not below [`Plan::len`].
    pub fn trial(&self, index: usize) -> Trial {
        self.spec.trial(self.trials[index].1).expect("checked when it was planned")
    }

    /// A trial's id as a number, without making the trial.
    pub(super) fn number(&self, index: usize) -> u64 {
        self.trials[index].0
    }

    /// A hash of all ids in order.
    fn digest(&self) -> String {
        let ids: Vec<u64> = self.trials.iter().map(|(id, _)| *id).collect();
        config_hash(&ids)
    }

    /// Locks the plan in a folder, which is made if needed.
    ///
    /// # Errors
    /// [`Error::Usage`] if the folder holds another sweep, unless `extend` is set and this plan has
    /// all its trials; [`Error::Io`] if it cannot be written.
    pub fn lock(&self, folder: &Path, extend: bool) -> Result<Locked> {
        let locked = match Self::read_lock(folder)? {
            None => Locked::New,
            Some(old) => {
                let ours: HashSet<u64> = self.trials.iter().map(|(id, _)| *id).collect();
                let lost = old.trials.iter().filter(|(id, _)| !ours.contains(id)).count();
                let added = self.len() - (old.len() - lost);
                match (lost, added, extend) {
                    (0, 0, _) => return Ok(Locked::Same),
                    (0, _, true) => Locked::Extended(added),
                    _ => {
                        let tip = match lost {
                            0 => "--extend adds them".to_owned(),
                            lost => format!("{lost} of its trials are not among these: use another folder"),
                        };
                        let (folder, had, has) = (folder.display(), old.len(), self.len());
                        return Err(Error::usage(format!(
                            "{folder} holds another sweep of {had} trials, this one has {has}, {added} of them new; {tip}"
                        )));
                    }
                }
            }
        };
        let [lock, shards] = Self::files(folder);
        files::make_folder(folder)?;
        files::make_folder(&shards)?;
        let text = format!(
            "# A sweep of carrylane, locked: `carrylane sweep plan … --extend` adds trials, `carrylane sweep run` runs them.\n{}\n\
             [lock]\nform = {FORM}\ntrials = {}\ndigest = \"{}\"\n",
            self.spec.to_toml(),
            self.len(),
            self.digest()
        );
        files::write(&lock, text.as_bytes())?;
        Ok(locked)
    }

    /// The plan that is locked in a folder.
    ///
    /// # Errors
    /// [`Error::Data`] if the folder holds no sweep, or the lock was changed by hand; [`Error::Io`]
    /// if it cannot be read.
    pub fn load(folder: &Path) -> Result<Self> {
        Self::read_lock(folder)?.ok_or_else(|| {
            Error::data(folder, "no sweep here; `carrylane sweep plan hidden=4,8 seed=0..10 -o DIR` makes one")
        })
    }

    /// The paths of a sweep in its folder: the locked spec, and the folder of shard files.
    pub fn files(folder: &Path) -> [PathBuf; 2] {
        [Self::LOCK, SHARDS].map(|name| folder.join(name))
    }

    fn read_lock(folder: &Path) -> Result<Option<Self>> {
        let [path, _] = Self::files(folder);
        let Some(text) = files::found(files::read_text(&path, Spec::LONGEST))? else { return Ok(None) };
        let plan = parse_lock(&text).map_err(|problem| Error::data(&path, problem))?;
        Ok(Some(plan))
    }
}

/// The last table of a lock file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    /// None is the first.
    form: Option<u32>,
    trials: usize,
    digest: String,
}

fn parse_lock(text: &str) -> std::result::Result<Plan, String> {
    let (spec, seal) = text.rsplit_once("[lock]").ok_or("its [lock] table is missing: the file is not whole")?;
    let seal: Seal = toml::from_str(seal).map_err(|e| format!("its [lock] table is damaged: {}", e.message()))?;
    let form = seal.form.unwrap_or(1);
    if form != FORM {
        return Err(format!(
            "a sweep of form {form}, and this carrylane reads and writes form {FORM}: finish it with the carrylane that planned it, or \
             plan it again in another folder"
        ));
    }
    let plan = Spec::from_toml(spec).and_then(Plan::new).map_err(|e| e.to_string())?;
    if (plan.len(), plan.digest()) != (seal.trials, seal.digest) {
        return Err(format!(
            "its {} trials are not the {} it was locked with: the file was changed, or another version of carrylane \
             planned it; plan it again in another folder",
            plan.len(),
            seal.trials
        ));
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn plan(words: &str) -> Plan {
        let words: Vec<&str> = words.split(' ').collect();
        Plan::new(Spec::from_words(&words).expect("a spec")).expect("a plan")
    }

    #[test]
    fn words_and_toml_say_the_same() {
        let toml = "hidden = [4, 8]\n[grid]\nseed = '0..5'\n[random]\nlr = '0.001..0.1:log'\nloss = ['mse', 'cross-entropy']\n\
                    [fixed]\ncell = 'lstm'\nbias = false\n";
        let toml = format!("method = 'sobol'\npoints = 7\nsweep-seed = 3\n{toml}");
        let words = "method=sobol points=7 sweep-seed=3 hidden=4,8 seed=0..5 random.lr=0.001..0.1:log \
                     random.loss=mse,cross-entropy fixed.cell=lstm bias=false";
        let spec = Spec::from_toml(&toml).expect("a spec");
        assert_eq!(spec, plan(words).spec);
        assert_eq!(Spec::from_toml(&spec.to_toml()).expect("its own form"), spec);
    }

    #[test]
    fn an_id_depends_on_the_trial_alone() {
        let (a, b) = (plan("seed=0..3 hidden=4,8"), plan("hidden=8 seed=2"));
        assert_eq!(a.len(), 6);
        assert_eq!(a.trial(5), b.trial(0));
        assert_eq!(a.number(5), b.number(0));
        let ids: HashSet<u64> = (0..6).map(|index| a.number(index)).collect();
        assert_eq!(ids.len(), 6, "all different");
    }

    #[test]
    fn random_points_stay_when_more_are_drawn() {
        for method in ["random", "sobol"] {
            let with = |points| {
                plan(&format!("method={method} points={points} random.lr=0.001..0.1:log random.hidden=4..65:log"))
            };
            let (few, many) = (with(5), with(50));
            for index in 0..5 {
                assert_eq!(few.trial(index), many.trial(index), "{method}, point {index}");
            }
        }
    }

    #[test]
    fn equal_trials_are_kept_once() {
        let plan = plan("method=random points=50 random.hidden=4..6");
        assert_eq!((plan.len(), plan.repeated()), (2, 48));
    }

    #[test]
    fn a_lock_keeps_its_trials() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        let first = plan("hidden=4 seed=0..3");
        assert_eq!(first.lock(folder, false).expect("writable"), Locked::New);
        assert_eq!(plan("hidden=4 seed=0,1,2").lock(folder, false).expect("the same"), Locked::Same);
        let more = plan("hidden=4,8 seed=0..3");
        let refused = more.lock(folder, false).expect_err("another sweep").to_string();
        assert!(refused.contains("--extend adds them"), "{refused}");
        assert_eq!(more.lock(folder, true).expect("more"), Locked::Extended(3));
        let refused = first.lock(folder, true).expect_err("fewer").to_string();
        assert!(refused.contains("3 of its trials are not among these"), "{refused}");
        assert_eq!(Plan::load(folder).expect("locked").trials, more.trials);

        let [path, _] = Plan::files(folder);
        let text = fs::read_to_string(&path).expect("readable");
        fs::write(&path, text.replace("4,8", "4,9")).expect("writable");
        let refused = Plan::load(folder).expect_err("changed").to_string();
        assert!(refused.contains("it was locked with"), "{refused}");
        fs::write(&path, &text[..text.len() / 2]).expect("writable");
        assert!(Plan::load(folder).is_err(), "half a file");
    }
}
