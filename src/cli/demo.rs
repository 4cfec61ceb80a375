//! `icnn demo`: the right halves of handwritten digits from their left halves, exactly, as a table and as a picture.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args as ClapArgs;
use icnn::check::prove;
use icnn::{Domain, Method, Network, Solution, Status};

use super::input::{Rows, Source};
use super::{Stop, code, output};

/// Rows solved.
const ROWS: usize = 20;
/// Side of a digit.
const SIDE: usize = 8;
/// Side of a drawn pixel.
const ZOOM: usize = 8;
/// Width of the lines between pictures.
const LINE: usize = 2;
/// Digits next to each other, each as given, completed, true.
const ACROSS: usize = 4;

/// Arguments of `icnn demo`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Example:\n  icnn demo examples/digits")]
pub struct Args {
    /// The folder with digits.onnx, test-context.npy and test-truth.npy.
    #[arg(default_value = "examples/digits")]
    folder: PathBuf,
    /// Where the picture goes.
    #[arg(long, value_name = "FILE", default_value = "demo-out/digits.png")]
    picture: PathBuf,
}

/// Proves, solves, prints, draws.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let begun = Instant::now();
    let network = Network::load(args.folder.join("digits.onnx"))?;
    let (p, q) = (network.decisions(), network.context_len());
    let rows = |file: &str, width| Rows::read(&Source::File(args.folder.join(file)), width, "demo:");
    let (given, truth) = (rows("test-context.npy", q)?, rows("test-truth.npy", p)?);
    if p != q || p != SIDE * SIDE / 2 {
        return Err(Stop::input(format!("the network should take 32 + 32 pixels, it takes {q} and {p}")));
    }
    let domain = Domain::cube(p, 0.0, 1.0)?;

    let (_, proof) = prove(&network.program().for_any_context(), &domain);
    if !proof.output().is_convex() {
        return Err(Stop::negative("digits.onnx is not proven convex in y"));
    }
    output::line(&format!(
        "proven: f(x, y) is convex in y, {p} pixels in [0, 1], for every x ({} nodes)\n",
        network.program().nodes().len()
    ))?;
    output::line("row  status   value         lower bound   gap      ms     error  linear program")?;
    let mut solved = vec![];
    for row in 0..ROWS.min(given.len()).min(truth.len()) {
        let solution = network.given(given.row(row))?.minimize(&domain, Method::Lp)?;
        let error = solution.y.as_ref().map(|y| mean_error(y, truth.row(row)));
        output::line(&table_row(row, &solution, error))?;
        solved.push((solution, error));
    }
    let optimal = solved.iter().filter(|(s, _)| s.status == Status::Optimal).count();
    let worst = solved.iter().filter_map(|(s, _)| s.gap).fold(0.0, f64::max);
    let errors: Vec<f64> = solved.iter().filter_map(|(_, e)| *e).collect();
    let error = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
    let seconds: f64 = solved.iter().map(|(s, _)| s.seconds).sum();
    output::line(&format!(
        "\n{optimal} of {} rows solved to the exact minimum, largest gap {worst:.1e}; {:.1} ms a row, {:.2} s in all;\n\
         mean absolute error to the true pixels {error:.3}",
        solved.len(),
        1e3 * seconds / solved.len().max(1) as f64,
        begun.elapsed().as_secs_f64(),
    ))?;

    let digits: Vec<[Vec<Option<f64>>; 3]> = solved
        .iter()
        .enumerate()
        .filter_map(|(row, (solution, _))| {
            let left = given.row(row);
            let y = solution.y.as_ref()?;
            Some([digit(left, None), digit(left, Some(y)), digit(left, Some(truth.row(row)))])
        })
        .collect();
    let picture = Picture::of(&digits);
    picture.write(&args.picture).map_err(|e| Stop::input(format!("{}: {e}", args.picture.display())))?;
    output::line(&format!("{}: each digit as given, completed, true", args.picture.display()))?;
    Ok(if optimal == solved.len() { code::SUCCESS } else { code::NEGATIVE })
}

fn table_row(row: usize, s: &Solution, error: Option<f64>) -> String {
    let number = |v: Option<f64>| v.map_or("-".into(), |v| format!("{v:.9}"));
    let status = format!("{:?}", s.status).to_lowercase();
    let gap = s.gap.map_or("-".into(), |g| format!("{g:.0e}"));
    let error = error.map_or("-".into(), |e| format!("{e:.3}"));
    format!(
        "{row:<4} {status:<8} {:<13} {:<13} {gap:<8} {:<6.1} {error:<6} {} rows, {} columns, {} nonzeros",
        number(s.value),
        number(s.lower_bound),
        1e3 * s.seconds,
        s.work.rows,
        s.work.columns,
        s.work.nonzeros
    )
}

fn mean_error(y: &[f64], truth: &[f64]) -> f64 {
    y.iter().zip(truth).map(|(a, b)| (a - b).abs()).sum::<f64>() / y.len() as f64
}

/// The pixels of a digit from its halves, row by row; `None` where nothing is known.
fn digit(left: &[f64], right: Option<&[f64]>) -> Vec<Option<f64>> {
    let half = SIDE / 2;
    (0..SIDE * SIDE)
        .map(|k| match (k / SIDE, k % SIDE) {
            (i, j) if j < half => Some(left[i * half + j]),
            (i, j) => right.map(|r| r[i * half + j - half]),
        })
        .collect()
}

/// An 8-bit colour picture.
struct Picture {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

impl Picture {
    /// Digits from left to right and top to bottom, the three forms of each side by side.
    fn of(digits: &[[Vec<Option<f64>>; 3]]) -> Picture {
        let cell = SIDE * ZOOM;
        let group = 3 * cell + 2 * LINE;
        let gap = 4 * LINE + ZOOM;
        let down = digits.len().div_ceil(ACROSS);
        let width = ACROSS * group + (ACROSS + 1) * gap;
        let height = down * cell + (down + 1) * gap;
        let mut picture = Picture { width, height, bytes: [250, 250, 250].repeat(width * height) };
        for (k, forms) in digits.iter().enumerate() {
            let (top, left) = (gap + (k / ACROSS) * (cell + gap), gap + (k % ACROSS) * (group + gap));
            picture.fill(left, top, group, cell, [210, 60, 40]);
            for (form, pixels) in forms.iter().enumerate() {
                let left = left + form * (cell + LINE);
                for (i, pixel) in pixels.iter().enumerate() {
                    let grey = |v: f64| (255.0 * (1.0 - v.clamp(0.0, 1.0))).round() as u8;
                    let colour = pixel.map_or([214, 222, 235], |v| [grey(v); 3]);
                    picture.fill(left + i % SIDE * ZOOM, top + i / SIDE * ZOOM, ZOOM, ZOOM, colour);
                }
            }
        }
        picture
    }

    fn fill(&mut self, left: usize, top: usize, width: usize, height: usize, colour: [u8; 3]) {
        for y in top..top + height {
            let start = 3 * (y * self.width + left);
            self.bytes[start..start + 3 * width].copy_from_slice(&colour.repeat(width));
        }
    }

    fn write(&self, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(&self.bytes)?;
        Ok(())
    }
}
