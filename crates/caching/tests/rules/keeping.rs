//! What is known of a stored response, written down and read back; slices of large bodies.

use crate::{Asked, at};
use caching::{
    ByteRange, CacheMode, Exchanged, Limits, Request, SLICE_BYTES, Stored, reuse, slices, storable,
    stored_fields,
};
use http::{Method, StatusCode};
use proptest::prelude::*;

fn encoded(stored: &Stored) -> Vec<u8> {
    let mut bytes = Vec::new();
    stored.encode(&mut bytes);
    bytes
}

#[test]
fn what_is_written_down_reads_back_the_same() {
    let modified = crate::date(-1000);
    let cc = "Cache-Control";
    for (request, response, mode) in [
        (&[][..], &[(cc, "max-age=60")][..], CacheMode::Origin),
        (&[], &[("Last-Modified", modified.as_str()), ("ETag", "W/\"a\"")], CacheMode::Guarded),
        (
            &[("Foo", "1"), ("Accept-Language", "de, en")],
            &[
                (cc, "s-maxage=5, stale-if-error=0, stale-while-revalidate=9, no-transform"),
                ("Vary", "Foo, Bar, Accept-Language, Accept-Encoding"),
                ("Content-Language", "de"),
                ("Cache-Tag", "a,b"),
                ("Age", "3"),
            ],
            CacheMode::Origin,
        ),
        (&[], &[(cc, "no-cache"), ("ETag", "\"a\""), ("Surrogate-Key", &"x".repeat(300))], CacheMode::Origin),
    ] {
        let stored = Asked { request, response, mode, ..Asked::default() }.stored(7);
        let bytes = encoded(&stored);
        let read = Stored::decode(&bytes).expect("reads back");
        assert_eq!(format!("{read:?}"), format!("{stored:?}"));
        assert_eq!(encoded(&read), bytes);
        let lines = request.to_vec();
        let request = Request::read(&Method::GET, &lines);
        for seconds in [0, 10, 10_000] {
            assert_eq!(reuse(&request, &read, at(seconds)), reuse(&request, &stored, at(seconds)));
        }
        for cut in 0..bytes.len() {
            assert!(Stored::decode(&bytes[..cut]).is_none(), "cut to {cut}");
        }
        assert!(Stored::decode(&[&bytes[..], &[0]].concat()).is_none(), "something left over");
        let mut other = bytes.clone();
        other[0] = 99;
        assert!(Stored::decode(&other).is_none(), "another version");
    }
    assert!(Stored::decode(&[]).is_none());
}

#[test]
fn slices_cover_a_body_without_gap_or_overlap() {
    let s = SLICE_BYTES;
    for (length, count) in [(0, 0), (1, 1), (s - 1, 1), (s, 1), (s + 1, 2), (3 * s, 3), (10 * s + 5, 11)] {
        assert_eq!(slices::count(length), count, "{length}");
        let mut next = 0;
        for index in 0..count {
            let span = slices::span(index, length).expect("within");
            assert_eq!(span.first, next);
            assert!(span.byte_count() == s || index + 1 == count);
            next = span.last + 1;
        }
        assert_eq!(next, length);
        assert_eq!(slices::span(count, length), None);
    }
    assert_eq!(slices::span(u32::MAX, u64::MAX).map(|span| span.byte_count()), Some(s));
    for (first, last, length, expected) in [
        (0, 0, 1, Some(0..=0)),
        (0, s - 1, 5 * s, Some(0..=0)),
        (0, s, 5 * s, Some(0..=1)),
        (s, 2 * s - 1, 5 * s, Some(1..=1)),
        (4 * s, 5 * s - 1, 5 * s, Some(4..=4)),
        (4 * s, 5 * s, 5 * s, None),
        (2, 1, 5, None),
        (0, 0, 0, None),
    ] {
        assert_eq!(
            slices::of_range(ByteRange { first, last }, length),
            expected,
            "{first}-{last} of {length}"
        );
    }
}

/// At most 1.2 times what was asked, but at least a slice, is a matter of alignment: ends add a slice each.
#[test]
fn the_parts_of_slices_make_up_the_range() {
    let s = SLICE_BYTES;
    for (first, last) in [(0, 0), (5, s + 5), (s - 1, s), (s, 3 * s - 1), (3, 4 * s + 2)] {
        let range = ByteRange { first, last };
        let length = 5 * s;
        let mut next = first;
        for index in slices::of_range(range, length).expect("within") {
            let part = slices::part(index, range).expect("they meet");
            assert_eq!(u64::from(index) * s + *part.start() as u64, next);
            next = u64::from(index) * s + *part.end() as u64 + 1;
        }
        assert_eq!(next, last + 1);
    }
    assert_eq!(slices::part(0, ByteRange { first: s, last: s }), None);
    assert_eq!(slices::part(2, ByteRange { first: s, last: s }), None);
    assert_eq!(slices::part(u32::MAX, ByteRange { first: 0, last: u64::MAX }), Some(0..=1_048_575));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_reading_back_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let _ = Stored::decode(&bytes);
        let response = vec![("Cache-Control", "max-age=60"), ("Vary", "Foo"), ("ETag", "\"a\""), ("Cache-Tag", "a,b")];
        let lines = vec![("Foo", "1")];
        let request = Request::read(&Method::GET, &lines);
        let exchanged = Exchanged { requested: at(0), received: at(0) };
        let stored = storable(&request, StatusCode::OK, &response, CacheMode::Origin, Limits::default(), exchanged)
            .and_then(|storable| storable.complete(1)).expect("storable");
        prop_assert_eq!(stored_fields(&stored, &http::HeaderMap::new()).len(), 1);
        let mut bytes = encoded(&stored);
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some(read) = Stored::decode(&bytes) {
            prop_assert_eq!(encoded(&read), bytes, "one form and no other");
            let _ = reuse(&request, &read, at(5));
        }
    }
}
