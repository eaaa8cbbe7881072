//! Nets for other programs, and back.

mod common;

use carrylane::exchange::{Evidence, FileFormat, ImportOptions, export, import};
use carrylane::kernel::SimdLevel;
use carrylane::model::file::Saved;
use carrylane::model::{Activation, Cell, Config, Init, LstmForm, Model, weights_hash};
use carrylane::train::EngineKind;
use common::{nets, report};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// A net with notes that name its weights, one of which is −0.
fn saved(config: Config) -> Saved {
    let mut model: Model<f32> = Init::Scaled.model(config, 5);
    let last = model.params.len() - 1;
    model.params[last] = -0.0;
    let hash = weights_hash(&config, &model.params);
    Saved { model, notes: BTreeMap::from([("seed".into(), "5".into()), ("weights_hash".into(), hash)]) }
}

/// A file in a folder of its own.
fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("file");
    (folder, path)
}

fn bits(model: &Model<f32>) -> Vec<u32> {
    model.params.iter().map(|p| p.to_bits()).collect()
}

#[test]
fn every_net_comes_back_to_the_bit() {
    let (_folder, path) = place();
    let mut failures = Vec::new();
    for hidden in [1, 4, 17] {
        for (name, config) in nets(hidden) {
            for bias in [true, false] {
                let saved = saved(Config { bias, ..config });
                for format in FileFormat::READ {
                    export(&path, format, &saved, None).expect("writable");
                    let bytes = fs::read(&path).expect("just written");
                    export(&path, format, &saved, None).expect("writable");
                    assert_eq!(bytes, fs::read(&path).expect("just written"), "{name}, {format}: the same bytes again");
                    match import(&path, format, &ImportOptions::default()) {
                        Ok(back) if back == saved && bits(&back.model) == bits(&saved.model) => {}
                        other => failures.push(format!("{name}, {hidden} hidden, bias {bias}, {format}: {other:?}")),
                    }
                }
            }
        }
    }
    report(&failures);
}

#[test]
fn evidence_leaves_the_net_as_it_is() {
    let (_folder, path) = place();
    let saved = saved(Config { hidden: 5, ..Config::of(Cell::Lstm) });
    let evidence = Evidence::new(&saved.model, 6, 10, 1, EngineKind::Fused, SimdLevel::best()).expect("a level");
    export(&path, FileFormat::Npz, &saved, Some(&evidence)).expect("writable");
    assert_eq!(import(&path, FileFormat::Npz, &ImportOptions::default()).expect("a net"), saved);
    for format in [FileFormat::SafetensorsTorch, FileFormat::Onnx] {
        let refused = export(&path, format, &saved, Some(&evidence)).expect_err("nowhere to put it").to_string();
        assert!(refused.contains("use the format npz"), "{refused}");
    }
}

/// Tensors of a file made by other hands: name, shape.
fn write(path: &PathBuf, tensors: &[(&str, &[usize])], dtype: Dtype) {
    let size = if dtype == Dtype::F32 { 4 } else { 8 };
    let blobs: Vec<Vec<u8>> =
        tensors.iter().map(|(_, shape)| vec![0; size * shape.iter().product::<usize>()]).collect();
    let views = tensors.iter().zip(&blobs).map(|((name, shape), blob)| {
        (*name, TensorView::new(dtype, shape.to_vec(), blob).expect("shape and bytes agree"))
    });
    fs::write(path, safetensors::serialize(views, None).expect("distinct names")).expect("writable");
}

const ELMAN: [(&str, &[usize]); 6] = [
    ("encoder.weight_ih_l0", &[3, 2]),
    ("encoder.weight_hh_l0", &[3, 3]),
    ("encoder.bias_ih_l0", &[3]),
    ("encoder.bias_hh_l0", &[3]),
    ("fc.weight", &[1, 3]),
    ("fc.bias", &[1]),
];

#[test]
fn a_file_of_other_hands_is_what_its_shapes_and_its_owner_say() {
    let (_folder, path) = place();
    write(&path, &ELMAN, Dtype::F32);
    let read = |said: &ImportOptions| import(&path, FileFormat::SafetensorsTorch, said).map(|saved| saved.model.config);
    let elman = Config { hidden: 3, activation: Activation::Tanh, ..Config::default() };
    assert_eq!(read(&ImportOptions::default()).expect("a net"), elman, "PyTorch's defaults");
    let said =
        ImportOptions { cell: Some(Cell::Dynamic), activation: Some(Activation::Relu), ..ImportOptions::default() };
    let dynamic = Config { cell: Cell::Dynamic, activation: Activation::Relu, ..elman };
    assert_eq!(read(&said).expect("a net"), dynamic, "as said");
    let refused = read(&ImportOptions { cell: Some(Cell::Lstm), ..ImportOptions::default() })
        .expect_err("too few gates")
        .to_string();
    assert!(refused.ends_with("it has 1 gates for each hidden unit, the lstm cell has 4"), "{refused}");
    let form = ImportOptions { lstm_form: Some(LstmForm::Notebook), ..ImportOptions::default() };
    assert!(read(&form).expect_err("no LSTM").to_string().contains("has no LSTM form"));

    let lstm: [(&str, &[usize]); 3] = [("a.weight_ih_l0", &[4, 2]), ("a.weight_hh_l0", &[4, 1]), ("b.weight", &[1, 1])];
    write(&path, &lstm, Dtype::F32);
    let wanted = Config { hidden: 1, bias: false, ..Config::of(Cell::Lstm) };
    assert_eq!(read(&ImportOptions::default()).expect("a net"), wanted, "four gates, no biases");
    assert_eq!(read(&form).expect("a net").lstm_form, LstmForm::Notebook, "as said");
}

#[test]
fn two_biases_of_pytorch_are_added() {
    let (_folder, path) = place();
    write(&path, &ELMAN, Dtype::F32);
    let bytes = fs::read(&path).expect("just written");
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (name, view) in SafeTensors::deserialize(&bytes).expect("whole").iter() {
        let value = if name.ends_with("bias_ih_l0") { 0.5_f32 } else { 0.25 };
        let blob = view.data().chunks(4).flat_map(|_| value.to_le_bytes()).collect();
        tensors.push((name.to_owned(), view.shape().to_vec(), blob));
    }
    let views = tensors.iter().map(|(name, shape, blob)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), blob).expect("shape and bytes agree"))
    });
    fs::write(&path, safetensors::serialize(views, None).expect("distinct names")).expect("writable");
    let model = import(&path, FileFormat::SafetensorsTorch, &ImportOptions::default()).expect("a net").model;
    assert_eq!(model.layout().weights(&model.params).b_h, [0.75; 3]);
}

#[test]
fn what_holds_no_net_is_refused_with_what_was_found() {
    let (_folder, path) = place();
    let mut failures = Vec::new();
    let mut refused = |format, words: &[&str]| {
        let problem = import(&path, format, &ImportOptions::default())
            .map_or_else(|e| e.to_string(), |saved| format!("{saved:?}"));
        if let Some(word) = words.iter().find(|&&word| !problem.contains(word)) {
            failures.push(format!("no '{word}' in: {problem}"));
        }
    };
    for format in FileFormat::READ {
        fs::write(&path, "").expect("writable");
        refused(format, &["the file is empty"]);
        fs::write(&path, "some text").expect("writable");
        refused(format, &["not a whole"]);
    }
    write(&path, &ELMAN, Dtype::F64);
    refused(FileFormat::SafetensorsTorch, &["is F64, want F32: save the module after .float()"]);
    write(&path, &ELMAN[1..], Dtype::F32);
    refused(FileFormat::SafetensorsTorch, &["want one tensor named …weight_ih_l0", "it holds encoder.bias_hh_l0"]);
    write(&path, &ELMAN[..4], Dtype::F32);
    refused(FileFormat::SafetensorsTorch, &["want one layer nn.Linear(H, 1)"]);
    write(&path, &[&ELMAN[..], &[("encoder.weight_ih_l1", &[3, 3])]].concat(), Dtype::F32);
    refused(FileFormat::SafetensorsTorch, &["encoder.weight_ih_l1", "want one layer each"]);
    let wide: [(&str, &[usize]); 3] = [("a.weight_ih_l0", &[3, 5]), ("a.weight_hh_l0", &[3, 3]), ("b.weight", &[1, 3])];
    write(&path, &wide, Dtype::F32);
    refused(FileFormat::SafetensorsTorch, &["w_ih has the shape [5, 3], a net of its w_hh wants [2, 3]"]);
    let gru: [(&str, &[usize]); 3] = [("a.weight_ih_l0", &[9, 2]), ("a.weight_hh_l0", &[9, 3]), ("b.weight", &[1, 3])];
    write(&path, &gru, Dtype::F32);
    refused(FileFormat::SafetensorsTorch, &["a GRU"]);
    write(&path, &[("a.weight_ih_l0", &[0, 2]), ("a.weight_hh_l0", &[0, 0]), ("b.weight", &[1, 0])], Dtype::F32);
    refused(FileFormat::SafetensorsTorch, &["have the shape [0, 0], want [H, H]"]);

    let mut sick = saved(Config { hidden: 2, ..Config::default() });
    sick.model.params[5] = f32::INFINITY;
    for format in FileFormat::READ {
        export(&path, format, &sick, None).expect("writable");
        refused(format, &["weight 1 of w_hh is inf"]);
    }
    carrylane::model::file::save(&path, &sick.model, &sick.notes).expect("writable");
    refused(FileFormat::SafetensorsTorch, &["a model file of carrylane already"]);
    refused(FileFormat::Onnx, &["written, not read"]);
    report(&failures);
}

#[test]
fn weights_changed_elsewhere_come_without_the_notes_of_their_training() {
    let (_folder, path) = place();
    let saved = saved(Config { hidden: 2, ..Config::default() });
    export(&path, FileFormat::SafetensorsTorch, &saved, None).expect("writable");
    let mut bytes = fs::read(&path).expect("just written");
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    fs::write(&path, bytes).expect("writable");
    let read = import(&path, FileFormat::SafetensorsTorch, &ImportOptions::default()).expect("a net");
    assert_ne!(read.model, saved.model, "another weight");
    assert_eq!(read.notes, BTreeMap::new(), "and no word of a training that was not its own");
    let said = ImportOptions { activation: Some(Activation::Relu), ..ImportOptions::default() };
    let refused = import(&path, FileFormat::SafetensorsTorch, &said).expect_err("another net").to_string();
    assert!(
        refused.contains("its activation is sigmoid, --activation asks for relu: leave --activation out"),
        "{refused}"
    );
}
