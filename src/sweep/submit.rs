//! A sweep as a Slurm job array.
//!
//! Slurm starts the shards, and does placement, retries and limits. A task that was killed,
//! requeued or submitted twice does what is still missing.

use crate::error::{Error, Result};
use crate::task::number::shorten;
use crate::task::whole::in_range;
use std::path::Path;
use std::process::Command;

/// The options of a job array.
#[derive(Debug, Clone)]
pub struct SlurmArray {
    /// Tasks of the array.
    pub shards: usize,
    /// The most tasks at a time.
    pub at_once: Option<usize>,
    /// Cores of a task, which runs as many trials side by side.
    pub cpus: usize,
    /// Time limit, in Slurm's words.
    pub time: Option<String>,
    /// Partition.
    pub partition: Option<String>,
}

/// The most tasks of an array. Sites may allow fewer (`MaxArraySize`), and sbatch says so.
pub const MAX_TASKS: usize = 100_000;

impl SlurmArray {
    /// The script, to be given to `sbatch`.
    ///
    /// # Errors
    /// [`Error::Usage`] for numbers out of range, and for words or names that a script cannot hold.
    pub fn script(&self, program: &Path, folder: &Path) -> Result<String> {
        for (name, value) in [("shards", self.shards), ("at-once", self.at_once.unwrap_or(1)), ("cpus", self.cpus)] {
            in_range(name, value as u64, 1..=MAX_TASKS as u64)?;
        }
        let (program, folder) = (text(program)?, text(folder)?);
        let mut head = String::new();
        for (option, word) in [("time", &self.time), ("partition", &self.partition)] {
            let Some(word) = word else { continue };
            if word.is_empty() || !word.chars().all(|c| c.is_ascii_alphanumeric() || ":-_.,".contains(c)) {
                return Err(Error::usage(format!("{option} is '{}', want a word of Slurm's", shorten(word))));
            }
            head.push_str(&format!("#SBATCH --{option}={word}\n"));
        }
        let limit = self.at_once.map(|n| format!("%{n}")).unwrap_or_default();
        let (last, shards, cpus) = (self.shards - 1, self.shards, self.cpus);
        let (program, folder, logs) = (quoted(program), quoted(folder), format!("{folder}/slurm-%A_%a.log"));
        Ok(format!(
            r#"#!/bin/bash
# A sweep of carrylane as a job array. Submitting it again does what is missing.
#SBATCH --job-name=carrylane
#SBATCH --array=0-{last}{limit}
#SBATCH --cpus-per-task={cpus}
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@60
#SBATCH --output="{logs}"
{head}set -u
shard=({program} sweep run {folder} --shard auto/{shards} --threads "${{SLURM_CPUS_PER_TASK:-1}}")

# Exit code 75 means: interrupted, run it again. Where the cluster requeues on it, the program takes the shell's place, so that it
# gets the signals.
if scontrol show config | grep -Eq '^RequeueExit *=(.*[ ,])?75(,|$)'; then
    exec "${{shard[@]}}"
fi
# Elsewhere the signal is handed on, and the task requeues itself.
"${{shard[@]}}" &
child=$!
trap 'kill -TERM "$child"' TERM INT
while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    code=$?
done
if ((code == 75)); then
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
fi
exit "$code"
"#
        ))
    }
}

/// Submits a script to Slurm, and returns what sbatch said.
pub fn sbatch(script: &Path) -> Result<String> {
    let output = Command::new("sbatch").arg(script).output().map_err(|source| Error::io("sbatch", "run", source))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ");
    Err(Error::io("sbatch", "submit", std::io::Error::other(said)))
}

/// A path as text that a line of a script can hold.
fn text(path: &Path) -> Result<&str> {
    let text = path.to_str().filter(|text| !text.contains(['\n', '"', '\\']));
    text.ok_or_else(|| Error::usage(format!("{} has characters that a Slurm script cannot hold", path.display())))
}

/// Text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array() -> SlurmArray {
        SlurmArray { shards: 64, at_once: Some(16), cpus: 2, time: Some("01:00:00".into()), partition: None }
    }

    #[test]
    fn the_script_names_what_was_asked() {
        let script = array().script(Path::new("/bin/carrylane"), Path::new("/data/my sweep's")).expect("a script");
        for line in [
            "#SBATCH --array=0-63%16",
            "#SBATCH --cpus-per-task=2",
            "#SBATCH --requeue",
            "#SBATCH --time=01:00:00",
            "#SBATCH --signal=B:TERM@60",
            "#SBATCH --output=\"/data/my sweep's/slurm-%A_%a.log\"",
            "    exec \"${shard[@]}\"",
        ] {
            assert!(script.lines().any(|other| other == line), "no {line}:\n{script}");
        }
        assert!(script.contains(r"'/bin/carrylane' sweep run '/data/my sweep'\''s' --shard auto/64"), "{script}");
    }

    #[test]
    fn words_that_could_be_commands_are_refused() {
        for time in ["1\nrm", "$(x)", ""] {
            let array = SlurmArray { time: Some(time.into()), ..array() };
            assert!(array.script(Path::new("/c"), Path::new("/d")).is_err(), "{time:?}");
        }
        assert!(array().script(Path::new("/c"), Path::new("/a\nb")).is_err(), "a line end in a name");
        assert!(SlurmArray { shards: 0, ..array() }.script(Path::new("/c"), Path::new("/d")).is_err(), "no shards");
    }
}
