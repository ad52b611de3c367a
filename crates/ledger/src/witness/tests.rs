use super::*;
use crate::checkpoint::cosigned_at;
use crate::merkle::{Tree, leaf_hash};
use vocabulary::SeededRandom;

const NOW: i64 = 1_700_000_000;

struct Stage {
    log: SignerKey,
    witness: Witness,
    tree: Tree,
}

fn stage() -> Stage {
    let random = SeededRandom::new(21);
    let log = SignerKey::for_log(&random, "log.test").expect("key");
    let key = SignerKey::for_witness(&random, "witness.test").expect("key");
    let witness = Witness::new(key, vec![log.verifier()]).expect("witness");
    let tree = (0..12u8).map(|n| leaf_hash(&[n])).collect();
    Stage { log, witness, tree }
}

impl Stage {
    fn head(&self, size: u64) -> Head {
        Head { size, root: self.tree.root_at(size).expect("size") }
    }

    fn request(&self, old: u64, new: u64) -> AddCheckpoint {
        let checkpoint = Checkpoint::new("log.test", new, self.head(new).root);
        AddCheckpoint {
            old_size: old,
            proof: self.tree.consistency(old, new).unwrap_or_default(),
            checkpoint: checkpoint.sign(&self.log).expect("the name is the origin"),
        }
    }

    fn ask(&self, request: &AddCheckpoint, latest: Head) -> Result<Staged, Refused> {
        self.witness.add_checkpoint(request, latest, Timestamp::from_secs(NOW))
    }
}

#[test]
fn a_growing_log_is_cosigned_step_by_step() {
    let stage = stage();
    let mut latest = Head::default();
    for size in [0, 3, 8, 8, 12] {
        let request = stage.request(latest.size, size);
        let staged = stage.ask(&request, latest).expect("consistent");
        assert_eq!(staged.origin(), "log.test");
        latest = staged.head();
        assert_eq!(latest, stage.head(size));
        let line = staged.stored();
        let time = cosigned_at(request.checkpoint.text(), &line, &stage.witness.verifier());
        assert_eq!(time, Some(Timestamp::from_secs(NOW)));
    }
}

#[test]
fn requests_are_read_and_written_back() {
    let request = stage().request(3, 12);
    let body = request.to_string();
    assert!(body.starts_with("old 3\n"), "{body}");
    assert_eq!(AddCheckpoint::parse(&body), Ok(request));
    for body in
        ["", "old 3\n", "old 03\n\nx\n\n— n AAAAAAA=\n", "old 1\nAAAA\n\nx\n\n— n AAAAAAA=\n", "old 1\n\nx\n"]
    {
        assert_eq!(AddCheckpoint::parse(body).expect_err(body).status(), 400);
    }
    let many = format!("old 1\n{}\nx\n\n— n AAAAAAA=\n", format!("{}=\n", "A".repeat(43)).repeat(64));
    assert_eq!(AddCheckpoint::parse(&many).expect_err("64 lines").status(), 400);
}

#[test]
fn each_refusal_has_its_status() {
    let stage = stage();
    let conflict = stage.ask(&stage.request(3, 12), stage.head(8)).expect_err("other size");
    assert_eq!((conflict.status(), &conflict), (409, &Refused::OtherSize { size: 8 }));

    let behind = stage.ask(&stage.request(12, 8), stage.head(12)).expect_err("shrinking");
    assert_eq!(behind.status(), 400);

    let mut broken = stage.request(3, 12);
    broken.proof[0] = Digest::of(b"x");
    assert_eq!(stage.ask(&broken, stage.head(3)).expect_err("proof").status(), 422);

    let mut superfluous = stage.request(0, 12);
    superfluous.proof.push(Digest::of(b"x"));
    assert_eq!(stage.ask(&superfluous, Head::default()).expect_err("proof from zero").status(), 422);

    let other = Head { root: Digest::of(b"another tree"), ..stage.head(8) };
    let split = stage.ask(&stage.request(8, 8), other).expect_err("split view");
    assert_eq!((split.status(), &split), (409, &Refused::OtherRoot { size: 8 }));

    let stranger = SignerKey::for_log(&SeededRandom::new(5), "log.test").expect("key");
    let mut forged = stage.request(3, 12);
    forged.checkpoint = Checkpoint::new("log.test", 12, stage.head(12).root).sign(&stranger).expect("note");
    assert_eq!(stage.ask(&forged, stage.head(3)).expect_err("forged").status(), 403);

    let elsewhere = SignerKey::for_log(&SeededRandom::new(5), "else.test").expect("key");
    let mut foreign = stage.request(3, 12);
    foreign.checkpoint =
        Checkpoint::new("else.test", 12, stage.head(12).root).sign(&elsewhere).expect("note");
    assert_eq!(stage.ask(&foreign, stage.head(3)).expect_err("unknown").status(), 404);
}

#[test]
fn a_log_key_is_no_witness_key() {
    let key = SignerKey::for_log(&SeededRandom::new(5), "log.test").expect("key");
    assert!(Witness::new(key, Vec::new()).is_err());
}

#[test]
fn an_answer_is_a_cosignature_by_the_right_key_or_says_why_not() {
    let stage = stage();
    let key = stage.witness.verifier();
    let request = stage.request(3, 12);
    let read = |status, body: &str| read_answer(status, body, &request, &key);
    let line = stage.ask(&request, stage.head(3)).expect("consistent").stored();
    let stranger = SignerKey::for_witness(&SeededRandom::new(9), "stranger.test").expect("key");
    let other = crate::checkpoint::cosign(request.checkpoint.text(), &stranger, Timestamp::from_secs(NOW));
    assert_eq!(read(200, &format!("{other}\n{line}\n")), Ok(line.clone()));
    for body in [String::new(), line.to_string(), format!("{other}\n"), "x\n".to_owned()] {
        assert!(matches!(read(200, &body), Err(Declined::Unreadable(_))), "{body}");
    }
    assert_eq!(read(409, "8\n"), Err(Declined::OtherSize { size: 8 }));
    assert_eq!(read(409, "3\n"), Err(Declined::OtherSize { size: 3 }));
    for body in ["", "8", "08\n", "-1\n", "8\n8\n"] {
        assert!(matches!(read(409, body), Err(Declined::Unreadable(_))), "{body:?}");
    }
    assert_eq!(read(404, ""), Err(Declined::Unknown(404)));
    assert_eq!(read(422, ""), Err(Declined::Inconsistent));
    assert_eq!(read(500, ""), Err(Declined::Status(500)));
    let again = stage.request(12, 12);
    assert_eq!(read_answer(409, "12\n", &again, &key), Err(Declined::OtherRoot));
    assert!(Declined::OtherSize { size: 13 }.contradicts(12) && Declined::OtherRoot.contradicts(12));
    assert!(!Declined::OtherSize { size: 3 }.contradicts(12) && !Declined::Status(500).contradicts(12));
}
