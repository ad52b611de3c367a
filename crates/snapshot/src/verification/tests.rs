use super::*;
use crate::fixture::{Decided, Draft, Mote};
use crate::{Bundle, Enforcement, Facts, Site, Verdict};
use ledger::checkpoint::Checkpoint;
use ledger::key::{SignerKey, VerifierKey};
use ledger::note::Note;
use ledger::tlog_policy::TlogPolicy;
use ledger::tlog_proof::TlogProof;
use ledger::witness::{AddCheckpoint, Head, Witness};
use policy::{Ground, Roster};
use serde_json::json;
use std::sync::Arc;
use vocabulary::{Hostname, SeededRandom, SiteId};

const HOUR: Duration = Duration::from_secs(3600);

fn now() -> Timestamp {
    Timestamp::from_secs(1_790_000_000)
}

fn stage() -> (Mote, Site) {
    let mote = Mote::found(1, now().minus(24 * HOUR));
    let site = mote.site(&["board.test", "*.board.test"], 9000);
    (mote, site)
}

/// Hands a bundle to a fresh edge. A refusal must leave the edge as it was: the site is served, nothing
/// runs, an alarm is raised, and verification alone says the same.
fn outcome(mote: &Mote, roots: Roots, site: &Site, bundle: &[u8]) -> Result<ProvedMeasure, &'static str> {
    let parcel = mote.parcel(1, vec![site.clone()], vec![Arc::from(bundle)]);
    let around = Surroundings { now: now(), footprint: Footprint { sites: 1 }, consistency: &[] };
    let alone = verify(bundle, &roots, &Trust::default(), &around).map_err(|refusal| refusal.name());
    let mut edge = Enforcement::new(roots, Trust::default());
    let applied = edge.apply(&parcel, now());
    let host = Hostname::parse("www.board.test").expect("host");
    let verdict = applied.snapshot.evaluate(&Facts::of(&host), now());
    if let Err(name) = alone {
        assert!(matches!(verdict, Verdict::Serve(_)), "{name}: {verdict:?}");
        assert_eq!(applied.refused.len(), 1);
        assert_eq!(applied.refused[0].1.name(), name);
        assert!(!applied.refused[0].1.to_string().is_empty());
        assert!(applied.applied.is_empty() && applied.started.is_empty(), "{name}");
        assert_eq!(*edge.trust(), Trust::default(), "{name}");
        assert_eq!(applied.alarms.is_empty(), matches!(name, "expired" | "not-yet"), "{name}");
    } else {
        assert!(matches!(verdict, Verdict::Blocked(_)), "{verdict:?}");
        assert!(applied.alarms.is_empty(), "{:?}", applied.alarms);
    }
    alone
}

fn name_of(mote: &Mote, site: &Site, bundle: &Bundle) -> &'static str {
    let bytes = bundle.to_bytes().expect("bytes");
    outcome(mote, mote.roots(), site, &bytes).expect_err("must be refused")
}

/// Drafts a block, lets `change` spoil it, then signs, logs and bundles it.
fn spoiled(change: impl FnOnce(&mut Draft)) -> &'static str {
    let (mut mote, site) = stage();
    let mut draft = mote.draft(std::slice::from_ref(&site), now(), HOUR);
    change(&mut draft);
    let decided = mote.decide(&draft, now());
    let bundle = mote.bundle(&decided, now());
    name_of(&mote, &site, &bundle)
}

/// As [`spoiled`], with the digests of scope and statement put right after the change.
fn rebound(change: impl FnOnce(&mut Draft)) -> &'static str {
    spoiled(|draft| {
        change(draft);
        draft.bind();
    })
}

/// Spoils a good bundle after it was made.
fn tampered(change: impl FnOnce(&mut Bundle)) -> &'static str {
    let (mut mote, site) = stage();
    let (_, mut bundle) = decided(&mut mote, &site);
    change(&mut bundle);
    name_of(&mote, &site, &bundle)
}

fn decided(mote: &mut Mote, site: &Site) -> (Decided, Bundle) {
    let draft = mote.draft(std::slice::from_ref(site), now(), HOUR);
    let decided = mote.decide(&draft, now());
    let bundle = mote.bundle(&decided, now());
    (decided, bundle)
}

#[test]
fn a_valid_bundle_proves_its_measure() {
    let (mut mote, site) = stage();
    let bundle = mote.block(std::slice::from_ref(&site), now(), 48 * HOUR);
    let measure = outcome(&mote, mote.roots(), &site, &bundle).expect("valid");
    assert_eq!(measure.measure(), Measure::M5);
    assert!(measure.hosts().eq(&site.hosts));
    assert_eq!(measure.expires(), now().plus(48 * HOUR));
    assert!(measure.statement_url().contains(&measure.id().to_string()));
    assert!(measure.in_force_at(now()) && !measure.in_force_at(measure.expires()));
}

#[test]
fn approvals_must_be_of_two_officers_of_two_roles_on_the_roster() {
    let signed_by = |names: &[&str]| {
        spoiled(|draft| draft.approvers = names.iter().map(|name| (*name).to_owned()).collect())
    };
    assert_eq!(signed_by(&[]), "too-few-approvals");
    assert_eq!(signed_by(&["assessor-1"]), "too-few-approvals");
    assert_eq!(signed_by(&["assessor-1", "assessor-1"]), "same-key-twice");
    assert_eq!(signed_by(&["assessor-1", "assessor-2"]), "too-few-roles");
    assert_eq!(signed_by(&["assessor-1", "intake-1"]), "role-may-not-decide");

    let (mut mote, site) = stage();
    let stranger = Mote::found(2, now());
    let draft = mote.draft(std::slice::from_ref(&site), now(), HOUR);
    let mut entry =
        mote.entry(ledger::Kind::DecisionMade, &draft.terms.decision.to_string(), &draft.terms, now());
    entry.body.policy = Some(Digest::of(policy::default_policy_text().as_bytes()));
    let body = entry.body.to_bytes().expect("bytes");
    entry.approvals =
        vec![mote.officer("assessor-1").approve(&body), stranger.officer("duty-officer-1").approve(&body)];
    let decided = mote.decide_with(entry, &draft);
    let bundle = mote.bundle(&decided, now());
    assert_eq!(name_of(&mote, &site, &bundle), "outsider");
}

#[test]
fn what_was_changed_after_signing_is_refused() {
    assert_eq!(
        tampered(|bundle| bundle.entry.body.public["expires"] = json!(now().plus(2 * HOUR))),
        "not-in-log"
    );
    assert_eq!(tampered(|bundle| _ = bundle.entry.approvals.pop()), "not-in-log");
    assert_eq!(tampered(|bundle| bundle.entry.approvals.swap(0, 1)), "not-in-log");
    assert_eq!(tampered(|bundle| bundle.statement.title.push('!')), "statement-changed");
    assert_eq!(tampered(|bundle| bundle.policy.document.push('\n')), "policy-changed");
    assert_eq!(tampered(|bundle| bundle.roster.document.push(' ')), "document-not-published");
    assert_eq!(tampered(|bundle| bundle.policy.entry.body.time = now()), "not-in-log");
    assert_eq!(tampered(|bundle| bundle.roster.entry.body.time = now()), "not-in-log");
    assert_eq!(
        tampered(|bundle| {
            let other = Mote::found(3, now());
            bundle.scope = other.draft(&[other.site(&["other.test"], 1)], now(), HOUR).scope;
        }),
        "scope-changed"
    );
    // Logged again as changed, the entry stands in the log, and the signatures tell.
    let (mut mote, site) = stage();
    let (decided, _) = decided(&mut mote, &site);
    let mut entry = decided.entry.clone();
    entry.body.actors.push("nobody".to_owned());
    let index = mote.log(entry.clone());
    let changed = Decided { entry, index, ..decided };
    let bundle = mote.bundle(&changed, now());
    assert_eq!(name_of(&mote, &site, &bundle), "signature-wrong");
}

#[test]
fn terms_scope_and_statement_must_agree() {
    assert_eq!(spoiled(|draft| draft.statement.summary.push('!')), "statement-changed");
    assert_eq!(spoiled(|draft| draft.terms.scope.sites = 2), "scope-changed");
    assert_eq!(rebound(|draft| draft.statement.expires = now().plus(2 * HOUR)), "statement-contradicts");
    assert_eq!(rebound(|draft| draft.statement.policy.version += 1), "statement-contradicts");
    assert_eq!(spoiled(|draft| draft.terms.roster = Digest::of(b"x")), "roster-changed");
    assert_eq!(spoiled(|draft| draft.terms.profile = Profile::Full), "profile-changed");
}

#[test]
fn the_floor_holds_whatever_the_policy_says() {
    assert_eq!(rebound(|draft| draft.terms.floor = Digest::of(b"another floor")), "floor-changed");
    assert_eq!(rebound(|draft| draft.terms.class = ServiceClass::C), "never-on-class");
    assert_eq!(rebound(|draft| draft.terms.expires = now().plus(49 * HOUR)), "lease-over-floor");
    assert_eq!(rebound(|draft| draft.terms.expires = now().plus(Duration::from_secs(1))), "lease-too-short");
    assert_eq!(rebound(|draft| draft.terms.ground = Ground::Policy), "ground-not-admitted");

    let (mut mote, site) = stage();
    let looser =
        policy::default_policy_text().replacen("S  emergency        48h\n", "S  emergency        96h\n", 1);
    assert_ne!(looser, policy::default_policy_text());
    mote.publish_policy(&looser, now().minus(30 * 24 * HOUR));
    let (_, bundle) = decided(&mut mote, &site);
    assert_eq!(name_of(&mote, &site, &bundle), "policy-looser-than-floor");
}

#[test]
fn a_changed_policy_acts_fifteen_days_after_its_publication() {
    let narrower = policy::default_policy_text().replacen("version 1", "version 2", 1);
    for (published, expected) in
        [(POLICY_NOTICE, None), (POLICY_NOTICE - Duration::from_secs(1), Some("policy-too-new"))]
    {
        let (mut mote, site) = stage();
        mote.publish_policy(&narrower, now().minus(published));
        let bundle = mote.block(std::slice::from_ref(&site), now(), HOUR);
        assert_eq!(outcome(&mote, mote.roots(), &site, &bundle).err(), expected);
    }
}

#[test]
fn a_document_must_be_published_by_its_own_entry() {
    let (mut mote, site) = stage();
    let entry = mote.entry(ledger::Kind::CountDaily, "counts", &json!({}), now());
    let at = mote.log(entry.clone());
    let (_, bundle) = decided(&mut mote, &site);
    let head = TlogProof::parse(&bundle.proof).expect("proof").checkpoint;
    let size = Checkpoint::parse(head.text()).expect("checkpoint").size;
    let hashes = mote.tree().inclusion(at, size).expect("proof");
    let proof = TlogProof { extra: None, index: at, hashes, checkpoint: head }.to_string();
    for roster in [false, true] {
        let mut bundle = bundle.clone();
        let document = if roster { &mut bundle.roster } else { &mut bundle.policy };
        (document.entry, document.proof) = (entry.clone(), proof.clone());
        assert_eq!(name_of(&mote, &site, &bundle), "document-not-published");
    }
}

#[test]
fn the_lease_decides_when() {
    let (mut mote, site) = stage();
    for (begins, lease, name) in [
        (now().minus(2 * HOUR), HOUR, "expired"),
        (now().minus(HOUR), HOUR, "expired"),
        (now().plus(Duration::from_millis(1)), HOUR, "not-yet"),
    ] {
        let bundle = mote.block(std::slice::from_ref(&site), begins, lease);
        let bundle = Bundle::parse(&bundle).expect("bundle");
        let refreshed = Decided {
            entry: bundle.entry.clone(),
            index: mote.tree().size() - 1,
            scope: bundle.scope.clone(),
            statement: bundle.statement.clone(),
            before: Vec::new(),
            ending: None,
        };
        let bundle = mote.bundle(&refreshed, now());
        assert_eq!(name_of(&mote, &site, &bundle), name);
    }
}

#[test]
fn a_trial_acts_on_reserved_names_only() {
    let (mut mote, _) = stage();
    let real = mote.site(&["board.test", "board.org"], 9000);
    let served = mote.site(&["*.board.test"], 9000);
    let (_, bundle) = decided(&mut mote, &real);
    assert_eq!(name_of(&mote, &served, &bundle), "trial-on-real-name");
}

#[test]
fn scope_beyond_the_blast_radius_is_refused() {
    let (mut mote, _) = stage();
    let served = mote.site(&["*.board.test"], 9000);
    let many: Vec<_> = ["a.test", "b.test", "c.test"].map(|host| mote.site(&[host], 1)).into();
    let draft = mote.draft(&many, now(), HOUR);
    let decided = mote.decide(&draft, now());
    let bundle = mote.bundle(&decided, now());
    assert_eq!(name_of(&mote, &served, &bundle), "blast-radius");
    let around = Surroundings { now: now(), footprint: Footprint { sites: 30 }, consistency: &[] };
    let bytes = bundle.to_bytes().expect("bytes");
    assert!(verify(&bytes, &mote.roots(), &Trust::default(), &around).is_ok());
}

#[test]
fn measures_that_need_more_than_host_names_are_not_enforced_wider() {
    let name = rebound(|draft| {
        draft.terms.measure = Measure::M3;
        draft.statement.measure = Measure::M3;
    });
    assert_eq!(name, "scope-of-other-measure");
}

#[test]
fn another_kind_of_entry_starts_nothing() {
    let (mut mote, site) = stage();
    let draft = mote.draft(std::slice::from_ref(&site), now(), HOUR);
    let subject = draft.terms.decision.to_string();
    let entry = mote.entry(ledger::Kind::DecisionProposed, &subject, &draft.terms, now());
    let proposed = mote.decide_with(entry, &draft);
    let bundle = mote.bundle(&proposed, now());
    assert_eq!(name_of(&mote, &site, &bundle), "not-a-decision");

    let entry = mote.entry(ledger::Kind::DecisionMade, &subject, &json!({"measure": "M5"}), now());
    let vague = mote.decide_with(entry, &draft);
    let bundle = mote.bundle(&vague, now());
    assert_eq!(name_of(&mote, &site, &bundle), "terms-unreadable");

    let entry = mote.entry(ledger::Kind::DecisionMade, "another decision", &draft.terms, now());
    let other = mote.decide_with(entry, &draft);
    let bundle = mote.bundle(&other, now());
    assert_eq!(name_of(&mote, &site, &bundle), "terms-unreadable");
}

fn with_checkpoint(bundle: &mut Bundle, change: impl Fn(&str) -> String) {
    for proof in [&mut bundle.proof, &mut bundle.policy.proof, &mut bundle.roster.proof] {
        let (path, note) = proof.split_once("\n\n").expect("a proof ends in a checkpoint");
        *proof = format!("{path}\n\n{}", change(note));
    }
}

/// The note without the lines that contain a word.
fn without(note: &str, word: &str) -> String {
    let keep = |line: &&str| !(line.starts_with('—') && line.contains(word));
    note.split_inclusive('\n').filter(keep).collect()
}

#[test]
fn a_wrong_checkpoint_is_refused() {
    type Change = fn(&str) -> String;
    let cases: [(Change, &str); 7] = [
        (|note| without(note, "test/log"), "log-did-not-sign"),
        (|note| without(note, "test/witness"), "too-few-witnesses"),
        (|note| note.replacen("wardmote.test/log\n", "else.test/log\n", 1), "log-unknown"),
        (|note| note.replacen("\n\n—", "\nextension\n\n—", 1), "checkpoint-signature-wrong"),
        (|note| format!("{note}{}\n", note.lines().last().expect("line")), "checkpoint-signed-twice"),
        (|note| format!("{note}— other.test AAAAAAA=\n"), "foreign-signature"),
        (|note| note.replacen("\n3\n", "\n4\n", 1), "not-in-log"),
    ];
    for (change, name) in cases {
        assert_eq!(tampered(|bundle| with_checkpoint(bundle, change)), name);
    }
    assert_eq!(
        tampered(|bundle| bundle.policy.proof = without(&bundle.policy.proof, "test/witness")),
        "several-checkpoints"
    );
    assert_eq!(
        tampered(|bundle| bundle.proof = bundle.proof.replacen("\nindex", "\nextra AAAA\nindex", 1)),
        "proof-with-extra-data"
    );
    assert_eq!(tampered(|bundle| bundle.proof.clear()), "proof-unreadable");
}

#[test]
fn a_rogue_log_without_the_pinned_witness_is_refused() {
    let (mote, site) = stage();
    let mut rogue = Mote::found(77, now().minus(HOUR));
    let (_, bundle) = decided(&mut rogue, &site);
    assert_eq!(name_of(&mote, &site, &bundle), "log-did-not-sign");
}

#[test]
fn cosignatures_older_than_an_hour_start_nothing() {
    for (age, expected) in [(HOUR, None), (HOUR + Duration::from_secs(1), Some("cosignatures-stale"))] {
        let (mut mote, site) = stage();
        let draft = mote.draft(std::slice::from_ref(&site), now().minus(2 * HOUR), 3 * HOUR);
        let decided = mote.decide(&draft, now().minus(2 * HOUR));
        let bundle = mote.bundle(&decided, now().minus(age)).to_bytes().expect("bytes");
        assert_eq!(outcome(&mote, mote.roots(), &site, &bundle).err(), expected, "{age:?}");
    }
    let (mut mote, site) = stage();
    let draft = mote.draft(std::slice::from_ref(&site), now(), HOUR);
    let decided = mote.decide(&draft, now());
    let ahead = now().plus(CLOCK_SKEW_MAX + Duration::from_secs(1));
    let bundle = mote.bundle(&decided, ahead);
    assert_eq!(name_of(&mote, &site, &bundle), "cosignatures-stale");
}

#[test]
fn outside_a_trial_the_operators_own_witness_does_not_count() {
    let (mut mote, site) = stage();
    let (_, bundle) = decided(&mut mote, &site);
    let bytes = bundle.to_bytes().expect("bytes");
    let ward = |roster: &Roster| {
        let mut members = roster.members().to_vec();
        for member in members.iter_mut().filter(|member| member.pseudonym.as_str() == "assessor-1") {
            member.organisation = "sworn in".to_owned();
        }
        let asked = Profile::Ward.thresholds();
        Roster::new(Profile::Ward, 1, roster.not_before(), asked, members).expect("roster")
    };
    let own = Roots::new(mote.tlog_policy().clone(), ward(mote.roster())).expect("roots");
    assert_eq!(outcome(&mote, own, &site, &bytes).err(), Some("quorum-splittable"));

    // Three of four, one of them the operator's: two outsiders and the operator are not three.
    let draft = mote.draft(std::slice::from_ref(&site), now(), HOUR);
    let decided = mote.decide(&draft, now());
    let log = mote.tlog_policy().logs()[0].key.clone();
    let outsiders = ["x.example", "y.example", "z.example"].map(|name| outsider(name, &log));
    let keys: Vec<_> = [("own", mote.tlog_policy().witnesses()[0].key.clone())]
        .into_iter()
        .chain(["x", "y", "z"].into_iter().zip(outsiders.iter().map(Witness::verifier)))
        .collect();
    let policy = TlogPolicy::threshold(log, &keys, 3).expect("policy");
    assert!(!policy.splittable());
    let note = outsiders[..2].iter().fold(mote.checkpoint(now()), cosigned);
    let bytes = mote.bundle_under(&decided, &note).to_bytes().expect("bytes");
    let roots = |roster| Roots::new(policy.clone(), roster).expect("roots");
    assert!(outcome(&mote, roots(mote.roster().clone()), &site, &bytes).is_ok(), "in a trial it counts");
    assert_eq!(outcome(&mote, roots(ward(mote.roster())), &site, &bytes).err(), Some("too-few-witnesses"));
}

fn outsider(name: &str, log: &VerifierKey) -> Witness {
    let key =
        SignerKey::for_witness(&SeededRandom::new(name.bytes().map(u64::from).sum()), name).expect("key");
    Witness::new(key, vec![log.clone()]).expect("witness")
}

fn cosigned(note: Note, witness: &Witness) -> Note {
    let request = AddCheckpoint { old_size: 0, proof: Vec::new(), checkpoint: note };
    let staged = witness.add_checkpoint(&request, Head::default(), now()).expect("a first checkpoint");
    request.checkpoint.with(staged.stored())
}

#[test]
fn another_profile_than_the_pinned_one_is_refused_even_when_witnessed() {
    let (mut mote, site) = stage();
    let draft = mote.draft(std::slice::from_ref(&site), now(), HOUR);
    let decided = mote.decide(&draft, now());
    let log = mote.tlog_policy().logs()[0].key.clone();
    let witness = outsider("outside.example", &log);
    let unwitnessed = Note::parse(&without(&mote.checkpoint(now()).to_string(), "test/witness"));
    let note = cosigned(unwitnessed.expect("note"), &witness);
    let bytes = mote.bundle_under(&decided, &note).to_bytes().expect("bytes");

    let keys = TlogPolicy::threshold(log, &[("out", witness.verifier())], 1).expect("policy");
    assert!(!keys.is_self_witnessed() && !keys.splittable());
    let trial = Roots::new(keys.clone(), mote.roster().clone()).expect("roots");
    assert!(outcome(&mote, trial, &site, &bytes).is_ok(), "an outside witness alone carries a trial too");
    let roster = mote.roster();
    let mut members = roster.members().to_vec();
    for member in members.iter_mut().filter(|member| member.pseudonym.as_str() == "assessor-1") {
        member.organisation = "sworn in".to_owned();
    }
    let full = Roster::new(Profile::Full, 1, roster.not_before(), Profile::Full.thresholds(), members);
    let roots = Roots::new(keys, full.expect("roster")).expect("roots");
    assert_eq!(outcome(&mote, roots, &site, &bytes).err(), Some("roster-not-pinned"));
}

#[test]
fn bundles_over_the_bound_are_not_read() {
    let (mote, site) = stage();
    let large = vec![b' '; crate::BUNDLE_BYTES_MAX + 1];
    assert_eq!(outcome(&mote, mote.roots(), &site, &large).err(), Some("bundle-too-long"));
    for bytes in [b"".as_slice(), b"{}", b"null", b"\xff\xfe"] {
        assert_eq!(outcome(&mote, mote.roots(), &site, bytes).err(), Some("bundle-unreadable"));
    }
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    assert_eq!(outcome(&mote, mote.roots(), &site, &deep).err(), Some("bundle-unreadable"));
}

#[test]
fn scope_lists_name_sites_and_not_only_hosts() {
    let (mut mote, site) = stage();
    let (_, mut bundle) = decided(&mut mote, &site);
    let text = String::from_utf8(bundle.to_bytes().expect("bytes")).expect("text");
    let other = SiteId::random(mote.random()).to_string();
    let changed = text.replacen(&site.id.to_string(), &other, 1);
    bundle = Bundle::parse(changed.as_bytes()).expect("still a bundle");
    assert_eq!(name_of(&mote, &site, &bundle), "scope-changed");
}
