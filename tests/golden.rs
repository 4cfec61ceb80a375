//! Lowerings, text in and text out: every pair of `program` and `lp` or `conic` blocks in docs/math.md, with the `domain` and the
//! `constraint` h(y) ≤ 0 that stand between. ICNN_BLESS=1 rewrites the answers.

use std::path::Path;
use std::sync::Arc;

use icnn::domain::Domain;
use icnn::domain::file::DomainFile;
use icnn::ir::program::{Op, Program};
use icnn::lower::{conic, linear};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/math.md");

/// The text of each fenced block of the given kind, with where it starts and ends.
fn blocks(text: &str, kind: &str) -> Vec<(usize, usize)> {
    let fence = format!("```{kind}\n");
    let mut found = vec![];
    let mut from = 0;
    while let Some(at) = text[from..].find(&fence) {
        let start = from + at + fence.len();
        let end = start + text[start..].find("```").expect("a fence that closes");
        found.push((start, end));
        from = end;
    }
    found
}

fn lowered(kind: &str, program: &str, domain: Option<&str>, constraint: Option<&str>) -> String {
    let parsed = |text: &str| Arc::new(text.parse::<Program>().unwrap_or_else(|e| panic!("{e}\n{text}")));
    let program = parsed(program);
    let mut set = Domain::cube(program.decisions(), -1.0, 1.0).unwrap();
    if let Some(json) = domain {
        set = DomainFile::parse(json.as_bytes(), Path::new(""), set).unwrap().common().clone();
    }
    if let Some(h) = constraint {
        set = set.with_at_most("h", &parsed(h).at(&[]).unwrap(), 0.0).unwrap();
    }
    let instance = program.at(&[]).unwrap();
    match kind {
        "lp" => linear(&instance, &set).unwrap().named_lp().to_string(),
        _ => conic(&instance, &set).unwrap().to_string(),
    }
}

#[test]
fn lowerings_are_as_documented() {
    let text = std::fs::read_to_string(PATH).unwrap();
    let programs = blocks(&text, "program");
    let of_kind = |kind: &'static str| blocks(&text, kind).into_iter().map(move |block| (block, kind));
    let mut answers: Vec<((usize, usize), &str)> = of_kind("lp").chain(of_kind("conic")).collect();
    answers.sort_unstable();
    assert_eq!(programs.len(), answers.len());
    assert!(programs.len() >= 30);
    let mut blessed = text.clone();
    for (program, (answer, kind)) in programs.iter().zip(&answers).rev() {
        let between = &text[program.1..answer.0];
        let block = |kind| blocks(between, kind).first().map(|(start, end)| &between[*start..*end]);
        let found = lowered(kind, &text[program.0..program.1], block("domain"), block("constraint"));
        if std::env::var_os("ICNN_BLESS").is_some() {
            blessed.replace_range(answer.0..answer.1, &found);
        } else {
            assert_eq!(found, text[answer.0..answer.1], "\n{}", &text[program.0..program.1]);
        }
    }
    if blessed != text {
        std::fs::write(PATH, blessed).unwrap();
    }
}

#[test]
fn the_documented_domain_is_read() {
    let text = std::fs::read_to_string(PATH.replace("math.md", "domains.md")).unwrap();
    let found = blocks(&text, "domain");
    assert_eq!(found.len(), 1);
    let domain =
        DomainFile::parse(&text.as_bytes()[found[0].0..found[0].1], Path::new(""), Domain::everything(4)).unwrap();
    let names: Vec<&str> = domain.common().rows().iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["shares", "budget", "balance", "total"]);
    assert!(domain.common().is_bounded());
}

#[test]
fn every_operation_with_a_lowering_is_documented() {
    let text = std::fs::read_to_string(PATH).unwrap();
    let mut names: Vec<&str> = vec![];
    for (start, end) in blocks(&text, "program") {
        let program: Program = text[start..end].parse().unwrap();
        names.extend(program.nodes().iter().map(|n| match &n.op {
            Op::Unit { unit, .. } => unit.name(),
            op => op.name(),
        }));
    }
    let wanted = [
        "relu",
        "leaky",
        "abs",
        "clip",
        "lines",
        "max",
        "dense",
        "sparse",
        "conv",
        "gather",
        "scale",
        "sum",
        "concat",
        "param",
        "softplus",
        "elu",
        "celu",
        "exp",
        "log",
        "entropy",
        "power",
        "logsumexp",
        "norm",
        "quadratic",
    ];
    for name in wanted {
        assert!(names.contains(&name), "no example of {name}");
    }
}

#[test]
fn what_is_not_piecewise_linear_is_refused_by_name() {
    for (unit, form) in [("softplus n0 1", "softplus"), ("exp n0", "exp"), ("power n0 4", "power"), ("elu n0 1", "elu")]
    {
        let program: Program = format!("y 1\nn1 = {unit}\noutput n1").parse().unwrap();
        let domain = Domain::cube(1, -1.0, 1.0).unwrap();
        let error = linear(&Arc::new(program).at(&[]).unwrap(), &domain).unwrap_err().to_string();
        assert!(error.contains("n1") && error.contains(form) && error.contains("linear"), "{error}");
    }
}

#[test]
fn squares_are_refused_where_they_are_not_added_to_f() {
    let inside = "y 1\nn1 = power n0 2\nn2 = param [-1]\nn3 = sum n1 n2\nn4 = relu n3\noutput n4";
    let form = "y 1\nn1 = quadratic n0 1x1 [0 0 1]\nn2 = param [-1]\nn3 = sum n1 n2\nn4 = relu n3\noutput n4";
    let at = |text: &str| Arc::new(text.parse::<Program>().unwrap()).at(&[]).unwrap();
    let domain = Domain::cube(1, -2.0, 2.0).unwrap();
    for text in [inside, form] {
        let error = linear(&at(text), &domain).unwrap_err().to_string();
        assert!(error.contains("n1") && error.contains("inside another unit"), "{error}");
        let disk = domain.clone().with_at_most("disk", &at(text), 1.0).unwrap();
        let error = linear(&at("y 1\noutput n0"), &disk).unwrap_err().to_string();
        assert!(error.contains("n1") && error.contains("in a constraint"), "{error}");
    }
}
