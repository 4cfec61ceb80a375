//! Equation 2 as a graph: z ↦ g(gain·(T(W^z) z + c) + h(W^y y + b) + q(y)), where q is the optional sum of squares of a
//! factored quadratic map.

use super::description::{Description, Layout};
use super::roles::Roles;
use super::sketch::Sketch;
use super::tensors::Tensors;
use crate::load::error::LoadError;
use crate::load::graph::Graph;

/// What reading a layer needs.
pub(super) struct Context<'a> {
    pub d: &'a Description,
    pub roles: &'a Roles,
    pub tensors: &'a Tensors<'a>,
}

impl Context<'_> {
    /// Rows and columns of the matrix in a role of layer `i`, from its tensor alone.
    pub fn size(&self, role: &str, i: usize) -> Result<Option<(usize, usize)>, LoadError> {
        let Some(name) = self.roles.get(role, i) else { return Ok(None) };
        let what = format!("layer {i}, role {role}");
        match (self.tensors.shape(name, &what)?.as_slice(), self.d.layout()) {
            ([rows, columns], Layout::OutIn) | ([columns, rows], Layout::InOut) => Ok(Some((*rows, *columns))),
            (shape, _) => Err(LoadError::Tensor {
                name: name.into(),
                reason: format!("{what}: shape {shape:?}, expected a matrix with 2 axes"),
            }),
        }
    }

    /// The tensor of a role of layer `i`, which must be a matrix of the given rows and columns, as a value of the sketch.
    pub fn matrix(
        &self,
        s: &mut Sketch,
        role: &str,
        i: usize,
        size: (usize, usize),
    ) -> Result<Option<String>, LoadError> {
        let (rows, columns) = size;
        let expected = if self.d.layout() == Layout::OutIn { [rows, columns] } else { [columns, rows] };
        self.value(s, role, i, &expected)
    }

    /// The tensor of a role of layer `i`, which must have the given extents, as a value of the sketch.
    pub fn value(&self, s: &mut Sketch, role: &str, i: usize, expected: &[usize]) -> Result<Option<String>, LoadError> {
        let Some(name) = self.roles.get(role, i) else { return Ok(None) };
        let tensor = self.tensors.get(name, &format!("layer {i}, role {role}"), expected)?;
        Ok(Some(s.tensor(name, tensor)))
    }

    /// Whether matrices are stored as [outputs, inputs].
    pub fn transposed(&self) -> bool {
        self.d.layout() == Layout::OutIn
    }

    /// The z map of layer `i` on `z` of `before` entries, its weights made positive and multiplied by the gain.
    pub fn z_map(&self, s: &mut Sketch, i: usize, z: &str, size: (usize, usize)) -> Result<Option<String>, LoadError> {
        let Some(weight) = self.matrix(s, "wz", i, size)? else { return Ok(None) };
        let weight = self.d.positivity().apply(s, &format!("layer{i}.wz.positive"), weight);
        let gain = self.d.gain(size.1);
        let weight = s.times(&format!("layer{i}.wz.gain"), &weight, gain);
        let bias = self.value(s, "cz", i, &[size.0])?.map(|c| s.times(&format!("layer{i}.cz.gain"), &c, gain));
        Ok(Some(s.gemm(&format!("layer{i}.wz"), z, &weight, bias.as_deref(), self.transposed())))
    }

    /// The output with the quadratic term added.
    pub fn with_quadratic(&self, s: &mut Sketch, z: String) -> String {
        let c = self.d.quadratic();
        if c == 0.0 {
            return z;
        }
        let square = s.op("Mul", "quadratic.square", &["y", "y"]);
        let axes = s.integers(&[1]);
        let sum = s.op("ReduceSum", "quadratic.sum", &[&square, &axes]);
        let scaled = s.times("quadratic", &sum, c);
        s.op("Add", "quadratic.added", &[&z, &scaled])
    }
}

/// An error about a whole layer.
pub(super) fn at(layer: usize, reason: impl Into<String>) -> LoadError {
    LoadError::Part { part: format!("layer {layer}"), reason: reason.into() }
}

/// The graph of equation 2.
pub(super) fn graph(d: &Description, roles: &Roles, tensors: &Tensors) -> Result<Graph, LoadError> {
    let c = Context { d, roles, tensors };
    let k = roles.layers();
    let Some((_, p)) = c.size("wy", 0)? else { return Err(at(0, "no tensor in role wy: nothing reads y")) };
    let mut s = Sketch::new(&[("y", p)], tensors.stored());
    let (mut z, mut width) = (String::new(), 0);
    for i in 0..k {
        let rows = |role| Ok::<_, LoadError>(c.size(role, i)?.map(|s| s.0));
        let Some(next) = rows("wz")?.or(rows("wy")?) else { return Err(at(i, "no tensor in roles wz and wy")) };
        let mut terms = vec![];
        if i > 0 {
            let from_z = c.z_map(&mut s, i, &z, (next, width))?;
            terms.push(from_z.ok_or_else(|| at(i, "no tensor in role wz: what layers before it make would be lost"))?);
        } else if let Some(name) = roles.get("wz", 0) {
            return Err(at(0, format!("'{name}' is in role wz, but there is no z before the first layer")));
        }
        let bias = c.value(&mut s, "b", i, &[next])?;
        match c.matrix(&mut s, "wy", i, (next, p))? {
            Some(wy) => {
                let map = s.gemm(&format!("layer{i}.wy"), "y", &wy, bias.as_deref(), c.transposed());
                terms.push(d.y_activation(i, k).apply(&mut s, &format!("layer{i}.y_activation"), map));
            }
            None => terms.extend(bias),
        }
        terms.extend(squares(&c, &mut s, i, (p, next))?);
        let sum = s.sum(&format!("layer{i}.sum"), &terms);
        z = d.activation(i, k).apply(&mut s, &format!("layer{i}.activation"), sum);
        width = next;
    }
    let f = c.with_quadratic(&mut s, z);
    Ok(s.finish(f, width))
}

/// Σ_r (Σ_j y_j Q[j, r, o])² for each output o, from a tensor Q [p, rank, outputs].
fn squares(c: &Context, s: &mut Sketch, i: usize, (p, outputs): (usize, usize)) -> Result<Option<String>, LoadError> {
    let Some(name) = c.roles.get("q", i) else { return Ok(None) };
    let rank = c.tensors.shape(name, &format!("layer {i}, role q"))?.get(1).copied().unwrap_or(1);
    let Some(q) = c.value(s, "q", i, &[p, rank, outputs])? else { return Ok(None) };
    let flat = s.integers(&[p as i64, (rank * outputs) as i64]);
    let q = s.op("Reshape", &format!("layer{i}.q.flat"), &[&q, &flat]);
    let maps = s.op("MatMul", &format!("layer{i}.q"), &["y", &q]);
    let square = s.op("Mul", &format!("layer{i}.q.square"), &[&maps, &maps]);
    let apart = s.integers(&[-1, rank as i64, outputs as i64]);
    let square = s.op("Reshape", &format!("layer{i}.q.apart"), &[&square, &apart]);
    let axes = s.integers(&[1]);
    let sum = s.op("ReduceSum", &format!("layer{i}.q.sum"), &[&square, &axes]);
    let row = s.integers(&[-1, outputs as i64]);
    Ok(Some(s.op("Reshape", &format!("layer{i}.q.row"), &[&sum, &row])))
}
