//! The counts of an HTTP/2 connection's frames: any frames at any instants leave a verdict.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shield::budgets::{Frame, FrameBudget, FrameLimits};
use vocabulary::Timestamp;

fuzz_target!(|input: &[u8]| {
    let mut ms = 1_795_000_000_000i64;
    let mut budget = FrameBudget::new(&FrameLimits::USUAL, Timestamp::from_millis(ms));
    for bytes in input.chunks_exact(3) {
        ms += i64::from(i16::from_le_bytes([bytes[1], bytes[2]]));
        let now = Timestamp::from_millis(ms);
        let frame = match bytes[0] % 10 {
            0 => Frame::Headers,
            1 => Frame::Continuation,
            2 => Frame::Reset {
                answered: bytes[0] > 127,
                opened: Timestamp::from_millis(ms - i64::from(bytes[1])),
            },
            3 => Frame::ForcedReset,
            4 => Frame::Ping,
            5 => Frame::Settings,
            6 => Frame::WindowUpdate,
            7 => Frame::Priority,
            8 => Frame::Data { bytes: bytes[1].into(), ends: bytes[2] > 127 },
            _ => Frame::Other,
        };
        let _ = budget.count(frame, now);
    }
});
