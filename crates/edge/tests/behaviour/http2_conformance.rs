//! RFC 9113 and RFC 7541, one row a requirement: frames that break it, and what the edge has to do.
//!
//! The h2 crate is the edge's reader of frames. Where it does otherwise than the RFC says, the row names what it
//! does and why that may stand; the day it does as the RFC says, the row fails and loses its note.

use crate::frames::Answer::{self, Connection, End, GoesOn, Status, Stream};
use crate::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PADDED, PING, PRIORITY,
    PUSH_PROMISE, RST_STREAM, SETTINGS, WHOLE, WINDOW_UPDATE, WITH_PRIORITY, block, frame, get, misgreeted,
    post, pseudo,
};
use crate::support::Stage;
use testkit::Origin;

const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const STREAM_CLOSED: u32 = 5;
const FRAME_SIZE_ERROR: u32 = 6;
const REFUSED_STREAM: u32 = 7;
const COMPRESSION_ERROR: u32 = 9;
const ENHANCE_YOUR_CALM: u32 = 11;

/// RFC 9113 §5.4.1: "an endpoint MAY choose to treat a stream error as a connection error".
const HARDER: &str = "a stream error may be taken as a connection error (section 5.4.1)";
/// A stream that has ended is taken for one that was never there.
const HARDER_AND_VAGUE: &str = "h2 takes it as a connection error (section 5.4.1), PROTOCOL_ERROR";
/// The connection ends either way; only the name of the error is less exact.
const VAGUE: &str =
    "h2 says PROTOCOL_ERROR for every frame it cannot parse; the connection ends all the same";

/// A requirement: its section, what is sent, what the RFC wants for it, what h2 does instead and why that stands.
struct Row {
    section: &'static str,
    what: &'static str,
    bytes: Vec<u8>,
    wanted: Answer,
    instead: Option<(Answer, &'static str)>,
}

fn row(section: &'static str, what: &'static str, frames: &[Vec<u8>], wanted: Answer) -> Row {
    Row { section, what, bytes: frames.concat(), wanted, instead: None }
}

impl Row {
    fn but(mut self, does: Answer, why: &'static str) -> Self {
        self.instead = Some((does, why));
        self
    }
}

fn settings(name: u16, value: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

fn window(stream: u32, increment: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &increment.to_be_bytes())
}

/// A GET whose field section is all of these bytes behind a usual one.
fn packed(rest: &[u8]) -> Vec<u8> {
    frame(HEADERS, WHOLE, 1, &[&block(&pseudo("GET", "/")), rest].concat())
}

/// Sections 4 and 5: frames, streams, their states.
fn frames_and_states() -> Vec<Row> {
    let rst = |stream| frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
    let many: Vec<_> = (0..129).map(|n| post(2 * n + 1, &[])).collect();
    let large = vec![0; 16_385];
    let selfish = [&[0, 0, 0, 1, 7][..], &block(&pseudo("GET", "/"))].concat();
    let selfish = frame(HEADERS, WHOLE | WITH_PRIORITY, 1, &selfish);
    vec![
        row("4.1", "an unknown kind of frame", &[frame(0xbb, 0xff, 0, b"what")], GoesOn),
        row("4.1", "an unknown flag", &[get(1, WHOLE | 0x50, &[])], Status(200)),
        row("4.1", "a reserved bit", &[get(1 | 1 << 31, WHOLE, &[])], Status(200)),
        row(
            "4.2",
            "DATA over the largest frame",
            &[post(1, &[]), frame(DATA, 0, 1, &large)],
            Connection(FRAME_SIZE_ERROR),
        ),
        row(
            "4.2",
            "HEADERS over the largest frame",
            &[frame(HEADERS, WHOLE, 1, &large)],
            Connection(FRAME_SIZE_ERROR),
        ),
        row(
            "4.3",
            "a field section that cannot be decoded",
            &[packed(&[0x80])],
            Connection(COMPRESSION_ERROR),
        )
        .but(Connection(PROTOCOL_ERROR), VAGUE),
        row(
            "4.3",
            "DATA within a field section",
            &[post(1, &[]), get(3, END_STREAM, &[]), frame(DATA, 0, 1, b"x")],
            Connection(PROTOCOL_ERROR),
        ),
        row(
            "4.3",
            "PING within a field section",
            &[get(1, END_STREAM, &[]), frame(PING, 0, 0, &[0; 8])],
            Connection(PROTOCOL_ERROR),
        ),
        row(
            "4.3",
            "another stream within a field section",
            &[get(1, END_STREAM, &[]), get(3, WHOLE, &[])],
            Connection(PROTOCOL_ERROR),
        ),
        row(
            "4.3",
            "an unknown frame within a field section",
            &[get(1, END_STREAM, &[]), frame(0xbb, 0, 1, &[])],
            Connection(PROTOCOL_ERROR),
        ),
        row("5.1", "DATA on an idle stream", &[frame(DATA, 0, 1, b"x")], Connection(PROTOCOL_ERROR)),
        row("5.1", "RST_STREAM on an idle stream", &[rst(1)], Connection(PROTOCOL_ERROR)),
        row("5.1", "WINDOW_UPDATE on an idle stream", &[window(1, 1)], Connection(PROTOCOL_ERROR)),
        row(
            "5.1",
            "CONTINUATION on an idle stream",
            &[frame(CONTINUATION, END_HEADERS, 1, &[])],
            Connection(PROTOCOL_ERROR),
        ),
        row("5.1", "PRIORITY on an idle stream", &[frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1])], GoesOn),
        row(
            "5.1",
            "DATA behind the end of a stream",
            &[get(1, WHOLE, &[]), frame(DATA, END_STREAM, 1, b"x")],
            Stream(STREAM_CLOSED),
        )
        .but(Connection(PROTOCOL_ERROR), HARDER_AND_VAGUE),
        row(
            "5.1",
            "HEADERS behind the end of a stream",
            &[get(1, WHOLE, &[]), get(1, WHOLE, &[])],
            Stream(STREAM_CLOSED),
        )
        .but(Connection(PROTOCOL_ERROR), HARDER_AND_VAGUE),
        row(
            "5.1",
            "DATA behind RST_STREAM",
            &[post(1, &[]), rst(1), frame(DATA, 0, 1, b"x")],
            Stream(STREAM_CLOSED),
        ),
        row(
            "5.1",
            "HEADERS behind RST_STREAM",
            &[post(1, &[]), rst(1), get(1, WHOLE, &[])],
            Stream(STREAM_CLOSED),
        )
        .but(Connection(PROTOCOL_ERROR), HARDER_AND_VAGUE),
        row("5.1", "WINDOW_UPDATE behind RST_STREAM", &[post(1, &[]), rst(1), window(1, 1)], GoesOn),
        row("5.1.1", "an even stream", &[get(2, WHOLE, &[])], Connection(PROTOCOL_ERROR)),
        row("5.1.1", "an earlier stream", &[post(5, &[]), get(3, WHOLE, &[])], Connection(PROTOCOL_ERROR)),
        row("5.1.2", "a stream too many", &many, Stream(REFUSED_STREAM)),
        row("5.3.2", "a stream that depends on itself", &[selfish], Status(200)).but(
            Stream(PROTOCOL_ERROR),
            "RFC 7540, section 5.3.1, wanted this; RFC 9113 only lets go of it, and no visitor does it",
        ),
        row("5.5", "an unknown setting", &[settings(0xbbbb, 1)], GoesOn),
    ]
}

/// Section 6: each kind of frame.
fn definitions() -> Vec<Row> {
    let padded = |length: u8| {
        frame(HEADERS, WHOLE | PADDED, 1, &[&[length][..], &block(&pseudo("GET", "/")), &[0, 0]].concat())
    };
    let ranked = [&[0, 0, 0, 0, 7][..], &block(&pseudo("GET", "/"))].concat();
    let section = block(&pseudo("GET", "/"));
    let flood: Vec<_> = [get(1, END_STREAM, &[])]
        .into_iter()
        .chain((0..200).map(|_| frame(CONTINUATION, 0, 1, &[])))
        .collect();
    vec![
        row("6.1", "DATA on stream 0", &[frame(DATA, 0, 0, b"x")], Connection(PROTOCOL_ERROR)),
        row(
            "6.1",
            "more padding than DATA",
            &[post(1, &[]), frame(DATA, PADDED, 1, &[2, 0])],
            Connection(PROTOCOL_ERROR),
        ),
        row(
            "6.1",
            "padded DATA",
            &[post(1, &[]), frame(DATA, PADDED | END_STREAM, 1, &[1, b'x', 0])],
            Status(200),
        ),
        row("6.2", "HEADERS on stream 0", &[get(0, WHOLE, &[])], Connection(PROTOCOL_ERROR)),
        row("6.2", "more padding than HEADERS", &[padded(255)], Connection(PROTOCOL_ERROR)),
        row("6.2", "padded HEADERS", &[padded(2)], Status(200)),
        row(
            "6.2",
            "HEADERS with a priority",
            &[frame(HEADERS, WHOLE | WITH_PRIORITY, 1, &ranked)],
            Status(200),
        ),
        row(
            "6.3",
            "PRIORITY on stream 0",
            &[frame(PRIORITY, 0, 0, &[0, 0, 0, 1, 1])],
            Connection(PROTOCOL_ERROR),
        ),
        row(
            "6.3",
            "PRIORITY of four bytes",
            &[post(1, &[]), frame(PRIORITY, 0, 1, &[0; 4])],
            Stream(FRAME_SIZE_ERROR),
        )
        .but(Connection(PROTOCOL_ERROR), HARDER),
        row("6.4", "RST_STREAM on stream 0", &[frame(RST_STREAM, 0, 0, &[0; 4])], Connection(PROTOCOL_ERROR)),
        row(
            "6.4",
            "RST_STREAM of three bytes",
            &[post(1, &[]), frame(RST_STREAM, 0, 1, &[0; 3])],
            Connection(FRAME_SIZE_ERROR),
        )
        .but(Connection(PROTOCOL_ERROR), VAGUE),
        row("6.5", "SETTINGS on a stream", &[frame(SETTINGS, 0, 1, &[])], Connection(PROTOCOL_ERROR)),
        row("6.5", "SETTINGS of five bytes", &[frame(SETTINGS, 0, 0, &[0; 5])], Connection(FRAME_SIZE_ERROR))
            .but(Connection(PROTOCOL_ERROR), VAGUE),
        row(
            "6.5",
            "SETTINGS acknowledged with content",
            &[frame(SETTINGS, ACK, 0, &[0; 6])],
            Connection(FRAME_SIZE_ERROR),
        )
        .but(Connection(PROTOCOL_ERROR), VAGUE),
        row("6.5.2", "ENABLE_PUSH of 2", &[settings(2, 2)], Connection(PROTOCOL_ERROR)),
        row("6.5.2", "a first window over 2^31-1", &[settings(4, 1 << 31)], Connection(FLOW_CONTROL_ERROR))
            .but(Connection(PROTOCOL_ERROR), VAGUE),
        row("6.5.2", "a largest frame under 2^14", &[settings(5, 16_383)], Connection(PROTOCOL_ERROR)),
        row("6.5.2", "a largest frame over 2^24-1", &[settings(5, 1 << 24)], Connection(PROTOCOL_ERROR)),
        row(
            "6.6",
            "PUSH_PROMISE from a client",
            &[post(1, &[]), frame(PUSH_PROMISE, END_HEADERS, 1, &[&[0, 0, 0, 2][..], &section].concat())],
            Connection(PROTOCOL_ERROR),
        ),
        row("6.7", "PING on a stream", &[frame(PING, 0, 1, &[0; 8])], Connection(PROTOCOL_ERROR)),
        row("6.7", "PING of six bytes", &[frame(PING, 0, 0, &[0; 6])], Connection(FRAME_SIZE_ERROR))
            .but(Connection(PROTOCOL_ERROR), VAGUE),
        row("6.7", "an answer to no PING", &[frame(PING, ACK, 0, &[9; 8])], GoesOn),
        row("6.8", "GOAWAY on a stream", &[frame(GOAWAY, 0, 1, &[0; 8])], Connection(PROTOCOL_ERROR)),
        row(
            "6.8",
            "GOAWAY while a stream is open",
            &[get(1, WHOLE, &[]), frame(GOAWAY, 0, 0, &[0; 8])],
            Status(200),
        ),
        row("6.9", "a window of the connection by 0", &[window(0, 0)], Connection(PROTOCOL_ERROR)),
        row("6.9", "a window of a stream by 0", &[post(1, &[]), window(1, 0)], Stream(PROTOCOL_ERROR))
            .but(Connection(PROTOCOL_ERROR), HARDER),
        row(
            "6.9",
            "WINDOW_UPDATE of three bytes",
            &[frame(WINDOW_UPDATE, 0, 0, &[0; 3])],
            Connection(FRAME_SIZE_ERROR),
        )
        .but(Connection(PROTOCOL_ERROR), VAGUE),
        row(
            "6.9.1",
            "a window of the connection over 2^31-1",
            &[window(0, 0x7fff_ffff), window(0, 0x7fff_ffff)],
            Connection(FLOW_CONTROL_ERROR),
        ),
        row(
            "6.9.1",
            "a window of a stream over 2^31-1",
            &[post(1, &[]), window(1, 0x7fff_ffff), window(1, 0x7fff_ffff)],
            Stream(FLOW_CONTROL_ERROR),
        ),
        row(
            "6.9.2",
            "a first window that takes a stream's over 2^31-1",
            &[post(1, &[]), window(1, 0x7fff_0000), settings(4, 0x7fff_ffff)],
            Connection(FLOW_CONTROL_ERROR),
        ),
        row(
            "6.10",
            "CONTINUATION in three",
            &[
                frame(HEADERS, END_STREAM, 1, &section[..5]),
                frame(CONTINUATION, 0, 1, &section[5..20]),
                frame(CONTINUATION, END_HEADERS, 1, &section[20..]),
            ],
            Status(200),
        ),
        row(
            "6.10",
            "CONTINUATION on stream 0",
            &[get(1, END_STREAM, &[]), frame(CONTINUATION, END_HEADERS, 0, &[])],
            Connection(PROTOCOL_ERROR),
        ),
        row(
            "6.10",
            "CONTINUATION of another stream",
            &[get(1, END_STREAM, &[]), frame(CONTINUATION, END_HEADERS, 3, &[])],
            Connection(PROTOCOL_ERROR),
        ),
        row(
            "6.10",
            "CONTINUATION behind the end of HEADERS",
            &[post(1, &[]), frame(CONTINUATION, END_HEADERS, 1, &[])],
            Connection(PROTOCOL_ERROR),
        ),
        row("10.5.1", "CONTINUATION without end", &flood, Connection(ENHANCE_YOUR_CALM)),
    ]
}

/// Section 8: requests in frames.
fn messages() -> Vec<Row> {
    let trailer = |flags, fields: &[(&str, &str)]| frame(HEADERS, flags, 1, &block(fields));
    let with = |fields: &[(&str, &str)]| vec![get(1, WHOLE, fields)];
    let only = |fields: &[(&str, &str)]| vec![frame(HEADERS, WHOLE, 1, &block(fields))];
    let data = |text: &[u8]| frame(DATA, END_STREAM, 1, text);
    vec![
        row(
            "8.1",
            "trailers",
            &[post(1, &[]), frame(DATA, 0, 1, b"x"), trailer(WHOLE, &[("x-end", "1")])],
            Status(200),
        ),
        row(
            "8.1",
            "trailers that do not end the stream",
            &[post(1, &[]), frame(DATA, 0, 1, b"x"), trailer(END_HEADERS, &[("x-end", "1")])],
            Stream(PROTOCOL_ERROR),
        ),
        row(
            "8.1",
            "a pseudo-field in trailers",
            &[post(1, &[]), frame(DATA, 0, 1, b"x"), trailer(WHOLE, &[(":path", "/")])],
            Stream(PROTOCOL_ERROR),
        )
        .but(
            Status(200),
            "h2 leaves the pseudo-field out before anybody sees it; the trailer goes on without",
        ),
        row(
            "8.1.1",
            "less content than its length",
            &[post(1, &[("content-length", "2")]), data(b"x")],
            Stream(PROTOCOL_ERROR),
        ),
        row(
            "8.1.1",
            "more content than its length",
            &[post(1, &[("content-length", "2")]), data(b"xyz")],
            Stream(PROTOCOL_ERROR),
        ),
        row("8.1.1", "a length without content", &with(&[("content-length", "2")]), Stream(PROTOCOL_ERROR)),
        row("8.2.1", "capitals in a name", &with(&[("X-Odd", "1")]), Stream(PROTOCOL_ERROR))
            .but(Connection(PROTOCOL_ERROR), HARDER),
        row("8.2.1", "a space in a name", &with(&[("x odd", "1")]), Stream(PROTOCOL_ERROR))
            .but(Connection(PROTOCOL_ERROR), HARDER),
        row("8.2.1", "a null in a value", &with(&[("x-odd", "\0")]), Stream(PROTOCOL_ERROR))
            .but(Connection(PROTOCOL_ERROR), HARDER),
        row("8.2.1", "a line feed in a value", &with(&[("x-odd", "a\nb")]), Stream(PROTOCOL_ERROR))
            .but(Connection(PROTOCOL_ERROR), HARDER),
        row("8.2.1", "a carriage return in a value", &with(&[("x-odd", "a\rb")]), Stream(PROTOCOL_ERROR))
            .but(Connection(PROTOCOL_ERROR), HARDER),
        row("8.2.1", "a space before a value", &with(&[("x-odd", " a")]), Status(400)),
        row("8.2.1", "a tab behind a value", &with(&[("x-odd", "a\t")]), Status(400)),
        row("8.2.2", "Connection", &with(&[("connection", "close")]), Stream(PROTOCOL_ERROR)),
        row("8.2.2", "Keep-Alive", &with(&[("keep-alive", "1")]), Stream(PROTOCOL_ERROR)),
        row("8.2.2", "Proxy-Connection", &with(&[("proxy-connection", "close")]), Stream(PROTOCOL_ERROR)),
        row("8.2.2", "Transfer-Encoding", &with(&[("transfer-encoding", "chunked")]), Stream(PROTOCOL_ERROR)),
        row("8.2.2", "Upgrade", &with(&[("upgrade", "h2c")]), Stream(PROTOCOL_ERROR)),
        row("8.2.2", "TE other than trailers", &with(&[("te", "gzip")]), Stream(PROTOCOL_ERROR)),
        row("8.2.2", "TE: trailers", &with(&[("te", "trailers")]), Status(200)),
        row("8.2.3", "crumbs", &with(&[("cookie", "a=1"), ("cookie", "b=2")]), Status(200)),
        row("8.3", "an unknown pseudo-field", &with(&[(":odd", "1")]), Stream(PROTOCOL_ERROR))
            .but(Connection(PROTOCOL_ERROR), HARDER),
        row("8.3", "a pseudo-field of answers", &with(&[(":status", "200")]), Stream(PROTOCOL_ERROR)),
        row(
            "8.3",
            "a pseudo-field behind a field",
            &only(&[(":method", "GET"), (":scheme", "https"), ("x", "1"), (":path", "/")]),
            Stream(PROTOCOL_ERROR),
        ),
        row("8.3", "a pseudo-field twice", &with(&[(":path", "/")]), Stream(PROTOCOL_ERROR)),
        row("8.3.1", "no method", &only(&pseudo("GET", "/")[1..]), Stream(PROTOCOL_ERROR)),
        row(
            "8.3.1",
            "no scheme",
            &only(&[(":method", "GET"), (":authority", "a.test"), (":path", "/")]),
            Stream(PROTOCOL_ERROR),
        ),
        row("8.3.1", "no path", &only(&pseudo("GET", "/")[..3]), Stream(PROTOCOL_ERROR)),
        row("8.3.1", "an empty path", &only(&pseudo("GET", "")), Stream(PROTOCOL_ERROR)),
        row("8.3.1", "a path without slash", &only(&pseudo("GET", "x")), Stream(PROTOCOL_ERROR)),
        row(
            "8.3.1",
            "a user in the authority",
            &only(&[(":method", "GET"), (":scheme", "https"), (":authority", "u@a.test"), (":path", "/")]),
            Status(400),
        ),
        row("8.3.1", "another Host than authority", &with(&[("host", "b.test")]), Status(400)),
        row("8.3.1", "a path with a fragment", &only(&pseudo("GET", "/x#y")), Status(400)).but(
            Status(200),
            "h2 cuts the fragment off before anybody sees it; edge and origin both read what is left",
        ),
        row("8.5", "CONNECT with a path", &only(&pseudo("CONNECT", "/")), Stream(PROTOCOL_ERROR)),
        row("8.5", "CONNECT", &only(&[(":method", "CONNECT"), (":authority", "a.test:443")]), Status(405)),
        row(
            "8.6",
            "a protocol nobody speaks here (RFC 8441 section 4)",
            &only(&[&pseudo("CONNECT", "/")[..], &[(":protocol", "connect-udp")]].concat()),
            Status(501),
        ),
    ]
}

/// RFC 7541: what a field section cannot be.
fn compression() -> Vec<Row> {
    let broken = |what, section, rest: &[u8]| {
        row(section, what, &[packed(rest)], Connection(COMPRESSION_ERROR))
            .but(Connection(PROTOCOL_ERROR), VAGUE)
    };
    vec![
        broken("index 0", "HPACK 6.1", &[0x80]),
        broken("an index beyond the tables", "HPACK 2.3.3", &[0xff, 0x7f]),
        broken("a name beyond the tables", "HPACK 2.3.3", &[0x7f, 0x7f, 1, b'a']),
        broken(
            "a number without end",
            "HPACK 5.1",
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        ),
        broken("a string that ends early", "HPACK 5.2", &[0, 1, b'x', 9, b'a']),
        broken("EOS in a string", "HPACK 5.2", &[0, 1, b'x', 0x84, 0xff, 0xff, 0xff, 0xff]),
        broken("padding of a byte", "HPACK 5.2", &[0, 1, b'x', 0x82, 0x1f, 0xff]),
        broken("padding of noughts", "HPACK 5.2", &[0, 1, b'x', 0x81, 0x18]),
        broken("a table over its bound", "HPACK 6.3", &[0x3f, 0xe2, 0x1f]),
        broken("a table's size at the end", "HPACK 4.2", &[0x20]),
        row("HPACK 6.2.1", "a field kept and used", &[packed(&[0x40, 1, b'x', 1, b'a', 0xbe])], Status(200)),
        row("HPACK 5.2", "a coded value", &[packed(&[0, 1, b'x', 0x81, 0x1f])], Status(200)),
    ]
}

#[tokio::test]
async fn every_frame_out_of_order_is_answered_as_rfc_9113_says() {
    let mut stage = Stage::set().await;
    let origin = std::mem::replace(&mut stage.origin, Origin::listen().await).record();
    let mut faults = Vec::new();
    let rows: Vec<_> =
        [frames_and_states(), definitions(), messages(), compression()].into_iter().flatten().collect();
    for Row { section, what, bytes, wanted, instead } in &rows {
        let mut visitor = Frames::greet(&stage).await;
        visitor.send(bytes).await;
        let expected = instead.map_or(*wanted, |(does, _)| does);
        let answer = if expected == GoesOn { visitor.goes_on().await } else { visitor.answer().await };
        if answer != expected {
            faults.push(format!("{section}, {what}: {answer:?} instead of {expected:?} (RFC: {wanted:?})"));
        }
        // What ends one stream ends nothing else.
        if let (Stream(_), Stream(_)) = (answer, expected) {
            let after = visitor.goes_on().await;
            faults.extend((after != GoesOn).then(|| format!("{section}, {what}: then {after:?}")));
        }
    }
    assert!(rows.len() > 100 && faults.is_empty(), "{} rows:\n{}", rows.len(), faults.join("\n"));
    drop((stage, origin));
}

#[tokio::test]
async fn whoever_does_not_greet_in_http_2_gets_no_answer() {
    let stage = Stage::set().await;
    for bytes in [&b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\nxxxxxxxx"[..], b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"]
    {
        let answer = misgreeted(&stage, bytes).await;
        assert!(matches!(answer, End | Connection(PROTOCOL_ERROR)), "{answer:?}");
    }
}

#[tokio::test]
async fn who_asks_and_never_waits_is_sent_away_however_slowly_it_asks() {
    let stage = Stage::set().await;
    let mut visitor = Frames::greet(&stage).await;
    let mut asked = 0;
    // Each stream is looked at before it is reset, so that h2 itself has nothing to count.
    let answer = loop {
        let stream = 2 * asked + 1;
        visitor.send(&get(stream, WHOLE, &[])).await;
        if let other @ (Connection(_) | End) = visitor.goes_on().await {
            break other;
        }
        visitor.send(&frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])).await;
        asked += 1;
        assert!(asked < 200, "nobody stops it");
    };
    assert_eq!(answer, Connection(ENHANCE_YOUR_CALM));
    assert!((101..105).contains(&asked), "{asked}");
}

#[tokio::test]
async fn who_waits_for_as_many_answers_as_it_leaves_stays() {
    let stage = Stage::set().await;
    let mut visitor = Frames::greet(&stage).await;
    visitor.send(&window(0, 1 << 24)).await;
    for asked in 0..150 {
        let waited = 4 * asked + 1;
        // A method that is refused is answered at once.
        let refused = frame(HEADERS, WHOLE, waited, &block(&pseudo("TRACE", "/")));
        visitor.send(&refused).await;
        visitor.send(&get(waited + 2, WHOLE, &[])).await;
        assert_eq!(visitor.goes_on().await, GoesOn, "{asked}");
        visitor.send(&frame(RST_STREAM, 0, waited + 2, &[0, 0, 0, 8])).await;
    }
    assert_eq!(visitor.goes_on().await, GoesOn);
}

/// The rapid reset attack at its cheapest: what nobody waits for any more when it is read asks no origin.
#[tokio::test]
async fn a_stream_reset_in_the_same_breath_asks_no_origin() {
    let stage = Stage::set().await;
    let mut visitor = Frames::greet(&stage).await;
    let both = |stream| [get(stream, WHOLE, &[]), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat();
    let mut burst: Vec<u8> = (0..50).flat_map(|number| both(2 * number + 1)).collect();
    burst.extend(frame(PING, 0, 0, b"all read"));
    visitor.send(&burst).await;
    while let Some((kind, ..)) = visitor.next().await
        && kind != PING
    {}
    assert!(!stage.origin.is_called().await);
}
