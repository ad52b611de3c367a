//! Sitemaps (sitemaps.org protocol 0.9): the addresses of a site, in one file or in several that an index names.

use super::sink::Sink;
use super::{NotWarmed, fetch};
use crate::worker::Worker;
use std::io::Read as _;
use std::sync::Arc;

/// Bytes of one sitemap, as it comes and decoded; the protocol allows no more.
pub(crate) const SITEMAP_BYTES_MAX: usize = 50 << 20;
/// Sitemaps of an index that are read.
pub(crate) const INDEX_MAX: usize = 100;
/// Addresses taken from all of them.
pub(crate) const ADDRESSES_MAX: usize = 100_000;

/// The addresses of a sitemap.
pub(super) async fn addresses(worker: &Arc<Worker>, url: String) -> Result<Vec<String>, NotWarmed> {
    let text = read(worker, &url).await?;
    if !text.contains("<sitemapindex") {
        return Ok(locations(&text, ADDRESSES_MAX));
    }
    let mut all = Vec::new();
    for part in locations(&text, INDEX_MAX) {
        let text = read(worker, &part).await?;
        all.extend(locations(&text, ADDRESSES_MAX - all.len()));
    }
    Ok(all)
}

async fn read(worker: &Arc<Worker>, url: &str) -> Result<String, NotWarmed> {
    let broken = |why: &str| NotWarmed::Sitemap { url: url.to_owned(), why: why.to_owned() };
    let Some(sink) = fetch(worker, url, Sink::keeping(SITEMAP_BYTES_MAX)).await else {
        return Err(broken(
            "is no address of a site; write it whole, such as https://shop.example/sitemap.xml",
        ));
    };
    match sink.status {
        200 if !sink.is_whole => return Err(broken("it broke off, or is over 50 MiB")),
        200 => {}
        status => return Err(broken(&format!("the answer was {status}, not 200"))),
    }
    let plain = decoded(sink.coding.as_deref(), sink.body);
    let plain = plain.ok_or_else(|| broken("it is coded in a way that cannot be read, or is over 50 MiB"))?;
    let text = String::from_utf8(plain).map_err(|_| broken("it is no UTF-8 text"))?;
    let known = text.contains("<urlset") || text.contains("<sitemapindex");
    if known {
        Ok(text)
    } else {
        Err(broken("it is no sitemap: there is neither <urlset> nor <sitemapindex>"))
    }
}

/// Undoes the answer's coding, then that of a file that is itself compressed (`sitemap.xml.gz`).
pub(crate) fn decoded(coding: Option<&str>, body: Vec<u8>) -> Option<Vec<u8>> {
    let plain = match coding {
        None | Some("identity") => body,
        Some("gzip") => whole(flate2::read::MultiGzDecoder::new(body.as_slice()))?,
        Some("br") => whole(brotli::Decompressor::new(body.as_slice(), 4096))?,
        Some("zstd") => whole(zstd::Decoder::new(body.as_slice()).ok()?)?,
        Some(_) => return None,
    };
    match plain.starts_with(&[0x1f, 0x8b]) {
        true => whole(flate2::read::MultiGzDecoder::new(plain.as_slice())),
        false => Some(plain),
    }
}

/// Everything a decoder gives, within the bound: a small file may unfold to a very large one.
fn whole(decoder: impl std::io::Read) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let most = SITEMAP_BYTES_MAX as u64;
    decoder.take(most + 1).read_to_end(&mut plain).ok()?;
    (plain.len() as u64 <= most).then_some(plain)
}

/// What stands in `<loc>` elements, at most so many.
pub(crate) fn locations(text: &str, most: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while found.len() < most
        && let Some((_, after)) = rest.split_once("<loc>")
        && let Some((inner, after)) = after.split_once("</loc>")
    {
        let inner = inner.trim();
        let cdata = inner.strip_prefix("<![CDATA[").and_then(|inner| inner.strip_suffix("]]>"));
        found.push(cdata.map_or_else(|| unescaped(inner), |plain| plain.trim().to_owned()));
        rest = after;
    }
    found
}

/// The five entities of XML, and characters by number.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let Some((name, behind)) = after.split_once(';').filter(|(name, _)| name.len() <= 8) else {
            plain.push('&');
            rest = after;
            continue;
        };
        match entity(name) {
            Some(letter) => plain.push(letter),
            None => plain.extend(["&", name, ";"]),
        }
        rest = behind;
    }
    plain.push_str(rest);
    plain
}

fn entity(name: &str) -> Option<char> {
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => match name.strip_prefix('#')? {
            hex if hex.starts_with(['x', 'X']) => number(&hex[1..], 16),
            decimal => number(decimal, 10),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_read_with_their_entities_and_within_bounds() {
        let text = "<urlset><url><loc> http://a.test/?a=1&amp;b=%C3%A4 </loc><image:loc>no</image:loc></url>\
                    <url><loc><![CDATA[http://a.test/?c&d]]></loc></url><loc>http://a.test/&#x41;&#66;&odd;</loc>\
                    <loc>unended";
        let all = ["http://a.test/?a=1&b=%C3%A4", "http://a.test/?c&d", "http://a.test/AB&odd;"];
        assert_eq!(locations(text, 10), all);
        assert_eq!(locations(text, 2), all[..2]);
        assert_eq!(unescaped("a & b &toolonganame; &#1114112;"), "a & b &toolonganame; &#1114112;");
    }

    #[test]
    fn what_is_coded_twice_is_read_and_a_bomb_is_not() {
        use std::io::Write as _;
        let gzip = |plain: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(plain).and_then(|()| encoder.finish()).expect("in memory")
        };
        assert_eq!(decoded(Some("gzip"), gzip(&gzip(b"<urlset/>"))).as_deref(), Some(&b"<urlset/>"[..]));
        assert_eq!(decoded(None, b"<urlset/>".to_vec()).as_deref(), Some(&b"<urlset/>"[..]));
        assert_eq!(decoded(Some("compress"), vec![1]), None);
        assert_eq!(decoded(None, gzip(&vec![b' '; SITEMAP_BYTES_MAX + 1])), None);
    }
}
