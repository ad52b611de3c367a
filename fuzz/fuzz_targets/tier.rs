//! The field between a child edge and its parent: one spelling or none.

#![no_main]

use edge::parsing::tier_holds;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    assert_eq!(tier_holds(input), Ok(()));
});
