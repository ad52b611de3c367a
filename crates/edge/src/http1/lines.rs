//! The lines of a head, as bytes.

use bytes::BytesMut;
use http::HeaderMap;

/// Writes every field of a map.
pub(crate) fn write_fields(out: &mut BytesMut, fields: &HeaderMap) {
    out.reserve(fields.len() * 40);
    for (name, value) in fields {
        write_field(out, name.as_str(), value.as_bytes());
    }
}

/// Writes one field; name and value are valid ones.
pub(crate) fn write_field(out: &mut BytesMut, name: &str, value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Writes a line that ends in a number.
pub(crate) fn write_number(out: &mut BytesMut, before: &[u8], number: u64) {
    out.extend_from_slice(before);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.extend_from_slice(b"\r\n");
}
