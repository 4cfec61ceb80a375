//! [`Hex`]: an integer in a certificate: hexadecimal digits in lower case, `-` in front of a negative one, no leading zeros.

use std::fmt;

use dashu_int::{IBig, UBig};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most digits of a number: a million bits.
const MOST_DIGITS: usize = 1 << 18;

/// An integer of any size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hex(pub IBig);

impl Hex {
    /// The number, if it is above 0.
    pub fn positive(&self) -> Option<UBig> {
        UBig::try_from(self.0.clone()).ok().filter(|n| !n.is_zero())
    }
}

impl From<UBig> for Hex {
    fn from(n: UBig) -> Hex {
        Hex(n.into())
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.in_radix(16).to_string())
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hex, D::Error> {
        deserializer.deserialize_str(Reading)
    }
}

struct Reading;

impl Visitor<'_> for Reading {
    type Value = Hex;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer as a text of hexadecimal digits")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Hex, E> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let lower = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let canonical = !digits.is_empty() && lower && (text == "0" || !digits.starts_with('0'));
        if digits.len() > MOST_DIGITS {
            return Err(E::custom(format!("an integer of {} digits; {MOST_DIGITS} are permitted", digits.len())));
        }
        match IBig::from_str_radix(text, 16) {
            Ok(n) if canonical => Ok(Hex(n)),
            _ => {
                let start: String = text.chars().take(20).collect();
                Err(E::custom(format!("the text \"{start}\" is not an integer in hexadecimal digits")))
            }
        }
    }
}
