//! Damaged and hostile files: every parser of the library answers, soon, and in little memory.
//!
//! Mutants of whole files: bits flipped, ends cut, pieces repeated, moved, and taken from another
//! file, numbers made absurd. Where a file is sealed by a hash, half of the mutants are sealed
//! again, or every one would be told by its hash and the rest never be read.
#![expect(clippy::print_stdout, reason = "tells what the mutants came to, for --nocapture")]

mod common;

use carrylane::exchange::{FileFormat, ImportOptions, export, import};
use carrylane::model::file::{self, Saved};
use carrylane::model::{Cell, Config, Init, Layout, LstmForm, Model, config_hash};
use carrylane::prove::{self, Certificate, FloatProof, Theorem, check, check_float};
use carrylane::report::html;
use carrylane::run::{Curves, read_config};
use carrylane::sweep::{self, Results, Shard, Spec, SweepOptions, TableFormat};
use carrylane::task::rng::{Purpose, below, stream};
use carrylane::train::{Checkpoint, Settings, Trainer, Until};
use common::report;
use rand_xoshiro::rand_core::Rng;
use safetensors::tensor::{Dtype, TensorView};
use sha2::{Digest, Sha256};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// One test at a time, since allocations are counted for all threads together.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a mutant may take: bytes allocated, all together, and time. The time is generous, since the
/// machine may be busy.
const MOST_BYTES: usize = 100 << 20;
const MOST_TIME: Duration = Duration::from_secs(10);

/// Whether a parser takes some bytes.
type Takes<'a> = dyn Fn(&[u8]) -> bool + 'a;

/// A parser, whole files for it, and how many mutants it is given. It says whether it took one, and
/// checks what it took.
struct Parser<'a> {
    name: &'static str,
    mutants: u64,
    seeds: Vec<Vec<u8>>,
    takes: Box<Takes<'a>>,
}

/// One to four edits of a file.
fn mutant(seeds: &[Vec<u8>], rng: &mut impl Rng) -> Vec<u8> {
    fn under(rng: &mut impl Rng, n: usize) -> usize {
        usize::try_from(below(rng, n.max(1) as u64)).expect("below a usize")
    }
    const ABSURD: [u64; 8] = [0, 1, u64::MAX, 1 << 63, 1 << 31, u32::MAX as u64, 1 << 40, 0x7fff_ffff_ffff_ffff];
    const DIGITS: [&str; 6] = ["0", "-1", "4294967296", "18446744073709551615", "1e999", "99999999999999999999999"];
    let mut bytes = seeds[under(rng, seeds.len())].clone();
    for _ in 0..=under(rng, 4) {
        let at = under(rng, bytes.len());
        match under(rng, 9) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << under(rng, 8),
            1 => bytes.truncate(at),
            2 => {
                let piece: Vec<u8> = (0..=under(rng, 16)).map(|_| rng.next_u64().to_le_bytes()[0]).collect();
                bytes.splice(at..at, piece);
            }
            3 => {
                let end = bytes.len().min(at + 1 + under(rng, 32));
                bytes.drain(at..end);
            }
            4 => {
                let other = &seeds[under(rng, seeds.len())];
                let from = under(rng, other.len());
                let piece = other[from..other.len().min(from + 1 + under(rng, 64))].to_vec();
                let end = bytes.len().min(at + if under(rng, 2) == 0 { 0 } else { piece.len() });
                bytes.splice(at..end, piece);
            }
            5 => {
                let absurd = ABSURD[under(rng, ABSURD.len())].to_le_bytes();
                let end = bytes.len().min(at + if under(rng, 2) == 0 { 4 } else { 8 });
                bytes[at..end].copy_from_slice(&absurd[..end - at]);
            }
            6 => {
                // A number that is written out, from here on.
                let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit).map(|place| at + place) else {
                    continue;
                };
                let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                bytes.splice(start..start + length, DIGITS[under(rng, DIGITS.len())].bytes());
            }
            7 => {
                let byte = *b"[{(\"\0-.".get(under(rng, 8)).unwrap_or(&0xff);
                bytes.splice(at..at, std::iter::repeat_n(byte, under(rng, 3000)));
            }
            _ => {
                let end = bytes.len().min(at + 1 + under(rng, 64));
                bytes.extend_from_within(at..end);
            }
        }
    }
    bytes
}

/// Small nets of every kind, with notes.
fn nets() -> Vec<Saved> {
    let lstm = |hidden, lstm_form| Config { hidden, lstm_form, ..Config::of(Cell::Lstm) };
    let configs = [
        Config { hidden: 3, ..Config::default() },
        Config { hidden: 2, bias: false, ..Config::of(Cell::Dynamic) },
        lstm(1, LstmForm::Standard),
        lstm(2, LstmForm::Notebook),
    ];
    let notes = BTreeMap::from([("seed".to_owned(), "1".to_owned())]);
    configs.map(|config| Saved { model: Init::Scaled.model(config, 1), notes: notes.clone() }).into()
}

/// Whether a net that a parser took is one.
fn whole(model: &Model<f32>) -> bool {
    assert!(model.config.checked().is_ok(), "a config that is possible: {:?}", model.config);
    assert_eq!(model.params.len(), Layout::of(&model.config).len(), "as many weights as the config wants");
    assert!(model.params.iter().all(|p| p.is_finite()), "finite weights");
    true
}

/// A model file of any config's text, with the checksum that it needs.
fn sealed_model(saved: &Saved, config: &[u8]) -> Vec<u8> {
    let config = String::from_utf8_lossy(config).into_owned();
    let mut metadata =
        BTreeMap::from([("config".to_owned(), config), ("format".to_owned(), "carrylane-model-1".to_owned())]);
    let blob: Vec<u8> = saved.model.params.iter().flat_map(|p| p.to_le_bytes()).collect();
    let hashed = [serde_json::to_vec(&metadata).expect("strings"), blob.clone()].concat();
    metadata
        .insert("checksum".into(), Sha256::digest(hashed).iter().take(8).map(|byte| format!("{byte:02x}")).collect());
    let layout = saved.model.layout();
    let views = layout.tensors().iter().map(|tensor| {
        let shape = if tensor.rows == 1 { vec![tensor.cols] } else { vec![tensor.rows, tensor.cols] };
        let range = tensor.range().start * 4..tensor.range().end * 4;
        (tensor.name, TensorView::new(Dtype::F32, shape, &blob[range]).expect("shape and bytes agree"))
    });
    safetensors::serialize(views, Some(metadata.into_iter().collect())).expect("distinct names")
}

/// An archive of some files.
fn archive(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file(name, stored).expect("a name");
        zip.write_all(bytes).expect("memory");
    }
    zip.finish().expect("memory").into_inner()
}

/// The files of an archive.
fn unpacked(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
    let files = zip.len();
    let read = |index| {
        let mut file = zip.by_index(index).expect("a file");
        let mut bytes = Vec::new();
        std::io::copy(&mut file, &mut bytes).expect("readable");
        (file.name().expect("a name").into_owned(), bytes)
    };
    (0..files).map(read).collect()
}

/// A file and the SHA-256 of it.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    [bytes, &Sha256::digest(bytes)].concat()
}

fn specs() -> Vec<Vec<u8>> {
    [
        "method = \"random\"\npoints = 10\nsweep-seed = 1\n[grid]\nhidden = [4, 8]\nseed = \"0..20\"\n[random]\nlr = \"0.001..0.1:log\"\n[fixed]\ncell = \"lstm\"\n",
        "seed = 9007199254740991\nupdates = 9007199254740991\nlr = 3.4e38\n",
        "[grid]\nhidden = \"4..64:4\"\nactivation = [\"tanh\", \"relu\"]\nbatch = 64\n",
        "method = \"sobol\"\npoints = 64\n[random]\nlr = \"1e-4..1e-1:log\"\nhidden = \"4..65:log\"\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

fn settings_files() -> Vec<Vec<u8>> {
    [
        "cell = \"lstm\"\nhidden = 16\nlr = 0.03\nbias = true\nseed = 9007199254740991\n",
        "budget = 9\n'until' = 'solved'\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

fn words(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    Spec::from_words(&text.split(' ').collect::<Vec<_>>()).is_ok_and(|spec| {
        let axes = spec.axes();
        assert_eq!(Spec::from_toml(&spec.to_toml()).expect("its own TOML").axes(), axes, "read again: {text}");
        true
    })
}

/// Runs a small sweep in a folder: trials that are solved, that are not, and that diverge. Returns
/// its locked spec and its lines.
fn swept(folder: &Path) -> (Vec<u8>, Vec<u8>) {
    let spec =
        Spec::from_words(&["hidden=3,8", "seed=0..2", "budget=300", "activation=sigmoid,relu", "lr=0.03,1000000"]);
    sweep::Plan::new(spec.expect("a spec")).and_then(|plan| plan.lock(folder, false)).expect("locked");
    let options = SweepOptions { shard: Shard::default(), threads: 1, missing: true, again: vec![] };
    sweep::run(folder, &options, &Arc::new(AtomicBool::new(false)), |_| {}).expect("it runs");
    let read = |path: &Path| fs::read(path).expect("written by the run");
    (read(&folder.join("sweep.toml")), read(&folder.join(LINES)))
}

/// The one file of a sweep that is not cut.
const LINES: &str = "shards/shard-0-of-1.jsonl";

/// Reads a sweep with these lines, and if all of them are whole, merges it in every form and makes
/// its report.
fn merged(folder: &Path, lines: &[u8]) -> bool {
    fs::write(folder.join(LINES), lines).expect("writable");
    let results = Results::read(folder).expect("lines that are not whole are no error");
    results.progress();
    let whole = results.damaged().is_empty();
    for (form, _) in if whole { TableFormat::ENDINGS } else { &[] } {
        results.write(&folder.join("merged").with_extension(form), true).expect("writable");
    }
    assert!(!whole || html("mutant", &results).ends_with("</html>\n"), "a whole page");
    whole
}

/// Lines with the checks that they need.
fn checked(lines: &[u8]) -> Vec<u8> {
    let lines = String::from_utf8_lossy(lines).into_owned();
    let whole = |line: &str| format!("{line},\"check\":\"{}\"}}\n", config_hash(&line));
    lines.lines().map(whole).collect::<String>().into_bytes()
}

/// Lines without their checks.
fn unchecked(lines: &[u8]) -> Vec<u8> {
    let lines = String::from_utf8(lines.to_vec()).expect("text");
    let bare = lines.lines().map(|line| line.rsplit_once(",\"check\":").expect("a check").0);
    bare.collect::<Vec<_>>().join("\n").into_bytes()
}

#[test]
fn a_hundred_thousand_mutants_are_answered_without_panic_hang_or_hoard() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = |name: &str| folder.path().join(name);
    let (path, nets) = (place("file"), nets());
    let written = |write: &dyn Fn(&Saved)| -> Vec<Vec<u8>> {
        let one = |saved| {
            write(saved);
            fs::read(&path).expect("just written")
        };
        nets.iter().map(one).collect()
    };
    let models = written(&|saved| file::save(&path, &saved.model, &saved.notes).expect("writable"));
    let torch = written(&|saved| export(&path, FileFormat::SafetensorsTorch, saved, None).expect("writable"));
    let npz = written(&|saved| export(&path, FileFormat::Npz, saved, None).expect("writable"));
    let configs: Vec<Vec<u8>> =
        nets.iter().map(|saved| serde_json::to_vec(&saved.model.config).expect("JSON")).collect();

    let config = Config { hidden: 4, ..Config::default() };
    let settings = Settings { config, until: Until::proved(&config, 20_000), ..Settings::default() };
    let mut trainer = Trainer::new(settings).expect("settings in range");
    let proof = prove::train(&mut trainer, &mut ()).expect("it runs").proof.expect("it is proved");
    let checkpoint = trainer.checkpoint(None);
    checkpoint.save(&path).expect("writable");
    let checkpoint = fs::read(&path).expect("just written");
    let (sweep, unlocked) = (place("sweep"), place("unlocked"));
    fs::create_dir(&unlocked).expect("a folder");
    let (locked, lines) = swept(&sweep);
    let certificate = Certificate::of(&proof).expect("it is proved").bytes().to_vec();
    let floats = FloatProof::of(&common::hand_made_adder().cast()).expect("it is proved").certificate().to_vec();
    let open = |sealed: &[u8]| vec![sealed[..sealed.len() - 32].to_vec()];

    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("writable");
        file::load(&path).is_ok_and(|saved| whole(&saved.model))
    };
    let foreign = |format: FileFormat, bytes: &[u8]| {
        fs::write(&path, bytes).expect("writable");
        import(&path, format, &ImportOptions::default()).is_ok_and(|saved| whole(&saved.model))
    };
    let files = unpacked(&npz[0]);
    let array = |bytes: &[u8]| {
        // The name of a file in the archive, a line, and what is put in its place.
        let split = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(0);
        let mut files = files.clone();
        files.insert(
            String::from_utf8_lossy(&bytes[..split]).into_owned(),
            bytes[split..].get(1..).unwrap_or(&[]).into(),
        );
        foreign(FileFormat::Npz, &archive(&files))
    };
    let named: Vec<Vec<u8>> = files.iter().map(|(name, bytes)| [name.as_bytes(), b"\n", bytes].concat()).collect();
    let said = ["method=random points=100 sweep-seed=1 hidden=4,8,16 seed=0..20 random.lr=0.001..0.1:log cell=lstm"];
    let parsers = [
        Parser { name: "model", mutants: 10_000, seeds: models, takes: Box::new(read) },
        Parser {
            name: "model, sealed",
            mutants: 5_000,
            seeds: configs[..1].to_vec(),
            takes: Box::new(|config| read(&sealed_model(&nets[0], config))),
        },
        Parser {
            name: "config",
            mutants: 2_500,
            seeds: configs,
            takes: Box::new(|bytes| {
                serde_json::from_slice::<Config>(bytes).is_ok_and(|config| config.checked().is_ok())
            }),
        },
        Parser {
            name: "certificate",
            mutants: 2_500,
            seeds: vec![certificate.clone()],
            takes: Box::new(|bytes| check(bytes).is_ok()),
        },
        Parser {
            name: "certificate, sealed",
            mutants: 10_000,
            seeds: open(&certificate),
            takes: Box::new(|bytes| {
                let bytes = sealed(bytes);
                check(&bytes).is_ok_and(|checked| Theorem::of(&bytes).text().contains(&checked.network_hash))
            }),
        },
        Parser {
            name: "float certificate",
            mutants: 5_000,
            seeds: vec![floats.clone()],
            takes: Box::new(|bytes| check_float(bytes).is_ok()),
        },
        Parser {
            name: "float certificate, sealed",
            mutants: 10_000,
            seeds: open(&floats),
            takes: Box::new(|bytes| {
                let bytes = sealed(bytes);
                check_float(&bytes).is_ok_and(|checked| Theorem::of(&bytes).text().contains(&checked.net_hash))
            }),
        },
        Parser {
            name: "checkpoint",
            mutants: 5_000,
            seeds: vec![checkpoint],
            takes: Box::new(|bytes| {
                fs::write(&path, bytes).expect("writable");
                Checkpoint::load(&path).is_ok()
            }),
        },
        Parser {
            name: "sweep, locked",
            mutants: 5_000,
            seeds: vec![locked],
            takes: Box::new(|bytes| {
                fs::write(unlocked.join("sweep.toml"), bytes).expect("writable");
                sweep::Plan::load(&unlocked).is_ok()
            }),
        },
        Parser {
            name: "sweep, lines",
            mutants: 5_000,
            seeds: vec![lines.clone()],
            takes: Box::new(|bytes| merged(&sweep, bytes)),
        },
        Parser {
            name: "sweep, lines, checked",
            mutants: 5_000,
            seeds: vec![unchecked(&lines)],
            takes: Box::new(|bytes| merged(&sweep, &checked(bytes))),
        },
        Parser {
            name: "config.toml",
            mutants: 5_000,
            seeds: settings_files(),
            takes: Box::new(|bytes| {
                fs::write(&path, bytes).expect("writable");
                read_config(&path).is_ok()
            }),
        },
        Parser {
            name: "sweep, TOML",
            mutants: 5_000,
            seeds: specs(),
            takes: Box::new(|bytes| Spec::from_toml(&String::from_utf8_lossy(bytes)).is_ok()),
        },
        Parser {
            name: "sweep, words",
            mutants: 5_000,
            seeds: said.map(|text| text.as_bytes().to_vec()).into(),
            takes: Box::new(words),
        },
        Parser {
            name: "safetensors-torch",
            mutants: 10_000,
            seeds: torch,
            takes: Box::new(|bytes| foreign(FileFormat::SafetensorsTorch, bytes)),
        },
        Parser { name: "npz", mutants: 5_000, seeds: npz, takes: Box::new(|bytes| foreign(FileFormat::Npz, bytes)) },
        Parser { name: "npz, its arrays", mutants: 5_000, seeds: named, takes: Box::new(array) },
    ];
    assert_eq!(parsers.iter().map(|parser| parser.mutants).sum::<u64>(), 100_000, "mutants");

    let mut failures = Vec::new();
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    for (number, parser) in (0_u64..).zip(&parsers) {
        let (mut taken, mut most, mut longest) = (0_u64, 0, Duration::ZERO);
        for seed in &parser.seeds {
            if !(parser.takes)(seed) {
                failures.push(format!("{}: the file that its mutants are of is not taken", parser.name));
            }
        }
        for index in 0..parser.mutants {
            let bytes = mutant(&parser.seeds, &mut stream(number, Purpose::Eval, index));
            let (region, started) = (Region::new(ALLOCATOR), Instant::now());
            match catch_unwind(AssertUnwindSafe(|| (parser.takes)(&bytes))) {
                Ok(ok) => taken += u64::from(ok),
                Err(panic) => {
                    let text = panic.downcast_ref::<String>().map(String::as_str);
                    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?");
                    failures.push(format!("{}: mutant {index} panics: {text}", parser.name));
                }
            }
            let (allocated, time) = (region.change().bytes_allocated, started.elapsed());
            (most, longest) = (most.max(allocated), longest.max(time));
            if allocated > MOST_BYTES || time > MOST_TIME {
                failures.push(format!("{}: mutant {index} takes {allocated} bytes and {time:?}", parser.name));
            }
        }
        let (name, mutants) = (parser.name, parser.mutants);
        println!("{name:<24} {mutants:>6} mutants, {taken:>6} taken, at most {most:>9} bytes and {longest:?}");
    }
    set_hook(hook);
    failures.truncate(20);
    report(&failures);
}

/// A safetensors file of another header.
fn with_header(bytes: &[u8], edit: impl FnOnce(&str) -> String) -> Vec<u8> {
    let (length, rest) = bytes.split_first_chunk().expect("a header's length");
    let (header, data) = rest.split_at(usize::try_from(u64::from_le_bytes(*length)).expect("in memory"));
    let header = edit(std::str::from_utf8(header).expect("JSON"));
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// Asserts that what a parser says has some words.
#[track_caller]
fn says<T>(answer: carrylane::Result<T>, word: &str) {
    let said = answer.map_or_else(|error| error.to_string(), |_| "it is taken".into());
    assert!(said.contains(word), "no '{word}': {said}");
}

#[test]
fn a_repeated_key_is_refused_by_every_parser_and_does_not_win() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("file");
    let saved = &nets()[0];
    let written = |bytes: &[u8]| fs::write(&path, bytes).expect("writable");
    let mut trainer = Trainer::new(Settings::default()).expect("settings in range");
    trainer.step();
    let said = ImportOptions::default();

    // The same key with the same value in the header itself, and in the metadata.
    let first = |header: &str| {
        let entries: serde_json::Value = serde_json::from_str(header).expect("JSON");
        let (key, value) =
            entries.as_object().expect("an object").iter().find(|(key, _)| *key != "__metadata__").expect("a tensor");
        format!("{{\"{key}\":{value},{}", &header[1..])
    };
    let inside = |header: &str| header.replacen("\"__metadata__\":{", "\"__metadata__\":{\"format\":\"x\",", 1);
    for edit in [&first as &dyn Fn(&str) -> String, &inside] {
        file::save(&path, &saved.model, &saved.notes).expect("writable");
        written(&with_header(&fs::read(&path).expect("just written"), edit));
        says(file::load(&path), "is there twice");
        export(&path, FileFormat::SafetensorsTorch, saved, None).expect("writable");
        written(&with_header(&fs::read(&path).expect("just written"), edit));
        says(import(&path, FileFormat::SafetensorsTorch, &said), "is there twice");
        trainer.checkpoint(None).save(&path).expect("writable");
        written(&with_header(&fs::read(&path).expect("just written"), edit));
        says(Checkpoint::load(&path), "is there twice");
    }
    let config = serde_json::to_string(&saved.model.config).expect("JSON");
    written(&sealed_model(saved, config.replacen('{', "{\"hidden\":9,", 1).as_bytes()));
    says(file::load(&path), "is there twice");

    export(&path, FileFormat::Npz, saved, None).expect("writable");
    let mut files = unpacked(&fs::read(&path).expect("just written"));
    // Two files of an archive, and then two entries of an array's header.
    files.insert("w_hx.npy".into(), files["w_hh.npy"].clone());
    let mut twice = archive(&files);
    while let Some(at) = twice.windows(4).position(|name| name == b"w_hx") {
        twice[at + 3] = b'h';
    }
    written(&twice);
    says(import(&path, FileFormat::Npz, &said), "two of its arrays have one name");
    files.remove("w_hx.npy");
    let array = files.get_mut("w_ho.npy").expect("an array");
    let text =
        String::from_utf8_lossy(&array[10..128]).replace("'shape': (3, 1), ", "'shape': (3, 1), 'shape': (3, 1), ");
    let header = format!("{:<117}\n", text.trim_end());
    array.splice(10..128, header.bytes());
    written(&archive(&files));
    says(import(&path, FileFormat::Npz, &said), "array w_ho: its header is none of numpy's, or has a key twice");

    written(b"{\"type\":\"check\",\"update\":1,\"passed\":true,\"x\":1,\"x\":2}\n");
    says(Curves::read(&path), "is there twice");
    let sweep = folder.path().join("sweep");
    let bare = String::from_utf8(unchecked(&swept(&sweep).1)).expect("text");
    for (second, wanted) in [("z", [].as_slice()), ("y", &[1])] {
        let lines = bare.replacen('{', &format!("{{\"x\":{{\"y\":1,\"{second}\":2}},"), 1);
        fs::write(sweep.join(LINES), checked(lines.as_bytes())).expect("writable");
        let damaged = Results::read(&sweep).expect("readable").progress().damaged;
        assert_eq!(damaged.iter().map(|line| line.line).collect::<Vec<_>>(), wanted, "{damaged:?}");
    }
}

#[test]
fn an_array_is_refused_by_its_header_and_an_archive_that_is_compressed_with_what_to_do() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("npz");
    let saved = &nets()[0];
    export(&path, FileFormat::Npz, saved, None).expect("writable");
    let whole = unpacked(&fs::read(&path).expect("just written"));
    let wide = |rows: usize, cols: usize| {
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {cols}), }}");
        [b"\x93NUMPY\x01\x00\x76\x00", format!("{header:<117}\n").as_bytes()].concat()
    };
    for (name, array, word) in [
        ("w_hh", wide(6400, 6400), "it holds 6400 hidden units"),
        ("w_hh", wide(3, 3 << 20), "1048576 gates"),
        ("w_ih", wide(2, 1 << 22), "w_ih has the shape"),
        ("config", wide(1, 1 << 22), "array config: "),
    ] {
        let mut files = whole.clone();
        files.insert(format!("{name}.npy"), array);
        fs::write(&path, archive(&files)).expect("writable");
        let region = Region::new(ALLOCATOR);
        says(import(&path, FileFormat::Npz, &ImportOptions::default()), word);
        let allocated = region.change().bytes_allocated;
        assert!(allocated < 2 << 20, "{name}: {allocated} bytes");
    }
    // `numpy.savez_compressed` deflates: method 8, in the header of a file and in the archive's list.
    let mut bytes = archive(&whole);
    for (mark, method) in [(b"PK\x03\x04", 8), (b"PK\x01\x02", 10)] {
        let places: Vec<_> =
            bytes.windows(4).enumerate().filter(|(_, found)| found == mark).map(|(at, _)| at).collect();
        assert_eq!(places.len(), whole.len(), "a header a file");
        places.into_iter().for_each(|at| bytes[at + method] = 8);
    }
    fs::write(&path, bytes).expect("writable");
    says(
        import(&path, FileFormat::Npz, &ImportOptions::default()),
        "compressed or encrypted; save the archive with numpy.savez",
    );
    // One of two biases, which would be taken for zeros.
    for name in ["b_h.npy", "b_o.npy"] {
        let mut files = whole.clone();
        files.remove(name);
        files.remove("config.npy");
        fs::write(&path, archive(&files)).expect("writable");
        says(import(&path, FileFormat::Npz, &ImportOptions::default()), "it holds one of b_h and b_o: want both");
    }
}

#[test]
fn a_size_beyond_all_numbers_is_refused_and_not_multiplied_out() {
    let config = Config { hidden: usize::MAX, ..Config::of(Cell::Lstm) };
    let refused = config.checked().expect_err("too many units").to_string();
    assert!(refused.contains("want a whole number from 1 to 32,768"), "{refused}");
}
