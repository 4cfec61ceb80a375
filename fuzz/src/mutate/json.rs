//! JSON → JSON: one to three values of the text are replaced, removed, repeated or moved.

use serde_json::{Map, Value};

use super::Random;

/// Numbers that have been somebody's undoing.
const NUMBERS: [f64; 16] =
    [0.0, 1.0, -1.0, 2.0, 3.0, 0.5, -0.5, 4.0, 1e-300, 5e-324, 1e300, -1e300, 4294967295.0, 1e15, 9e15, 255.0];
/// Integers likewise, written as such.
const INTEGERS: [i64; 10] = [0, 1, 2, 3, -1, 17, 1 << 31, i64::MAX, i64::MIN, 1 << 40];

/// Another JSON text; `None` where `bytes` are none, or where bytes are to be changed for once.
pub fn text(bytes: &[u8], seed: u32) -> Option<Vec<u8>> {
    let mut random = Random::new(seed);
    if random.one_in(5) {
        return None;
    }
    let mut value: Value = serde_json::from_slice(bytes).ok()?;
    for _ in 0..1 + random.below(3) {
        let n = count(&value);
        let other = random.below(n);
        let donor = nth(&mut value, &mut { other }).cloned().unwrap_or(Value::Null);
        let at = random.below(n);
        if let Some(target) = nth(&mut value, &mut { at }) {
            change(target, donor, &mut random);
        }
    }
    serde_json::to_vec(&value).ok()
}

/// How many values there are, the whole among them.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}

/// The `left`-th of them.
fn nth<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(list) => list.iter_mut().find_map(|v| nth(v, left)),
        Value::Object(map) => map.values_mut().find_map(|v| nth(v, left)),
        _ => None,
    }
}

fn change(target: &mut Value, donor: Value, random: &mut Random) {
    if random.one_in(6) {
        *target = match random.below(4) {
            0 => Value::Null,
            1 => number(random),
            _ => donor,
        };
        return;
    }
    match target {
        Value::Array(list) => change_list(list, donor, random),
        Value::Object(map) => change_map(map, donor, random),
        Value::String(text) if random.one_in(2) => {
            let cut = text.chars().count().saturating_sub(1);
            *text = text.chars().take(cut).collect();
        }
        Value::Number(n) if random.one_in(3) => {
            let step = [-1.0, 1.0, 0.5][random.below(3)];
            *target = match (n.as_i64(), n.as_f64()) {
                (Some(i), _) => i.wrapping_add(step as i64).into(),
                (_, Some(v)) => (v + step).into(),
                _ => number(random),
            };
        }
        Value::Number(_) => *target = number(random),
        Value::Bool(b) => *b = !*b,
        _ => *target = donor,
    }
}

fn change_list(list: &mut Vec<Value>, donor: Value, random: &mut Random) {
    let (i, j) = (random.below(list.len()), random.below(list.len()));
    match random.below(5) {
        0 if !list.is_empty() => drop(list.remove(i)),
        1 if !list.is_empty() => list.insert(i, list[j].clone()),
        2 if !list.is_empty() => list.swap(i, j),
        3 if !list.is_empty() => list[i] = donor,
        _ => list.push(donor),
    }
}

fn change_map(map: &mut Map<String, Value>, donor: Value, random: &mut Random) {
    let keys: Vec<String> = map.keys().cloned().collect();
    let key = random.of(&keys).cloned().unwrap_or_default();
    match random.below(4) {
        0 => drop(map.remove(&key)),
        1 => drop(map.insert(random.below(4).to_string(), donor)),
        // An object by index takes the entries of the next coordinate, others those of another field.
        2 => {
            let other = random.of(&keys).cloned().unwrap_or_default();
            let value = map.get(&other).cloned().unwrap_or(Value::Null);
            map.insert(key, value);
        }
        _ => drop(map.insert(key, donor)),
    }
}

fn number(random: &mut Random) -> Value {
    if random.one_in(2) {
        INTEGERS[random.below(INTEGERS.len())].into()
    } else {
        NUMBERS[random.below(NUMBERS.len())].into()
    }
}
