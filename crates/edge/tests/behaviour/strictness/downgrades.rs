//! The matrix over HTTP/2 and HTTP/3: what becomes another request when it is written as HTTP/1 (RFC 9113 §10.3,
//! RFC 9114 §10.3); and what stays HTTP/2 on its way to the origin.

use super::{Meaning, Onwards, Played, Verdict, compare, recorded};
use crate::frames::{Answer, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, block, frame};
use crate::quic::{self, Exact};
use crate::support::HOST;

const SMUGGLED: &str = "GET /smuggling HTTP/1.1\r\nHost: a.test\r\n\r\n";

/// A head before it is edited: with content or without.
struct Draft {
    name: &'static str,
    method: &'static str,
    content: Option<&'static str>,
}

const DRAFTS: [Draft; 3] = [
    Draft { name: "a head alone", method: "GET", content: None },
    Draft { name: "content", method: "POST", content: Some(SMUGGLED) },
    Draft { name: "content of a GET", method: "GET", content: Some(SMUGGLED) },
];

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Refused,
    Broken,
    Same,
}
use Fate::{Broken, Refused, Same};

/// Fields in place of or beside the usual ones: a name of the draft's head takes the value, others are added.
type Edit = (&'static str, &'static [(&'static str, &'static str)], Fate);

/// On every draft. `{t}` stands for the target.
const EDITS: &[Edit] = &[
    ("nothing", &[], Same),
    ("CR LF in a value", &[("x-odd", "a\r\nTransfer-Encoding: chunked")], Refused),
    ("LF in a value", &[("x-odd", "a\nTransfer-Encoding: chunked")], Refused),
    ("CR in a value", &[("x-odd", "a\rb")], Refused),
    ("a null in a value", &[("x-odd", "a\0b")], Refused),
    ("a request in a value", &[("x-odd", "a\r\n\r\nGET /smuggling HTTP/1.1\r\nHost: a.test")], Refused),
    ("a space before a value", &[("x-odd", " a")], Refused),
    ("a tab behind a value", &[("x-odd", "a\t")], Refused),
    ("CR LF in a name", &[("x-odd\r\ntransfer-encoding", "chunked")], Refused),
    ("LF in a name", &[("x\nodd", "a")], Refused),
    ("a colon in a name", &[("x-odd: a\r\nx", "a")], Refused),
    ("a colon alone in a name", &[("transfer-encoding:", "chunked")], Refused),
    ("a space in a name", &[("x odd", "a")], Refused),
    ("a space behind a name", &[("transfer-encoding ", "chunked")], Refused),
    ("a null in a name", &[("x\0", "a")], Refused),
    ("an empty name", &[("", "a")], Refused),
    ("capitals in a name", &[("X-Odd", "a")], Refused),
    ("capitals in a framing", &[("Transfer-Encoding", "chunked")], Refused),
    ("a high byte in a name", &[("x\u{e9}", "a")], Refused),
    ("a coding", &[("transfer-encoding", "chunked")], Refused),
    ("another coding", &[("transfer-encoding", "identity")], Refused),
    ("a connection", &[("connection", "close")], Refused),
    ("a connection that names the host", &[("connection", "host")], Refused),
    ("keep-alive", &[("keep-alive", "1")], Refused),
    ("a connection of old proxies", &[("proxy-connection", "close")], Refused),
    ("an upgrade", &[("upgrade", "websocket")], Refused),
    ("a coding wanted", &[("te", "gzip")], Refused),
    ("trailers wanted", &[("te", "trailers")], Same),
    ("CR LF in the path", &[(":path", "{t} HTTP/1.1\r\nHost: b.test\r\nX: ")], Refused),
    ("LF in the path", &[(":path", "{t}\n")], Refused),
    ("a space in the path", &[(":path", "{t} x")], Refused),
    ("a tab in the path", &[(":path", "{t}\tx")], Refused),
    ("a null in the path", &[(":path", "{t}\0")], Refused),
    ("a delete in the path", &[(":path", "{t}\x7f")], Refused),
    ("a high byte in the path", &[(":path", "{t}\u{e9}")], Refused),
    ("no slash before the path", &[(":path", "x{t}")], Refused),
    ("a whole address for a path", &[(":path", "https://b.test{t}")], Refused),
    ("an empty path", &[(":path", "")], Refused),
    ("an asterisk for a path", &[(":path", "*")], Refused),
    ("a version in the method", &[(":method", "GET / HTTP/1.1\r\nHost: b.test\r\nX:")], Refused),
    ("a space in the method", &[(":method", "GET ")], Refused),
    ("an empty method", &[(":method", "")], Refused),
    ("CONNECT", &[(":method", "CONNECT")], Refused),
    ("TRACE", &[(":method", "TRACE")], Refused),
    ("another scheme", &[(":scheme", "http")], Refused),
    ("CR LF in the scheme", &[(":scheme", "https://a.test/\r\nX: ")], Refused),
    ("a request in the scheme", &[(":scheme", "https://b.test/ HTTP/1.1")], Refused),
    ("CR LF in the authority", &[(":authority", "a.test\r\nX: 1")], Refused),
    ("a user in the authority", &[(":authority", "a.test@b.test")], Refused),
    ("a path in the authority", &[(":authority", "a.test/x")], Refused),
    ("a list in the authority", &[(":authority", "a.test,b.test")], Refused),
    ("an empty authority", &[(":authority", "")], Refused),
    ("another host", &[("host", "b.test")], Refused),
    ("another port of the host", &[("host", "a.test:81")], Refused),
    ("the same host", &[("host", "A.test:443")], Same),
    ("two hosts", &[("host", "a.test"), ("+host", "a.test")], Refused),
    ("two other hosts", &[("host", "a.test"), ("+host", "b.test")], Refused),
    ("two methods", &[("+:method", "PUT")], Refused),
    ("two paths", &[("+:path", "/smuggling")], Refused),
    ("two schemes", &[("+:scheme", "https")], Refused),
    ("two authorities", &[("+:authority", "b.test")], Refused),
    ("a status", &[("+:status", "200")], Refused),
    ("an unknown pseudo-field", &[("+:odd", "1")], Refused),
    ("a protocol", &[("+:protocol", "websocket")], Refused),
    ("a pseudo-field behind the fields", &[("x-odd", "a"), ("+:authority", "a.test")], Refused),
    ("an unknown expectation", &[("expect", "tea")], Refused),
    ("an expectation", &[("expect", "100-continue")], Same),
    ("crumbs", &[("cookie", "a=1"), ("+cookie", "b=2"), ("+cookie", "c=3")], Same),
    ("a framing under a line", &[("transfer_encoding", "chunked"), ("content_length", "3")], Same),
    ("two lengths", &[("content-length", "40"), ("+content-length", "41")], Refused),
    ("a list of lengths", &[("content-length", "41, 41")], Refused),
    ("a length with a plus", &[("content-length", "+41")], Refused),
    ("a length below nought", &[("content-length", "-1")], Refused),
    ("a hexadecimal length", &[("content-length", "0x29")], Refused),
    ("an empty length", &[("content-length", "")], Refused),
    ("CR LF in a length", &[("content-length", "41\r\nX: 1")], Refused),
    ("a length that wraps", &[("content-length", "18446744073709551657")], Refused),
];

/// Lengths that content does not keep to (H2.CL).
const LENGTHS: &[Edit] = &[
    ("its length", &[("content-length", "41")], Same),
    ("its length with noughts", &[("content-length", "0041")], Same),
    ("a shorter length", &[("content-length", "5")], Broken),
    ("no length", &[("content-length", "0")], Broken),
    ("a longer length", &[("content-length", "50")], Broken),
];

fn head(draft: &Draft, edit: &Edit, mark: &str) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = [
        (":method", draft.method),
        (":scheme", "https"),
        (":authority", HOST),
        (":path", mark),
        ("x-kept", "1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    for (name, value) in edit.1 {
        let value = value.replace("{t}", mark);
        match (name.strip_prefix('+'), fields.iter_mut().find(|(key, _)| key == name)) {
            // One more of a pseudo-field stands beside the first.
            (Some(name), _) if name.starts_with(':') && edit.1.len() == 1 => {
                fields.insert(1, (name.to_owned(), value));
            }
            (Some(name), _) => fields.push((name.to_owned(), value)),
            (None, Some(field)) => field.1 = value,
            (None, None) => fields.push(((*name).to_owned(), value)),
        }
    }
    fields
}

fn lines(head: &[(String, String)]) -> Vec<(&str, &str)> {
    head.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// The frames of a case: its head in one frame or in two, its content in two.
fn frames(draft: &Draft, head: &[u8], number: usize) -> Vec<u8> {
    let ends = if draft.content.is_none() { END_STREAM } else { 0 };
    let mut bytes = if number.is_multiple_of(2) {
        frame(HEADERS, END_HEADERS | ends, 1, head)
    } else {
        // Within the first field: see the test of faults before a seam.
        let (one, two) = head.split_at(number % 13);
        [frame(HEADERS, ends, 1, one), frame(CONTINUATION, END_HEADERS, 1, two)].concat()
    };
    if let Some(content) = draft.content {
        let (one, two) = content.as_bytes().split_at(number % content.len());
        bytes.extend([frame(DATA, 0, 1, one), frame(DATA, END_STREAM, 1, two)].concat());
    }
    bytes
}

fn verdict(draft: &Draft, edit: &Edit, mark: &str) -> Verdict {
    let field = if edit.0 == "crumbs" { ("cookie", "a=1; b=2; c=3") } else { ("x-kept", "1") };
    let meaning = Meaning {
        method: draft.method.into(),
        target: mark.into(),
        host: HOST.into(),
        body: draft.content.unwrap_or_default().into(),
        field: Some(field),
    };
    match edit.2 {
        Refused => Verdict::Refused(400),
        Broken => Verdict::Broken,
        Same => Verdict::Heard { meaning, tail: false },
    }
}

#[tokio::test]
async fn what_http_2_can_say_and_http_1_cannot_reaches_no_origin() {
    http_2_matrix(Onwards::Http1).await;
}

#[tokio::test]
async fn nor_does_it_reach_an_origin_that_speaks_http_2_itself() {
    http_2_matrix(Onwards::Http2).await;
}

async fn http_2_matrix(onwards: Onwards) {
    let (stage, origin) = recorded(onwards).await;
    let (mut played, mut faults) = (Vec::new(), Vec::new());
    for draft in &DRAFTS {
        let lengths = if draft.content.is_some() { LENGTHS } else { &[] };
        for edit in EDITS.iter().chain(lengths) {
            let mark = format!("/n{}n", played.len());
            let name = format!("{} with {}", edit.0, draft.name);
            let verdict = verdict(draft, edit, &mark);
            let mut visitor = Frames::greet(&stage).await;
            visitor.send(&frames(draft, &block(&lines(&head(draft, edit, &mark))), played.len())).await;
            let answer = visitor.answer().await;
            let right = match (&verdict, answer) {
                (Verdict::Heard { .. }, Answer::Status(status)) => status == 200,
                (_, Answer::Status(400 | 405 | 417) | Answer::Stream(1) | Answer::Connection(1)) => true,
                _ => false,
            };
            if !right {
                faults.push(format!("{name}: {verdict:?} was answered with {answer:?}"));
            }
            played.push(Played { name, mark, verdict });
        }
    }
    assert!(played.len() >= 200, "{}", played.len());
    drop(stage);
    faults.extend(compare(&played, &origin.readings().await));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// h2 forgets a fault that it found in a HEADERS frame whose last field goes on in a CONTINUATION frame. What was
/// at fault it has left out by then, so the origin hears one plain request without it; a refusal would be right
/// (RFC 9113 §8.1.1). What it forgets can be seen nowhere outside of it.
#[tokio::test]
async fn a_fault_before_a_seam_is_left_out_by_h2_and_heard_by_nobody() {
    let (stage, origin) = recorded(Onwards::Http1).await;
    let (mut played, mut faults) = (Vec::new(), Vec::new());
    for odd in [("transfer-encoding", "chunked"), ("connection", "host"), (":method", "PUT"), (":path", "/b")]
    {
        let mark = format!("/n{}n", played.len());
        let usual = [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", &mark), odd];
        let (one, rest) = (block(&usual), block(&[("x-kept", "1")]));
        let (two, three) = rest.split_at(4);
        let mut visitor = Frames::greet(&stage).await;
        let one = frame(HEADERS, END_STREAM, 1, &[&one, two].concat());
        visitor.send(&[one, frame(CONTINUATION, END_HEADERS, 1, three)].concat()).await;
        let answer = visitor.answer().await;
        faults.extend((answer != Answer::Status(200)).then(|| format!("{odd:?}: {answer:?}")));
        let verdict = verdict(&DRAFTS[0], &EDITS[0], &mark);
        played.push(Played { name: format!("{odd:?}"), mark, verdict });
    }
    drop(stage);
    let readings = origin.readings().await;
    let plain = |(name, _): &(String, String)| !matches!(name.as_str(), "transfer-encoding" | "connection");
    let whole = readings.iter().flat_map(|reading| &reading.whole);
    assert!(whole.flat_map(|heard| &heard.fields).all(plain), "{readings:?}");
    faults.extend(compare(&played, &readings));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Edits whose meaning is another over HTTP/3: there is no frame that could carry what h2 leaves out.
const OF_HTTP_3: &[Edit] = &[
    ("a fragment in the path", &[(":path", "{t}#x")], Refused),
    ("a pseudo-field in a trailer's place", &[("x-odd", "a"), ("+:path", "/smuggling")], Refused),
    ("CONNECT with a protocol nobody knows", &[(":method", "CONNECT"), ("+:protocol", "odd")], Refused),
];

/// The frames of a case over HTTP/3: its content in two.
fn frames_of_http_3(draft: &Draft, head: &[(String, String)], number: usize) -> Vec<u8> {
    let mut bytes = quic::frame(quic::HEADERS, &quic::section(&lines(head)));
    if let Some(content) = draft.content {
        let (one, two) = content.as_bytes().split_at(number % content.len());
        bytes.extend([quic::frame(quic::DATA, one), quic::frame(quic::DATA, two)].concat());
    }
    bytes
}

#[tokio::test]
async fn what_http_3_can_say_and_http_1_cannot_reaches_no_origin() {
    http_3_matrix(Onwards::Http1).await;
}

#[tokio::test]
async fn nor_does_it_by_http_3_reach_an_origin_that_speaks_http_2() {
    http_3_matrix(Onwards::Http2).await;
}

async fn http_3_matrix(onwards: Onwards) {
    let (stage, origin) = recorded(onwards).await;
    let (mut played, mut faults) = (Vec::new(), Vec::new());
    let mut visitor = Exact::greet(&stage).await;
    for draft in &DRAFTS {
        let lengths = if draft.content.is_some() { LENGTHS } else { &[] };
        for edit in EDITS.iter().chain(lengths).chain(OF_HTTP_3) {
            let mark = format!("/n{}n", played.len());
            let name = format!("{} with {}", edit.0, draft.name);
            let verdict = verdict(draft, edit, &mark);
            let bytes = frames_of_http_3(draft, &head(draft, edit, &mark), played.len());
            let answer = visitor.ask(&bytes).await;
            let right = match (&verdict, answer) {
                (Verdict::Heard { .. }, quic::Answer::Status(status)) => status == 200,
                (_, quic::Answer::Status(400 | 405 | 417 | 501) | quic::Answer::Stream(0x102)) => true,
                _ => false,
            };
            if !right {
                faults.push(format!("{name}: {verdict:?} was answered with {answer:?}"));
                visitor = Exact::greet(&stage).await;
            }
            played.push(Played { name, mark, verdict });
        }
    }
    assert!(played.len() >= 200, "{}", played.len());
    drop(stage);
    faults.extend(compare(&played, &origin.readings().await));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
