//! Parsing the printed form of a program without context: a test is text in, text out.

use std::str::FromStr;

use sprs::TriMat;

use super::builder::Builder;
use super::linear::{Convolution, LinearMap};
use super::lines::{Line, Lines};
use super::program::{GroupKind, Groups, NodeId, Program};
use super::unit::Unit;
use crate::error::Error;

impl FromStr for Program {
    type Err = Error;

    /// Parses what `{:#}` prints: `y P`, then `nK = operation …` in order, then `output nK`. `#` starts a comment.
    fn from_str(text: &str) -> Result<Program, Error> {
        let mut builder: Option<Builder> = None;
        let mut ids: Vec<NodeId> = vec![];
        for (k, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or("").trim();
            let wrong = |reason: String| Error::Text { line: k + 1, reason };
            let mut words = Words::new(line);
            match (words.peek(), &mut builder) {
                (None, _) => {}
                (Some("y"), slot) => {
                    words.next();
                    let p: usize = words.parse("number of decisions").map_err(wrong)?;
                    if p == 0 || p > 1 << 24 {
                        return Err(wrong(format!("{p} decisions")));
                    }
                    let new = Builder::new("y", &[p]);
                    ids = vec![new.decision()];
                    *slot = Some(new);
                }
                (Some("output"), Some(builder)) => {
                    words.next();
                    let output = words.node(&ids).map_err(wrong)?;
                    return builder.finish(output).map_err(wrong);
                }
                (Some(name), Some(builder)) => {
                    if name != format!("n{}", ids.len()) {
                        return Err(wrong(format!("expected n{} or output, found {name}", ids.len())));
                    }
                    words.next();
                    words.expect("=").map_err(wrong)?;
                    let id = operation(builder, &ids, &mut words).map_err(wrong)?;
                    ids.push(id);
                }
                (Some(other), None) => return Err(wrong(format!("expected 'y P' first, found {other}"))),
            }
        }
        Err(Error::Text { line: text.lines().count(), reason: "no 'output' line".into() })
    }
}

type Parsed<T> = Result<T, String>;

fn operation(b: &mut Builder, ids: &[NodeId], w: &mut Words) -> Parsed<NodeId> {
    let op = w.next().ok_or("no operation")?.to_string();
    let unit = |b: &mut Builder, w: &mut Words, unit: Unit| {
        let t = w.node(ids)?;
        b.unit(t, unit)
    };
    match op.as_str() {
        "param" => {
            let v = w.list()?;
            Ok(b.constant_vector("", v))
        }
        "dense" => {
            let t = w.node(ids)?;
            w.expect("[")?;
            let mut rows: Vec<Vec<f64>> = vec![];
            while w.peek() != Some("]") {
                rows.push(w.list()?);
                w.skip(",");
            }
            w.expect("]")?;
            let columns = rows.first().map_or(0, Vec::len);
            if columns == 0 || rows.iter().any(|r| r.len() != columns) {
                return Err("rows of different lengths".into());
            }
            let repeat = if w.skip("repeat") { w.parse("repeat")? } else { 1 };
            let (n, weight) = (rows.len(), b.constant("", rows.concat()));
            b.linear(t, LinearMap::Dense { weight, rows: n, columns, repeat, transposed: false })
        }
        "sparse" | "quadratic" => {
            let t = w.node(ids)?;
            let matrix = w.triplets()?;
            if op == "sparse" { b.sparse(t, matrix.to_csr()) } else { b.quadratic(t, matrix.to_csr()) }
        }
        "conv" => convolution(b, ids, w),
        "gather" => {
            let t = w.node(ids)?;
            let index = w.list()?.iter().map(|v| *v as usize).collect();
            b.gather(t, index)
        }
        "scale" => {
            let t = w.node(ids)?;
            let by = w.list()?;
            let by = b.constant("", by);
            b.scale(t, by)
        }
        "sum" | "concat" => {
            let mut inputs = vec![];
            while w.peek().is_some() {
                inputs.push(w.node(ids)?);
            }
            if op == "sum" { b.sum(&inputs) } else { b.concat(&inputs) }
        }
        "max" | "logsumexp" | "norm" => {
            let kind = match op.as_str() {
                "max" => GroupKind::Max,
                "norm" => GroupKind::Norm,
                _ => GroupKind::LogSumExp,
            };
            let t = w.node(ids)?;
            let mut groups = vec![];
            while w.peek().is_some() {
                groups.push(w.list()?.iter().map(|v| *v as usize).collect());
            }
            b.group(t, kind, Groups::new(groups))
        }
        "product" | "quotient" => {
            let (p, q) = (w.node(ids)?, w.node(ids)?);
            if op == "product" { b.product(p, q) } else { b.quotient(p, q) }
        }
        "select" => {
            let test = w.node(ids)?;
            let strict = !w.skip(">=");
            if strict {
                w.expect(">")?;
            }
            w.expect("0")?;
            let (then, otherwise) = (w.node(ids)?, w.node(ids)?);
            b.select(test, strict, then, otherwise)
        }
        "leaky" => {
            let t = w.node(ids)?;
            let slopes = w.list()?;
            let slopes = b.constant("", slopes);
            b.unit(t, Unit::Leaky(slopes))
        }
        "clip" => {
            let t = w.node(ids)?;
            let (lower, upper) = (w.number()?, w.number()?);
            if lower.is_nan() || upper.is_nan() || lower > upper {
                return Err(format!("clip to [{lower}, {upper}]"));
            }
            b.unit(t, Unit::Clip { lower, upper })
        }
        "lines" => {
            let t = w.node(ids)?;
            let (mut breaks, mut pieces) = (vec![], vec![]);
            loop {
                pieces.push(Line { slope: w.number()?, intercept: w.number()? });
                if !w.skip("|") {
                    break;
                }
                breaks.push(w.number()?);
                w.expect("|")?;
            }
            b.unit(t, Unit::Lines(Lines::new(breaks, pieces)?.into()))
        }
        "softplus" | "elu" | "celu" | "power" => {
            let t = w.node(ids)?;
            let v = w.number()?;
            b.unit(
                t,
                match op.as_str() {
                    "softplus" if v > 0.0 => Unit::Softplus { beta: v, switch: None },
                    "celu" if v > 0.0 => Unit::Celu { alpha: v },
                    "elu" => Unit::Elu { alpha: v },
                    "power" => Unit::Power(v),
                    _ => return Err(format!("{op} with {v}")),
                },
            )
        }
        "relu" => unit(b, w, Unit::Relu),
        "abs" => unit(b, w, Unit::Abs),
        "exp" => unit(b, w, Unit::Exp),
        "log" => unit(b, w, Unit::Log),
        "entropy" => unit(b, w, Unit::Entropy),
        "sigmoid" => unit(b, w, Unit::Sigmoid),
        "tanh" => unit(b, w, Unit::Tanh),
        "erf" => unit(b, w, Unit::Erf),
        "sin" => unit(b, w, Unit::Sin),
        "cos" => unit(b, w, Unit::Cos),
        "atan" => unit(b, w, Unit::Atan),
        "softsign" => unit(b, w, Unit::Softsign),
        other => Err(format!("unknown operation {other}")),
    }
}

fn convolution(b: &mut Builder, ids: &[NodeId], w: &mut Words) -> Parsed<NodeId> {
    let t = w.node(ids)?;
    let extents = |w: &mut Words| w.list().map(|v| v.iter().map(|e| *e as usize).collect::<Vec<usize>>());
    let channels = |w: &mut Words| {
        let word = w.next().ok_or("no channels")?;
        let digits = word.strip_suffix('x').ok_or_else(|| format!("expected channels, found {word}"))?;
        digits.parse::<usize>().map_err(|e| format!("{word}: {e}"))
    };
    let input_channels = channels(w)?;
    let input = extents(w)?;
    w.expect("->")?;
    let output_channels = channels(w)?;
    let output = extents(w)?;
    let mut named = |name: &str| {
        w.expect(name)?;
        extents(w)
    };
    let (kernel, strides, dilations, pads) = (named("kernel")?, named("strides")?, named("dilations")?, named("pads")?);
    w.expect("groups")?;
    let groups: usize = w.parse("groups")?;
    let weight = w.list()?;
    let axes = input.len();
    let lengths = [&output, &kernel, &strides, &dilations, &pads].iter().all(|v| v.len() == axes);
    if !lengths || groups == 0 || input_channels % groups != 0 || output_channels % groups != 0 {
        return Err("extents of different lengths, or groups that do not divide the channels".into());
    }
    let geometry =
        Convolution { input_channels, output_channels, groups, input, output, kernel, strides, dilations, pads };
    let weight = b.constant("", weight);
    b.linear(t, LinearMap::Convolution { weight, geometry: geometry.into() })
}

/// The words of a line; brackets and commas are words of their own.
struct Words {
    words: Vec<String>,
    at: usize,
}

impl Words {
    fn new(line: &str) -> Words {
        let spaced = line.replace('[', " [ ").replace(']', " ] ").replace(',', " , ").replace('|', " | ");
        Words { words: spaced.split_whitespace().map(str::to_string).collect(), at: 0 }
    }

    fn peek(&self) -> Option<&str> {
        self.words.get(self.at).map(String::as_str)
    }

    fn next(&mut self) -> Option<String> {
        self.at += 1;
        self.words.get(self.at - 1).cloned()
    }

    fn skip(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, word: &str) -> Parsed<()> {
        match self.next() {
            Some(found) if found == word => Ok(()),
            found => Err(format!("expected {word}, found {}", found.unwrap_or("the end of the line".into()))),
        }
    }

    fn parse<T: FromStr>(&mut self, what: &str) -> Parsed<T> {
        let word = self.next().ok_or_else(|| format!("no {what}"))?;
        word.parse().map_err(|_| format!("{what}: '{word}'"))
    }

    fn number(&mut self) -> Parsed<f64> {
        self.parse("number")
    }

    fn node(&mut self, ids: &[NodeId]) -> Parsed<NodeId> {
        let word = self.next().ok_or("no node")?;
        let index = word.strip_prefix('n').and_then(|d| d.parse::<usize>().ok());
        index.and_then(|k| ids.get(k)).copied().ok_or_else(|| format!("no node {word} before this line"))
    }

    fn list(&mut self) -> Parsed<Vec<f64>> {
        self.expect("[")?;
        let mut out = vec![];
        while !self.skip("]") {
            out.push(self.number()?);
            self.skip(",");
        }
        Ok(out)
    }

    /// `RxC [i j v, …]`
    fn triplets(&mut self) -> Parsed<TriMat<f64>> {
        let size = self.next().ok_or("no size")?;
        let sides = size.split_once('x').and_then(|(r, c)| Some((r.parse::<usize>().ok()?, c.parse::<usize>().ok()?)));
        let (rows, columns) = sides.ok_or_else(|| format!("size {size}"))?;
        self.expect("[")?;
        let mut matrix = TriMat::new((rows, columns));
        while !self.skip("]") {
            let (i, j): (usize, usize) = (self.parse("row")?, self.parse("column")?);
            if i >= rows || j >= columns {
                return Err(format!("entry {i} {j} of a {rows}x{columns} matrix"));
            }
            let v = self.number()?;
            matrix.add_triplet(i, j, v);
            self.skip(",");
        }
        Ok(matrix)
    }
}
