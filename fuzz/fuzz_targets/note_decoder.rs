//! Signed notes: what parses prints the same text.

#![no_main]

use ledger::note::Note;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(note) = Note::parse(text) {
        assert_eq!(note.to_string(), text, "a second spelling");
    }
});
