//! Equation 3 as a graph: u ↦ g~(W~ u + b~) on the x-path, and on the y-path
//! z ↦ g(gain·T(W^z)(z ∘ gate(W^zu u + b^z)) + W^y (y ∘ (W^yu u + b^y)) + W^u u + b).

use super::description::Description;
use super::ficnn::{Context, at};
use super::roles::Roles;
use super::sketch::Sketch;
use super::tensors::Tensors;
use crate::load::error::LoadError;
use crate::load::graph::Graph;

/// The graph of equation 3.
pub(super) fn graph(d: &Description, roles: &Roles, tensors: &Tensors) -> Result<Graph, LoadError> {
    let c = Context { d, roles, tensors };
    let k = roles.layers();
    let Some((_, p)) = c.size("wy", 0)? else { return Err(at(0, "no tensor in role wy: nothing reads y")) };
    let mut q = None;
    for role in ["wyu", "wu", "wt"] {
        q = q.or(c.size(role, 0)?);
    }
    let Some((_, q)) = q else { return Err(at(0, "no tensor in roles wyu, wu and wt: nothing reads x")) };
    let mut s = Sketch::new(&[("x", q), ("y", p)], tensors.stored());
    let (mut z, mut width) = (String::new(), 0);
    let (mut u, mut u_width) = ("x".to_string(), q);
    for i in 0..k {
        let rows = |role| Ok::<_, LoadError>(c.size(role, i)?.map(|s| s.0));
        let Some(next) = rows("wz")?.or(rows("wy")?) else { return Err(at(i, "no tensor in roles wz and wy")) };
        let mut terms = vec![];
        let gate = affine(&c, &mut s, i, ("wzu", "bz"), (&u, u_width), width)?;
        if i > 0 {
            if let Some(gate) = gate {
                let gate = d.gate_activation().apply(&mut s, &format!("layer{i}.gate"), gate);
                z = s.op("Mul", &format!("layer{i}.gated"), &[&z, &gate]);
            }
            let from_z = c.z_map(&mut s, i, &z, (next, width))?;
            terms.push(from_z.ok_or_else(|| at(i, "no tensor in role wz: what layers before it make would be lost"))?);
        } else if let Some(name) = roles.get("wz", 0).or(roles.get("wzu", 0)) {
            return Err(at(0, format!("'{name}' is in role wz or wzu, but there is no z before the first layer")));
        }
        let scale = affine(&c, &mut s, i, ("wyu", "by"), (&u, u_width), p)?;
        if let Some(wy) = c.matrix(&mut s, "wy", i, (next, p))? {
            let scaled = match scale {
                Some(scale) => s.op("Mul", &format!("layer{i}.scaled"), &["y", &scale]),
                None => "y".to_string(),
            };
            let map = s.gemm(&format!("layer{i}.wy"), &scaled, &wy, None, c.transposed());
            terms.push(d.y_activation(i, k).apply(&mut s, &format!("layer{i}.y_activation"), map));
        }
        match affine(&c, &mut s, i, ("wu", "b"), (&u, u_width), next)? {
            Some(bias) => terms.push(bias),
            None => terms.extend(c.value(&mut s, "b", i, &[next])?),
        }
        let sum = s.sum(&format!("layer{i}.sum"), &terms);
        z = d.activation(i, k).apply(&mut s, &format!("layer{i}.activation"), sum);
        width = next;
        if let Some((rows, _)) = c.size("wt", i)?
            && let Some(map) = affine(&c, &mut s, i, ("wt", "bt"), (&u, u_width), rows)?
        {
            (u, u_width) = (d.u_activation().apply(&mut s, &format!("layer{i}.u"), map), rows);
        }
    }
    let f = c.with_quadratic(&mut s, z);
    Ok(s.finish(f, width))
}

/// W u + b from the tensors of two roles, `rows` entries; none where W has no tensor.
fn affine(
    c: &Context,
    s: &mut Sketch,
    i: usize,
    (weight, bias): (&str, &str),
    (u, columns): (&str, usize),
    rows: usize,
) -> Result<Option<String>, LoadError> {
    let Some(w) = c.matrix(s, weight, i, (rows, columns))? else { return Ok(None) };
    let b = c.value(s, bias, i, &[rows])?;
    Ok(Some(s.gemm(&format!("layer{i}.{weight}"), u, &w, b.as_deref(), c.transposed())))
}
