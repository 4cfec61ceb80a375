//! Certificate → certificate: integers in the proofs become others, in the same form; the rest is left to [`json`].

use serde_json::Value;

use super::{Random, json};

/// Another certificate.
pub fn file(bytes: &[u8], seed: u32) -> Option<Vec<u8>> {
    let mut random = Random::new(seed ^ 0xce);
    if random.one_in(3) {
        return json::text(bytes, seed);
    }
    let mut value: Value = serde_json::from_slice(bytes).ok()?;
    let rows = value.get_mut("rows")?.as_array_mut()?;
    let row = random.below(rows.len());
    let proof = rows.get_mut(row)?.get_mut("proof")?;
    for _ in 0..1 + random.below(4) {
        let mut leaves = vec![];
        collect(proof, &mut leaves);
        let n = leaves.len();
        let donor = leaves.get(random.below(n)).map(|v| (**v).clone())?;
        let at = random.below(n);
        change(leaves.swap_remove(at), &donor, &mut random);
    }
    serde_json::to_vec(&value).ok()
}

/// Numbers, and integers as text.
fn collect<'a>(value: &'a mut Value, leaves: &mut Vec<&'a mut Value>) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|v| collect(v, leaves)),
        Value::Object(map) => map.values_mut().for_each(|v| collect(v, leaves)),
        Value::Null => {}
        _ => leaves.push(value),
    }
}

fn change(target: &mut Value, donor: &Value, random: &mut Random) {
    match target {
        Value::String(text) => match i128::from_str_radix(text, 16) {
            Ok(n) => *text = hex(other(n, donor, random)),
            Err(_) => *target = donor.clone(),
        },
        Value::Number(number) => match number.as_i64() {
            Some(n) if random.one_in(2) => *target = n.wrapping_add(random.below(5) as i64 - 2).into(),
            _ if random.one_in(2) => *target = donor.clone(),
            _ => {
                let v = number.as_f64().unwrap_or(0.0);
                *target = [-v, v + 1.0, v - 0.5, v * 2.0, v.next_up(), v.next_down()][random.below(6)].into();
            }
        },
        _ => *target = donor.clone(),
    }
}

fn other(n: i128, donor: &Value, random: &mut Random) -> i128 {
    let donor = donor.as_str().and_then(|text| i128::from_str_radix(text, 16).ok()).unwrap_or(0);
    match random.below(9) {
        0 => n.saturating_add(1),
        1 => n.saturating_sub(1),
        2 => n.saturating_neg(),
        3 => n.saturating_mul(2),
        4 => n / 2,
        5 => 0,
        6 => n.saturating_add(donor),
        7 => n.saturating_sub(donor),
        _ => donor,
    }
}

fn hex(n: i128) -> String {
    format!("{}{:x}", if n < 0 { "-" } else { "" }, n.unsigned_abs())
}
