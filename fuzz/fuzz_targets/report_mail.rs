//! Mails with reports: MIME under bounds, ARF fields.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = reports::mime::parse(bytes) {
        let decoded: usize = message.leaves().iter().filter_map(|part| part.decoded().ok()).map(|body| body.len()).sum();
        assert!(decoded <= bytes.len(), "decoding made more than it was given");
    }
    let _ = reports::arf::parse(bytes);
});
