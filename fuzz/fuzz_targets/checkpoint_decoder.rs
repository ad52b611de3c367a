//! Checkpoints and requests to a witness: what parses prints the same text.

#![no_main]

use ledger::checkpoint::Checkpoint;
use ledger::witness::AddCheckpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(checkpoint.to_string(), text, "a second spelling");
    }
    if let Ok(request) = AddCheckpoint::parse(text) {
        assert_eq!(request.to_string(), text, "a second spelling");
    }
});
