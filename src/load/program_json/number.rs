//! [`Number`]: an f64 in JSON. Every finite number is written so that it is read back bit for bit; infinities are the
//! strings "inf" and "-inf"; NaN does not exist.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number that may be infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            f64::INFINITY => serializer.serialize_str("inf"),
            f64::NEG_INFINITY => serializer.serialize_str("-inf"),
            v if v.is_nan() => Err(serde::ser::Error::custom("NaN has no form in this format")),
            v => serializer.serialize_f64(v),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        deserializer.deserialize_any(Reading)
    }
}

struct Reading;

impl Visitor<'_> for Reading {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number, \"inf\" or \"-inf\"")
    }

    fn visit_f64<E: Error>(self, v: f64) -> Result<Number, E> {
        if v.is_nan() { Err(E::custom("NaN is not a number")) } else { Ok(Number(v)) }
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<Number, E> {
        Ok(Number(v as f64))
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<Number, E> {
        Ok(Number(v as f64))
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<Number, E> {
        match v {
            "inf" => Ok(Number(f64::INFINITY)),
            "-inf" => Ok(Number(f64::NEG_INFINITY)),
            other => Err(E::custom(format!("the text \"{other}\" is not a number"))),
        }
    }
}

/// Plain numbers from a list.
pub fn plain(numbers: Vec<Number>) -> Vec<f64> {
    numbers.into_iter().map(|n| n.0).collect()
}

/// A list for the file from plain numbers.
pub fn numbers(values: &[f64]) -> Vec<Number> {
    values.iter().copied().map(Number).collect()
}
