//! Frames of HTTP/3: the same in whatever pieces they come.

#![no_main]

use edge::parsing::http3_stream_holds;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    assert_eq!(http3_stream_holds(input), Ok(()));
});
