//! The matrix over HTTP/1.

use super::drafts::{Draft, Edit, Fate, drafts, tail};
use super::{Meaning, Onwards, Played, Verdict, compare, recorded};
use crate::support::Stage;
use Fate::{Broken, Empty, Last, Refused, Same, Target};
use testkit::Head;

const LINE: &str = "{m} {t} HTTP/1.1";
const HOST: &str = "Host: a.test";
/// Where a field is put in.
const HERE: &str = "X-Kept: 1\r\n";
const CL: &str = "Content-Length: 41";
const TE: &str = "Transfer-Encoding: chunked";
const SIZED: &[&str] = &["sized", "get-with-content"];
const CHUNKED: &[&str] = &["chunked"];
const BARE: &[&str] = &["get"];

type Row = (&'static str, &'static str, &'static str, Fate);

fn rows(only: &'static [&'static str], rows: &[Row]) -> Vec<Edit> {
    rows.iter().map(|&(name, from, to, fate)| Edit { name, from, to, only, fate }).collect()
}

/// RFC 9112 §§2–3: the first line.
const LINES: &[Row] = &[
    ("two spaces before the target", LINE, "{m}  {t} HTTP/1.1", Refused(400)),
    ("two spaces behind the target", LINE, "{m} {t}  HTTP/1.1", Refused(400)),
    ("a tab for a space", LINE, "{m}\t{t} HTTP/1.1", Refused(400)),
    ("a vertical tab for a space", LINE, "{m}\x0b{t} HTTP/1.1", Refused(400)),
    ("a space at the end", LINE, "{m} {t} HTTP/1.1 ", Refused(400)),
    ("a space at the start", LINE, " {m} {t} HTTP/1.1", Refused(400)),
    ("two empty lines before it", LINE, "\r\n\r\n{m} {t} HTTP/1.1", Refused(400)),
    ("an empty line of LF before it", LINE, "\n{m} {t} HTTP/1.1", Refused(400)),
    ("no version", LINE, "{m} {t}", Refused(400)),
    ("a small version", LINE, "{m} {t} http/1.1", Refused(400)),
    ("a minor version of two digits", LINE, "{m} {t} HTTP/1.10", Refused(400)),
    ("version 1.2", LINE, "{m} {t} HTTP/1.2", Refused(505)),
    ("version 2.0", LINE, "{m} {t} HTTP/2.0", Refused(505)),
    ("version 0.9", LINE, "{m} {t} HTTP/0.9", Refused(505)),
    ("two carriage returns", " HTTP/1.1\r\n", " HTTP/1.1\r\r\n", Refused(400)),
    ("a bare line feed", " HTTP/1.1\r\n", " HTTP/1.1\n", Refused(400)),
    ("a bare carriage return", " HTTP/1.1\r\n", " HTTP/1.1\r", Refused(400)),
    ("a null in the target", LINE, "{m} {t}\0 HTTP/1.1", Refused(400)),
    ("a control in the target", LINE, "{m} {t}\x01 HTTP/1.1", Refused(400)),
    ("a delete in the target", LINE, "{m} {t}\x7f HTTP/1.1", Refused(400)),
    ("a high byte in the target", LINE, "{m} {t}\u{e9} HTTP/1.1", Refused(400)),
    ("a space in the target", LINE, "{m} {t} x HTTP/1.1", Refused(400)),
    ("a second version", LINE, "{m} {t} HTTP/1.1 HTTP/1.1", Refused(400)),
    ("a fragment", LINE, "{m} {t}#x HTTP/1.1", Refused(400)),
    ("a relative target", LINE, "{m} x{t} HTTP/1.1", Refused(400)),
    ("no target", LINE, "{m}  HTTP/1.1", Refused(400)),
    ("a target that is an authority", LINE, "{m} a.test:80 HTTP/1.1", Refused(400)),
    ("another host in the target", LINE, "{m} http://b.test{t} HTTP/1.1", Refused(400)),
    ("another port in the target", LINE, "{m} http://a.test:81{t} HTTP/1.1", Refused(400)),
    ("another scheme in the target", LINE, "{m} https://a.test{t} HTTP/1.1", Refused(400)),
    ("a foreign scheme in the target", LINE, "{m} ftp://a.test{t} HTTP/1.1", Refused(400)),
    ("a user in the target", LINE, "{m} http://u@a.test{t} HTTP/1.1", Refused(400)),
    ("a target without host", LINE, "{m} http://{t} HTTP/1.1", Refused(400)),
    ("a backslash in the target's host", LINE, "{m} http://a.test\\@b.test{t} HTTP/1.1", Refused(400)),
    ("a method that is no token", LINE, "{m}@X {t} HTTP/1.1", Refused(400)),
    ("a method with a bracket", LINE, "({m}) {t} HTTP/1.1", Refused(400)),
    ("a method of many letters", LINE, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA {t} HTTP/1.1", Refused(501)),
    ("TRACE", LINE, "TRACE {t} HTTP/1.1", Refused(405)),
    ("CONNECT", LINE, "CONNECT {t} HTTP/1.1", Refused(405)),
    ("an empty line before it", LINE, "\r\n{m} {t} HTTP/1.1", Same),
    ("the whole address", LINE, "{m} http://a.test{t} HTTP/1.1", Same),
    ("the whole address with its port", LINE, "{m} HTTP://A.test:80{t} HTTP/1.1", Same),
    ("a query", LINE, "{m} {t}?a=/../%0d%0aX:1 HTTP/1.1", Target("{t}?a=/../%0d%0aX:1")),
    ("a host in the path", LINE, "{m} //b.test{t} HTTP/1.1", Target("//b.test{t}")),
    ("dots and codes in the path", LINE, "{m} /a/..%2f.{t} HTTP/1.1", Target("/a/..%2f.{t}")),
];

/// RFC 9112 §3.2, RFC 9110 §7.2: the host.
const HOSTS: &[Row] = &[
    ("no host", "Host: a.test\r\n", "", Refused(400)),
    ("the same host twice", HOST, "Host: a.test\r\nHost: a.test", Refused(400)),
    ("two hosts", HOST, "Host: a.test\r\nHost: b.test", Refused(400)),
    ("a second host far behind", HERE, "X-Kept: 1\r\nhost: b.test\r\n", Refused(400)),
    ("an empty host", HOST, "Host:", Refused(400)),
    ("a list of hosts", HOST, "Host: a.test, b.test", Refused(400)),
    ("two words of host", HOST, "Host: a.test b.test", Refused(400)),
    ("a user in the host", HOST, "Host: a.test@b.test", Refused(400)),
    ("a path in the host", HOST, "Host: a.test/x", Refused(400)),
    ("a query in the host", HOST, "Host: a.test?x", Refused(400)),
    ("a fragment in the host", HOST, "Host: a.test#x", Refused(400)),
    ("two ports", HOST, "Host: a.test:80:80", Refused(400)),
    ("no port behind its colon", HOST, "Host: a.test:", Refused(400)),
    ("a port beyond all", HOST, "Host: a.test:65536", Refused(400)),
    ("a port with a sign", HOST, "Host: a.test:+80", Refused(400)),
    ("an open bracket", HOST, "Host: [::1", Refused(400)),
    ("a null in the host", HOST, "Host: a.test\0", Refused(400)),
    ("a high byte in the host", HOST, "Host: a.test\u{e9}", Refused(400)),
    ("a space before the colon", HOST, "Host : a.test", Refused(400)),
    ("a tab before the colon", HOST, "Host\t: a.test", Refused(400)),
    ("a space before the name", HOST, " Host: a.test", Refused(400)),
    ("a folded host", HOST, "Host:\r\n a.test", Refused(400)),
    ("a host of another writing", HOST, "hOST:\tA.TEST.:80 \t", Same),
    ("no space before the host", HOST, "Host:a.test", Same),
    ("a host by another name", HOST, "Host: a.test\r\nX-Host: b.test", Same),
];

/// RFC 9112 §5, RFC 9110 §5.5: fields.
const FIELDS: &[Row] = &[
    ("a fold", HERE, "X-Kept: 1\r\n b\r\n", Refused(400)),
    ("a fold with a tab", HERE, "X-Kept: 1\r\n\tb\r\n", Refused(400)),
    ("a folded framing", HERE, "X-Kept: 1\r\n Transfer-Encoding: chunked\r\n", Refused(400)),
    ("a line of a space", HERE, "X-Kept: 1\r\n \r\n", Refused(400)),
    ("a bare line feed", HERE, "X-Kept: 1\n", Refused(400)),
    ("a hidden framing behind LF", HERE, "X-Kept: 1\nTransfer-Encoding: chunked\r\n", Refused(400)),
    ("a hidden framing behind CR", HERE, "X-Kept: 1\rTransfer-Encoding: chunked\r\n", Refused(400)),
    ("a carriage return at the end", HERE, "X-Kept: 1\r\r\n", Refused(400)),
    ("a null", HERE, "X-Kept: 1\0\r\n", Refused(400)),
    ("a control", HERE, "X-Kept: 1\x01\r\n", Refused(400)),
    ("an escape", HERE, "X-Kept: \x1b1\r\n", Refused(400)),
    ("a delete", HERE, "X-Kept: 1\x7f\r\n", Refused(400)),
    ("a space before the colon", HERE, "X-Kept : 1\r\n", Refused(400)),
    ("a tab before the colon", HERE, "X-Kept\t: 1\r\n", Refused(400)),
    ("a name of two words", HERE, "X Kept: 1\r\n", Refused(400)),
    ("no name", HERE, ": 1\r\n", Refused(400)),
    ("no colon", HERE, "X-Kept\r\n", Refused(400)),
    ("a null in a name", HERE, "X-Kept\0: 1\r\n", Refused(400)),
    ("a high byte in a name", HERE, "X-Kept\u{e9}: 1\r\n", Refused(400)),
    ("a bracket in a name", HERE, "X(Kept): 1\r\n", Refused(400)),
    ("a carriage return in a name", HERE, "X-Kept\r: 1\r\n", Refused(400)),
    ("an end of one line feed", HERE, "X-Kept: 1\r\n\n", Refused(400)),
    ("spaces around a value", HERE, "x-kEPT:  \t1\t \r\n", Same),
    ("an empty value", HERE, "X-Kept: 1\r\nX-Empty:\r\n", Same),
    ("a high byte in a value", HERE, "X-Kept: 1\r\nX-High: \u{e9}\r\n", Same),
    ("a colon in a value", HERE, "X-Kept: 1\r\nX-Colon: a:b\r\n", Same),
    ("a framing under a line", HERE, "X-Kept: 1\r\nTransfer_Encoding: chunked\r\n", Same),
    ("a length under a line", HERE, "X-Kept: 1\r\nContent_Length: 3\r\n", Same),
    ("a connection that names the length", HERE, "X-Kept: 1\r\nConnection: content-length\r\n", Same),
    ("a connection that names the coding", HERE, "X-Kept: 1\r\nConnection: transfer-encoding\r\n", Same),
    ("a connection that names the host", HERE, "X-Kept: 1\r\nConnection: host\r\n", Same),
    ("a connection that ends", HERE, "X-Kept: 1\r\nConnection: x, close\r\n", Last),
    ("trailers wanted", HERE, "X-Kept: 1\r\nTE: trailers, deflate\r\n", Same),
    ("a field of old proxies", HERE, "X-Kept: 1\r\nProxy-Connection: close\r\nKeep-Alive: 1\r\n", Same),
    ("an unknown expectation", HERE, "X-Kept: 1\r\nExpect: tea\r\n", Refused(417)),
    ("two expectations in a line", HERE, "X-Kept: 1\r\nExpect: 100-continue, tea\r\n", Refused(417)),
    ("an expectation behind a word", HERE, "X-Kept: 1\r\nExpect: y 100-continue\r\n", Refused(417)),
    ("an empty expectation", HERE, "X-Kept: 1\r\nExpect:\r\n", Refused(417)),
    ("an expectation", HERE, "X-Kept: 1\r\nExpect: 100-Continue\r\n", Same),
    ("another protocol", HERE, "X-Kept: 1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n", Same),
    ("a protocol nobody names", HERE, "X-Kept: 1\r\nUpgrade: websocket\r\n", Same),
];

/// Bytes behind a request to switch and before the answer to it (RFC 9110 §7.8).
const SWITCHES: &[Row] = &[
    ("websocket", HERE, "X-Kept: 1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n", Refused(400)),
    (
        "websocket among options",
        HERE,
        "X-Kept: 1\r\nConnection: a, Upgrade\r\nUpgrade: WebSocket\r\n",
        Refused(400),
    ),
];

/// RFC 9112 §6.3, RFC 9110 §8.6: content by length.
const LENGTHS: &[Row] = &[
    ("a coding beside it", HERE, "X-Kept: 1\r\nTransfer-Encoding: chunked\r\n", Refused(400)),
    ("a coding behind it", CL, "Content-Length: 41\r\ntransfer-encoding:chunked", Refused(400)),
    ("an odd coding beside it", HERE, "X-Kept: 1\r\nTransfer-Encoding: xchunked\r\n", Refused(400)),
    ("an empty coding beside it", HERE, "X-Kept: 1\r\nTransfer-Encoding:\r\n", Refused(400)),
    ("a coding with a space", HERE, "X-Kept: 1\r\nTransfer-Encoding : chunked\r\n", Refused(400)),
    ("a coding with a tab", HERE, "X-Kept: 1\r\nTransfer-Encoding\t: chunked\r\n", Refused(400)),
    ("a coding with a null", HERE, "X-Kept: 1\r\nTransfer-Encoding\0: chunked\r\n", Refused(400)),
    ("the same twice", CL, "Content-Length: 41\r\nContent-Length: 41", Refused(400)),
    ("two of them", CL, "Content-Length: 41\r\nContent-Length: 0", Refused(400)),
    ("the other first", CL, "Content-Length: 0\r\nContent-Length: 41", Refused(400)),
    ("a list of the same", CL, "Content-Length: 41, 41", Refused(400)),
    ("a list", CL, "Content-Length: 0,41", Refused(400)),
    ("a plus", CL, "Content-Length: +41", Refused(400)),
    ("a minus", CL, "Content-Length: -41", Refused(400)),
    ("hexadecimal", CL, "Content-Length: 0x29", Refused(400)),
    ("two words", CL, "Content-Length: 4 1", Refused(400)),
    ("a fraction", CL, "Content-Length: 41.0", Refused(400)),
    ("a parameter", CL, "Content-Length: 41;", Refused(400)),
    ("quotes", CL, "Content-Length: \"41\"", Refused(400)),
    ("nothing", CL, "Content-Length:", Refused(400)),
    ("more than fits", CL, "Content-Length: 18446744073709551657", Refused(400)),
    ("a vertical tab", CL, "Content-Length: \x0b41", Refused(400)),
    ("a fold", CL, "Content-Length:\r\n 41", Refused(400)),
    ("a space before the colon", CL, "Content-Length : 41", Refused(400)),
    ("noughts before it", CL, "Content-Length: 0041", Same),
    ("spaces around it", CL, "content-length:\t 41 ", Same),
    ("version 1.0", LINE, "{m} {t} HTTP/1.0", Last),
    ("version 1.0, kept", LINE, "{m} {t} HTTP/1.0\r\nConnection: keep-alive", Same),
];

/// RFC 9112 §§6.1, 7: content by chunks.
const CODINGS: &[Row] = &[
    ("a length beside it", HERE, "X-Kept: 1\r\nContent-Length: 50\r\n", Refused(400)),
    ("no length beside it", HERE, "X-Kept: 1\r\nContent-Length: 0\r\n", Refused(400)),
    ("a length behind it", TE, "Transfer-Encoding: chunked\r\nContent-Length: 4", Refused(400)),
    ("the same twice", TE, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", Refused(400)),
    ("another beside it", TE, "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", Refused(400)),
    ("another before it", TE, "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", Refused(400)),
    ("a list of the same", TE, "Transfer-Encoding: chunked, chunked", Refused(400)),
    ("a coding before it", TE, "Transfer-Encoding: gzip, chunked", Refused(400)),
    ("a coding behind it", TE, "Transfer-Encoding: chunked, gzip", Refused(400)),
    ("identity", TE, "Transfer-Encoding: identity", Refused(400)),
    ("a letter before it", TE, "Transfer-Encoding: xchunked", Refused(400)),
    ("a letter missing", TE, "Transfer-Encoding: chunke", Refused(400)),
    ("a parameter", TE, "Transfer-Encoding: chunked;q=1", Refused(400)),
    ("quotes", TE, "Transfer-Encoding: \"chunked\"", Refused(400)),
    ("a comma behind it", TE, "Transfer-Encoding: chunked,", Refused(400)),
    ("a comma before it", TE, "Transfer-Encoding: ,chunked", Refused(400)),
    ("a vertical tab", TE, "Transfer-Encoding: \x0bchunked", Refused(400)),
    ("a null behind it", TE, "Transfer-Encoding: chunked\0", Refused(400)),
    ("a fold", TE, "Transfer-Encoding:\r\n chunked", Refused(400)),
    ("a fold behind it", TE, "Transfer-Encoding: chunked\r\n , identity", Refused(400)),
    ("nothing", TE, "Transfer-Encoding:", Refused(400)),
    ("a space before the colon", TE, "Transfer-Encoding : chunked", Refused(400)),
    ("version 1.0", LINE, "{m} {t} HTTP/1.0", Refused(400)),
    ("version 1.0, kept", LINE, "{m} {t} HTTP/1.0\r\nConnection: keep-alive", Refused(400)),
    ("capitals", TE, "TRANSFER-ENCODING:CHUNKED", Same),
    ("spaces around it", TE, "transfer-encoding: \tchunked\t ", Same),
    // RFC 9112 §7.1: chunks.
    ("capital digits", "29\r\nGET /smugg", "A\r\nGET /smugg\r\n1F\r\n", Same),
    ("noughts before a size", "29\r\n", "00000029\r\n", Same),
    ("an extension", "29\r\n", "29;a=b;c=\"d\"\r\n", Same),
    ("an extension of the last chunk", "\r\n0\r\n\r\n", "\r\n0;x\r\n\r\n", Same),
    ("many noughts at the end", "\r\n0\r\n\r\n", "\r\n000\r\n\r\n", Same),
    ("a trailer", "\r\n0\r\n\r\n", "\r\n0\r\nX-End: 1\r\n\r\n", Same),
    ("framing in a trailer", "\r\n0\r\n\r\n", "\r\n0\r\nContent-Length: 9\r\nHost: b.test\r\n\r\n", Same),
    ("a size with a sign", "29\r\n", "+29\r\n", Broken),
    ("a size below nought", "29\r\n", "-29\r\n", Broken),
    ("a size with its prefix", "29\r\n", "0x29\r\n", Broken),
    ("a size with a space before", "29\r\n", " 29\r\n", Broken),
    ("a size with a space behind", "29\r\n", "29 \r\n", Broken),
    ("a size with a tab behind", "29\r\n", "29\t\r\n", Broken),
    ("a size with an underscore", "29\r\n", "2_9\r\n", Broken),
    ("no size", "29\r\n", "\r\n", Broken),
    ("no size but an extension", "29\r\n", ";x\r\n", Broken),
    ("a size that wraps", "29\r\n", "10000000000000029\r\n", Broken),
    ("a size with a null", "29\r\n", "29\0\r\n", Broken),
    ("a size line of LF", "29\r\n", "29\n", Broken),
    ("a size line of CR", "29\r\n", "29\r", Broken),
    ("a size line of CR CR LF", "29\r\n", "29\r\r\n", Broken),
    ("an extension with LF", "29\r\n", "29;\n\r\n", Broken),
    ("an extension with CR", "29\r\n", "29;a\rb\r\n", Broken),
    ("an extension with a null", "29\r\n", "29;a\0\r\n", Broken),
    ("an end of LF", "\r\n0\r\n\r\n", "\n0\r\n\r\n", Broken),
    ("an end of CR", "\r\n0\r\n\r\n", "\r0\r\n\r\n", Broken),
    ("no end", "\r\n0\r\n\r\n", "0\r\n\r\n", Broken),
    ("two other bytes for an end", "\r\n0\r\n\r\n", "XX0\r\n\r\n", Broken),
    ("content behind the end", "\r\n0\r\n\r\n", "X\r\n0\r\n\r\n", Broken),
    ("a shorter size", "29\r\n", "28\r\n", Broken),
    ("a longer size", "29\r\n", "2a\r\n", Broken),
    ("a last chunk of LF", "\r\n0\r\n\r\n", "\r\n0\n\r\n", Broken),
    ("an end of all of LF", "\r\n0\r\n\r\n", "\r\n0\r\n\n", Broken),
    ("a signed last chunk", "\r\n0\r\n\r\n", "\r\n-0\r\n\r\n", Broken),
    ("a folded trailer", "\r\n0\r\n\r\n", "\r\n0\r\nX: 1\r\n 2\r\n\r\n", Broken),
    ("a trailer of LF", "\r\n0\r\n\r\n", "\r\n0\r\nX: 1\n\r\n", Broken),
    ("a trailer with a space", "\r\n0\r\n\r\n", "\r\n0\r\nX : 1\r\n\r\n", Broken),
    ("a trailer without colon", "\r\n0\r\n\r\n", "\r\n0\r\nX\r\n\r\n", Broken),
];

/// Requests without content, whatever anybody thinks of what follows (0.CL, TE.0).
const BARES: &[Row] = &[
    ("no length", HERE, "X-Kept: 1\r\nContent-Length: 0\r\n", Same),
    ("a length of noughts", HERE, "X-Kept: 1\r\nContent-Length: 000\r\n", Same),
    (
        "an empty body of chunks",
        "X-Kept: 1\r\n\r\n",
        "X-Kept: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Empty,
    ),
    ("version 1.0", LINE, "{m} {t} HTTP/1.0", Last),
    ("version 1.0, kept", LINE, "{m} {t} HTTP/1.0\r\nConnection: keep-alive", Same),
    (
        "version 1.0 without host",
        "{m} {t} HTTP/1.1\r\nHost: a.test\r\n",
        "{m} {t} HTTP/1.0\r\n",
        Refused(400),
    ),
    ("a length under a line", HERE, "X-Kept: 1\r\nContent_Length: 41\r\n", Same),
];

fn edits() -> Vec<Edit> {
    let mut all = vec![Edit { name: "nothing", from: "", to: "", only: &[], fate: Same }];
    for (only, table) in [
        (&[] as &[_], LINES),
        (&[], HOSTS),
        (&[], FIELDS),
        (BARE, SWITCHES),
        (SIZED, LENGTHS),
        (CHUNKED, CODINGS),
        (BARE, BARES),
    ] {
        all.extend(rows(only, table));
    }
    all
}

/// The answers on a connection in order, without interim ones: status and content.
fn answers(bytes: &[u8], methods: &[&str]) -> Vec<(u16, String)> {
    let (mut rest, mut found) = (bytes, Vec::new());
    while let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") {
        let head = Head { text: String::from_utf8_lossy(&rest[..end + 4]).into_owned() };
        rest = &rest[end + 4..];
        if head.status() < 200 {
            continue;
        }
        let is_head = methods.get(found.len()) == Some(&"HEAD");
        let (content, behind) = rest.split_at(if is_head { 0 } else { head.length() });
        found.push((head.status(), String::from_utf8_lossy(content).into_owned()));
        rest = behind;
    }
    assert!(rest.is_empty(), "no answer: {:?}", String::from_utf8_lossy(rest));
    found
}

/// Sends one case in two pieces, cut where its number says, and holds the answers against its fate: what is
/// wrong with them, if anything.
async fn play(stage: &Stage, text: &[u8], cut: usize, mark: &str, verdict: &Verdict) -> Option<String> {
    let mut visitor = stage.visit().await;
    let (one, two) = text.split_at(cut % text.len());
    // The edge may have refused and closed before it has seen all.
    if visitor.try_send(one).await && visitor.try_send(two).await {
        visitor.end().await;
    }
    let found = answers(&visitor.rest().await, &[]);
    let statuses: Vec<_> = found.iter().map(|(status, _)| *status).collect();
    let right = match verdict {
        Verdict::Refused(status) => statuses == [*status],
        Verdict::Broken => statuses == [400],
        Verdict::Heard { meaning, tail } => {
            let behind = Meaning {
                method: "GET".into(),
                target: format!("{mark}/tail"),
                host: "a.test".into(),
                ..Meaning::default()
            };
            let mut expected = vec![(200, meaning.echo())];
            expected.extend(tail.then(|| (200, behind.echo())));
            found == expected
        }
    };
    (!right).then(|| format!("{verdict:?} was answered with {found:?}"))
}

#[tokio::test]
async fn whatever_can_be_read_in_two_ways_reaches_no_origin_and_everything_else_means_the_same_there() {
    matrix(Onwards::Http1).await;
}

#[tokio::test]
async fn the_same_holds_before_an_origin_that_speaks_http_2() {
    matrix(Onwards::Http2).await;
}

async fn matrix(onwards: Onwards) {
    let (stage, origin) = recorded(onwards).await;
    let (mut played, mut faults) = (Vec::new(), Vec::new());
    for draft in &drafts() {
        for edit in edits().iter().filter(|edit| edit.suits(draft)) {
            let mark = format!("/n{}n", played.len());
            let name = format!("{} in {}", edit.name, draft.name);
            let (text, verdict) = edit.of(draft, &mark);
            let text = [text, tail(&mark).into_bytes()].concat();
            let wrong = play(&stage, &text, played.len() * 7, &mark, &verdict).await;
            faults.extend(wrong.map(|wrong| format!("{name}: {wrong}")));
            played.push(Played { name, mark, verdict });
        }
    }
    let refused = played.iter().filter(|case| matches!(case.verdict, Verdict::Refused(_))).count();
    assert!(played.len() >= 500 && refused >= 300, "{} cases, {refused} refused", played.len());
    drop(stage);
    faults.extend(compare(&played, &origin.readings().await));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Every two flaws in different parts of a request are refused as either is: neither hides the other.
#[tokio::test]
async fn two_flaws_at_once_are_refused_like_one() {
    let (stage, origin) = recorded(Onwards::Http1).await;
    let (mut played, mut faults) = (Vec::new(), Vec::new());
    let draft: Draft = drafts().swap_remove(1);
    let flaws = |table: &'static [Row]| {
        table.iter().filter(|(.., fate)| matches!(fate, Refused(_))).step_by(3).collect::<Vec<_>>()
    };
    for line in flaws(LINES) {
        for length in flaws(LENGTHS) {
            let mark = format!("/n{}n", played.len());
            let name = format!("{} and {}", line.0, length.0);
            let edit = |row: &Row, text: &str| {
                let fill = |part: &str| part.replace("{m}", draft.method).replace("{t}", &mark);
                text.replacen(&fill(row.1), &fill(row.2), 1)
            };
            // The later place first, so that the edit of the line still finds it whole.
            let text = edit(line, &edit(length, &draft.text(&mark)));
            let mut visitor = stage.visit().await;
            visitor.try_send(super::drafts::latin1(&text)).await;
            visitor.try_send(tail(&mark)).await;
            let found = answers(&visitor.rest().await, &[]);
            if !matches!(found[..], [(400..=505, _)]) {
                faults.push(format!("{name}: {found:?}"));
            }
            played.push(Played { name, mark, verdict: Verdict::Refused(400) });
        }
    }
    assert!(played.len() >= 80, "{}", played.len());
    drop(stage);
    faults.extend(compare(&played, &origin.readings().await));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
