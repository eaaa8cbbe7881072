//! `config.toml`: the settings of a training, name to value, one a line.

use crate::error::{Error, Result};
use crate::files::{self, Entry};
use std::path::Path;
use toml::Value;

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub key: String,
    /// Its value, as it would be typed.
    pub value: String,
    /// Where it stands, counted from 1.
    pub line: usize,
}

/// Reads a file of settings, in its order.
///
/// # Errors
/// [`Error::Data`] if there is none, if it is no TOML, or holds what is neither a number, a word nor `true` or `false`;
/// [`Error::Io`] if it cannot be read.
pub fn read_config(path: &Path) -> Result<Vec<Setting>> {
    let missing = || Error::data(path, "no such file; `carrylane train --out DIR` writes DIR/config.toml");
    let text = files::found(files::read_text(path, files::TEXT))?.ok_or_else(missing)?;
    let entries = files::toml_entries(&text).map_err(|problem| Error::data(path, problem))?;
    let setting = |Entry { line, table, key, value }: Entry| {
        let found = match value {
            _ if !table.is_empty() => Err("in a table"),
            Value::String(text) => Ok(text),
            Value::Integer(number) => Ok(number.to_string()),
            Value::Float(number) => Ok(number.to_string()),
            Value::Boolean(yes) => Ok(yes.to_string()),
            Value::Array(_) => Err("a list"),
            Value::Table(_) => Err("a table"),
            Value::Datetime(_) => Err("a date"),
        };
        let refused = |found| Error::data(path, format!("line {line}: {key} is {found}, want one number or word"));
        Ok(Setting { value: found.map_err(refused)?, key, line })
    };
    entries.into_iter().map(setting).collect()
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
        let found: Vec<_> = found.iter().map(|s| (s.key.as_str(), s.value.as_str(), s.line)).collect();
        assert_eq!(found, [("lr", "0.03", 1), ("hidden", "16", 2), ("cell", "elman", 3), ("bias", "true", 4)]);
        for (text, word) in [
            ("lr = \n", "line 1"),
            ("a = 1\nb = [1]\n", "line 2: b is a list, want one number or word"),
            ("a = 1979-05-27\n", "line 1: a is a date"),
            ("[net]\nx = 1", "line 2: x is in a table"),
        ] {
            let refusal = read(text).expect_err("no settings").to_string();
            assert!(refusal.contains(word), "{refusal}");
        }
    }
}
