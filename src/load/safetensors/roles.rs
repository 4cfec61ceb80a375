//! [`Roles`]: which tensor plays which role in which layer.

use std::collections::BTreeMap;

use super::description::{Description, Ends, Kind, Names};
use super::tensors::Tensors;
use crate::load::error::LoadError;

/// The roles of equation 2: z maps, y maps, biases.
const FICNN: &[&str] = &["wz", "cz", "wy", "b", "q"];
/// The roles of equation 3.
const PICNN: &[&str] = &["wz", "wzu", "bz", "wy", "wyu", "by", "wu", "b", "wt", "bt"];

/// The tensor names of each role, layer by layer.
pub(super) struct Roles {
    names: BTreeMap<String, Vec<Option<String>>>,
    layers: usize,
}

impl Roles {
    /// The names that a description gives, as far as the file has them.
    pub fn new(d: &Description, tensors: &Tensors) -> Result<Roles, LoadError> {
        let wrong = |reason: String| LoadError::Malformed { reason: format!("description: {reason}") };
        let known = if d.kind() == Kind::Ficnn { FICNN } else { PICNN };
        if let Some(other) = d.roles.keys().find(|r| !known.contains(&r.as_str())) {
            return Err(wrong(format!("there is no role \"{other}\" in a {:?}; there are {known:?}", d.kind())));
        }
        let layers = layers(d, tensors);
        if layers == 0 || layers > tensors.len() {
            let n = tensors.len();
            return Err(wrong(format!("{layers} layers from {n} tensors; do the roles name tensors of the file?")));
        }
        let mut names = BTreeMap::new();
        for (role, pattern) in &d.roles {
            if let Names::List(list) = pattern
                && list.len() != layers
            {
                return Err(wrong(format!("role {role} lists {} tensors for {layers} layers", list.len())));
            }
            let mut all = vec![];
            for i in 0..layers {
                let name = name(pattern, i, layers);
                let missing = name.as_ref().filter(|n| !tensors.has(n));
                if let (Some(missing), Names::List(_)) = (missing, pattern) {
                    let reason = format!("layer {i}, role {role}: the file has no such tensor");
                    return Err(LoadError::Tensor { name: missing.clone(), reason });
                }
                all.push(name.filter(|n| tensors.has(n)));
            }
            names.insert(role.clone(), all);
        }
        Ok(Roles { names, layers })
    }

    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// The tensor in a role of layer `i`, if it has one.
    pub fn get(&self, role: &str, i: usize) -> Option<&str> {
        self.names.get(role)?.get(i)?.as_deref()
    }
}

/// The number of layers: given, or as long as names are found, and one more where the last layer has names of its own.
fn layers(d: &Description, tensors: &Tensors) -> usize {
    if let Some(layers) = d.layers {
        return layers;
    }
    let listed = d.roles.values().filter_map(|n| if let Names::List(l) = n { Some(l.len()) } else { None }).max();
    if let Some(listed) = listed {
        return listed;
    }
    let found = |i: usize| d.roles.values().any(|n| name(n, i, usize::MAX).is_some_and(|n| tensors.has(&n)));
    let middle = (0..tensors.len()).take_while(|i| found(*i)).count();
    let last = |n: &Names| match n {
        Names::Ends(Ends { last: Some(Some(last)), .. }) => tensors.has(last),
        _ => false,
    };
    middle + usize::from(d.roles.values().any(last))
}

/// The name a pattern gives for layer `i` of `k`.
fn name(pattern: &Names, i: usize, k: usize) -> Option<String> {
    match pattern {
        Names::Template(text) => filled(text, i),
        Names::List(list) => list.get(i)?.clone(),
        Names::Ends(Ends { first, then, last }) => {
            let text = match (first, then, last) {
                (_, _, Some(last)) if i + 1 == k => last,
                (Some(first), _, _) if i == 0 => first,
                (_, Some(then), _) => then,
                _ => return None,
            };
            filled(text.as_ref()?, i)
        }
    }
}

/// A template with `{i}`, `{i+N}` and `{i-N}` filled in; none where that is below 0.
fn filled(template: &str, i: usize) -> Option<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{i") {
        let (offset, after) = after.split_once('}')?;
        let offset: i64 = if offset.is_empty() { 0 } else { offset.parse().ok()? };
        let index = i64::try_from(i).ok()?.checked_add(offset).filter(|n| *n >= 0)?;
        out.push_str(before);
        out.push_str(&index.to_string());
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        assert_eq!(filled("Wz.{i-1}.weight", 2).as_deref(), Some("Wz.1.weight"));
        assert_eq!(filled("Wz.{i-1}.weight", 0), None);
        assert_eq!(filled("fc{i+1}_normal.{i}", 1).as_deref(), Some("fc2_normal.1"));
        assert_eq!(filled("plain", 3).as_deref(), Some("plain"));
        assert_eq!(filled("{i", 3), None);
        assert_eq!(filled("{i+x}", 3), None);
    }
}
