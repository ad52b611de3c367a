use super::*;
use crate::checkpoint::{Checkpoint, cosign};
use crate::key::{KeyError, SignerKey};
use crate::note::Note;
use vocabulary::{Digest, SeededRandom, Timestamp};

struct Cast {
    log: SignerKey,
    witnesses: Vec<SignerKey>,
}

fn cast(names: &[&str]) -> Cast {
    let random = SeededRandom::new(11);
    let witness = |name: &&str| SignerKey::for_witness(&random, name).expect("name");
    Cast {
        log: SignerKey::for_log(&random, "log.test/record").expect("name"),
        witnesses: names.iter().map(witness).collect(),
    }
}

impl Cast {
    fn policy(&self, rest: &str) -> Result<TlogPolicy, PolicyError> {
        let mut text = format!("# who keeps this record\n\nlog {} https://log.test/\n", self.log.verifier());
        for (place, key) in self.witnesses.iter().enumerate() {
            text += &format!("\twitness w{place}  {}\n", key.verifier());
        }
        TlogPolicy::parse(&(text + rest))
    }

    fn note(&self, cosigners: &[usize], time: i64) -> Note {
        let checkpoint = Checkpoint::new("log.test/record", 9, Digest::of(b"root"));
        let note = checkpoint.sign(&self.log).expect("the key's name is the origin");
        cosigners.iter().fold(note, |note, place| {
            let line = cosign(note.text(), &self.witnesses[*place], Timestamp::from_secs(time));
            note.with(line)
        })
    }
}

const THREE: [&str; 3] = ["a.test", "b.test", "c.test"];

fn satisfied(policy: &TlogPolicy, note: &Note) -> bool {
    policy.satisfies(&policy.open(note).expect("opens"), Quorum::at_any_time(true))
}

#[test]
fn a_policy_is_read_and_written_back() {
    let cast = cast(&THREE);
    let policy = cast.policy("group two 2 w0 w1\ngroup all all two w2\nquorum all\n").expect("policy");
    let printed = policy.to_string();
    assert_eq!(TlogPolicy::parse(&printed).expect("printed"), policy);
    assert_eq!(policy.logs()[0].url.as_deref(), Some("https://log.test/"));
    assert_eq!(policy.fewest(), 3);
    let made = TlogPolicy::threshold(
        cast.log.verifier(),
        &[("x", cast.witnesses[0].verifier()), ("y", cast.witnesses[1].verifier())],
        2,
    );
    assert_eq!(made.expect("policy").fewest(), 2);
}

#[test]
fn faulty_policies_name_line_and_fault() {
    use PolicyFault::*;
    let cast = cast(&THREE);
    let again = format!("witness again {}\nquorum none\n", cast.witnesses[0].verifier());
    let as_witness = format!("witness x {}\nquorum none\n", cast.log.verifier());
    let as_log = format!("log {}\nquorum none\n", cast.witnesses[0].verifier());
    for (rest, line, fault) in [
        ("", 6, Quorum),
        ("quorum w0\nquorum w1\n", 8, Quorum),
        ("quorum w9\n", 7, Unknown("w9".into())),
        ("quorum none", 7, Character),
        ("quorum none\r\n", 7, Character),
        ("jury w0\n", 7, Line),
        ("group g 1\n", 7, Line),
        ("group g 0 w0\n", 7, Threshold),
        ("group g 3 w0 w1\n", 7, Threshold),
        ("group g any w0 w0\n", 7, SecondGroup("w0".into())),
        ("group g any w0\ngroup h any w0\n", 8, SecondGroup("w0".into())),
        ("group w1 any w0\n", 7, SameName("w1".into())),
        ("group none any w0\n", 7, SameName("none".into())),
        ("group g any g\n", 7, Unknown("g".into())),
        (&again, 7, SameKey),
        (&as_witness, 7, Key(KeyError::Algorithm(1))),
        (&as_log, 7, Key(KeyError::Algorithm(4))),
    ] {
        let error = cast.policy(rest).expect_err(rest);
        assert_eq!((error.line, error.fault), (line, fault), "{rest:?}");
    }
}

#[test]
fn nested_quorums_count_their_members() {
    let cast = cast(&THREE);
    let policy = cast.policy("group ab any w0 w1\ngroup all all ab w2\nquorum all\n").expect("policy");
    for (cosigners, good) in
        [(vec![], false), (vec![0, 1], false), (vec![2], false), (vec![1, 2], true), (vec![0, 1, 2], true)]
    {
        assert_eq!(satisfied(&policy, &cast.note(&cosigners, 100)), good, "{cosigners:?}");
    }
    let single = cast.policy("quorum w1\n").expect("policy");
    assert!(satisfied(&single, &cast.note(&[1], 100)));
    assert!(!satisfied(&single, &cast.note(&[0, 2], 100)));
    let none = cast.policy("quorum none\n").expect("policy");
    assert!(satisfied(&none, &cast.note(&[], 100)) && !none.asks_for_witnesses());
}

#[test]
fn only_cosignatures_in_the_time_window_count() {
    let cast = cast(&THREE);
    let policy = cast.policy("quorum w0\n").expect("policy");
    let opened = policy.open(&cast.note(&[0], 100)).expect("opens");
    for (not_before, not_after, good) in [(100, 100, true), (101, 200, false), (0, 99, false)] {
        let [not_before, not_after] = [not_before, not_after].map(Timestamp::from_secs);
        let rule = Quorum { count_own: true, not_before, not_after };
        assert_eq!(policy.satisfies(&opened, rule), good, "{rule:?}");
    }
}

#[test]
fn own_witnesses_are_known_by_host_and_can_be_left_out() {
    let cast = cast(&["log.test/witness", "b.test", "c.test"]);
    let policy = cast.policy("group g 2 w0 w1 w2\nquorum g\n").expect("policy");
    assert!(policy.is_own(&policy.witnesses()[0]) && !policy.is_own(&policy.witnesses()[1]));
    let opened = policy.open(&cast.note(&[0, 1], 100)).expect("opens");
    assert!(policy.satisfies(&opened, Quorum::at_any_time(true)));
    assert!(!policy.satisfies(&opened, Quorum::at_any_time(false)));
    assert!(!policy.is_self_witnessed());
    assert!(cast.policy("quorum w0\n").expect("policy").is_self_witnessed());
}

#[test]
fn quorums_that_allow_two_views_are_known() {
    let outside = cast(&["a.test", "b.test", "c.test", "d.test"]);
    let own = cast(&["log.test/w", "b.test", "c.test", "d.test"]);
    for (cast, rest, splittable) in [
        (&outside, "group g 3 w0 w1 w2 w3\nquorum g\n", false),
        (&outside, "group g 2 w0 w1 w2 w3\nquorum g\n", true),
        (&outside, "group g 2 w0 w1 w2\nquorum g\n", false),
        (&own, "group g 3 w0 w1 w2 w3\nquorum g\n", false),
        (&own, "group g 2 w0 w1 w2\nquorum g\n", true),
        (&own, "quorum w0\n", true),
        (&own, "quorum none\n", true),
    ] {
        assert_eq!(cast.policy(rest).expect("policy").splittable(), splittable, "{rest}");
    }
}

#[test]
fn notes_that_do_not_hold_are_refused_with_the_reason() {
    let cast = cast(&THREE);
    let policy = cast.policy("quorum w0\n").expect("policy");
    let good = cast.note(&[0, 1], 100);
    assert_eq!(policy.open(&good).expect("opens").cosignatures().len(), 2);

    let text = good.to_string();
    let unsigned: String = text
        .lines()
        .filter(|line| !line.starts_with("— log.test"))
        .fold(String::new(), |all, line| all + line + "\n");
    let origin = || "log.test/record".to_owned();
    let witness_line = text.lines().find(|line| line.starts_with("— a.test")).expect("line").to_owned();
    for (note, error) in [
        (unsigned, OpenError::Unsigned(origin())),
        (text.replace("\n9\n", "\n8\n"), OpenError::Signature(origin())),
        (text.replacen("log.test/record", "else.test", 1), OpenError::UnknownLog("else.test".into())),
        (format!("{text}{witness_line}\n"), OpenError::Twice("a.test".into())),
        (text.replace("\n9\n", "\nx\n"), OpenError::Checkpoint),
    ] {
        assert_eq!(policy.open(&Note::parse(&note).expect("note")), Err(error), "{note}");
    }

    let stranger = SignerKey::for_witness(&SeededRandom::new(99), "stranger.test").expect("key");
    let line = cosign(good.text(), &stranger, Timestamp::from_secs(100));
    let opened = policy.open(&good.with(line)).expect("unknown lines are passed over");
    assert_eq!(opened.foreign(), Some("stranger.test"));
}

#[test]
fn mutated_policies_never_panic() {
    let cast = cast(&THREE);
    let text = cast.policy("group g 2 w0 w1 w2\nquorum g\n").expect("policy").to_string();
    let random = SeededRandom::new(5);
    for _ in 0..3000 {
        let mut bytes = text.clone().into_bytes();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] = random.below(256) as u8;
        }
        if let Ok(policy) = TlogPolicy::parse(&String::from_utf8_lossy(&bytes)) {
            assert_eq!(TlogPolicy::parse(&policy.to_string()).expect("printed"), policy);
        }
    }
}

#[test]
fn a_deployments_policy_names_its_log_and_own_witness_before_the_given_ones() {
    let cast = cast(&["log.test/own", "b.test", "c.test"]);
    let [own, b, c] = [0, 1, 2].map(|place| cast.witnesses[place].verifier());
    let given = format!("witness b {b} http://b.test/\nwitness c {c}\ngroup g 2 b c\nquorum g\n");
    let given = TlogPolicy::parse(&given).expect("witnesses without a log");
    let kept = given.kept_by(&cast.log.verifier(), ("local", &own)).expect("policy");
    assert!(!satisfied(&kept, &cast.note(&[0, 1], 7)) && satisfied(&kept, &cast.note(&[1, 2], 7)));
    assert_eq!(kept.open(&cast.note(&[0, 1, 2], 7)).expect("opens").foreign(), None);
    assert!(kept.is_own(&kept.witnesses()[0]) && !kept.is_self_witnessed());
    assert!(given.kept_by(&cast.log.verifier(), ("b", &own)).is_err(), "the name is taken");
}
