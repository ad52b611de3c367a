//! Challenge tokens and clearance cookies: no input panics, and nothing that was not issued is accepted.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shield::budgets::Prefix;
use shield::challenge::{ChallengeSecret, Clearance, Client, Issue, Keyring};
use std::sync::LazyLock;
use vocabulary::Timestamp;

const NOW: i64 = 1_795_000_000;

static KEYS: LazyLock<Keyring> =
    LazyLock::new(|| Keyring::new(ChallengeSecret::new([9; 32]), Timestamp::from_secs(NOW)));

fuzz_target!(|input: &[u8]| {
    let now = Timestamp::from_secs(NOW);
    let client = Client {
        site: b"site",
        prefix: Prefix::of([203, 0, 113, 7].into()),
        tls: Some("t13d"),
        user_agent: b"Firefox",
    };
    assert!(Clearance::open(input, &KEYS, &client, now).is_err(), "a cookie out of nowhere");
    let token = String::from_utf8_lossy(input);
    assert!(Issue::verify(&token, 0, &KEYS, &client, now).is_err(), "a token out of nowhere");
});
