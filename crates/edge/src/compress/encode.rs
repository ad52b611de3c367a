//! Making the coded form of a stored response: bytes and fields.

use caching::Stored;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderName, HeaderValue, header};
use object_cache::{Coding, StoredResponse};
use std::io::Write as _;

/// Levels that cost some tens of milliseconds for a mebibyte: it is done once.
const ZSTD_LEVEL: i32 = 12;
const BROTLI_QUALITY: i32 = 9;
const BROTLI_WINDOW_LOG: i32 = 22;
const GZIP_LEVEL: u32 = 8;

/// Fields that speak of the identity form's bytes.
const OF_THE_BYTES: [&str; 5] = ["accept-ranges", "content-md5", "digest", "content-digest", "repr-digest"];

/// The coded form, or none where it would not be at least a tenth smaller. Blocks for as long as it takes.
pub(super) fn encoded(stored: &StoredResponse, coding: Coding) -> Option<StoredResponse> {
    let body = stored.body().whole()?;
    let coded = bytes(body, coding).ok()?;
    if coded.len() > body.len() / 10 * 9 {
        return None;
    }
    Some(with_body(stored, coding, coded))
}

/// The form in a coding of a response that a revalidation has made; the bytes are those of an earlier form.
pub(super) fn refreshed(fresh: &StoredResponse, coding: Coding, form: &StoredResponse) -> StoredResponse {
    let facts = fresh.stored().recoded(form.stored().length());
    let fields = coded_fields(fresh, &facts, coding);
    form.refreshed(facts, fields)
}

/// A stored response with a coded body in place of its own.
fn with_body(stored: &StoredResponse, coding: Coding, coded: Vec<u8>) -> StoredResponse {
    let facts = stored.stored().recoded(coded.len() as u64);
    let fields = coded_fields(stored, &facts, coding);
    StoredResponse::new(facts, fields, coded)
}

fn coded_fields(stored: &StoredResponse, facts: &Stored, coding: Coding) -> Vec<(HeaderName, HeaderValue)> {
    let mut fields: Vec<_> = stored.fields().iter().filter(|(name, _)| is_kept(name)).cloned().collect();
    // The tag stands with its form: weak, where it is one (RFC 9110 §8.8.3.3).
    if let Some(tag) = facts.validators().etag()
        && let Ok(tag) = HeaderValue::from_bytes(tag)
    {
        fields.push((header::ETAG, tag));
    }
    fields.push((header::CONTENT_ENCODING, HeaderValue::from_static(coding.name())));
    super::suitable::announce_coded(&mut fields);
    fields
}

fn is_kept(name: &HeaderName) -> bool {
    *name != header::ETAG && *name != header::CONTENT_ENCODING && !OF_THE_BYTES.contains(&name.as_str())
}

fn bytes(body: &[u8], coding: Coding) -> std::io::Result<Vec<u8>> {
    match coding {
        Coding::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL),
        Coding::Brotli => {
            let params = brotli::enc::BrotliEncoderParams {
                quality: BROTLI_QUALITY,
                lgwin: BROTLI_WINDOW_LOG,
                size_hint: body.len(),
                ..Default::default()
            };
            let mut coded = Vec::with_capacity(body.len() / 4);
            brotli::BrotliCompress(&mut &body[..], &mut coded, &params)?;
            Ok(coded)
        }
        Coding::Gzip => {
            let mut encoder =
                GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::new(GZIP_LEVEL));
            encoder.write_all(body)?;
            encoder.finish()
        }
    }
}
