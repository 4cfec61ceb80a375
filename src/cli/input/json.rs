//! JSON: a number, a list of numbers, or a list of rows, each a list nested to any depth and flattened.

use serde_json::Value;

use super::table::{Layout, Table};

/// Reads a JSON text. Infinities are written "inf" and "-inf"; null stands for `blank` where that is given.
pub fn read(bytes: &[u8], blank: Option<f64>) -> Result<Table, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|e| format!("not JSON: {e}"))?;
    let mut values = vec![];
    let Value::Array(entries) = value else {
        values.push(number(&value, blank)?);
        return Ok(Table::unnamed(values, Layout::Scalar));
    };
    if entries.iter().any(Value::is_array) {
        let mut widths = Vec::with_capacity(entries.len());
        for (row, entry) in entries.iter().enumerate() {
            let before = values.len();
            let name = |e: Nested| format!("row {row}, column {}: {}", e.column, e.reason);
            flatten(entry, blank, before, &mut values).map_err(name)?;
            widths.push(values.len() - before);
        }
        return Ok(Table::unnamed(values, Layout::Rows(widths)));
    }
    for (k, entry) in entries.iter().enumerate() {
        values.push(number(entry, blank).map_err(|e| format!("entry {k}: {e}"))?);
    }
    Ok(Table::unnamed(values, Layout::Flat))
}

struct Nested {
    column: usize,
    reason: String,
}

fn flatten(value: &Value, blank: Option<f64>, start: usize, out: &mut Vec<f64>) -> Result<(), Nested> {
    if let Value::Array(entries) = value {
        return entries.iter().try_for_each(|e| flatten(e, blank, start, out));
    }
    let number = number(value, blank).map_err(|reason| Nested { column: out.len() - start, reason })?;
    out.push(number);
    Ok(())
}

fn number(value: &Value, blank: Option<f64>) -> Result<f64, String> {
    match (value, blank) {
        (Value::Number(n), _) => n.as_f64().ok_or_else(|| format!("{n} is out of range")),
        (Value::String(s), _) => match s.trim().parse::<f64>() {
            Ok(v) if v.is_infinite() => Ok(v),
            _ => Err(format!("the text \"{s}\" is not a number")),
        },
        (Value::Null, Some(v)) => Ok(v),
        (Value::Null, None) => Err("null is not a number".into()),
        (Value::Bool(b), _) => Err(format!("{b} is not a number")),
        (Value::Object(_), _) => Err("an object where numbers are expected; give a list alone".into()),
        (Value::Array(_), _) => Err("a list where a number is expected".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read() {
        let read = |text: &str, blank| super::read(text.as_bytes(), blank).map(|t| (t.values, t.layout));
        assert_eq!(read("2.5", None), Ok((vec![2.5], Layout::Scalar)));
        assert_eq!(read("[1, 2]", None), Ok((vec![1.0, 2.0], Layout::Flat)));
        assert_eq!(read("[[1], [2, [3]]]", None), Ok((vec![1.0, 2.0, 3.0], Layout::Rows(vec![1, 2]))));
        let infinite = (vec![0.0, f64::INFINITY, f64::NEG_INFINITY], Layout::Flat);
        assert_eq!(read(r#"[0, null, "-inf"]"#, Some(f64::INFINITY)), Ok(infinite));
        for (text, message) in [
            ("[1, null]", "entry 1: null is not a number"),
            (r#"[[1], ["a"]]"#, "row 1, column 0: the text \"a\" is not a number"),
            (r#"{"x": 1}"#, "an object where numbers are expected; give a list alone"),
            ("[true]", "entry 0: true is not a number"),
        ] {
            assert_eq!(read(text, None), Err(message.into()));
        }
        assert!(read("[1, NaN]", None).is_err_and(|e| e.starts_with("not JSON")));
        assert!(read(&"[".repeat(100_000), None).is_err_and(|e| e.starts_with("not JSON")));
    }
}
