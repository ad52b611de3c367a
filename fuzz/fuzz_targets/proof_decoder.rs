//! Proofs of inclusion (tlog-proof): what parses prints the same text.

#![no_main]

use ledger::tlog_proof::TlogProof;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(proof) = TlogProof::parse(text) {
        assert_eq!(proof.to_string(), text, "a second spelling");
    }
});
