//! The decoders together: the documents' own examples, and seeded mutations of well-formed input.
//!
//! `fuzz/` drives the same entry points with coverage. Seeded; `WARDMOTE_SEED` replays a run.

use crate::checkpoint::{Checkpoint, cosign, signed_by_log};
use crate::key::{SignerKey, VerifierKey};
use crate::note::{Note, NoteSignature};
use crate::tiles::{Tile, entry_bundle, split_bundle};
use crate::tlog_proof::TlogProof;
use crate::witness::AddCheckpoint;
use crate::{Body, Entry, EntryFormat, Kind};
use serde_json::json;
use vocabulary::{Digest, Random, SeededRandom, Timestamp};

/// The request in C2SP tlog-witness, "add-checkpoint".
const REQUEST: &str = "old 20852014\n\
    PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
    jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
    5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
    /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\n\
    example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
    — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
    — example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n";

/// The answer in the same section.
const ANSWER: [&str; 3] = [
    "— witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==",
    "— witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==",
    "— witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJhm/kWl7oJlqU3rXXvpysAdyP3wQ==",
];

/// The signed message in the documentation of Go's `golang.org/x/mod/sumdb/note`, which signed-note
/// describes, and the key it is signed with.
const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

const ROUNDS: usize = 3_000;

#[test]
fn the_witness_documents_request_and_answer_are_read_and_written_back() {
    let request = AddCheckpoint::parse(REQUEST).expect("request");
    assert_eq!((request.old_size, request.proof.len()), (20_852_014, 4));
    assert_eq!(request.origin().as_deref(), Some("example.com/behind-the-sofa"));
    assert_eq!(request.to_string(), REQUEST);
    for line in ANSWER {
        let read = NoteSignature::parse(line).expect(line);
        assert_eq!((read.to_string().as_str(), read.bytes().len()), (line, 72));
    }
}

#[test]
fn a_note_signed_by_another_implementation_verifies_and_a_changed_one_does_not() {
    let key: VerifierKey = GO_KEY.parse().expect("key");
    let note = Note::parse(GO_NOTE).expect("note");
    assert!(signed_by_log(note.text(), &note.signatures()[0], &key));
    let changed = Note::parse(&GO_NOTE.replace("answer", "Answer")).expect("note");
    assert!(!signed_by_log(changed.text(), &changed.signatures()[0], &key));
}

#[allow(clippy::disallowed_methods, reason = "a test is told by the environment which run to replay")]
fn seed() -> u64 {
    let seed = std::env::var("WARDMOTE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    println!("seed {seed}");
    seed
}

/// Hands out `good`, changed in one to three places, many times over.
fn mutations(good: &[u8], mut check: impl FnMut(&[u8])) {
    let random = SeededRandom::new(seed());
    for _ in 0..ROUNDS {
        let mut bytes = good.to_vec();
        for _ in 0..=random.below(3) {
            mutate(&mut bytes, &random);
        }
        check(&bytes);
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &SeededRandom) {
    if bytes.is_empty() {
        return;
    }
    let below = |length: usize| random.below(length as u64) as usize;
    let place = below(bytes.len());
    match random.below(5) {
        0 => bytes[place] = random.below(256) as u8,
        1 => drop(bytes.remove(place)),
        2 => bytes.insert(place, b"\n 0+=\"{/x\xe2"[below(10)]),
        3 => {
            let end = (place + below(60)).min(bytes.len());
            let piece = bytes[place..end].to_vec();
            let target = below(bytes.len());
            bytes.splice(target..target, piece);
        }
        _ => bytes.truncate(place),
    }
}

/// What parses prints the same text again.
fn one_spelling<T, E>(good: &str, parse: impl Fn(&str) -> Result<T, E>, print: impl Fn(&T) -> String) {
    let whole = parse(good).ok().map(|value| print(&value));
    assert_eq!(whole.as_deref(), Some(good));
    mutations(good.as_bytes(), |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(value) = parse(text) {
            assert_eq!(print(&value), text, "a second spelling");
        }
    });
}

fn signed_note() -> Note {
    let random = SeededRandom::new(3);
    let log = SignerKey::for_log(&random, "log.test").expect("key");
    let witness = SignerKey::for_witness(&random, "witness.test").expect("key");
    let note = Checkpoint::new("log.test", 9, Digest::of(b"root")).sign(&log).expect("note");
    let line = cosign(note.text(), &witness, Timestamp::from_secs(1_700_000_000));
    note.with(line)
}

#[test]
fn mutated_notes_never_panic_and_have_one_spelling() {
    one_spelling(&signed_note().to_string(), Note::parse, Note::to_string);
    one_spelling(GO_NOTE, Note::parse, Note::to_string);
}

#[test]
fn mutated_checkpoints_never_panic_and_have_one_spelling() {
    let extended = format!("{}one more line\n", signed_note().text());
    one_spelling(&extended, Checkpoint::parse, Checkpoint::to_string);
}

#[test]
fn mutated_proofs_never_panic_and_have_one_spelling() {
    let hashes = vec![Digest::of(b"a"), Digest::of(b"b"), Digest::of(b"c")];
    let proof = TlogProof { extra: Some(b"extra".to_vec()), index: 4, hashes, checkpoint: signed_note() };
    one_spelling(&proof.to_string(), TlogProof::parse, TlogProof::to_string);
}

#[test]
fn mutated_requests_never_panic_and_have_one_spelling() {
    one_spelling(REQUEST, AddCheckpoint::parse, AddCheckpoint::to_string);
}

#[test]
fn mutated_tile_paths_never_panic_and_have_one_spelling() {
    for path in ["tile/0/x001/234.p/7", "tile/entries/x123/x456/789", "tile/7/000"] {
        one_spelling(path, str::parse::<Tile>, Tile::to_string);
    }
}

#[test]
fn mutated_bundles_never_panic_and_have_one_spelling() {
    let good = entry_bundle([b"one".as_slice(), b"", b"three".as_slice()]).expect("fits");
    mutations(&good, |bytes| {
        if let Some(entries) = split_bundle(bytes) {
            assert_eq!(entry_bundle(entries).expect("it was split"), bytes, "a second spelling");
        }
    });
}

#[test]
fn mutated_entries_never_panic_and_have_one_spelling() {
    let random: &dyn Random = &SeededRandom::new(1);
    let entry = Entry::unapproved(Body {
        format: EntryFormat::V1,
        kind: Kind::TenantRequest,
        time: Timestamp::from_secs(1_700_000_000),
        actors: vec!["customer".into()],
        subject: "a.test".into(),
        sequence: 2,
        previous: Some(Digest::from_bytes(random.bytes())),
        policy: None,
        commitments: None,
        public: json!({"asked": "\u{1}é\"", "count": 7, "list": [true, null]}),
    });
    let good = entry.to_bytes().expect("bytes");
    assert_eq!(Entry::parse(&good).expect("entry"), entry);
    mutations(&good, |bytes| {
        if let Ok(entry) = Entry::parse(bytes) {
            assert_eq!(entry.to_bytes().expect("it was parsed"), bytes, "a second spelling");
        }
    });
}
