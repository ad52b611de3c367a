//! Headers as tables: what each one means, or why it is none.

use super::version_2::{SIGNATURE, checksum_of};
use super::*;

/// Feeds a reader exactly what it asks for, of a connection on which `bytes` arrive; what is left over too.
fn told(bytes: &[u8]) -> (Result<Option<Announced>, HeaderError>, usize) {
    let mut taken = 0;
    loop {
        let left = &bytes[taken..];
        taken += match read(&bytes[..taken]) {
            Err(error) => return (Err(error), left.len()),
            Ok(Step::Done(announced)) => return (Ok(Some(announced)), left.len()),
            Ok(_) if left.is_empty() => return (Ok(None), 0),
            Ok(Step::Take(count)) => count.min(left.len()),
            Ok(Step::TakeLine(most)) => {
                let seen = &left[..most.min(left.len())];
                seen.iter().position(|byte| *byte == b'\n').map_or(seen.len(), |end| end + 1)
            }
        };
    }
}

fn block(version: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("a short body").to_be_bytes();
    [SIGNATURE, &[version, family], &length, body].concat()
}

fn visitor(text: &str) -> Announced {
    Announced::Visitor(text.parse().expect("an address"))
}

const IPV4: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0x9c, 0x40, 0x01, 0xbb];

fn ipv6(source: &str) -> Vec<u8> {
    let source: std::net::Ipv6Addr = source.parse().expect("an address");
    [source.octets().as_slice(), &[0; 16], &[0x9c, 0x40, 0x01, 0xbb]].concat()
}

/// A field of a block.
fn field(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("a short value").to_be_bytes();
    [&[kind], length.as_slice(), value].concat()
}

/// A block with the checksum it should have.
fn summed(family: u8, addresses: &[u8], before: &[u8], after: &[u8]) -> Vec<u8> {
    let body = [addresses, before, &field(3, &[0; 4]), after].concat();
    let mut header = block(0x21, family, &body);
    let at = header.len() - after.len() - 4;
    let sum = checksum_of(&header).to_be_bytes();
    header[at..at + 4].copy_from_slice(&sum);
    header
}

#[test]
fn the_checksum_is_the_one_of_the_standard() {
    // RFC 3720, appendix B.4, and the check value of the catalogues.
    assert_eq!(checksum_of(b"123456789"), 0xe306_9283);
    assert_eq!(checksum_of(&[0; 32]), 0x8a91_36aa);
    assert_eq!(checksum_of(&[0xff; 32]), 0x62a8_ab43);
}

#[test]
fn a_line_names_the_visitor_and_what_follows_is_left_alone() {
    for (line, meant) in [
        ("PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n", visitor("192.0.2.7:40000")),
        ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", visitor("255.255.255.255:65535")),
        ("PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n", visitor("[2001:db8::7]:40000")),
        ("PROXY TCP6 ::ffff:192.0.2.7 ::1 0 1\r\n", visitor("192.0.2.7:0")),
        (
            "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
            visitor("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"),
        ),
        ("PROXY UNKNOWN\r\n", Announced::Proxy),
        (
            "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
            Announced::Proxy,
        ),
    ] {
        for after in ["", "GET / HTTP/1.1\r\n\r\n", "\n"] {
            let bytes = [line, after].concat();
            assert_eq!(told(bytes.as_bytes()), (Ok(Some(meant)), after.len()), "{bytes:?}");
        }
        for cut in 0..line.len() {
            assert_eq!(told(&line.as_bytes()[..cut]), (Ok(None), 0), "{line:?} cut at {cut}");
        }
    }
}

#[test]
fn a_line_that_is_not_exactly_right_is_refused() {
    use HeaderError::{Family, Line, NotAHeader};
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    let endless = "PROXY UNKNOWN ".to_owned() + &"x".repeat(500);
    for (line, why) in [
        ("GET / HTTP/1.1\r\n\r\n", NotAHeader),
        ("proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n", NotAHeader),
        ("PROXY\tTCP4 192.0.2.7 198.51.100.1 1 2\r\n", NotAHeader),
        ("\u{16}\u{3}\u{1}\u{2}", NotAHeader),
        ("PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n", Family),
        ("PROXY TCP5 192.0.2.7 198.51.100.1 1 2\r\n", Family),
        ("PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n", Family),
        ("PROXY unknown\r\n", Family),
        ("PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n", Line),
        ("PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n", Line),
        ("PROXY TCP4 192.0.2.7 2001:db8::1 1 2\r\n", Line),
        ("PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n", Line),
        ("PROXY TCP4 192.0.2 198.51.100.1 1 2\r\n", Line),
        ("PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", Line),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n", Line),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n", Line),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n", Line),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 1 \r\n", Line),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n", Line),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n", Line),
        ("PROXY TCP4 192.0.2.7  198.51.100.1 1 2\r\n", Line),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n", Line),
        ("PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\r\n", Line),
        ("PROXY UNKNOWN \u{7f}\r\n", Line),
        ("PROXY UNKNOWN \r \r\n", Line),
        (&long, Line),
        (&endless, Line),
    ] {
        assert_eq!(told(line.as_bytes()).0, Err(why), "{line:?}");
    }
}

#[test]
fn a_block_names_the_visitor_and_what_follows_is_left_alone() {
    let fields = [field(1, b"h2"), field(2, b"a.test"), field(4, &[0; 7]), field(0x20, &[1; 40])].concat();
    for (header, meant) in [
        (block(0x21, 0x11, &IPV4), visitor("192.0.2.7:40000")),
        (block(0x21, 0x11, &[&IPV4[..], &fields].concat()), visitor("192.0.2.7:40000")),
        (block(0x21, 0x21, &ipv6("2001:db8::7")), visitor("[2001:db8::7]:40000")),
        (block(0x21, 0x21, &ipv6("::ffff:192.0.2.7")), visitor("192.0.2.7:40000")),
        (summed(0x11, &IPV4, &[], &[]), visitor("192.0.2.7:40000")),
        (summed(0x11, &IPV4, &fields, &fields), visitor("192.0.2.7:40000")),
        (summed(0x21, &ipv6("2001:db8::7"), &fields, &[]), visitor("[2001:db8::7]:40000")),
        // A health check: whatever its family says and its block holds.
        (block(0x20, 0x00, &[]), Announced::Proxy),
        (block(0x20, 0x11, &[1, 2, 3]), Announced::Proxy),
        (block(0x20, 0x77, &[0; 200]), Announced::Proxy),
        (block(0x21, 0x00, &[]), Announced::Proxy),
        (block(0x21, 0x00, &fields), Announced::Proxy),
        (summed(0x00, &[], &[], &[]), Announced::Proxy),
        (block(0x20, 0x00, &vec![0; BLOCK_BYTES_MAX - 16]), Announced::Proxy),
    ] {
        for after in [0, 1, 700] {
            let bytes = [&header[..], &vec![b'\n'; after]].concat();
            assert_eq!(told(&bytes), (Ok(Some(meant)), after), "{}", header.escape_ascii());
        }
        for cut in 0..header.len() {
            assert_eq!(told(&header[..cut]), (Ok(None), 0), "{} cut at {cut}", header.escape_ascii());
        }
    }
}

#[test]
fn a_block_that_is_not_exactly_right_is_refused() {
    use HeaderError::{Checksum, Family, Fields, Length, NotAHeader, Version};
    let with = |fields: &[u8]| block(0x21, 0x11, &[&IPV4[..], fields].concat());
    let mut wrong_sum = summed(0x11, &IPV4, &[], &[]);
    wrong_sum[20] ^= 1;
    let sums = [field(3, &[0; 4]), field(3, &[0; 4])].concat();
    for (header, why) in [
        ([b"\r\n\r\n\0\r\nQUIT\r".as_slice(), &[0x21, 0x11, 0, 12], &IPV4].concat(), NotAHeader),
        (block(0x11, 0x11, &IPV4), Version),
        (block(0x31, 0x11, &IPV4), Version),
        (block(0x22, 0x11, &IPV4), Version),
        (block(0x21, 0x10, &IPV4), Family),
        (block(0x21, 0x12, &IPV4), Family),
        (block(0x21, 0x22, &ipv6("::1")), Family),
        (block(0x21, 0x31, &[0; 216]), Family),
        (block(0x21, 0x32, &[0; 216]), Family),
        (block(0x21, 0x01, &[]), Family),
        (block(0x21, 0x41, &IPV4), Family),
        (block(0x21, 0x11, &IPV4[..11]), Length),
        (block(0x21, 0x11, &[]), Length),
        (block(0x21, 0x21, &ipv6("::1")[..35]), Length),
        (block(0x21, 0x21, &IPV4), Length),
        (block(0x20, 0x00, &vec![0; BLOCK_BYTES_MAX - 15]), Length),
        (block(0x21, 0x11, &vec![0; 65_535]), Length),
        (with(&[1]), Fields),
        (with(&[1, 0]), Fields),
        (with(&[1, 0, 1]), Fields),
        (with(&[1, 0xff, 0xff, 0]), Fields),
        (with(&[field(1, b"h2"), vec![0]].concat()), Fields),
        (with(&field(3, &[0; 4])), Checksum),
        (with(&field(3, &[0; 3])), Checksum),
        (with(&field(3, &[])), Checksum),
        (with(&sums), Checksum),
        (wrong_sum, Checksum),
    ] {
        assert_eq!(told(&header).0, Err(why), "{}", header.escape_ascii());
    }
}

#[test]
fn what_speaks_something_else_is_not_waited_for() {
    for bytes in [b"G".as_slice(), b"\x16", b"PROXZ", b"\r\n\r\n\x01", b"PRI * HTTP"] {
        assert_eq!(read(bytes), Err(HeaderError::NotAHeader), "{}", bytes.escape_ascii());
    }
}
