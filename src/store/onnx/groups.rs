//! Sums, maxima and norms of groups of entries: groups of one size are gathered into the rows of a matrix and reduced at
//! once, and the results are put in order.

use std::collections::BTreeMap;

use sprs::CsMat;

use super::file::File;

/// A reduction of each group of entries of `row`, each entry multiplied by its weight first if there are weights.
pub(super) fn reduced(
    file: &mut File,
    row: &str,
    groups: &[&[usize]],
    weights: Option<&[&[f64]]>,
    reduction: &str,
) -> String {
    let mut sizes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (g, members) in groups.iter().enumerate() {
        sizes.entry(members.len()).or_default().push(g);
    }
    let mut rows = vec![];
    for (size, of_size) in &sizes {
        let count = of_size.len();
        if *size == 0 {
            rows.push(file.floats(&[1, count], &vec![0.0; count]));
            continue;
        }
        let members: Vec<usize> = of_size.iter().flat_map(|g| groups[*g]).copied().collect();
        let mut gathered = file.gather(row, &members);
        if let Some(weights) = weights {
            let weights: Vec<f64> = of_size.iter().flat_map(|g| weights[*g]).copied().collect();
            if weights.iter().any(|w| *w != 1.0) {
                let weights = file.floats(&[1, weights.len()], &weights);
                gathered = file.op("Mul", &[&gathered, &weights]);
            }
        }
        let matrix = file.reshaped(&gathered, &[count, *size]);
        let result = file.reduced(reduction, &matrix);
        rows.push(file.reshaped(&result, &[1, count]));
    }
    if let [only] = rows.as_slice() {
        return only.clone();
    }
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let all = file.concat(&rows);
    let mut place = vec![0; groups.len()];
    for (at, g) in sizes.values().flatten().enumerate() {
        place[*g] = at;
    }
    file.gather(&all, &place)
}

/// A sparse matrix times a row.
pub(super) fn sparse(file: &mut File, row: &str, m: &CsMat<f64>) -> String {
    let by_rows = if m.is_csr() { m.clone() } else { m.to_csr() };
    let starts = by_rows.proper_indptr();
    let range = |i: usize| starts[i]..starts[i + 1];
    let groups: Vec<&[usize]> = (0..by_rows.rows()).map(|i| &by_rows.indices()[range(i)]).collect();
    let weights: Vec<&[f64]> = (0..by_rows.rows()).map(|i| &by_rows.data()[range(i)]).collect();
    reduced(file, row, &groups, Some(&weights), "ReduceSum")
}
