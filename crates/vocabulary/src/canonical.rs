//! Canonical JSON (RFC 8785) for everything that is hashed, signed or logged.
//!
//! A narrower language than RFC 8785 allows: object keys are ASCII and numbers are integers of at
//! most 53 bits, so that every JSON library in every language re-creates the same bytes. Chosen over
//! CBOR because the people who sign these bytes can read them.
//!
//! Invariant: `parse(b)` succeeds only when `b` is the one encoding of the value it returns, so a
//! changed byte is either refused here or a different value.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Largest integer that survives IEEE double arithmetic (RFC 8785 §3.2.2.3).
const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Why a value or a text has no canonical form.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// Not JSON, or not the wanted shape.
    #[error("not the expected JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// A fraction, an exponent, or an integer beyond 53 bits.
    #[error("number {0} has no canonical form here; integers of at most 53 bits are allowed")]
    Number(String),
    /// A key outside ASCII.
    #[error("object key {0:?} is not ASCII")]
    Key(String),
    /// The same value written otherwise: white space, key order, escapes, doubled keys.
    #[error("not in canonical form: the bytes differ from the value's one encoding")]
    NotCanonical,
}

/// The one encoding of a value.
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let value = serde_json::to_value(value).map_err(CanonicalError::Json)?;
    let mut out = Vec::new();
    write(&value, &mut out)?;
    Ok(out)
}

/// Reads a value back, refusing any spelling but the one `to_bytes` makes.
pub fn parse<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, CanonicalError> {
    let value: T = serde_json::from_slice(bytes).map_err(CanonicalError::Json)?;
    if to_bytes(&value)? == bytes { Ok(value) } else { Err(CanonicalError::NotCanonical) }
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => {
            let small = number.as_i64().map(i64::unsigned_abs).is_some_and(|n| n <= INTEGER_MAX);
            if !small {
                return Err(CanonicalError::Number(number.to_string()));
            }
            out.extend_from_slice(number.to_string().as_bytes());
        }
        Value::String(text) => write_string(text, out)?,
        Value::Array(items) => write_list(items.iter(), [b'[', b']'], out, write)?,
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_by_key(|(key, _)| key.as_str());
            write_list(members.into_iter(), [b'{', b'}'], out, |(key, value), out| {
                if !key.is_ascii() {
                    return Err(CanonicalError::Key(key.clone()));
                }
                write_string(key, out)?;
                out.push(b':');
                write(value, out)
            })?;
        }
    }
    Ok(())
}

fn write_list<T>(
    items: impl Iterator<Item = T>,
    [open, close]: [u8; 2],
    out: &mut Vec<u8>,
    mut each: impl FnMut(T, &mut Vec<u8>) -> Result<(), CanonicalError>,
) -> Result<(), CanonicalError> {
    out.push(open);
    for (place, item) in items.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        each(item, out)?;
    }
    out.push(close);
    Ok(())
}

/// serde_json escapes exactly what RFC 8785 §3.2.2.2 escapes, in the same spelling.
fn write_string(text: &str, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    serde_json::to_writer(out, text).map_err(CanonicalError::Json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_are_sorted_and_nothing_is_spaced() {
        let bytes =
            to_bytes(&json!({"b": [1, true, null], "a": {"z": "é\n\u{1}\"", "y": -7}})).expect("canonical");
        let text = String::from_utf8(bytes).expect("utf-8");
        assert_eq!(text, "{\"a\":{\"y\":-7,\"z\":\"é\\n\\u0001\\\"\"},\"b\":[1,true,null]}");
    }

    #[test]
    fn only_the_one_spelling_is_read_back() {
        assert!(parse::<Value>(br#"{"a":1,"b":2}"#).is_ok());
        for other in [
            r#"{"b":2,"a":1}"#,
            r#"{"a":1, "b":2}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a":1.0}"#,
            r#"{"a":"\u0061"}"#,
            r#"{"a":9007199254740992}"#,
            r#"{"é":1}"#,
            r#"{"a":1}{"#,
            "",
        ] {
            assert!(parse::<Value>(other.as_bytes()).is_err(), "{other}");
        }
    }
}
