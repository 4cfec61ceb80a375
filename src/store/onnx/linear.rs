//! Matrices, convolutions and quadratic forms.

use sprs::CsMat;

use super::file::{File, int, ints, string};
use super::{Writer, Written};
use crate::ir::linear::{Convolution, LinearMap};
use crate::ir::program::ParamId;

/// The most entries of a matrix that is written in full.
const MOST: usize = 1 << 26;

/// W times a row, or times each of several pieces of it.
pub(super) fn dense(w: &Writer, file: &mut File, row: &str, map: &LinearMap) -> Written {
    let LinearMap::Dense { weight, rows, columns, repeat, transposed } = map else { return Err("no dense map".into()) };
    let shape = if *transposed { [*columns, *rows] } else { [*rows, *columns] };
    let matrix = match w.constant(*weight) {
        Some(values) => file.floats(&shape, values),
        None => {
            let row = w.param(file, *weight);
            file.reshaped(&row, &shape)
        }
    };
    let input = if *repeat == 1 { row.to_string() } else { file.reshaped(row, &[*repeat, *columns]) };
    let mut inputs = vec![input.as_str(), &matrix];
    let mut attributes = vec![int("transB", i64::from(!transposed))];
    // The addend may only be left out from opset 11 on.
    let none = if file.opset < 11 { file.floats(&[1], &[0.0]) } else { String::new() };
    if !none.is_empty() {
        inputs.push(&none);
        attributes.extend(super::file::float("beta", 0.0));
    }
    let product = file.with("Gemm", &inputs, attributes);
    Ok(if *repeat == 1 { product } else { file.reshaped(&product, &[1, rows * repeat]) })
}

/// A convolution of a row.
pub(super) fn convolution(w: &Writer, file: &mut File, row: &str, weight: ParamId, g: &Convolution) -> Written {
    let axes = g.input.len();
    let mut ends = vec![];
    for a in 0..axes {
        let span = g.dilations[a] * (g.kernel[a] - 1) + 1;
        let needed = (g.output[a] - 1) * g.strides[a] + span;
        let end = needed.saturating_sub(g.input[a] + g.pads[a]);
        let outputs = (g.input[a] + g.pads[a] + end - span.min(g.input[a] + g.pads[a] + end)) / g.strides[a] + 1;
        if outputs != g.output[a] {
            return Err(format!("axis {a} has {} outputs, its window makes {outputs}", g.output[a]));
        }
        ends.push(end);
    }
    let input = [&[1, g.input_channels], &g.input[..]].concat();
    let kernel = [&[g.output_channels, g.input_channels / g.groups], &g.kernel[..]].concat();
    let image = file.reshaped(row, &input);
    let weights = match w.constant(weight) {
        Some(values) => file.floats(&kernel, values),
        None => {
            let row = w.param(file, weight);
            file.reshaped(&row, &kernel)
        }
    };
    let list = |v: &[usize]| v.iter().map(|e| *e as i64).collect::<Vec<i64>>();
    let attributes = vec![
        ints("kernel_shape", &list(&g.kernel)),
        ints("strides", &list(&g.strides)),
        ints("dilations", &list(&g.dilations)),
        ints("pads", &list(&[&g.pads[..], &ends].concat())),
        int("group", g.groups as i64),
    ];
    let image = file.with("Conv", &[&image, &weights], attributes);
    let outputs: usize = g.output.iter().product();
    Ok(file.reshaped(&image, &[1, g.output_channels * outputs]))
}

/// tᵀMt with M in full.
pub(super) fn quadratic(file: &mut File, row: &str, matrix: &CsMat<f64>) -> Written {
    let n = matrix.rows();
    let entries = n.checked_mul(n).filter(|e| *e <= MOST);
    let entries =
        entries.ok_or_else(|| format!("its matrix is {n}×{n}, {MOST} entries at most are written in full"))?;
    if file.opset < 12 {
        return Err(format!("a quadratic form needs opset 12, the x-path is written in opset {}", file.opset));
    }
    let mut full = vec![0.0; entries];
    for (v, (i, j)) in matrix.iter() {
        full[i * n + j] = *v;
    }
    let full = file.floats(&[n, n], &full);
    let value = file.with("Einsum", &[row, &full, row], vec![string("equation", "bi,ij,bj->b")]);
    Ok(file.reshaped(&value, &[1, 1]))
}
