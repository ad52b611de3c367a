//! What must hold of the small parsers of outside input, whatever comes: for fuzzing and mutation tests only.
//!
//! Each function feeds one parser as the edge does, without sockets and exchanges, and says what is broken.

use crate::authority::Scheme;
use crate::compress::negotiate::preferences;
use crate::http3::fuzzing;
use crate::prewarm::sitemap::{self, ADDRESSES_MAX};
use crate::proxy_protocol::{self, Announced, BLOCK_BYTES_MAX, Step};
use crate::tier;
use caching::Request;
use http::{HeaderMap, HeaderValue, Method, header};

type Held = Result<(), String>;

fn hold(holds: bool, what: &str) -> Held {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

/// Sitemaps (sitemaps.org protocol 0.9), plain and in each coding: within its bound, each address no longer
/// than what it was read from, and read again from another spelling.
pub fn sitemap_holds(input: &[u8]) -> Held {
    for coding in [None, Some("gzip"), Some("br"), Some("zstd"), Some("deflate")] {
        let plain = sitemap::decoded(coding, input.to_vec()).map(String::from_utf8);
        if let Some(Ok(text)) = plain {
            addresses_hold(&text)?;
        }
    }
    Ok(())
}

fn addresses_hold(text: &str) -> Held {
    let all = sitemap::locations(text, ADDRESSES_MAX);
    hold(all.iter().map(String::len).sum::<usize>() <= text.len(), "addresses grew")?;
    for most in [0, 1, 2] {
        let some = sitemap::locations(text, most);
        hold(some.len() <= most && all.starts_with(&some), "the bound changes what is read")?;
    }
    let again: String = all.iter().map(|address| format!("<loc>\n{}</loc>", escaped(address))).collect();
    hold(sitemap::locations(&again, ADDRESSES_MAX) == all, "an address is another one when it is escaped")
}

/// The same text in XML, so that no letter of it is taken for markup or for white space around it.
fn escaped(text: &str) -> String {
    let letter = |letter: char| match letter {
        '&' => "&amp;".to_owned(),
        '<' | '>' => format!("&#x{:x};", u32::from(letter)),
        letter if letter.is_whitespace() => format!("&#{};", u32::from(letter)),
        letter => letter.to_string(),
    };
    text.chars().map(letter).collect()
}

/// A stream of HTTP/3 (RFC 9114 §7), of requests or of control by the first byte: the same in whatever pieces.
pub fn http3_stream_holds(input: &[u8]) -> Held {
    fuzzing::stream_holds(input)
}

/// A field section (RFC 9204): within its bound, and the same when it is written and read again.
pub fn http3_section_holds(input: &[u8]) -> Held {
    fuzzing::section_holds(input)
}

/// `Accept-Encoding`, one line of the input a line of the field (RFC 9110 §12.5.3): what goes into the key is
/// one of few texts and means itself; a coding is wanted once, only where it is named or all are, and however
/// the list is spelled.
pub fn negotiation_holds(input: &[u8]) -> Held {
    let lines: Vec<_> = input.split(|byte| *byte == b'\n').map(HeaderValue::from_bytes).collect();
    let Ok(lines) = lines.into_iter().collect::<Result<Vec<_>, _>>() else { return Ok(()) };
    let fields = accepting(&lines);
    let key = Request::read(&Method::GET, &fields).accept_encoding();
    let key_again = accepting(&[HeaderValue::from_static(key)]);
    hold(Request::read(&Method::GET, &key_again).accept_encoding() == key, "the key means something else")?;

    let wanted = preferences(&fields);
    let joined = lines.iter().map(HeaderValue::as_bytes).collect::<Vec<_>>().join(b",".as_slice());
    let spellings = [joined.clone(), joined.to_ascii_uppercase(), joined.to_ascii_lowercase()];
    for spelling in spellings {
        let line =
            HeaderValue::from_bytes(&spelling).map_err(|_| "no field value in another case".to_owned())?;
        hold(preferences(&accepting(&[line])) == wanted, "another spelling, other codings")?;
    }
    let lower = joined.to_ascii_lowercase();
    for (at, coding) in wanted.iter().enumerate().filter_map(|(at, coding)| Some((at, (*coding)?))) {
        hold(!wanted[..at].contains(&Some(coding)), "a coding is wanted twice")?;
        let named = contains(&lower, coding.name().as_bytes()) || lower.contains(&b'*');
        hold(named, "a coding that nobody named")?;
    }
    Ok(())
}

fn accepting(lines: &[HeaderValue]) -> HeaderMap {
    lines.iter().map(|line| (header::ACCEPT_ENCODING, line.clone())).collect()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The field between a child and its parent: one meaning has one spelling.
pub fn tier_holds(input: &[u8]) -> Held {
    let Some((scheme, purged)) = tier::read(input) else { return Ok(()) };
    hold(matches!(scheme, Scheme::Http | Scheme::Https), "another scheme")?;
    hold(tier::spelled(scheme, purged).as_bytes() == input, "a second spelling")
}

/// PROXY headers (HAProxy's `doc/proxy-protocol.txt`): nothing is asked for beyond the bound, a whole header stays
/// the same whatever follows it, and whom it names has one name.
pub fn proxy_header_holds(input: &[u8]) -> Held {
    let mut taken = 0;
    loop {
        let before = taken;
        match proxy_protocol::read(&input[..taken]) {
            Err(_) => return Ok(()),
            Ok(Step::Done(Announced::Proxy)) => return Ok(()),
            Ok(Step::Done(Announced::Visitor(address))) => {
                return hold(address.ip() == address.ip().to_canonical(), "a mapped address");
            }
            Ok(Step::Take(count)) => taken += count,
            Ok(Step::TakeLine(most)) => {
                let left = &input[taken..];
                let seen = &left[..most.min(left.len())];
                taken += memchr::memchr(b'\n', seen).map_or(seen.len().max(1), |end| end + 1);
            }
        }
        hold(taken > before && taken <= BLOCK_BYTES_MAX, "no progress, or more than is allowed")?;
        if taken > input.len() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::SeededRandom;

    #[allow(clippy::disallowed_methods, reason = "a test is told by the environment which run to replay")]
    fn seed() -> u64 {
        std::env::var("WARDMOTE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
    }

    fn mutated(bytes: &[u8], pieces: &[&str], random: &SeededRandom) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len() as u64 + 1) as usize;
            let piece = pieces[random.below(pieces.len() as u64) as usize].bytes();
            match random.below(4) {
                0 if at < bytes.len() => bytes[at] = random.below(256) as u8,
                1 if at < bytes.len() => drop(bytes.remove(at)),
                2 => bytes.truncate(at),
                _ => drop(bytes.splice(at..at, piece)),
            }
        }
        bytes
    }

    fn holds_after_mutations(rounds: usize, seeds: &[&[u8]], pieces: &[&str], holds: fn(&[u8]) -> Held) {
        let seed = seed();
        println!("seed {seed}");
        let random = SeededRandom::new(seed);
        for round in 0..rounds {
            let bytes = mutated(seeds[round % seeds.len()], pieces, &random);
            if let Err(broken) = holds(&bytes) {
                panic!("{broken}: seed {seed}, round {round}: {}", bytes.escape_ascii());
            }
        }
    }

    #[test]
    fn mutated_sitemaps_are_read_within_their_bounds_and_alike_in_another_spelling() {
        use std::io::Write as _;
        let text = "<urlset><url><loc> http://a.test/?a=1&amp;b=%C3%A4 </loc></url><loc><![CDATA[http://a.test/\
                    ?c&d]]></loc><loc>http://a.test/&#x41;&#66;&odd;</loc></urlset>";
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let gzip = gzip.write_all(text.as_bytes()).and_then(|()| gzip.finish()).expect("in memory");
        let zstd = zstd::encode_all(text.as_bytes(), 1).expect("in memory");
        let pieces =
            ["<loc>", "</loc>", "<![CDATA[", "]]>", "&amp;", "&#32;", "&#x3c;", "&", ";", " ", "\u{e4}"];
        let seeds = [text.as_bytes(), text.as_bytes(), &gzip, &zstd];
        holds_after_mutations(5_000, &seeds, &pieces, sitemap_holds);
    }

    #[test]
    fn mutated_lists_of_codings_mean_one_thing_however_they_are_spelled() {
        let seeds: [&[u8]; 4] = [
            b"gzip, deflate, br, zstd",
            b"gzip;q=1.0, br;q=0.8\nzstd;q=0.9, *;q=0",
            b"identity;q=0.5, x-gzip;q=0.501",
            b"*;q=0.001, identity;q=0",
        ];
        let pieces = [",", ";", "q=", "Q=0", "=", "*", "br", "GZIP", "0.", "\n", " ", "\t", "\""];
        holds_after_mutations(20_000, &seeds, &pieces, negotiation_holds);
    }

    #[test]
    fn mutated_tier_fields_have_one_spelling_or_none() {
        let seeds: [&[u8]; 2] = [b"scheme=https, purged=18446744073709551615", b"scheme=http, purged=0"];
        let pieces = ["scheme=", "http", "s", ", ", ",", "purged=", "0", "7", "+", "-", " "];
        holds_after_mutations(20_000, &seeds, &pieces, tier_holds);
    }

    #[test]
    fn mutated_proxy_headers_are_read_within_their_bound() {
        let seeds: [&[u8]; 4] = [
            b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\nGET / HTTP/1.1\r\n\r\n",
            b"PROXY TCP6 2001:db8::7 ::ffff:192.0.2.1 40000 443\r\n",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x15\xc0\0\x02\x07\xc6\x33\x64\x01\x9c\x40\x01\xbb\x03\0\x04\0\0\0\0\x01\0\0",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24\0\0\0\0\0\0\0\0\0\0\xff\xff\x01\x02\x03\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x01\0\x02",
        ];
        let pieces =
            ["PROXY ", "TCP4", "TCP6", "UNKNOWN", " ", "\r\n", "\r", "::", "0", "\0", "\u{3}\0\u{4}"];
        holds_after_mutations(20_000, &seeds, &pieces, proxy_header_holds);
    }
}
