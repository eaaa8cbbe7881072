//! Files: written whole, read within bounds, never written over what is read.
//!
//! Every file of this crate goes through here:
//!
//! - [`write()`] leaves the old content or the new, and follows links;
//! - [`read`] and [`lines`] stop at a bound that follows from the file's beginning, so that a
//!   device or a wrong file of 30 GB ends soon;
//! - [`apart`] refuses an output that is an input under any name;
//! - [`json`] refuses repeated keys;
//! - `toml_entries` tells the line of each setting.

use crate::error::{Error, Result};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Prefix of temporary files. A kill may leave one.
pub const TEMPORARY: &str = ".carrylane-";

/// The most bytes of a file that people write, such as settings or a spec.
pub const TEXT: u64 = 1 << 20;

/// The longest line that is read. Lines of this crate have a few thousand bytes.
pub const LINE: u64 = 1 << 20;

/// Writes a file so that its name holds either the old content or the new, whatever happens.
///
/// Symbolic links are followed, and an existing file keeps its permissions. A device or a FIFO is
/// written to directly.
///
/// # Errors
/// [`Error::Io`] with the given path; nothing is left behind.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    put(path, bytes).map_err(|source| Error::io(path, "write", source))
}

fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let old = match fs::metadata(path) {
        Ok(old) if !old.is_file() => return OpenOptions::new().write(true).open(path)?.write_all(bytes),
        Ok(old) => Some(old),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let path = target(path);
    let folder = folder_of(&path);
    let (temporary, mut file) = loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let temporary = folder.join(format!("{TEMPORARY}{}-{number}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            // The file was left by a kill, or belongs to another machine that shares the folder.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            opened => break (temporary, opened?),
        }
    };
    let whole = file.write_all(bytes).and_then(|()| old.map_or(Ok(()), |old| file.set_permissions(old.permissions())));
    let renamed = whole.and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, &path));
    if renamed.is_err() {
        fs::remove_file(&temporary).ok();
    }
    // Syncing the folder makes the rename durable, where the system can do that.
    renamed.map(|()| File::open(folder).and_then(|folder| folder.sync_all()).unwrap_or_default())
}

/// The path behind symbolic links, whether or not a file is there.
fn target(path: &Path) -> PathBuf {
    /// The most links, as in Linux: links may lead to each other.
    const LINKS: usize = 40;
    let follow = |path: &PathBuf| Some(folder_of(path).join(fs::read_link(path).ok()?));
    std::iter::successors(Some(path.to_owned()), follow).take(LINKS).last().expect("the path itself")
}

/// The folder that a name is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a folder to write to, if there is none.
///
/// # Errors
/// [`Error::Usage`] for `-`, which is standard output and holds no files; [`Error::Io`] if it
/// cannot be made.
pub fn make_folder(path: &Path) -> Result<()> {
    if path == Path::new("-") {
        return Err(Error::usage("- is standard output, want a folder; one of this name is ./-"));
    }
    fs::create_dir_all(path).map_err(|source| Error::io(path, "create", source))
}

/// Whether a path is standard output: `-`, or a name of the file that it goes to.
pub fn is_stdout(path: &Path) -> bool {
    path == Path::new("-") || identity(path).is_some_and(|file| Some(file) == identity(Path::new("-")))
}

/// Refuses outputs that would overwrite an input or each other, under any name. A folder that is
/// read takes no output.
///
/// # Errors
/// [`Error::Usage`] naming the output.
pub fn apart(inputs: &[impl AsRef<Path>], outputs: &[impl AsRef<Path>]) -> Result<()> {
    let within = |output: &Path, folder: &Path| {
        let place = folder_of(&target(output)).canonicalize().ok().zip(folder.canonicalize().ok());
        folder.is_dir() && place.is_some_and(|(place, folder)| place.starts_with(folder))
    };
    for (place, output) in outputs.iter().map(AsRef::as_ref).enumerate() {
        let (file, name) = (identity(output), output.display());
        let is_same = |other: &Path| file.is_some() && identity(other) == file;
        if inputs.iter().map(AsRef::as_ref).any(|input| is_same(input) || within(output, input)) {
            let problem =
                format!("{name} is among the files that are read, and would be written over: name another file");
            return Err(Error::usage(problem));
        }
        if outputs[..place].iter().any(|other| is_same(other.as_ref())) {
            return Err(Error::usage(format!("{name} would be written twice: name a file for each output")));
        }
    }
    Ok(())
}

/// The identity of a path: device and inode of an existing file, else the path without links.
fn identity(path: &Path) -> Option<(u64, u64, PathBuf)> {
    let path = if path == Path::new("-") { Path::new("/dev/stdout") } else { path };
    #[cfg(unix)]
    if let Ok(file) = fs::metadata(path) {
        use std::os::unix::fs::MetadataExt;
        return Some((file.dev(), file.ino(), PathBuf::new()));
    }
    let path = target(path);
    Some((0, 0, folder_of(&path).canonicalize().ok()?.join(path.file_name()?)))
}

/// What the beginning of a file says of its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// The first so many bytes tell the size.
    ToldBy(u64),
    /// The file has at most so many bytes.
    AtMost(u64),
}

/// Reads a file. `size` says how far, given the bytes so far, at first none. A shorter file is
/// returned as it is.
///
/// # Errors
/// [`Error::Io`] if it cannot be read; [`Error::Data`] if it is longer, or with what `size` finds
/// wrong.
pub fn read(path: &Path, size: &dyn Fn(&[u8]) -> std::result::Result<Size, String>) -> Result<Vec<u8>> {
    let failed = |source| Error::io(path, "read", source);
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut bytes = Vec::new();
    loop {
        let size = size(&bytes).map_err(|problem| Error::data(path, problem))?;
        let (Size::ToldBy(wanted) | Size::AtMost(wanted)) = size;
        let more = wanted.saturating_sub(bytes.len() as u64);
        let room = usize::try_from(more.min(length)).unwrap_or(usize::MAX);
        bytes.try_reserve(room).map_err(|_| failed(ErrorKind::OutOfMemory.into()))?;
        let read = (&file).take(more).read_to_end(&mut bytes).map_err(failed)?;
        match size {
            Size::ToldBy(_) if read as u64 == more && more > 0 => {}
            Size::ToldBy(_) => return Ok(bytes),
            Size::AtMost(most) if (&file).take(1).read_to_end(&mut Vec::new()).map_err(failed)? > 0 => {
                return Err(Error::data(path, format!("it has more than {most} bytes, the most that such a file has")));
            }
            Size::AtMost(_) => return Ok(bytes),
        }
    }
}

/// Reads a text of at most `most` bytes.
///
/// # Errors
/// [`Error::Io`] if it cannot be read; [`Error::Data`] if it is longer, or no UTF-8.
pub fn read_text(path: &Path, most: u64) -> Result<String> {
    String::from_utf8(read(path, &|_| Ok(Size::AtMost(most)))?).map_err(|_| Error::data(path, "it is not text"))
}

/// Reads a file line by line, and calls `each` with the number, from 1, and the bytes with the line
/// feed, which the last line may lack. A longer line than [`LINE`] is cut there.
///
/// # Errors
/// [`Error::Io`] if it cannot be read; the first error of `each`.
pub fn lines(path: &Path, mut each: impl FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
    let failed = |source| Error::io(path, "read", source);
    let mut reader = BufReader::new(File::open(path).map_err(failed)?);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if reader.by_ref().take(LINE).read_until(b'\n', &mut line).map_err(failed)? == 0 {
            break;
        }
        each(number, &line)?;
        if line.len() as u64 == LINE && !line.ends_with(b"\n") {
            reader.skip_until(b'\n').map_err(failed)?;
        }
    }
    Ok(())
}

/// The paths in a folder, sorted; none if there is no such folder.
///
/// # Errors
/// [`Error::Io`] if it cannot be read.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |source| Error::io(folder, "read", source);
    let entries = match fs::read_dir(folder) {
        Err(source) if source.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// A file that is only ever added to.
#[derive(Debug)]
pub(crate) struct Appender {
    path: PathBuf,
    file: File,
}

impl Appender {
    /// Opens a file, which is made if there is none.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).read(true).append(true).open(path);
        Ok(Self { path: path.to_owned(), file: file.map_err(|source| Error::io(path, "write", source))? })
    }

    /// Adds bytes in one write, so that lines of two processes do not mix.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|source| Error::io(&self.path, "write", source))
    }

    /// Ends a line that a kill left open.
    pub(crate) fn end_line(&mut self) -> Result<()> {
        let mut last = [b'\n'];
        let ended = self.file.seek(SeekFrom::End(0)).and_then(|length| match length {
            0 => Ok(()),
            _ => self.file.seek(SeekFrom::End(-1)).and_then(|_| self.file.read_exact(&mut last)),
        });
        ended.map_err(|source| Error::io(&self.path, "read", source))?;
        if last == [b'\n'] { Ok(()) } else { self.add(b"\n") }
    }

    /// Waits until all is on the disk.
    pub(crate) fn sync(&mut self) -> Result<()> {
        self.file.sync_data().map_err(|source| Error::io(&self.path, "write", source))
    }
}

/// The result of reading; `None` if there is no such file.
///
/// # Errors
/// All other errors.
pub fn found<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Err(Error::Io { source, .. }) if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        read => read.map(Some),
    }
}

/// One setting of a TOML file, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// Line of the setting, from 1.
    pub(crate) line: usize,
    /// Table of the setting; empty for none.
    pub(crate) table: String,
    pub(crate) key: String,
    pub(crate) value: toml::Value,
}

/// A TOML number, word or Boolean as one types it; else what the value is instead.
pub(crate) fn toml_word(value: &toml::Value) -> std::result::Result<String, &'static str> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        toml::Value::Boolean(yes) => Ok(yes.to_string()),
        toml::Value::Array(_) => Err("a list"),
        toml::Value::Datetime(_) => Err("a date"),
        toml::Value::Table(_) => Err("a table"),
    }
}

/// The settings of a TOML text in order; else what is wrong, and in which line.
pub(crate) fn toml_entries(text: &str) -> std::result::Result<Vec<Entry>, String> {
    use toml::de::{DeTable, DeValue};
    let line = |place: usize| 1 + text.bytes().take(place).filter(|&byte| byte == b'\n').count();
    let refused = |e: toml::de::Error| {
        let line = e.span().map_or(1, |span| line(span.start));
        format!("line {line}: {}", e.message().replace('\n', "; "))
    };
    let values: toml::Table = text.parse().map_err(refused)?;
    let mut entries = Vec::new();
    for (name, value) in DeTable::parse(text).map_err(refused)?.get_ref() {
        let (table, known) = (name.get_ref().to_string(), &values[name.get_ref().as_ref()]);
        let entry =
            |table, key, place, value: &toml::Value| Entry { line: line(place), table, key, value: value.clone() };
        match (value.get_ref(), known) {
            (DeValue::Table(keys), toml::Value::Table(known)) => entries.extend(keys.keys().map(|key| {
                entry(table.clone(), key.get_ref().to_string(), key.span().start, &known[key.get_ref().as_ref()])
            })),
            _ => entries.push(entry(String::new(), table, name.span().start, known)),
        }
    }
    entries.sort_by_key(|entry| entry.line);
    Ok(entries)
}

/// Reads JSON, and refuses objects that repeat a key: readers differ in which value counts.
///
/// # Errors
/// What is wrong, with the place.
pub fn json<'a, T: Deserialize<'a>>(text: &'a [u8]) -> serde_json::Result<T> {
    serde_json::from_slice::<Unique>(text)?;
    serde_json::from_slice(text)
}

/// Any JSON without a repeated key.
struct Unique;

macro_rules! takes {
    ($($visit:ident $($type:ty)?),*) => { $(fn $visit<E>(self $(, _: $type)?) -> std::result::Result<Self, E> {
        Ok(self)
    })* };
}

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    takes!(visit_bool bool, visit_i64 i64, visit_u64 u64, visit_f64 f64, visit_str &str, visit_unit);

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if let Some(twice) = keys.replace(key) {
                let start: String = twice.chars().take(40).collect();
                return Err(de::Error::custom(format!("the key {start:?} is there twice")));
            }
            map.next_value::<Self>()?;
        }
        Ok(self)
    }
}
