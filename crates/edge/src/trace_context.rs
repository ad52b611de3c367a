//! W3C Trace Context: the edge's place in a visitor's trace.
//!
//! Owns the reading of `traceparent` and `tracestate` and what goes to the origin in their place. A trace that
//! can be read goes on with the request's ray as the parent's id, so that log line and trace find each other;
//! anything else begins a new trace, as the recommendation asks (§3.2.2, §4.3).

use crate::http1::lines::write_field;
use crate::ray::Ray;
use bytes::BytesMut;
use http::{HeaderMap, HeaderName};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// Members of a `tracestate` (§3.3.1.1).
const MEMBERS_MAX: usize = 32;
/// Bytes of a `tracestate` that are passed on (§3.3.1.5).
const STATE_BYTES_MAX: usize = 512;
/// Where a `tracestate` is too long, members longer than this go first (§3.3.1.5).
const LARGE_MEMBER_BYTES: usize = 128;
/// The flags whose meaning is known: sampled, and random trace id.
const KNOWN_FLAGS: u8 = 0b11;
/// The caller may have recorded the request: the edge's log has it.
const SAMPLED: u8 = 0b01;

/// What a request says of the trace it belongs to.
#[derive(Debug, PartialEq, Eq)]
struct Parent<'a> {
    /// 32 hex digits.
    trace: &'a [u8],
    flags: u8,
}

/// Whether a field is written here and not passed on as it came.
pub(crate) fn is_field(name: &HeaderName) -> bool {
    *name == TRACEPARENT || *name == TRACESTATE
}

/// Writes the trace fields for the origin.
pub(crate) fn write(out: &mut BytesMut, fields: &HeaderMap, ray: Ray) {
    let Some(Parent { trace, flags }) = parent(fields) else {
        return write_parent(out, &begun(ray), SAMPLED, ray);
    };
    write_parent(out, trace, flags, ray);
    if let Some(state) = state(fields) {
        write_field(out, TRACESTATE.as_str(), &state);
    }
}

fn write_parent(out: &mut BytesMut, trace: &[u8], flags: u8, ray: Ray) {
    let mut line = [b'0'; 55];
    line[2] = b'-';
    line[3..35].copy_from_slice(trace);
    line[35] = b'-';
    line[36..52].copy_from_slice(&ray.to_ascii());
    line[52] = b'-';
    line[54] = b'0' + (flags & KNOWN_FLAGS);
    write_field(out, TRACEPARENT.as_str(), &line);
}

/// A trace's id that no other request has: rays are distinct, and so is anything that begins with one.
fn begun(ray: Ray) -> [u8; 32] {
    let mut trace = [0; 32];
    trace[..16].copy_from_slice(&ray.to_ascii());
    trace[16..].copy_from_slice(&ray.to_ascii());
    trace.reverse();
    trace
}

/// Reads the one `traceparent` of a request (§3.2).
fn parent(fields: &HeaderMap) -> Option<Parent<'_>> {
    let mut lines = fields.get_all(TRACEPARENT).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let line = line.as_bytes();
    let (known, rest) = line.split_at_checked(55)?;
    let version = hex(&known[..2])?;
    // A later version may say more, after a hyphen; 255 is none.
    let fits = match version {
        0 => rest.is_empty(),
        255 => false,
        _ => rest.is_empty() || rest.starts_with(b"-"),
    };
    let hyphens = [2, 35, 52].iter().all(|place| known[*place] == b'-');
    let id = |text: &[u8]| text.iter().all(is_hex) && text.iter().any(|digit| *digit != b'0');
    let whole = fits && hyphens && id(&known[3..35]) && id(&known[36..52]);
    Some(Parent { trace: &known[3..35], flags: hex(&known[53..])? }).filter(|_| whole)
}

/// Lower case only (§3.2.2.1).
fn is_hex(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn hex(two: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(two).ok().filter(|_| two.iter().all(is_hex))?;
    u8::from_str_radix(text, 16).ok()
}

/// The `tracestate` to pass on, in one line: none where there is none, or where it is malformed.
fn state(fields: &HeaderMap) -> Option<Vec<u8>> {
    let lines = fields.get_all(TRACESTATE).iter();
    let members = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let mut members: Vec<_> = members.filter(|member| !member.is_empty()).take(MEMBERS_MAX + 1).collect();
    if members.is_empty() || members.len() > MEMBERS_MAX || !members.iter().all(|member| is_member(member)) {
        return None;
    }
    if joined(&members) > STATE_BYTES_MAX {
        members.retain(|member| member.len() <= LARGE_MEMBER_BYTES);
    }
    while joined(&members) > STATE_BYTES_MAX {
        members.pop();
    }
    (!members.is_empty()).then(|| members.join(&b','))
}

fn joined(members: &[&[u8]]) -> usize {
    members.iter().map(|member| member.len() + 1).sum::<usize>().saturating_sub(1)
}

/// `key=value` of printable characters (§3.3.1.3).
fn is_member(member: &[u8]) -> bool {
    let Some(at) = member.iter().position(|byte| *byte == b'=') else { return false };
    let (key, value) = (&member[..at], &member[at + 1..]);
    let letter = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-*/@".contains(b);
    (1..=256).contains(&key.len())
        && key.iter().all(letter)
        && (1..=256).contains(&value.len())
        && value.iter().all(|byte| (b' '..=b'~').contains(byte) && *byte != b'=')
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn written(lines: &[(&'static str, &str)]) -> String {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        let mut out = BytesMut::new();
        write(&mut out, &fields, Ray::parse("00f067aa0ba902b7").expect("a ray"));
        String::from_utf8(out.to_vec()).expect("text")
    }

    #[test]
    fn a_trace_goes_on_with_the_ray_as_its_parent() {
        for (line, flags) in [
            (format!("00-{TRACE}-1111111111111111-01"), "01"),
            (format!("00-{TRACE}-1111111111111111-00"), "00"),
            (format!("00-{TRACE}-1111111111111111-ff"), "03"),
            (format!("cc-{TRACE}-1111111111111111-01"), "01"),
            (format!("cc-{TRACE}-1111111111111111-01-what-comes"), "01"),
        ] {
            let expected = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-{flags}\r\n");
            assert_eq!(written(&[("traceparent", &line)]), expected, "{line}");
        }
    }

    #[test]
    fn what_is_no_trace_begins_one_and_its_state_is_dropped() {
        let begun = "traceparent: 00-7b209ab0aa760f007b209ab0aa760f00-00f067aa0ba902b7-01\r\n";
        assert_eq!(written(&[]), begun);
        for line in [
            String::new(),
            format!("00-{}-1111111111111111-01", TRACE.to_uppercase()),
            format!("00-{}-1111111111111111-01", "0".repeat(32)),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}-1111111111111111-01-more"),
            format!("00-{TRACE}-1111111111111111-0"),
            format!("00-{TRACE}-1111111111111111-0g"),
            format!("00_{TRACE}-1111111111111111-01"),
            format!("ff-{TRACE}-1111111111111111-01"),
            format!("cc-{TRACE}-1111111111111111-01x"),
            format!("00-{TRACE}x1111111111111111-01"),
        ] {
            assert_eq!(written(&[("traceparent", &line), ("tracestate", "a=1")]), begun, "{line}");
        }
        let good = format!("00-{TRACE}-1111111111111111-01");
        assert_eq!(written(&[("traceparent", &good), ("traceparent", &good)]), begun);
    }

    #[test]
    fn a_trace_state_is_kept_whole_within_its_bounds() {
        let good = format!("00-{TRACE}-1111111111111111-01");
        let passed = |states: &[&str]| {
            let mut lines = vec![("traceparent", good.as_str())];
            lines.extend(states.iter().map(|state| ("tracestate", *state)));
            written(&lines).split_once("tracestate: ").map(|(_, state)| state.trim_end().to_owned())
        };
        assert_eq!(passed(&["a=1, b@c=2", "d=3"]).as_deref(), Some("a=1,b@c=2,d=3"));
        for malformed in ["a", "A=1", "a=", "=1", "a=1,b=\u{7f}x", "a=1=2"] {
            // A control character cannot come in a field at all.
            if HeaderValue::from_str(malformed).is_ok() {
                assert_eq!(passed(&[malformed]), None, "{malformed}");
            }
        }
        let many = |count: usize| (0..count).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
        assert_eq!(passed(&[&many(32)]), Some(many(32)));
        assert_eq!(passed(&[&many(33)]), None);
        // Too long: the large member goes first, then from the end.
        let large = format!("large={}", "x".repeat(200));
        let middle = |n: usize| format!("m{n}={}", "y".repeat(97));
        let (all, kept) = (
            [middle(1), large, middle(2), middle(3), middle(4), middle(5), middle(6)].join(","),
            [middle(1), middle(2), middle(3), middle(4), middle(5)].join(","),
        );
        assert_eq!(passed(&[&all]), Some(kept));
    }
}
