//! [`Loose`]: any JSON value, keys in order and repeated ones kept, so that an error can name the row and the coordinate.

use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use sprs::{CsMat, TriMat};

use crate::load::bytes::whole;

/// Larger files are refused.
const LARGEST: u64 = 64 << 20;

/// The text of a JSON file of numbers, if it is a regular file of a permitted size.
pub(crate) fn text(path: &Path) -> Result<Vec<u8>, String> {
    whole(path, LARGEST).map_err(|e| e.to_string())
}

/// A part in messages, by its name or, where it has none, by its place.
pub(crate) fn label(kind: &str, name: &Option<String>, k: usize) -> String {
    name.as_ref().map_or_else(|| format!("{kind} {k}"), |name| format!("{kind} '{name}'"))
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Loose {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Loose>),
    Map(Vec<(String, Loose)>),
}

impl fmt::Display for Loose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loose::Null => f.write_str("null"),
            Loose::Bool(b) => write!(f, "{b}"),
            Loose::Number(v) => write!(f, "{v}"),
            Loose::Text(t) => write!(f, "\"{}\"", t.chars().take(40).collect::<String>()),
            Loose::List(l) => write!(f, "a list of {}", l.len()),
            Loose::Map(_) => f.write_str("an object"),
        }
    }
}

/// (j, value) for some of the coordinates.
pub(crate) type Pairs = Vec<(usize, f64)>;

impl Loose {
    /// A number, or a text that spells an infinity.
    pub fn number(&self, what: &str) -> Result<f64, String> {
        match self {
            Loose::Number(v) => Ok(*v),
            Loose::Text(t) => match t.trim().parse::<f64>() {
                Ok(v) if v.is_infinite() => Ok(v),
                _ => Err(format!("{what} is {self}, not a number")),
            },
            other => Err(format!("{what} is {other}, not a number")),
        }
    }

    /// A number for every coordinate, `None` where it is null or left out: one number, a list of p, or an object by index.
    pub fn each(&self, what: &str, p: usize) -> Result<Vec<Option<f64>>, String> {
        match self {
            Loose::Null => Ok(vec![None; p]),
            Loose::Number(_) | Loose::Text(_) => Ok(vec![Some(self.number(what)?); p]),
            _ => {
                let mut out = vec![None; p];
                for (j, v) in self.pairs(what, p)? {
                    out[j] = Some(v);
                }
                Ok(out)
            }
        }
    }

    /// Numbers of some coordinates: an object by index, or a list of p in which null is none.
    pub fn pairs(&self, what: &str, p: usize) -> Result<Pairs, String> {
        let mut out = vec![];
        match self {
            Loose::Map(entries) => {
                let mut seen = vec![false; p];
                for (key, value) in entries {
                    let Ok(j) = key.parse::<usize>() else {
                        return Err(format!("{what}: \"{key}\" is not a coordinate"));
                    };
                    match seen.get_mut(j) {
                        None => return Err(format!("{what} names y[{j}], there are {p} decisions")),
                        Some(true) => return Err(format!("{what} names y[{j}] twice")),
                        Some(first) => *first = true,
                    }
                    if *value != Loose::Null {
                        out.push((j, value.number(&format!("{what}, y[{j}]"))?));
                    }
                }
            }
            Loose::List(values) if values.len() == p => {
                for (j, value) in values.iter().enumerate().filter(|(_, v)| **v != Loose::Null) {
                    out.push((j, value.number(&format!("{what}, y[{j}]"))?));
                }
            }
            Loose::List(values) => {
                return Err(format!("{what} lists {} numbers, there are {p} decisions", values.len()));
            }
            other => return Err(format!("{what} is {other}, neither an object by coordinate nor a list")),
        }
        Ok(out)
    }

    /// A p × p matrix: one number for all of the diagonal, a list of p for the diagonal, or a list of p lists.
    pub fn matrix(&self, what: &str, p: usize) -> Result<CsMat<f64>, String> {
        let mut matrix = TriMat::new((p, p));
        match self {
            Loose::List(rows) if rows.iter().any(|r| matches!(r, Loose::List(_))) => {
                if rows.len() != p {
                    return Err(format!("{what} has {} rows, there are {p} decisions", rows.len()));
                }
                for (i, row) in rows.iter().enumerate() {
                    for (j, v) in row.pairs(&format!("{what}, row {i}"), p)?.into_iter().filter(|(_, v)| *v != 0.0) {
                        matrix.add_triplet(i, j, v);
                    }
                }
            }
            diagonal => {
                for (j, v) in diagonal.each(what, p)?.into_iter().enumerate() {
                    v.filter(|v| *v != 0.0).into_iter().for_each(|v| matrix.add_triplet(j, j, v));
                }
            }
        }
        Ok(matrix.to_csr())
    }

    /// A context: a list of numbers, or `None` for the word "row", the context row of the network that is minimised.
    pub fn context(&self, what: &str) -> Result<Option<Vec<f64>>, String> {
        match self {
            Loose::Text(word) if word == "row" => Ok(None),
            Loose::Null => Ok(Some(vec![])),
            Loose::List(values) => {
                let number = |(k, v): (usize, &Loose)| v.number(&format!("{what}: entry {k} of \"context\""));
                values.iter().enumerate().map(number).collect::<Result<Vec<f64>, _>>().map(Some)
            }
            other => Err(format!("{what}: \"context\" is {other}, not a list or \"row\"")),
        }
    }

    /// A list of coordinates, or "all".
    pub fn coordinates(&self, what: &str, p: usize) -> Result<Vec<usize>, String> {
        match self {
            Loose::Text(word) if word == "all" => Ok((0..p).collect()),
            Loose::List(entries) => entries
                .iter()
                .enumerate()
                .map(|(k, entry)| match entry {
                    Loose::Number(v) if *v >= 0.0 && v.fract() == 0.0 && *v < 1e15 => Ok(*v as usize),
                    other => Err(format!("{what}: entry {k} of \"of\" is {other}, not a coordinate")),
                })
                .collect(),
            other => Err(format!("{what}: \"of\" is {other}, not a list of coordinates or \"all\"")),
        }
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Loose, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Loose, E> {
        Ok(Loose::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Loose, E> {
        Ok(Loose::Number(v as f64))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Loose, E> {
        Ok(Loose::Number(v as f64))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Loose, E> {
        Ok(Loose::Number(v))
    }

    fn visit_str<E>(self, v: &str) -> Result<Loose, E> {
        Ok(Loose::Text(v.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loose, A::Error> {
        let mut list = vec![];
        while let Some(entry) = seq.next_element()? {
            list.push(entry);
        }
        Ok(Loose::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
        let mut entries = vec![];
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Loose::Map(entries))
    }
}
