//! [`read`]: a program from a file, by HiGHS' own readers.

use std::path::Path;

use sprs::{CsMat, TriMat};

use super::FIXED_OPTIONS;
use super::raw::{Contents, Model};
use crate::{LinearProgram, SolverError};

/// Reads a program from an `.mps` or `.lp` file, without names. For checking what was written: another reader than the writers here have.
///
/// # Errors
/// [`SolverError::Call`] for a file that HiGHS cannot read, one that maximises, one with integer columns.
pub fn read(path: &Path) -> Result<LinearProgram, SolverError> {
    let path = path.to_string_lossy();
    let contents = Model::read(&FIXED_OPTIONS, &path)?.contents()?;
    let refuse = |returned: String| SolverError::Call { solver: "HiGHS", call: format!("read {path}"), returned };
    if contents.maximise {
        return Err(refuse("a program that is maximised".into()));
    }
    if let Some(j) = contents.integrality.iter().position(|kind| *kind != 0) {
        return Err(refuse(format!("column {j}, which is not continuous")));
    }
    let quadratic = (!contents.square_value.is_empty()).then(|| symmetric(&contents));
    let [objective, column_lower, column_upper] = contents.columns;
    let [row_lower, row_upper] = contents.rows;
    let sizes = |array: Vec<i32>| -> Vec<usize> { array.into_iter().map(|k| k as usize).collect() };
    let (start, index) = (sizes(contents.start), sizes(contents.index));
    let shape = (row_lower.len(), objective.len());
    let matrix = CsMat::new_from_unsorted(shape, start, index, contents.value)
        .map_err(|(_, _, _, error)| refuse(format!("a matrix that is malformed: {error}")))?;
    Ok(LinearProgram {
        objective,
        quadratic,
        offset: contents.offset,
        column_lower,
        column_upper,
        row_lower,
        row_upper,
        matrix,
        column_names: vec![],
        row_names: vec![],
    })
}

/// Both triangles of the quadratic objective.
fn symmetric(contents: &Contents) -> CsMat<f64> {
    let n = contents.columns[0].len();
    let mut both = TriMat::new((n, n));
    for j in 0..n {
        for k in contents.square_start[j] as usize..contents.square_start[j + 1] as usize {
            let (i, q) = (contents.square_index[k] as usize, contents.square_value[k]);
            both.add_triplet(i, j, q);
            if i != j {
                both.add_triplet(j, i, q);
            }
        }
    }
    both.to_csr()
}
