//! Files of the command line: what is asked for is written where it was asked, nothing is written
//! over what is read, and nothing is read without end.
#![cfg(unix)]

use carrylane::exchange::{self, FileFormat};
use carrylane::model::file::{self, Saved};
use carrylane::model::{Config, Init};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A folder with some files, in which the program runs.
struct Place(tempfile::TempDir);

/// A run of the program: exit code, standard output, standard error.
type Ran = (i32, Vec<u8>, String);

impl Place {
    /// One with a net, `net`.
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a temporary folder"));
        let Saved { model, notes } = net();
        file::save(&place.path("net"), &model, &notes).expect("writable");
        place
    }

    /// One with a run, `run`, and a sweep, `sweep`, which are done.
    fn with_folders() -> Self {
        let place = Self::new();
        place.yes("train --hidden 2 --updates 1 --out run");
        place.yes("sweep plan hidden=2 bits=2 updates=1 seed=0..2 -o sweep");
        place.yes("sweep run sweep");
        place
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect(name)
    }

    /// Runs a line.
    fn run(&self, line: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carrylane"));
        command.env_remove("CARRYLANE_THREADS").current_dir(self.0.path()).args(line.split(' '));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let (id, (ended, end)) = (child.id().to_string(), mpsc::channel::<()>());
        // What reads without end is killed.
        thread::spawn(move || {
            end.recv_timeout(Duration::from_secs(60)).map_err(|_| Command::new("kill").arg(id).status())
        });
        let output = child.wait_with_output().expect("it runs");
        drop(ended);
        let code = output.status.code().unwrap_or_else(|| panic!("{line} ended by a signal"));
        (code, output.stdout, String::from_utf8(output.stderr).expect("UTF-8"))
    }

    #[track_caller]
    fn yes(&self, line: &str) {
        let (code, _, told) = self.run(line);
        assert_eq!(code, 0, "{line}: {told}");
    }

    /// Asserts that a line is refused in one line with some words in it, without the name of a
    /// temporary file.
    #[track_caller]
    fn refused(&self, line: &str, code: i32, words: &[&str]) {
        let (found, stdout, told) = self.run(line);
        assert_eq!((found, stdout.len()), (code, 0), "{line}: {told}");
        assert!(told.starts_with("error: ") && told.lines().count() == 1, "{line}: {told}");
        assert!(words.iter().all(|word| told.contains(word)) && !told.contains(".carrylane-"), "{line}: {told}");
    }
}

fn net() -> Saved {
    Saved { model: Init::Scaled.model(Config { hidden: 2, ..Config::default() }, 1), notes: BTreeMap::new() }
}

/// The file that `carrylane export net --format onnx` makes.
fn onnx() -> Vec<u8> {
    exchange::to_bytes(FileFormat::Onnx, &net(), None).expect("a file")
}

#[test]
fn a_symbolic_link_is_followed_and_stays_one() {
    let place = Place::new();
    fs::create_dir(place.path("far")).expect("a folder");
    symlink("far/away", place.path("middle")).expect("a link");
    symlink("middle", place.path("link")).expect("a link");
    for round in 0..2 {
        place.yes("export net --format onnx -o link");
        assert_eq!(place.read("far/away"), onnx(), "round {round}, to a file that is there or not");
        assert!(fs::symlink_metadata(place.path("link")).expect("there").is_symlink(), "the link stays");
    }
    assert_eq!(fs::read_dir(place.path("far")).expect("readable").count(), 1, "nothing is left behind");
}

#[test]
fn what_is_no_regular_file_is_written_to_and_stays_what_it_is() {
    let place = Place::new();
    let made = Command::new("mkfifo").arg(place.path("fifo")).status().expect("mkfifo");
    assert!(made.success(), "a FIFO");
    let fifo = place.path("fifo");
    let reader = thread::spawn(move || fs::read(fifo).expect("readable"));
    place.yes("export net --format onnx -o fifo");
    assert!(fs::symlink_metadata(place.path("fifo")).expect("there").file_type().is_fifo(), "a FIFO still");
    assert_eq!(reader.join().expect("it reads"), onnx());
    // A device by a link of ours, so that no fault takes the machine's.
    symlink("/dev/full", place.path("full")).expect("a link");
    place.refused("export net --format onnx -o full", 74, &["full: cannot write"]);
    assert!(fs::metadata(place.path("full")).expect("there").file_type().is_char_device(), "a device still");
}

#[test]
fn an_error_names_what_was_typed_and_an_older_file_keeps_its_permissions() {
    let place = Place::new();
    for line in ["export net --format onnx -o", "export net --format npz -o"] {
        place.refused_output(line, "none/x: cannot write: No such file");
        place.refused_output(line, "net/x: cannot write: Not a directory");
    }
    symlink("loop", place.path("loop")).expect("a link");
    place.refused_output("export net --format onnx -o", "loop: cannot write: Too many levels");
    fs::write(place.path("old"), "old").expect("writable");
    fs::set_permissions(place.path("old"), PermissionsExt::from_mode(0o600)).expect("mine");
    place.yes("export net --format onnx -o old");
    let mode = fs::metadata(place.path("old")).expect("there").permissions().mode();
    assert_eq!((mode & 0o777, place.read("old")), (0o600, onnx()));
}

impl Place {
    /// Asserts that a line with the name of a file that cannot be written ends with that.
    #[track_caller]
    fn refused_output(&self, line: &str, problem: &str) {
        let (name, _) = problem.split_once(':').expect("a name");
        let (code, _, told) = self.run(&format!("{line} {name}"));
        assert_eq!(code, 74, "{line}: {told}");
        assert!(told.contains(&format!("error: {problem}")) && !told.contains(".carrylane-"), "{line}: {told}");
    }
}

#[test]
fn standard_output_holds_the_file_that_was_asked_for_and_nothing_else() {
    let place = Place::with_folders();
    let Saved { model, .. } = net();
    place.yes("sweep merge sweep -o all.csv");
    place.yes("sweep report sweep -o page");
    let lines: [(&str, i32, Vec<u8>); 4] = [
        ("export net --format onnx -o -", 0, onnx()),
        ("export net --format onnx --json -o /dev/stdout", 0, onnx()),
        ("sweep merge sweep -o -", 0, place.read("all.csv")),
        ("sweep report sweep -o -", 0, place.read("page")),
    ];
    for (line, code, wanted) in lines {
        let (found, stdout, told) = place.run(line);
        assert_eq!(found, code, "{line}: {told}");
        assert!(stdout == wanted, "{line}: {} bytes, want {}", stdout.len(), wanted.len());
        let quiet = place.run(&format!("{line} --quiet"));
        assert_eq!((quiet.0, quiet.1 == wanted, quiet.2.as_str()), (code, true, ""), "{line} --quiet");
    }
    place.yes("export net --format npz -o npz");
    let (code, stdout, told) = place.run("import npz --format npz -o -");
    fs::write(place.path("back"), stdout).expect("writable");
    assert_eq!((code, file::load(&place.path("back")).expect("a model file").model), (0, model), "{told}");
    place.refused("prove net --svg - --certificate /dev/stdout", 2, &["-", "written twice"]);
    for line in ["explain net --out -", "train --updates 1 --out -", "sweep plan hidden=2 -o -"] {
        place.refused_folder(line);
    }
    assert!(!place.path("-").exists(), "no folder of this name");
}

impl Place {
    /// Asserts that a line does not take `-` for a folder.
    #[track_caller]
    fn refused_folder(&self, line: &str) {
        let (code, _, told) = self.run(line);
        assert!(code == 2 && told.contains("error: - is standard output, want a folder"), "{line}: {code}, {told}");
    }
}

#[test]
fn an_output_that_is_read_is_refused_under_any_name() {
    let place = Place::with_folders();
    symlink("net", place.path("soft")).expect("a link");
    fs::hard_link(place.path("net"), place.path("hard")).expect("a link");
    fs::create_dir(place.path("pictures")).expect("a folder");
    symlink("../net", place.path("pictures/states.svg")).expect("a link");
    let shard = "sweep/shards/shard-0-of-1.jsonl";
    let kept = (place.read("net"), place.read(shard), place.read("sweep/sweep.toml"));
    for name in ["net", "./net", "soft", "hard", "run/../net"] {
        for line in [
            "export net --format onnx -o",
            "import net --format safetensors-torch -o",
            "prove net --certificate",
            "prove net --svg",
        ] {
            place.refused(&format!("{line} {name}"), 2, &[name, "among the files that are read"]);
        }
    }
    place.refused("explain net --out pictures", 2, &["pictures/states.svg", "among the files that are read"]);
    place.refused("sweep report sweep -o sweep/sweep.toml", 2, &["sweep/sweep.toml", "among the files that are read"]);
    place.refused(&format!("sweep merge sweep -o {shard}"), 2, &[shard, "among the files that are read"]);
    place.refused(
        "sweep merge sweep -o sweep/shards/new.jsonl",
        2,
        &["sweep/shards/new.jsonl", "among the files that are read"],
    );
    place.refused("prove net --svg x --certificate ./x", 2, &["x would", "written twice"]);
    assert!(kept == (place.read("net"), place.read(shard), place.read("sweep/sweep.toml")), "all as it was");
    assert!(!place.path("sweep/shards/new.jsonl").exists() && !place.path("x").exists(), "and nothing new");
}

#[test]
fn a_run_folder_stands_for_the_net_in_it_and_takes_other_files() {
    let place = Place::with_folders();
    fs::create_dir(place.path("pictures")).expect("a folder");
    symlink("../run/model.safetensors", place.path("pictures/states.svg")).expect("a link");
    let kept = place.read("run/model.safetensors");
    for line in ["export run --format onnx -o", "export run --format npz -o"] {
        let (code, _, told) = place.run(&format!("{line} run/new"));
        assert!(code <= 1 && place.path("run/new").exists(), "{line}: {told}");
        place.refused(&format!("{line} run/model.safetensors"), 2, &["run/model.safetensors", "among the files"]);
    }
    place.refused("explain run --out pictures", 2, &["pictures/states.svg", "among the files that are read"]);
    let (code, _, told) = place.run("explain run --out run");
    assert!(code <= 1 && place.path("run/states.svg").exists(), "{told}");
    assert!(kept == place.read("run/model.safetensors"), "the net as it was");
}

#[test]
fn a_sweep_and_a_run_do_not_share_a_folder() {
    let place = Place::with_folders();
    place.refused("sweep plan hidden=4 -o run", 2, &["run holds a run", "another folder"]);
    place.refused("train --updates 1 --out sweep", 2, &["sweep holds a sweep", "another folder"]);
    assert!(!place.path("run/sweep.toml").exists() && !place.path("sweep/config.toml").exists(), "both as they were");
}

#[test]
fn endings_do_not_care_about_case() {
    let place = Place::with_folders();
    for name in ["a.CSV", "a.JSONL"] {
        place.yes(&format!("sweep merge sweep -o {name}"));
        place.yes(&format!("sweep merge sweep -o {}", name.to_lowercase()));
        assert_eq!(place.read(name), place.read(&name.to_lowercase()), "{name}");
    }
    fs::write(place.path("SPEC.TOML"), "[grid]\nhidden = [2, 3]\n").expect("writable");
    place.yes("sweep plan SPEC.TOML");
}

#[test]
fn a_device_or_a_hole_of_30_gb_is_not_read_to_its_end() {
    let place = Place::with_folders();
    let hole = |name: &str, head: &[u8]| {
        fs::write(place.path(name), head).expect("writable");
        File::options().write(true).open(place.path(name)).and_then(|file| file.set_len(30 << 30)).expect("a hole");
    };
    symlink("/dev/zero", place.path("zero.toml")).expect("a link");
    hole("hole.toml", b"");
    let began = Instant::now();
    for name in ["zero.toml", "hole.toml"] {
        for line in [
            "add 1 2 --model",
            "export --format onnx -o x",
            "import --format safetensors-torch -o x",
            "import --format npz -o x",
            "prove --check",
            "train --config",
            "sweep plan",
        ] {
            place.refused(&format!("{line} {name}"), 65, &[name]);
        }
    }
    // What begins as it should, and goes on: the end follows from the beginning, and is told.
    hole("net", &place.read("net"));
    place.refused("add 1 2 --model net", 65, &["net", "more than", "the most"]);
    hole("sweep/sweep.toml", &place.read("sweep/sweep.toml"));
    place.refused("sweep status sweep", 65, &["sweep/sweep.toml", "more than 32000000 bytes"]);
    for name in ["model.safetensors", "metrics.jsonl", "config.toml"] {
        hole(&format!("run/{name}"), b"");
        place.refused("compare run run", 65, &[name]);
    }
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert!(!Path::new("x").exists(), "nothing is written");
}
