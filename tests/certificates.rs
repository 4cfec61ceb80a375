//! Certificates: what is written is read and verified, by `icnn verify` and by tools/check_certificate.py, and nothing that was
//! changed since is. The proofs are made here, by a search that knows small networks only.
#![cfg(all(feature = "highs", feature = "cli", feature = "onnx"))]

#[path = "common/exact.rs"]
mod exact;
#[path = "common/onnx.rs"]
mod onnx;
#[path = "common/programs.rs"]
mod programs;
#[path = "common/run.rs"]
mod run;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use icnn::certificate::file::{self, Folded, Origin, Proven};
use icnn::certificate::{Multipliers, rigorous};
use icnn::domain::file::DomainFile;
use icnn::ir::program::Program;
use icnn::load::program_json::problem::Function;
use icnn::{Domain, Network};
use serde_json::{Value, json};

use programs::Folder;
use run::icnn;

const CHECKER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/check_certificate.py");

/// A network, a context and a set.
struct Case {
    name: &'static str,
    model: String,
    context: Vec<f64>,
    domain: Value,
}

const TWO_LAYERS: &str = "n1 = dense n0 [[3, -2], [1, 4], [-2, 1]]\nn2 = param [-1, 0.5, 0.25]\nn3 = sum n1 n2\nn4 = UNIT\n\
    n5 = dense n4 [[1, 2, 1.5], [0.5, 1, 1]]\nn6 = dense n0 [[-1, -3], [2, 1]]\nn7 = sum n5 n6\nn8 = relu n7\n\
    n9 = dense n8 [[1, 2]]\nn10 = dense n0 [[0.25, -0.5]]\nn11 = sum n9 n10\noutput n11";

fn two_layers(unit: &str) -> String {
    format!("y 2\n{}", TWO_LAYERS.replace("UNIT", unit))
}

/// y ↦ max |…| of five coordinates with a given one in the middle of it.
const FIVE: &str = "y 3\nn1 = dense n0 [[1, 1, -1], [2, -1, 0.5], [-1, 0.5, 3]]\nn2 = param [0.5, -0.25, -1]\nn3 = sum n1 n2\n\
    n4 = abs n3\nn5 = dense n4 [[1, 1, 0.5]]\noutput n5";

/// f(x, y) of a picnn: two layers, a gate and a shift that depend on x.
fn picnn() -> Program {
    use icnn::network::{Picnn, PicnnLayer};
    use nalgebra::{DMatrix, DVector};
    let m = |rows: usize, values: &[f64]| DMatrix::from_row_slice(rows, values.len() / rows, values);
    let affine = |w: DMatrix<f64>, b: &[f64]| (w, DVector::from_column_slice(b));
    let layers = vec![
        PicnnLayer {
            z: None,
            wy: m(3, &[2.0, -1.0, -1.0, 3.0, 1.0, 1.0]),
            yu: affine(m(2, &[0.0, 0.5, 0.25, 0.0]), &[1.0, 1.0]),
            u: affine(m(3, &[1.0, 0.0, 0.0, -1.0, 0.5, 0.5]), &[-1.0, 0.25, -0.5]),
            next_u: Some(affine(m(1, &[1.0, -1.0]), &[1.0])),
        },
        PicnnLayer {
            z: Some((m(1, &[1.0, 0.5, 2.0]), affine(m(3, &[0.5, 0.25, 0.0]), &[0.5, 0.75, 1.0]))),
            wy: m(1, &[-1.0, -0.5]),
            yu: affine(m(2, &[0.0, 0.5]), &[1.0, 1.0]),
            u: affine(m(1, &[1.0]), &[0.0]),
            next_u: None,
        },
    ];
    Picnn { layers }.program().expect("widths fit")
}

fn cases(folder: &Folder) -> Vec<Case> {
    let case = |name, text: &str, domain: Value| {
        let model = folder.program(&format!("{name}.json"), text);
        Case { name, model, context: vec![], domain }
    };
    let unit_box = || json!({"version": 1, "lower": -1, "upper": 1});
    let convolution = "y 4\nn1 = conv n0 1x[4] -> 2x[3] kernel [2] strides [1] dilations [1] pads [0] groups 1 [1, -2, -1, 0.5]\n\
        n2 = param [0.5, -0.25, 0.125, -0.5, 0.25, 1]\nn3 = sum n1 n2\nn4 = relu n3\nn5 = gather n4 [0, 2, 3, 5]\n\
        n6 = dense n5 [[1, 2, 3, 1]]\nn7 = dense n0 [[-0.5, 0.25, 0.5, -0.25]]\nn8 = sum n6 n7\noutput n8";
    let mut all = vec![
        case("box", &two_layers("relu n3"), unit_box()),
        case("leaky", &two_layers("leaky n3 [0.25]"), unit_box()),
        case("lines", &two_layers("lines n3 -1 0 | -0.5 | 0 0.5 | 1 | 2 -1.5"), unit_box()),
        case("clip", &two_layers("clip n3 0.25 inf"), unit_box()),
        case("max", &two_layers("max n3 [0, 1] [1, 2] [0, 2]"), unit_box()),
        case(
            "polyhedron",
            &two_layers("relu n3"),
            json!({"version": 1, "lower": [null, -2], "rows": [
                {"name": "budget", "coefficients": {"0": 2, "1": 1}, "upper": 0.75},
                {"name": "floor", "coefficients": {"0": 1, "1": -1}, "lower": -0.5}]}),
        ),
        case("simplex", FIVE, json!({"version": 1, "simplices": [{"of": "all", "total": 1}]})),
        case("fixed", FIVE, json!({"version": 1, "lower": -2, "upper": 2, "fixed": {"1": 0.375}})),
        case("convolution", convolution, unit_box()),
    ];
    let level = "y 2\nn1 = abs n0\nn2 = dense n1 [[1, 2]]\noutput n2";
    folder.program("level_of_set.json", level);
    all.push(case(
        "level",
        &two_layers("relu n3"),
        json!({"version": 1, "lower": -3, "upper": 3, "networks": [{"name": "size", "model": "level_of_set.json", "at_most": 0.125}]}),
    ));
    let text = icnn::load::program_json::write(&picnn()).expect("numbers");
    let model = folder.file("picnn.json", text);
    all.push(Case { name: "picnn", model, context: vec![0.5, -0.25], domain: unit_box() });
    all
}

/// Everything on disk that a check needs.
struct Written {
    folded: Folded,
    /// Certificate, model, folded program, then further networks.
    certificate: String,
    model: String,
    files: Vec<String>,
    domain: String,
    levels: bool,
    text: String,
    /// (function, node, element) of weight 0: any line will do there.
    idle: Vec<(usize, usize, usize)>,
}

impl Case {
    fn problem(&self, folder: &Folder) -> (Folded, String) {
        let path = folder.file(&format!("{}_domain.json", self.name), self.domain.to_string());
        let network = Network::load(&self.model).expect("a model");
        let base = Domain::everything(network.decisions());
        let domain = DomainFile::read(Path::new(&path), base).expect("a domain").at(&self.context).expect("fits");
        let origin = Origin {
            model: file::model(Path::new(&self.model), None, None, false).expect("a file"),
            row: 0,
            context: self.context.clone(),
            function: Function::Network,
        };
        let function = network.given(&self.context).expect("fits");
        (Folded::new(&function, &domain, origin).expect("folds"), path)
    }

    /// The folded program and the networks of constraints as `icnn convert` writes them, and whether there are such.
    fn converted(&self, folder: &Folder, folded: &Folded, domain: &str) -> (Vec<String>, bool) {
        let program = folder.at(&format!("{}_folded.json", self.name));
        let context = folder.file(&format!("{}_context.json", self.name), json!(self.context).to_string());
        let mut options = vec!["--domain", domain, "--force"];
        if !self.context.is_empty() {
            options.extend(["--context", &context]);
        }
        let mut files = vec![program];
        let convert = |to: &str, more: &[&str]| {
            let ran = icnn(&[&["convert", &self.model, to], &options[..], more].concat());
            assert_eq!(ran.code, 0, "{}: {}", self.name, ran.err);
        };
        convert(&files[0], &[]);
        let levels = folded.problem.set.levels.clone();
        for level in &levels {
            files.push(folder.at(&format!("{}_{}.json", self.name, level.name)));
            convert(&files[files.len() - 1], &["--level", &level.name]);
        }
        (files, !levels.is_empty())
    }

    /// Proves the minimum, writes the certificate, and has `icnn convert` write what it is about.
    fn written(&self, folder: &Folder) -> Written {
        let (folded, domain) = self.problem(folder);
        let (proof, idle) = exact::prove(&folded.function, &folded.domain);
        let row = file::exact(&folded, &proof).unwrap_or_else(|e| panic!("{}: {e}\n{proof:?}", self.name));
        let text = file::text(&[row]).expect("numbers");
        let certificate = folder.file(&format!("{}_certificate.json", self.name), &text);
        let (files, levels) = self.converted(folder, &folded, &domain);
        assert_eq!(std::fs::read_to_string(&files[0]).expect("a file"), folded.text, "{}", self.name);
        let model = self.model.clone();
        Written { folded, certificate, model, files, domain, levels, text, idle }
    }
}

impl Written {
    /// Exit code and words of `icnn verify`.
    fn icnn(&self, certificate: &str) -> (i32, String) {
        let mut args = vec!["verify", certificate, "--model", &self.model];
        if self.levels {
            args.extend(["--domain", &self.domain]);
        }
        let ran = icnn(&args);
        (ran.code, ran.out + &ran.err)
    }

    /// Exit code and words of the checker in Python.
    fn python(&self, certificate: &str) -> (i32, String) {
        python(&[&[certificate.to_string()], &self.files[..]].concat())
    }
}

/// Runs the checker on many certificates in one process.
const MANY: &str = "
import contextlib, importlib.util, io, os, sys
sys.path.insert(0, os.path.dirname(sys.argv[1]))
spec = importlib.util.spec_from_file_location('checker', sys.argv[1])
checker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(checker)
for line in sys.stdin.read().splitlines():
    words = io.StringIO()
    try:
        with contextlib.redirect_stdout(words):
            checker.main(line, *sys.argv[2:])
        print(words.getvalue().splitlines()[0])
    except Exception as e:
        print('NOT VERIFIED:', ascii(str(e)))
";

impl Written {
    /// What the checker in Python says of many certificates.
    fn pythons(&self, certificates: &[String]) -> Vec<String> {
        let mut child = Command::new("python3")
            .args(["-c", MANY, CHECKER])
            .args(&self.files)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        child.stdin.take().expect("a pipe").write_all(certificates.join("\n").as_bytes()).expect("it reads");
        let out = child.wait_with_output().expect("it ends").stdout;
        let lines: Vec<String> = String::from_utf8_lossy(&out).lines().map(String::from).collect();
        assert_eq!(lines.len(), certificates.len());
        lines
    }
}

fn python(args: &[String]) -> (i32, String) {
    let done = Command::new("python3").arg(CHECKER).args(args).output().expect("python3 runs");
    let text = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(!text.contains("Traceback"), "{text}");
    (done.status.code().unwrap_or(-1), text)
}

#[test]
fn what_is_written_is_verified_by_both() {
    let folder = Folder::new();
    for case in cases(&folder) {
        let written = case.written(&folder);
        let (code, words) = written.icnn(&written.certificate);
        assert!(code == 0 && words.contains("proven exact"), "{}: {words}", case.name);
        let (code, words) = written.python(&written.certificate);
        assert!(code == 0 && words.starts_with("PROVEN exact"), "{}: {words}", case.name);
        let read = file::read(Path::new(&written.certificate)).expect("well formed");
        assert_eq!(file::text(&read.rows).expect("numbers"), written.text);
    }
}

/// Changes of a JSON text, each with the path of what it changes.
fn mutations(text: &str) -> Vec<(String, String)> {
    let whole: Value = serde_json::from_str(text).expect("JSON");
    let mut places = vec![];
    collect(&whole, String::new(), &mut places);
    let mut out = vec![];
    for path in &places {
        let at = whole.pointer(path).expect("a place");
        for (what, changed) in changes(at) {
            let mut copy = whole.clone();
            *copy.pointer_mut(path).expect("a place") = changed;
            out.push((format!("{path} {what}"), copy.to_string()));
        }
    }
    out.push(("truncated".into(), text[..text.len() / 2].into()));
    out.push(("something behind it".into(), format!("{text}{{}}")));
    out.push(("a field twice".into(), text.replacen("{", "{\"version\": 1, ", 1)));
    out.push(("a NaN".into(), text.replacen("\"context\":[", "\"context\":[NaN,", 1)));
    out
}

fn collect(value: &Value, path: String, places: &mut Vec<String>) {
    places.push(path.clone());
    match value {
        Value::Array(all) => all.iter().enumerate().for_each(|(k, v)| collect(v, format!("{path}/{k}"), places)),
        Value::Object(all) => all.iter().for_each(|(k, v)| collect(v, format!("{path}/{k}"), places)),
        _ => {}
    }
}

/// What can become of one value.
fn changes(value: &Value) -> Vec<(String, Value)> {
    let hex = |t: &str| i128::from_str_radix(t, 16).ok().filter(|_| t.len() < 32);
    match value {
        Value::Null => vec![("a text".into(), json!("1"))],
        Value::Bool(b) => vec![("not".into(), json!(!b))],
        Value::Number(n) => match n.as_u64() {
            Some(n) => vec![("+ 1".into(), json!(n + 1)), ("a float".into(), json!(n as f64 + 0.5))],
            None => {
                let v = n.as_f64().expect("a number");
                vec![("next".into(), json!(v.next_up())), ("a text".into(), json!(v.to_string()))]
            }
        },
        Value::String(t) => match hex(t) {
            Some(n) => {
                let text = |n: i128| if n < 0 { format!("-{:x}", -n) } else { format!("{n:x}") };
                let mut all: Vec<(String, Value)> =
                    vec![("+ 1".into(), json!(text(n + 1))), ("- 1".into(), json!(text(n - 1)))];
                all.push(("a leading zero".into(), json!(format!("0{t}"))));
                all.push(("upper case or a sign".into(), json!(format!("+{t}"))));
                all
            }
            None => {
                let last = t.chars().last().map_or("x", |c| if c == '0' { "1" } else { "0" });
                let cut: String = t.chars().take(t.chars().count().saturating_sub(1)).collect();
                vec![("another last character".into(), json!(format!("{cut}{last}")))]
            }
        },
        Value::Array(all) => {
            let mut out = vec![("one more".into(), json!([&all[..], &[json!(0)]].concat()))];
            if !all.is_empty() {
                out.push(("one fewer".into(), json!(&all[..all.len() - 1])));
                if all.len() > 1 && all[0] != all[1] {
                    let mut swapped = all.clone();
                    swapped.swap(0, 1);
                    out.push(("swapped".into(), json!(swapped)));
                }
            }
            out
        }
        Value::Object(all) => {
            let mut more = all.clone();
            more.insert("zzz".into(), json!(0));
            let mut out = vec![("an unknown field".into(), json!(more))];
            for key in all.keys() {
                let mut fewer = all.clone();
                fewer.remove(key);
                out.push((format!("without {key}"), json!(fewer)));
            }
            out
        }
    }
}

impl Written {
    /// Whether a change concerns the line of an element of weight 0 alone: any line is right there, so it is still a proof.
    fn idles(&self, what: &str) -> bool {
        let path = what.strip_prefix("/rows/0/proof/exact/multipliers/functions/").unwrap_or("");
        let numbers: Vec<usize> = path.split(['/', ' ']).map_while(|n| n.parse().ok()).collect();
        matches!(numbers[..], [f, node, element] if what.ends_with("+ 1") && self.idle.contains(&(f, node, element)))
    }
}

#[test]
fn nothing_that_was_changed_is_verified() {
    let folder = Folder::new();
    let mut tried = 0;
    for case in cases(&folder) {
        let written = case.written(&folder);
        let all = mutations(&written.text);
        let paths: Vec<String> = all
            .iter()
            .enumerate()
            .map(|(k, (_, text))| folder.file(&format!("{}_{k}.json", case.name), text))
            .collect();
        for (k, ((what, text), theirs)) in all.iter().zip(written.pythons(&paths)).enumerate() {
            let ours = match file::parse(text.as_bytes()) {
                Ok(read) => match &read.rows[..] {
                    [row] => file::check(row, &written.folded).map_err(|e| e.to_string()),
                    rows => Err(format!("{} rows", rows.len())),
                },
                Err(e) => Err(e.to_string()),
            };
            // The program itself makes the problem anew from the model; a share of the changes is enough for that.
            if k % 23 == 0 || what.contains("/problem/") {
                let (code, words) = written.icnn(&paths[k]);
                assert_eq!(code == 0, ours.is_ok(), "{} {what}: {words} {ours:?}", case.name);
                assert!(code <= 2, "{} {what}: {words}", case.name);
            }
            let agreed = ours.is_ok() == theirs.starts_with("PROVEN");
            assert!(agreed, "{} {what}: {ours:?}, but {theirs}", case.name);
            let idle = written.idles(what);
            assert!(idle || ours.is_err(), "{} {what}: accepted", case.name);
            tried += usize::from(!idle);
        }
    }
    println!("{tried} changes, none accepted by either checker");
    assert!(tried >= 400, "{tried}");
}

#[test]
fn exit_codes_tell_a_false_proof_from_no_proof() {
    let folder = Folder::new();
    let case = cases(&folder).remove(0);
    let written = case.written(&folder);
    let check = |name: &str, text: String, code: i32, says: &str| {
        let (found, words) = written.icnn(&folder.file(name, text));
        assert!(found == code && words.contains(says), "{name}: {found} {words}");
    };
    let text = || written.text.clone();
    check("cut.json", text()[..400].into(), 2, "EOF");
    check("version.json", text().replacen("\"version\": 1", "\"version\": 2", 1), 2, "version 2");
    check("field.json", text().replacen("\"network\":", "\"zzz\":0,\"network\":", 1), 2, "zzz");
    check("tier.json", text().replacen("\"exact\"", "\"certain\"", 1), 2, "certain");
    let hash = &written.folded.sha256;
    check("hash.json", text().replacen(hash.as_str(), &hash.replace(['0', '1'], "2"), 1), 1, "hash");
    let model = &written.folded.problem.model.sha256;
    check("model.json", text().replacen(model.as_str(), &model.replace(['0', '1'], "2"), 1), 1, "hash");
    let mut huge: Value = serde_json::from_str(&written.text).expect("JSON");
    huge["rows"][0]["proof"]["exact"]["y"]["denominator"] = json!("f".repeat(300_000));
    check("huge.json", huge.to_string(), 2, "300000 digits");
    let (code, words) = {
        let ran = icnn(&["verify", &written.certificate, "--model", &written.model, "--lower", "-1", "--upper", "2"]);
        (ran.code, ran.out)
    };
    assert!(code == 1 && words.contains("another set"), "{words}");
    let ran = icnn(&["verify", &written.certificate, "--model", &written.model, "--lower", "-1", "--upper", "1"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert_eq!(icnn(&["verify", &written.certificate, "--model", &folder.at("none.json")]).code, 2);
}

#[test]
fn rows_are_checked_one_by_one_and_cannot_be_swapped() {
    let folder = Folder::new();
    let picnn = || cases(&folder).pop().expect("a case");
    let one = Case { name: "first", ..picnn() };
    let other = Case { name: "second", context: vec![-0.75, 0.5], ..picnn() };
    let entry = |case: &Case, row: usize| {
        let (folded, _) = case.problem(&folder);
        let origin = Origin {
            model: folded.problem.model.clone(),
            row,
            context: case.context.clone(),
            function: Function::Network,
        };
        let network = Network::load(&case.model).expect("a model");
        let f = network.given(&case.context).expect("fits");
        let folded = Folded::new(&f, &folded.domain, origin).expect("folds");
        let (proof, _) = exact::prove(&folded.function, &folded.domain);
        let file = folder.file(&format!("row{row}.json"), &folded.text);
        (file::exact(&folded, &proof).expect("a proof"), file)
    };
    let ((a, file_a), (b, file_b)) = (entry(&one, 0), entry(&other, 1));
    let certificate = folder.file("both.json", file::text(&[a.clone(), b.clone()]).expect("numbers"));
    let ran = icnn(&["verify", &certificate, "--model", &one.model]);
    assert!(ran.code == 0 && ran.out.lines().count() == 2, "{}{}", ran.out, ran.err);
    for (row, file) in [("0", &file_a), ("1", &file_b)] {
        assert_eq!(icnn(&["verify", &certificate, "--model", &one.model, "--row", row]).code, 0);
        assert_eq!(python(&[certificate.clone(), file.clone(), row.into()]).0, 0);
    }
    assert_eq!(python(&[certificate.clone(), file_a.clone()]).0, 1, "which row is not said");
    assert_eq!(python(&[certificate.clone(), file_a.clone(), "1".into()]).0, 1, "another row's program");
    let swapped =
        [file::Row { proof: b.proof.clone(), ..a.clone() }, file::Row { proof: a.proof.clone(), ..b.clone() }];
    let swapped = folder.file("swapped.json", file::text(&swapped).expect("numbers"));
    assert_eq!(icnn(&["verify", &swapped, "--model", &one.model]).code, 1);
    assert_eq!(python(&[swapped.clone(), file_a, "0".into()]).0, 1);
    assert_eq!(python(&[swapped, file_b, "1".into()]).0, 1);
    let twice = folder.file("twice.json", file::text(&[a.clone(), a]).expect("numbers"));
    assert_eq!(icnn(&["verify", &twice, "--model", &one.model]).code, 1);
}

/// The same checks in f64: what both say of every change is the same, and a claim that is too strong is refused.
#[test]
fn slopes_in_f64_are_checked_as_the_numbers_they_are() {
    let folder = Folder::new();
    for case in cases(&folder) {
        if ["polyhedron", "simplex", "level"].contains(&case.name) {
            continue; // A subgradient proves no bound where a side is open or a constraint is active.
        }
        let mut written = case.written(&folder);
        let f = &written.folded.function;
        let y: Vec<f64> = (0..f.decisions()).map(|j| 0.125 + 0.25 * j as f64).map(|v| v.min(0.375)).collect();
        let trace = f.forward(&y).expect("finite");
        let dual = rigorous::Dual { f: Multipliers::subgradient(f, &trace), levels: vec![], rows: vec![] };
        let row = file::rigorous(&written.folded, &y, &dual).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let file::Proof::Rigorous(claims) = &row.proof else { panic!("another tier") };
        let (value, lower) = (claims.value.0, claims.lower_bound.0);
        assert!(lower <= value && trace.value() <= value + 1e-12);
        written.text = file::text(&[row]).expect("numbers");
        let certificate = folder.file("rigorous.json", &written.text);
        let (code, words) = written.icnn(&certificate);
        assert!(code == 0 && words.contains("proven rigorous"), "{}: {words}", case.name);
        let all = mutations(&written.text);
        let paths: Vec<String> = all
            .iter()
            .enumerate()
            .map(|(k, (_, text))| folder.file(&format!("f64_{}_{k}.json", case.name), text))
            .collect();
        for ((what, text), theirs) in all.iter().zip(written.pythons(&paths)) {
            let ours = file::parse(text.as_bytes()).map_err(|e| e.to_string());
            let ours = ours.and_then(|read| file::check(&read.rows[0], &written.folded).map_err(|e| e.to_string()));
            assert_eq!(ours.is_ok(), theirs.starts_with("PROVEN"), "{} {what}: {ours:?}, but {theirs}", case.name);
            let proof = what.starts_with("/rows/0/proof");
            assert!(proof || ours.is_err(), "{} {what}: accepted", case.name);
        }
        let claim = |field: &str, v: f64| {
            let mut changed: Value = serde_json::from_str(&written.text).expect("JSON");
            changed["rows"][0]["proof"]["rigorous"][field] = json!(v);
            folder.file("claim.json", changed.to_string())
        };
        for path in [claim("value", value.next_down()), claim("lower_bound", lower.next_up())] {
            assert_eq!(written.icnn(&path).0, 1, "{}", case.name);
            assert_eq!(written.python(&path).0, 1, "{}", case.name);
        }
    }
}

#[test]
fn the_example_of_the_documentation_is_verified() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/certificates.md")).expect("a page");
    let blocks: Vec<&str> = text.split("```json\n").skip(1).map(|b| b.split("```").next().expect("its end")).collect();
    let folder = Folder::new();
    let (model, proof) = (folder.file("fifth.json", blocks[0]), folder.file("proof.json", blocks[1]));
    let ran = icnn(&["verify", &proof, "--model", &model]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(text.contains(ran.out.trim_end()), "{}", ran.out);
    let folded = folder.at("folded.json");
    assert_eq!(icnn(&["convert", &model, &folded, "--lower", "0", "--upper", "1"]).code, 0);
    let (code, words) = python(&[proof, folded]);
    assert_eq!(code, 0, "{words}");
    assert!(text.contains(words.lines().next().expect("a line")), "{words}");
}

/// What `solve` writes, by every method that takes the set and in both tiers, is verified by both checkers with the numbers that
/// were reported; what was changed since is refused by both.
#[test]
fn what_solve_writes_is_verified_by_both() {
    let folder = Folder::new();
    let mut counts = (0, 0);
    for case in cases(&folder) {
        let (folded, domain) = case.problem(&folder);
        let (files, levels) = case.converted(&folder, &folded, &domain);
        let context = folder.file("x.json", json!(case.context).to_string());
        for (method, tier) in ["lp", "ipm", "bundle", "active-set"].iter().flat_map(|m| [(m, "exact"), (m, "rigorous")])
        {
            let name = format!("{} {method} {tier}", case.name);
            let certificate = folder.at(&format!("{name}.json"));
            let mut args =
                vec!["solve", &case.model, "--domain", &domain, "--method", method, "--proof", tier, "--json"];
            args.extend(["--certificate", &certificate]);
            if !case.context.is_empty() {
                args.extend(["--context", &context]);
            }
            let ran = icnn(&args);
            let refuses = match *method {
                "bundle" => ["polyhedron", "level"].contains(&case.name),
                "active-set" => ["polyhedron", "level", "simplex"].contains(&case.name),
                _ => false,
            };
            // A coordinate without any bound needs a reduced cost of exactly 0, which multipliers in f64 seldom leave.
            if case.name == "polyhedron" && tier == "rigorous" && ran.code == 1 {
                assert!(ran.err.contains("no certificate: y[0] has no"), "{name}: {}", ran.err);
                continue;
            }
            assert_eq!(ran.code, if refuses { 2 } else { 0 }, "{name}: {}{}", ran.out, ran.err);
            if refuses {
                continue;
            }
            let answer: Value = serde_json::from_str(&ran.out).expect("a line of JSON");
            assert_eq!(answer["proof"], tier, "{name}: {answer}");
            let number = |field: &str| answer[field].as_f64().expect("a number");
            let text = std::fs::read_to_string(&certificate).unwrap_or_else(|e| panic!("{name}: {e}: {}", ran.err));
            let read = file::parse(text.as_bytes()).expect("well formed");
            let (value, lower) = match file::check(&read.rows[0], &folded).unwrap_or_else(|e| panic!("{name}: {e}")) {
                Proven::Exact { value, .. } if tier == "exact" => (value.to_f64_fast(), value.to_f64_fast()),
                Proven::Rigorous { value, lower_bound, .. } if tier == "rigorous" => (value, lower_bound),
                other => panic!("{name}: {other:?}"),
            };
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * (1.0 + b.abs());
            assert!(
                near(value, number("value")) && near(lower, number("lower_bound")),
                "{name}: {value} {lower} {answer}"
            );
            let mut written = Written {
                folded: folded.clone(),
                certificate: certificate.clone(),
                model: case.model.clone(),
                files: files.clone(),
                domain: domain.clone(),
                levels,
                text,
                idle: vec![],
            };
            let (code, words) = written.icnn(&certificate);
            assert!(code == 0 && words.contains(&format!("proven {tier}")), "{name}: {words}");
            let changed = written.falsified(tier);
            let mut paths = vec![std::mem::take(&mut written.certificate)];
            paths.extend(changed.iter().enumerate().map(|(k, (_, text))| folder.file(&format!("{k}.json"), text)));
            let theirs = written.pythons(&paths);
            assert!(theirs[0].starts_with(&format!("PROVEN {tier}")), "{name}: {}", theirs[0]);
            for ((what, text), theirs) in changed.iter().zip(&theirs[1..]) {
                let ours = file::parse(text.as_bytes()).map_err(|e| e.to_string());
                let ours = ours.and_then(|read| file::check(&read.rows[0], &folded).map_err(|e| e.to_string()));
                assert!(ours.is_err() && theirs.starts_with("NOT VERIFIED"), "{name} {what}: {ours:?}, {theirs}");
            }
            counts = (counts.0 + 1, counts.1 + changed.len());
        }
    }
    println!("{} certificates of solves verified, {} changes refused", counts.0, counts.1);
}

impl Written {
    /// Changes after which it is no proof, whatever the network is.
    fn falsified(&self, tier: &str) -> Vec<(String, String)> {
        let proof: &[&str] = match tier {
            "exact" => &["value/0", "value/1", "lower_bound/0", "y/numerators", "multipliers/functions/0"],
            _ => &["value", "lower_bound", "y", "multipliers/functions/0"],
        };
        let stated = ["problem/model/sha256", "problem/set/lower", "network"];
        let places = proof.iter().map(|at| format!("/rows/0/proof/{tier}/{at}"));
        let places = places.chain(stated.iter().map(|at| format!("/rows/0/{at}"))).chain(["/version".into()]);
        let whole: Value = serde_json::from_str(&self.text).expect("JSON");
        let one = |path: String| {
            let mut changed = whole.clone();
            let at = changed.pointer_mut(&path).expect("a place");
            *at = match (&*at, path.ends_with("/lower_bound")) {
                (Value::Number(n), true) => json!(n.as_f64().expect("a number").next_up()),
                (Value::Number(n), _) if n.is_f64() => json!(n.as_f64().expect("a number").next_down()),
                (old, _) => changes(old).remove(0).1,
            };
            (path, changed.to_string())
        };
        places.map(one).collect()
    }
}
