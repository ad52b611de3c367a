//! Sitemaps: within their bounds, and the same addresses in another spelling.

#![no_main]

use edge::parsing::sitemap_holds;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    assert_eq!(sitemap_holds(input), Ok(()));
});
