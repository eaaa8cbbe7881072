//! `config.toml`: the settings of a training, name to value, one a line.

use crate::error::{Error, Result};
use crate::files;
use std::collections::BTreeMap;
use std::path::Path;
use toml::Value;

/// Reads a file of settings.
///
/// # Errors
/// [`Error::Data`] if there is none, if it is no TOML, or holds what is neither a number, a word nor `true` or `false`;
/// [`Error::Io`] if it cannot be read.
pub fn read_config(path: &Path) -> Result<BTreeMap<String, String>> {
    let missing = || Error::data(path, "no such file; `carrylane train --out DIR` writes DIR/config.toml");
    let text = files::found(files::read_text(path, files::TEXT))?.ok_or_else(missing)?;
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
        let line = e.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        Error::data(path, format!("line {line}: {}", e.message().replace('\n', "; ")))
    })?;
    let word = |(key, value): (String, Value)| match value {
        Value::String(text) => Ok((key, text)),
        Value::Integer(number) => Ok((key, number.to_string())),
        Value::Float(number) => Ok((key, number.to_string())),
        Value::Boolean(yes) => Ok((key, yes.to_string())),
        Value::Array(_) | Value::Table(_) | Value::Datetime(_) => {
            Err(Error::data(path, format!("{key} is a {}, want one number or word", value.type_str())))
        }
    };
    table.into_iter().map(word).collect()
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
        let found: Vec<_> = found.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(found, [("bias", "true"), ("cell", "elman"), ("hidden", "16"), ("lr", "0.03")]);
        for (text, word) in
            [("lr = \n", "line 1"), ("a = 1\nb = [1]\n", "b is a array"), ("[net]\nx = 1", "net is a table")]
        {
            let refusal = read(text).expect_err("no settings").to_string();
            assert!(refusal.contains(word), "{refusal}");
        }
    }
}
