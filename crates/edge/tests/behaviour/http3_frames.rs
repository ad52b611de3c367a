//! HTTP/3 by the letter, and what is tried against it: exact bytes, and what the edge says to them.

use crate::quic::{Answer, DATA, Exact, HEADERS, SETTINGS, connect, frame, patient, section, usual, varint};
use crate::support::{HOST, Stage};

const FRAME_UNEXPECTED: u64 = 0x105;
const FRAME_ERROR: u64 = 0x106;
const EXCESSIVE_LOAD: u64 = 0x107;

async fn is_well(stage: &Stage) -> bool {
    let visitor = Exact::greet(stage).await;
    visitor.ask(&usual("/").replace_host("c.test")).await == Answer::Status(421)
}

trait ReplaceHost {
    fn replace_host(self, host: &str) -> Vec<u8>;
}

impl ReplaceHost for Vec<u8> {
    fn replace_host(self, host: &str) -> Vec<u8> {
        assert_eq!(host.len(), HOST.len());
        let at = self.windows(HOST.len()).position(|window| window == HOST.as_bytes()).expect("a host");
        let mut bytes = self;
        bytes[at..at + HOST.len()].copy_from_slice(host.as_bytes());
        bytes
    }
}

/// RFC 9114 §4.1, §7.1, §7.2; RFC 9204 §2.2.
#[tokio::test]
async fn frames_out_of_place_end_the_connection_with_their_code() {
    let stage = Stage::set().await;
    let head = usual("/");
    let behind = |bytes: &[u8]| [head.clone(), bytes.to_vec()].concat();
    let mut cases = vec![
        ("content before a head", frame(DATA, b"x"), FRAME_UNEXPECTED),
        ("settings on a request", frame(SETTINGS, b""), FRAME_UNEXPECTED),
        ("goaway on a request", frame(7, b"\0"), FRAME_UNEXPECTED),
        ("a push promised", frame(5, b"\0\0"), FRAME_UNEXPECTED),
        ("a priority of HTTP/2", frame(2, b""), FRAME_UNEXPECTED),
        ("a head that breaks off", head[..head.len() - 1].to_vec(), FRAME_ERROR),
        ("content that breaks off", behind(&[0, 10, b'x']), FRAME_ERROR),
        ("content of which nothing comes", behind(&[0, 10]), FRAME_ERROR),
        ("a front that breaks off", behind(&[0x40]), FRAME_ERROR),
        ("a section of nothing", frame(HEADERS, b""), 0x200),
        ("a dynamic table", frame(HEADERS, b"\x02\x00\x80"), 0x200),
        ("an unknown line", frame(HEADERS, b"\x00\x00\xff\x24"), 0x200),
        ("coded text that is none", frame(HEADERS, b"\x00\x00\x51\x84\xff\xff\xff\xff"), 0x200),
        ("more unknown than fits", [varint(0x21), varint(65_537), vec![0; 9]].concat(), EXCESSIVE_LOAD),
        ("empty content without end", behind(&frame(DATA, b"").repeat(1025)), EXCESSIVE_LOAD),
    ];
    let trailed = [head.clone(), frame(HEADERS, &section(&[("x-end", "1")]))].concat();
    cases.push(("content behind a trailer", [trailed.clone(), frame(DATA, b"x")].concat(), FRAME_UNEXPECTED));
    cases.push(("a trailer behind a trailer", [trailed, frame(HEADERS, b"\0\0")].concat(), FRAME_UNEXPECTED));
    for (name, bytes, code) in cases {
        let visitor = Exact::greet(&stage).await;
        visitor.ask(&bytes).await;
        assert_eq!(visitor.closed().await, code, "{name}");
    }
    assert!(is_well(&stage).await);
}

/// RFC 9114 §6.2, §7.2.4; RFC 9204 §4.2, §4.3.
#[tokio::test]
async fn streams_in_one_direction_keep_to_their_kinds() {
    let stage = Stage::set().await;
    let settings = frame(SETTINGS, b"");
    for (name, control, code) in [
        ("no settings", frame(7, b"\0"), 0x10a),
        ("settings of HTTP/2", frame(SETTINGS, b"\x02\x00"), 0x109),
        ("settings twice", [settings.clone(), settings.clone()].concat(), FRAME_UNEXPECTED),
        ("a head", [settings.clone(), frame(HEADERS, b"\0\0")].concat(), FRAME_UNEXPECTED),
        ("settings that are too many", frame(SETTINGS, &[0; 1025]), EXCESSIVE_LOAD),
        ("goaway of two numbers", [settings.clone(), frame(7, b"\0\0")].concat(), FRAME_ERROR),
    ] {
        let visitor = Exact::greet_with(&stage, &control).await;
        assert_eq!(visitor.closed().await, code, "{name}");
    }
    for (name, streams, code) in [
        ("two control streams", vec![vec![0]], 0x103),
        ("a push", vec![vec![1, 0]], 0x103),
        ("two encoders", vec![vec![2], vec![2]], 0x103),
        ("a table", vec![vec![2, 0x3f, 0xe1, 0x01]], 0x201),
        ("an insertion", vec![vec![2, 0xc0, 0x01, b'x']], 0x201),
    ] {
        let visitor = Exact::greet(&stage).await;
        let mut open = Vec::new();
        for bytes in streams {
            let mut stream = visitor.connection.open_uni().await.expect("a stream");
            stream.write_all(&bytes).await.expect("sent");
            open.push(stream);
        }
        assert_eq!(visitor.closed().await, code, "{name}");
    }
    // A critical stream that ends, and one of no known kind.
    let visitor = Exact::greet(&stage).await;
    let mut encoder = visitor.connection.open_uni().await.expect("a stream");
    encoder.write_all(&[2, 0x20]).await.expect("sent");
    let mut unknown = visitor.connection.open_uni().await.expect("a stream");
    unknown.write_all(&[0x21, 1, 2, 3]).await.expect("sent");
    let stopped = patient(unknown.stopped()).await.expect("told").map(|code| code.into_inner());
    assert_eq!(stopped, Some(0x103));
    assert_eq!(visitor.ask(&usual("/").replace_host("c.test")).await, Answer::Status(421));
    encoder.finish().expect("open");
    assert_eq!(visitor.closed().await, 0x104);
}

#[tokio::test]
async fn heads_have_their_bounds_and_their_time() {
    let stage = Stage::set().await;
    let visitor = Exact::greet(&stage).await;
    let fields = [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/")];
    let large = "x".repeat(33 * 1024);
    let one_large = [&fields[..], &[("x-large", large.as_str())]].concat();
    assert_eq!(visitor.ask(&frame(HEADERS, &section(&one_large))).await, Answer::Status(431));
    // Short to send and long to hold.
    let mut many = section(&fields);
    many.extend(vec![0xd1; 2000]);
    assert_eq!(visitor.ask(&frame(HEADERS, &many)).await, Answer::Status(431));
    let names: Vec<_> = (0..101).map(|n| format!("x-{n}")).collect();
    let hundred: Vec<_> = fields.into_iter().chain(names.iter().map(|name| (name.as_str(), "1"))).collect();
    assert_eq!(visitor.ask(&frame(HEADERS, &section(&hundred))).await, Answer::Status(431));
    // Crumbs are one field.
    let crumbs: Vec<_> = fields.into_iter().chain((0..200).map(|_| ("cookie", "a=1"))).collect();
    let crumbed = frame(HEADERS, &section(&crumbs)).replace_host("c.test");
    assert_eq!(visitor.ask(&crumbed).await, Answer::Status(421));
    // A head that never becomes whole is waited for ten seconds.
    let (mut send, receive) = visitor.connection.open_bi().await.expect("a stream");
    send.write_all(&usual("/")[..20]).await.expect("sent");
    assert_eq!(visitor.answer(receive).await, Answer::Status(408));
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn heads_that_drip_take_a_bounded_memory() {
    let stage = Stage::set().await;
    let visitor = Exact::greet(&stage).await;
    let begun = [varint(HEADERS), varint(32 * 1024), vec![0; 20 * 1024]].concat();
    let mut streams = Vec::new();
    // More than all of them may hold together, and each within its own bound.
    for _ in 0..100 {
        let Ok((mut send, receive)) = visitor.connection.open_bi().await else { break };
        if send.write_all(&begun).await.is_err() {
            break;
        }
        streams.push((send, receive));
    }
    assert_eq!(visitor.closed().await, EXCESSIVE_LOAD);
    assert!(is_well(&stage).await);
}

#[tokio::test]
async fn who_asks_and_does_not_wait_is_sent_away() {
    let stage = Stage::set().await;
    let visitor = Exact::greet(&stage).await;
    let mut opened = 0;
    while opened < 3000 {
        let Ok((mut send, mut receive)) = patient(visitor.connection.open_bi()).await else { break };
        opened += 1;
        if send.write_all(&usual("/slow")).await.is_err() {
            break;
        }
        let _ = (send.reset(0x10c_u32.into()), receive.stop(0x10c_u32.into()));
    }
    assert_eq!(visitor.closed().await, EXCESSIVE_LOAD);
    // What was opened beyond the bound was under way before anyone could count it.
    let figures = stage.edge.figures();
    assert!(opened <= 1000, "{opened}");
    assert!(figures.origin_requests <= 101 + 128, "{}", figures.origin_requests);
    assert!(is_well(&stage).await);
}

#[tokio::test]
async fn a_visitor_that_waits_for_its_answers_is_never_sent_away() {
    let stage = Stage::set().await;
    let visitor = Exact::greet(&stage).await;
    let request = usual("/").replace_host("c.test");
    for _ in 0..300 {
        assert_eq!(visitor.ask(&request).await, Answer::Status(421));
    }
}

/// RFC 9000 §8.1.2.
#[tokio::test]
async fn many_newcomers_have_to_prove_their_addresses_and_all_who_can_are_let_in() {
    let stage = Stage::set().await;
    let connections = futures_util::future::join_all((0..150).map(|_| connect(&stage, HOST))).await;
    assert!(connections.iter().all(Result::is_ok));
    drop(connections);
    // First packets that nobody stands behind.
    let before = stage.edge.figures();
    let packets = first_packets(&stage, 600).await;
    let flood = tokio::net::UdpSocket::bind(("127.0.0.1", 0)).await.expect("a socket");
    let began = tokio::time::Instant::now();
    let met = |figures: &edge::Figures| {
        let let_in = figures.connections - before.connections;
        (
            let_in,
            figures.quic_retries - before.quic_retries,
            figures.connections_refused - before.connections_refused,
        )
    };
    for (n, batch) in packets.chunks(40).enumerate() {
        for packet in batch {
            flood.send_to(packet, stage.edge.https()[0]).await.expect("sent");
        }
        // The system keeps only so many for a thread that has no turn.
        let wanted = (n * 40 + batch.len()) as u64;
        let all_met = async {
            loop {
                let (let_in, sent_back, refused) = met(&stage.edge.figures());
                if let_in + sent_back + refused >= wanted {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        patient(all_met).await;
    }
    let (let_in, sent_back, _) = met(&stage.edge.figures());
    let seconds = began.elapsed().as_secs() + 2;
    assert!(
        sent_back > 0 && let_in <= 100 * seconds,
        "{let_in} let in, {sent_back} sent back in {seconds} s"
    );
    assert!(is_well(&stage).await);
}

/// The first packets of as many visitors, as they go over the wire.
async fn first_packets(stage: &Stage, count: usize) -> Vec<Vec<u8>> {
    let listener = tokio::net::UdpSocket::bind(("127.0.0.1", 0)).await.expect("a socket");
    let address = listener.local_addr().expect("an address");
    let client = crate::quic::client(stage);
    let mut packets = std::collections::BTreeMap::new();
    while packets.len() < count {
        let connecting = client.connect(address, HOST).expect("settings");
        let mut packet = vec![0; 2048];
        let length = patient(listener.recv(&mut packet)).await.expect("a packet");
        packet.truncate(length);
        // By the id that the visitor has chosen.
        packets.entry(packet[6..14].to_vec()).or_insert(packet);
        drop(connecting);
    }
    packets.into_values().collect()
}
