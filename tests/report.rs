//! The page of `icnn compare --report`, opened in a real browser without a network.
//!
//! The browser is the one that `ICNN_BROWSER` names (`make test` sets it, scripts/browser finds it); without the variable
//! the parts that need it are skipped.
#![cfg(all(feature = "cli", feature = "onnx", feature = "highs"))]

#[path = "common/onnx.rs"]
mod onnx;
#[path = "common/programs.rs"]
mod programs;
#[path = "common/run.rs"]
mod run;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use programs::Folder;
use run::icnn;
use serde_json::Value;

/// f(y) = max(3(y0 − 0.2), 2(0.2 − y0)) + |y1 + y0/2| + 0.2·y1
const PLANE: &str = "y 2
    n1 = dense n0 [[3, 0], [-2, 0], [0.5, 1]]
    n2 = param [-0.6, 0.4, 0]
    n3 = sum n1 n2
    n4 = gather n3 [0, 1]
    n5 = max n4 [0, 1]
    n6 = gather n3 [2]
    n7 = abs n6
    n8 = dense n0 [[0, 0.2]]
    n9 = sum n5 n7 n8
    output n9";

const DIGITS: [&str; 7] =
    ["examples/digits/digits.onnx", "--context", "examples/digits/test-context.npy", "--lower", "0", "--upper", "1"];

/// The browser to use; `None` outside of `make test`.
fn browser() -> Option<PathBuf> {
    let Some(path) = std::env::var_os("ICNN_BROWSER") else {
        println!("skipped: ICNN_BROWSER does not name a browser (make test does)");
        return None;
    };
    let path = PathBuf::from(path);
    assert!(
        path.is_file(),
        "ICNN_BROWSER is {}, which is no file; scripts/browser finds or installs one",
        path.display()
    );
    Some(path)
}

/// Opens a page; a profile of its own keeps parallel tests apart.
fn open(browser: &Path, page: &str, more: &[&str]) -> Output {
    let profile = tempfile::tempdir().expect("a temporary folder");
    let done = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync", "--hide-scrollbars", "--enable-logging=stderr", "--v=0"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--virtual-time-budget=3000", "--timeout=30000"])
        .args(more)
        .arg(format!("file://{page}"))
        .output();
    done.unwrap_or_else(|e| panic!("{} does not run: {e}", browser.display()))
}

/// The page after its scripts ran, which must have nothing to complain about.
fn dom(browser: &Path, page: &str) -> String {
    let done = open(browser, page, &["--dump-dom"]);
    let errors = String::from_utf8_lossy(&done.stderr);
    let said: Vec<&str> = errors.lines().filter(|l| l.contains("CONSOLE")).collect();
    assert!(said.is_empty(), "the console says {said:?}");
    let dom = String::from_utf8(done.stdout).expect("UTF-8");
    assert!(dom.contains("data-ready=\"yes\""), "the script did not reach its end: {errors}");
    dom
}

/// Saves what a page looks like under target/, and checks that it is a picture with something on it.
fn screenshot(browser: &Path, page: &str, name: &str, size: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/report");
    fs::create_dir_all(&folder).expect("target/ can be written");
    let to = folder.join(name);
    let _ = fs::remove_file(&to);
    open(browser, page, &[&format!("--screenshot={}", to.display()), &format!("--window-size={size}")]);
    let picture = fs::read(&to).expect("a screenshot");
    let mut reader = png::Decoder::new(std::io::Cursor::new(&picture)).read_info().expect("PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
    let frame = reader.next_frame(&mut pixels).expect("a picture");
    let wide: usize = size.split(',').next().and_then(|w| w.parse().ok()).expect("a width");
    assert_eq!(frame.width as usize, wide);
    let step = frame.color_type.samples();
    let (first, bytes) = (&pixels[..step], &pixels[..frame.buffer_size()]);
    let marked = bytes.chunks_exact(step).filter(|pixel| *pixel != first).count();
    assert!(marked > 10_000, "{marked} pixels are not background");
}

/// Nothing may be fetched: the page holds no address at all.
fn stands_alone(html: &str) {
    for sign in ["http:", "https:", "//www", "src=", "href=", "url(", "@import", "fetch(", "XMLHttp", "WebSocket"] {
        assert!(!html.contains(sign), "the page holds {sign:?}");
    }
}

/// The number of points of each curve of a method, figure by figure.
fn points(dom: &str, class: &str, method: &str) -> Vec<usize> {
    let start = format!("<path class=\"{class}\" data-m=\"{method}\" d=\"");
    let curves = dom.split(start.as_str()).skip(1).map(|rest| rest.split('"').next().unwrap_or(""));
    curves.map(|d| d.matches(['M', 'L']).count()).collect()
}

/// The number of steps of each method's trace that have a gap.
fn traces(lines: &[Value]) -> Vec<(String, usize, Value)> {
    let of = |line: &Value| {
        let steps = line["trace"].as_array()?.iter().filter(|p| p["lower_bound"].is_number()).count();
        Some((line["method"].as_str()?.to_string(), steps, line["gap"].clone()))
    };
    lines.iter().filter_map(of).collect()
}

fn report(model: &[&str], to: &str) -> Vec<Value> {
    let ran = icnn(&[&["compare"], model, &["--pass-limit", "250", "--json", "--report", to]].concat());
    assert!([0, 3].contains(&ran.code), "{}", ran.err);
    ran.json()
}

#[test]
fn the_digits_report_shows_every_curve() {
    let folder = Folder::new();
    let page = folder.at("digits.html");
    let lines = report(&[&DIGITS, ["--rows", "7"].as_slice()].concat(), &page);
    let html = fs::read_to_string(&page).expect("a page");
    stands_alone(&html);
    assert!(html.len() < 2_000_000, "{} bytes", html.len());
    for part in
        ["the plain problem <b>min f(y)</b>", "in 32 decisions", "row 7 of 60", "What to use", "units are at a kink"]
    {
        assert!(html.contains(part), "{part}");
    }
    assert_eq!(html.matches("<svg class=\"slice\"").count(), 12);
    assert_eq!(html.matches("<svg class=\"contours\"").count(), 0);
    // The same numbers as on stdout.
    let advice = lines.last().unwrap()["summary"]["advice"].as_array().expect("advice").clone();
    assert!(!advice.is_empty() && advice.iter().all(|line| html.contains(line.as_str().unwrap())));

    let Some(browser) = browser() else { return };
    let dom = dom(&browser, &page);
    let mut curves = 0;
    for (method, steps, gap) in traces(&lines) {
        // The trace and the certified answer; against passes and against time, or one point for a method without a trace.
        let expected = if steps > 0 && gap.is_number() { vec![steps + 1; 2] } else { vec![] };
        assert_eq!(points(&dom, "curve", &method), expected, "{method}");
        curves += expected.len();
        assert_eq!(dom.contains(&format!("class=\"label\">{method}</text>")), gap.is_number(), "{method}");
    }
    assert!(curves >= 2);
    screenshot(&browser, &page, "digits.png", "1080,2200");
    screenshot(&browser, &page, "digits-narrow.png", "500,3600");
}

#[test]
fn a_plane_has_contours_with_the_way_of_each_method() {
    let folder = Folder::new();
    let model = folder.program("plane.json", PLANE);
    let page = folder.at("plane.html");
    let lines = report(&[&model, "--lower", "-1", "--upper", "1", "--start", "0.9"], &page);
    let html = fs::read_to_string(&page).expect("a page");
    stands_alone(&html);
    assert_eq!(html.matches("<svg class=\"contours\"").count(), 1);
    assert_eq!(html.matches("<svg class=\"slice\"").count(), 2);
    assert!(html.matches("<path class=\"level\"").count() >= 10);
    let Some(browser) = browser() else { return };
    let dom = dom(&browser, &page);
    let mut ways = 0;
    for (method, steps, _) in traces(&lines) {
        assert_eq!(points(&dom, "way", &method).len(), usize::from(steps > 0), "{method}");
        ways += usize::from(steps > 0);
    }
    assert!(ways >= 1);
    screenshot(&browser, &page, "plane.png", "1080,2400");
}

#[test]
fn several_rows_have_one_section_at_a_time() {
    let folder = Folder::new();
    let page = folder.at("rows.html");
    let lines = report(&[&DIGITS, ["--rows", "0..6", "--methods", "lp,subgradient"].as_slice()].concat(), &page);
    let html = fs::read_to_string(&page).expect("a page");
    stands_alone(&html);
    assert_eq!(html.matches("<section class=row").count(), 2);
    assert!(html.contains("All 6 rows") && html.contains(", the largest gap"));
    // The row that is named is the one.
    let sizes = |row: u64| {
        let gaps = lines.iter().filter(|l| l["row"] == row).filter_map(|l| l["gap"].as_f64());
        gaps.fold(0.0, f64::max)
    };
    assert!((0..6).all(|row| sizes(row) > 0.0));
    let Some(browser) = browser() else { return };
    let dom = dom(&browser, &page);
    let hidden = dom.matches("<section class=\"row\"").count() - 1;
    assert_eq!(dom.matches("style=\"display: none;\"").count(), hidden, "one of the sections is shown");
}

#[test]
fn names_from_files_are_text_and_a_failed_run_leaves_the_old_page() {
    let folder = Folder::new();
    let model = folder.program("a<script>alert(1)<b>&.json", PLANE);
    let page = folder.at("page.html");
    report(&[&model, "--lower", "-1", "--upper", "1", "--methods", "lp"], &page);
    let html = fs::read_to_string(&page).expect("a page");
    assert!(!html.contains("alert(1)<b>") && html.contains("a&lt;script&gt;alert(1)&lt;b&gt;&amp;.json"), "escaped");

    let ran = icnn(&["compare", &model, "--context", "1", "--report", &page]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert_eq!(fs::read_to_string(&page).expect("the old page"), html);
    assert_eq!(folder.count(), 2, "nothing else is left");
}
