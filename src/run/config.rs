//! `config.toml`: the options of a training and its instruction set, each on a line.

use crate::error::{Error, Result};
use crate::files::{self, Entry};
use crate::kernel::SimdLevel;
use crate::train::{Choices, OPTIONS, OptionKey, Settings, ValueKind};
use std::path::Path;

/// The instruction set. It is no option of a training: machines with other levels get the same
/// bits.
static SIMD: OptionKey = OptionKey {
    name: "simd",
    heading: "Machine",
    help: "Instruction set; `auto` is the best of this machine",
    kind: ValueKind::Word(|| {
        ["auto"].into_iter().chain(SimdLevel::ALL.map(SimdLevel::name)).map(str::to_owned).collect()
    }),
    with: "",
};

/// The text of the file.
pub(super) fn text(settings: &Settings, level: Option<SimdLevel>) -> String {
    format!(
        "# carrylane {}; `carrylane train --config` with the name of this file trains the same net, to the last bit.\n\
         {}simd = \"{}\"\n",
        env!("CARGO_PKG_VERSION"),
        settings.choices(),
        level.map_or("auto", SimdLevel::name)
    )
}

/// Reads the options that a file chooses, and `simd`.
///
/// # Errors
/// [`Error::Data`] with file and line of an unknown option or value; [`Error::Io`] if it cannot be
/// read.
pub fn read_config(path: &Path) -> Result<Choices> {
    let missing = || Error::data(path, "no such file; `carrylane train --out DIR` writes DIR/config.toml");
    let text = files::found(files::read_text(path, files::TEXT))?.ok_or_else(missing)?;
    let mut choices = Choices::default();
    for Entry { line, table, key, value } in files::toml_entries(&text).map_err(|problem| Error::data(path, problem))? {
        let found = if table.is_empty() { files::toml_word(&value) } else { Err("in a table") };
        let found = found.map_err(|found| Error::usage(format!("{key} is {found}, want one number or word")));
        let read = |text: String| {
            let key = OptionKey::find(&key, OPTIONS.iter().map(|option| &option.key).chain([&SIMD]))?;
            Ok((key.name, key.read(&text)?))
        };
        let (name, value) =
            found.and_then(read).map_err(|problem| Error::data(path, format!("line {line}: {problem}")))?;
        choices.set(name, value);
    }
    Ok(choices)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn values_are_words_and_what_is_none_is_refused_with_its_place() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("config.toml");
        let read = |text: &str| {
            fs::write(&path, text).expect("writable");
            read_config(&path)
        };
        let found = read("lr = 0.03\nhidden = 16\ncell = \"elman\"\nbias = true\n").expect("settings");
        let found: Vec<_> = found.iter().map(|(name, value)| (name, value.to_string())).collect();
        let found: Vec<_> = found.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(found, [("bias", "true"), ("cell", "\"elman\""), ("hidden", "16"), ("lr", "0.03")]);
        for (text, word) in [
            ("lr = \n", "line 1"),
            ("bits = 2\nb = [1]\n", "line 2: b is a list, want one number or word"),
            ("a = 1979-05-27\n", "line 1: a is a date"),
            ("[net]\nx = 1", "line 2: x is in a table"),
        ] {
            let refusal = read(text).expect_err("no settings").to_string();
            assert!(refusal.contains(word), "{refusal}");
        }
    }
}
