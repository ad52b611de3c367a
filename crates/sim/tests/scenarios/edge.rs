//! Rows about what an edge checks, offline, and what it keeps to.

use ledger::checkpoint::Checkpoint;
use ledger::commitment::Sealed;
use ledger::merkle::contradicts;
use ledger::note::Note;
use ledger::{DecisionEnded, Kind};
use policy::{EndReason, Ground, LIFT_WAIT, Matrix, Measure, Territory};
use snapshot::fixture::{Decided, Draft, Mote, ORIGIN};
use snapshot::{Alarm, Applied, Bundle, Enforcement, Facts, ProvedMeasure, Roots, Site, Trust, Verdict};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{Hostname, SeededRandom, Timestamp};

const HOUR: Duration = Duration::from_secs(3_600);

pub(crate) fn now() -> Timestamp {
    Timestamp::from_secs(1_790_000_000)
}

pub(crate) fn after(span: Duration) -> Timestamp {
    now().plus(span)
}

/// An operator with two sites, and an edge of it.
pub(crate) struct Stage {
    pub(crate) mote: Mote,
    pub(crate) edge: Enforcement,
    pub(crate) sites: Vec<Site>,
    revision: u64,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let mote = Mote::found(1, now().minus(24 * HOUR));
        let sites = vec![mote.site(&["board.test", "*.board.test"], 1), mote.site(&["shop.test"], 2)];
        let edge = Enforcement::new(mote.roots(), Trust::default());
        Self { mote, edge, sites, revision: 0 }
    }

    fn draft(&self, lease: Duration) -> Draft {
        self.mote.draft(&self.sites[..1], now(), lease)
    }

    pub(crate) fn bytes(&mut self, decided: &Decided, at: Timestamp) -> Arc<[u8]> {
        self.mote.bundle(decided, at).to_bytes().expect("bytes").into()
    }

    /// A block of the first site.
    pub(crate) fn block(&mut self, lease: Duration) -> Arc<[u8]> {
        self.mote.block(&self.sites[..1], now(), lease)
    }

    pub(crate) fn apply(&mut self, bundles: &[Arc<[u8]>], at: Timestamp) -> Applied {
        self.revision += 1;
        let parcel = self.mote.parcel(self.revision, self.sites.clone(), bundles.to_vec());
        self.edge.apply(&parcel, at)
    }

    /// The refusal of a decision changed before it was signed.
    fn refused(&mut self, change: impl FnOnce(&mut Draft)) -> &'static str {
        let mut draft = self.draft(HOUR);
        change(&mut draft);
        let decided = self.mote.decide(&draft, now());
        let bytes = self.bytes(&decided, now());
        name(&self.apply(&[bytes], now()))
    }
}

fn name(applied: &Applied) -> &'static str {
    applied.refused.first().map_or("", |(_, refusal)| refusal.name())
}

pub(crate) fn blocked(applied: &Applied, host: &str, at: Timestamp) -> bool {
    let host = Hostname::parse(host).expect("host");
    matches!(applied.snapshot.evaluate(&Facts::of(&host), at), Verdict::Blocked(_))
}

fn changed(bytes: &[u8], from: &str, to: &str) -> Arc<[u8]> {
    let whole = String::from_utf8(bytes.to_vec()).expect("text");
    let other = whole.replacen(from, to, 1);
    assert_ne!(whole, other);
    other.into_bytes().into()
}

pub(crate) fn t17() {
    let mut stage = Stage::new();
    let bundle = stage.block(48 * HOUR);
    let applied = stage.apply(&[bundle], now());
    assert!(blocked(&applied, "board.test", after(48 * HOUR - Duration::from_millis(1))));
    assert!(!blocked(&applied, "board.test", after(48 * HOUR)), "with nobody doing anything");
}

fn country(code: &str) -> Option<Territory> {
    Some(code.parse().expect("a code"))
}

/// The measure that refuses visitors of a host from a country.
fn refusing<'a>(
    applied: &'a Applied,
    host: &str,
    country: Option<Territory>,
    at: Timestamp,
) -> Option<&'a Arc<ProvedMeasure>> {
    let host = Hostname::parse(host).expect("host");
    match applied.snapshot.evaluate(&Facts { country, ..Facts::of(&host) }, at) {
        Verdict::Blocked(measure) => Some(measure),
        _ => None,
    }
}

pub(crate) fn t14() {
    super::orders::carries_its_territory_alone();
    let mut stage = Stage::new();
    let mut draft = stage.mote.confirmation(&stage.draft(HOUR), Ground::Order, now(), HOUR * 24 * 90);
    (draft.terms.measure, draft.statement.measure) = (Measure::M4, Measure::M4);
    draft.terms.territories = country("AA").into_iter().collect();
    draft.bind();
    let decided = stage.mote.decide(&draft, now());
    let bundle = stage.bytes(&decided, now());
    let applied = stage.apply(&[bundle], now());
    let there = refusing(&applied, "board.test", country("AA"), now()).expect("blocked there");
    assert!(there.demand_in(country("AA")).is_some(), "451");
    for elsewhere in [country("BB"), None] {
        assert!(refusing(&applied, "board.test", elsewhere, now()).is_none(), "{elsewhere:?}");
    }
    // Without a territory it is no M4, and without an order nothing is bound to one.
    let refused = stage.refused(|draft| {
        draft.terms.territories = country("AA").into_iter().collect();
    });
    assert_eq!(refused, "scope-of-other-measure");
}

pub(crate) fn t38() {
    let mut stage = Stage::new();
    let mut neighbour = stage.mote.site(&["shop.board.test"], 3);
    neighbour.origins.clone_from(&stage.sites[0].origins);
    stage.sites.push(neighbour);
    let served = stage.sites.iter().map(|site| casework::ServedSite {
        site: site.id,
        account: site.account,
        hosts: site.hosts.clone(),
        origins: site.origins.iter().map(|origin| format!("{}:{}", origin.host, origin.port)).collect(),
    });
    let served = served.collect::<Vec<_>>();
    let scope = [(stage.sites[0].id, stage.sites[0].hosts.clone())].into();
    let seen = casework::preview(&scope, BTreeSet::new(), &served);
    let [near] = &seen.neighbours[..] else { panic!("{seen:?}") };
    assert_eq!((near.site, seen.other_customers), (stage.sites[2].id, 1));
    assert_eq!(near.shares, [casework::Shared::Wildcard, casework::Shared::Origin].into());
    let mut draft = stage.draft(HOUR);
    let mut listed = draft.scope.sites().to_vec();
    listed[0].except.clone_from(&seen.hits[0].except);
    draft.scope = policy::Scope::new(policy::Salt::from_bytes([3; 32]), listed).expect("a scope");
    draft.bind();
    let decided = stage.mote.decide(&draft, now());
    let bundle = stage.bytes(&decided, now());
    let applied = stage.apply(&[bundle], now());
    for (host, expected) in [("board.test", true), ("x.board.test", true), ("shop.board.test", false)] {
        assert_eq!(blocked(&applied, host, now()), expected, "{host}");
    }
    // The neighbour goes, and its name falls to the site in scope: nothing of that one is open by another's exception.
    stage.sites.pop();
    let bundle = stage.bytes(&decided, now());
    let applied = stage.apply(&[bundle], now());
    assert!(blocked(&applied, "shop.board.test", now()));
}

pub(crate) fn t56() {
    super::orders::ratifies_its_territory_alone();
    let mut stage = Stage::new();
    let draft = stage.draft(48 * HOUR);
    let made = stage.mote.decide(&draft, now());
    let bundle = stage.bytes(&made, now());
    stage.apply(&[bundle], now());
    let late = after(40 * HOUR);
    let mut confirmed = stage.mote.confirmation(&draft, Ground::Order, late, 14 * 24 * HOUR);
    confirmed.terms.territories = country("AA").into_iter().collect();
    confirmed.bind();
    let ratified = stage.mote.ratify(&made, &confirmed, late);
    let bundle = stage.bytes(&ratified, late);
    let applied = stage.apply(&[bundle], late);
    for (place, at, expected) in [
        ("AA", after(47 * HOUR), Some(true)),
        ("BB", after(47 * HOUR), Some(false)),
        ("AA", after(48 * HOUR), Some(true)),
        ("BB", after(48 * HOUR), None),
    ] {
        let by_demand = refusing(&applied, "board.test", country(place), at)
            .map(|measure| measure.demand_in(country(place)).is_some());
        assert_eq!(by_demand, expected, "{place} {at}");
    }
    assert!(refusing(&applied, "board.test", None, after(48 * HOUR)).is_none(), "an unknown place is open");
}

pub(crate) fn t18() {
    let mut stage = Stage::new();
    let draft = stage.draft(48 * HOUR);
    let made = stage.mote.decide(&draft, now());
    let bundle = stage.bytes(&made, now());
    stage.apply(&[bundle], now());
    let late = after(48 * HOUR - Duration::from_secs(1));
    let confirmed = stage.mote.confirmation(&draft, Ground::Order, late, 14 * 24 * HOUR);
    let ratified = stage.mote.succeed(&made, (Kind::DecisionRatified, &confirmed), "legal-1", late);
    let bundle = stage.bytes(&ratified, late);
    let applied = stage.apply(&[bundle], late);
    // A demand is what makes the edge answer 451 instead of 403, with the same decision id.
    let measure = &applied.snapshot.measures()[0];
    assert_eq!((measure.id(), measure.demand().is_some()), (draft.terms.decision, true));
    assert!(blocked(&applied, "board.test", after(49 * HOUR)), "one chain, without a gap");
}

pub(crate) fn t19() {
    let lifted = |by: &[&str]| {
        let mut stage = Stage::new();
        let draft = stage.draft(48 * HOUR);
        let made = stage.mote.decide(&draft, now());
        let bundle = stage.bytes(&made, now());
        stage.apply(&[bundle], now());
        let (decision, because) = (draft.terms.decision, EndReason::Mistaken);
        let said = DecisionEnded { decision, effective: after(LIFT_WAIT), because };
        let ended = stage.mote.end(&made, Kind::DecisionLifted, &said, by, now());
        let bundle = stage.bytes(&ended, now());
        let applied = stage.apply(&[bundle], now());
        [LIFT_WAIT - Duration::from_secs(1), LIFT_WAIT]
            .map(|wait| blocked(&applied, "board.test", after(wait)))
    };
    assert_eq!(lifted(&["legal-1"]), [true, true], "one officer lifts nothing");
    assert_eq!(lifted(&["legal-1", "assessor-1"]), [true, false], "two do, after the wait");
}

pub(crate) fn t35() {
    let mut stage = Stage::new();
    let draft = stage.draft(48 * HOUR);
    let made = stage.mote.decide(&draft, now());
    let bundle = stage.bytes(&made, now());
    stage.apply(&[bundle], now());
    let said = DecisionEnded {
        decision: draft.terms.decision,
        effective: after(HOUR),
        because: EndReason::Overturned,
    };
    let ended = stage.mote.end(&made, Kind::DecisionReversed, &said, &["reviewer-1"], after(HOUR));
    let bundle = stage.bytes(&ended, after(HOUR));
    let applied = stage.apply(&[bundle], after(HOUR));
    assert!(!blocked(&applied, "board.test", after(HOUR)));
}

pub(crate) fn t21() {
    let mut stage = Stage::new();
    assert_eq!(stage.refused(|draft| draft.approvers.truncate(1)), "too-few-approvals");
    let (doubled, before) = ("assessor-1".to_owned(), stage.draft(HOUR));
    let twice = |draft: &mut Draft| draft.approvers = vec![doubled.clone(), doubled];
    assert_eq!(before.approvers.len(), 2);
    assert_eq!(stage.refused(twice), "same-key-twice");
    // The log's key without its witness.
    let bundle = stage.block(HOUR);
    let mut alone = Bundle::parse(&bundle).expect("bundle");
    for proof in [&mut alone.proof, &mut alone.policy.proof, &mut alone.roster.proof] {
        let kept: Vec<&str> = proof.split_inclusive('\n').filter(|line| !line.contains("/witness")).collect();
        *proof = kept.concat();
    }
    let alone: Arc<[u8]> = alone.to_bytes().expect("bytes").into();
    assert_eq!(name(&stage.apply(&[alone], now())), "too-few-witnesses");
    // Another log altogether.
    let mut rogue = Mote::found(2, now().minus(24 * HOUR));
    let foreign = rogue.block(&stage.sites[..1], now(), HOUR);
    assert!(!name(&stage.apply(&[foreign], now())).is_empty());
}

/// Two pasts that are the same up to the first decision, then differ.
fn fork() -> (Stage, Stage, Decided) {
    let (mut stage, mut fork) = (Stage::new(), Stage::new());
    let draft = stage.draft(2 * HOUR);
    let decided = stage.mote.decide(&draft, now());
    let same = fork.draft(2 * HOUR);
    fork.mote.decide(&same, now());
    for (n, stage) in [(1, &mut stage), (2, &mut fork)] {
        for day in 0..2 {
            let public = serde_json::json!({"cases": n, "day": day});
            let entry = stage.mote.entry(Kind::CountDaily, "counts", &public, now());
            stage.mote.log(entry);
        }
    }
    (stage, fork, decided)
}

pub(crate) fn t22() {
    // The same size: another root. Another size: the fork's own proof of its growth gives it away.
    for more in [0, 2] {
        let (mut stage, mut fork, decided) = fork();
        let honest = stage.bytes(&decided, now());
        let first = stage.apply(std::slice::from_ref(&honest), now());
        assert!(blocked(&first, "board.test", now()));
        for _ in 0..more {
            let entry = fork.mote.entry(Kind::CountDaily, "counts", &serde_json::json!({}), now());
            fork.mote.log(entry);
        }
        let draft = fork.mote.draft(&fork.sites[1..], now(), HOUR);
        // At the same size nothing new can stand in the tree; the running decision comes under it again.
        let other = if more == 0 {
            fork.bytes(&decided, now())
        } else {
            let decided = fork.mote.decide(&draft, now());
            fork.bytes(&decided, now())
        };
        stage.revision += 1;
        let parcel = fork.mote.parcel(stage.revision, stage.sites.clone(), vec![honest.clone(), other]);
        let applied = stage.edge.apply(&parcel, now());
        assert!(applied.alarms.contains(&Alarm::SplitView), "{more}: {:?}", applied.refused);
        let found: Vec<_> = stage.edge.trust().contradictions().collect();
        let sizes = [&found[0].first, &found[0].second]
            .map(|note| Checkpoint::parse(Note::parse(note).expect("note").text()).expect("head").size);
        assert_eq!(sizes[0] == sizes[1], more == 0);
        assert!(blocked(&applied, "board.test", now()) && !blocked(&applied, "shop.test", now()));
        let next = stage.mote.block(&stage.sites[1..], now(), HOUR);
        assert_eq!(name(&stage.apply(&[honest, next], now())), "log-frozen");
    }
    // A proof that fits nothing shows nothing.
    let root = vocabulary::Digest::of(b"root");
    assert!(!contradicts(5, &root, 7, &root, &[root; 4]));
}

pub(crate) fn t23() {
    let mut stage = Stage::new();
    let first = stage.draft(2 * HOUR);
    let first = stage.mote.decide(&first, now());
    let old = stage.mote.checkpoint(now());
    let draft = stage.mote.draft(&stage.sites[1..], now(), HOUR);
    let second = stage.mote.decide(&draft, now());
    let newer = stage.bytes(&second, now());
    stage.apply(std::slice::from_ref(&newer), now());
    let older = stage.mote.bundle_under(&first, &old).to_bytes().expect("bytes");
    assert_eq!(name(&stage.apply(&[newer, older.into()], now())), "older-tree");
}

pub(crate) fn t24() {
    let mut stage = Stage::new();
    let bundle = stage.block(HOUR);
    let other = changed(&bundle, "the counted items", "the counted itemz");
    assert_eq!(name(&stage.apply(&[other], now())), "scope-changed");
}

pub(crate) fn t25() {
    let mut stage = Stage::new();
    let bundle = stage.block(48 * HOUR);
    stage.apply(std::slice::from_ref(&bundle), now());
    let stored = stage.edge.trust().to_bytes().expect("bytes");
    stage.edge = Enforcement::new(stage.mote.roots(), Trust::parse(&stored).expect("trust"));
    let back = stage.apply(&[bundle], after(50 * HOUR));
    assert!(!blocked(&back, "board.test", after(50 * HOUR)) && back.applied.is_empty());
}

pub(crate) fn t32() {
    let fields = [("reporter", "a neighbour"), ("place", "x"), ("count", "3")];
    let fields = fields.map(|(name, value)| (name.to_owned(), serde_json::json!(value)));
    let sealed = Sealed::new(&SeededRandom::new(1), fields).expect("sealed");
    let disclosure = sealed.disclose(&["count", "place"]).expect("disclosure");
    let opened = disclosure.verify(&sealed.root().expect("root")).expect("holds");
    assert_eq!(opened.len(), 2);
    let text = serde_json::to_string(&disclosure).expect("text");
    assert!(!text.contains("neighbour") && !text.contains("reporter"), "{text}");
    assert!(disclosure.verify(&vocabulary::Digest::of(b"another root")).is_err());
}

pub(crate) fn t39() {
    let text = policy::default_policy_text().replacen("version 1", "version 2", 1);
    for (days, expected) in [(14, "policy-too-new"), (15, "")] {
        let mut stage = Stage::new();
        stage.mote = Mote::found(1, now().minus(30 * 24 * HOUR));
        stage.edge = Enforcement::new(stage.mote.roots(), Trust::default());
        stage.mote.publish_policy(&text, now().minus(days * 24 * HOUR));
        let bundle = stage.block(HOUR);
        assert_eq!(name(&stage.apply(&[bundle], now())), expected, "{days}");
    }
}

pub(crate) fn t44() {
    let looser = policy::default_policy_text().replace("H  emergency        48h", "H  emergency        49h");
    assert!(Matrix::parse(&looser).is_err());
    let mut stage = Stage::new();
    stage.mote.publish_policy(&looser, now().minus(23 * HOUR));
    let bundle = stage.block(HOUR);
    assert_eq!(name(&stage.apply(std::slice::from_ref(&bundle), now())), "policy-looser-than-floor");
    let (tlog_policy, roster) = (stage.mote.tlog_policy(), Some(stage.mote.roster()));
    let audit = snapshot::audit(&bundle, snapshot::AuditKeys::Pinned { tlog_policy, roster }, now());
    assert!(!audit.holds());
}

pub(crate) fn t47() {
    let script = sim::Script { ending: sim::Ending::Order, seed: 9, without_referral: false };
    let told = sim::timeline(script).expect("a story");
    let mut stage = Stage::new();
    let of_drill = told.files.iter().filter(|(path, _)| path.starts_with("decisions/"));
    let bundles: Vec<Arc<[u8]>> = of_drill.map(|(_, bytes)| bytes.clone().into()).collect();
    let applied = stage.apply(&bundles, told.lines[0].0);
    assert!(!bundles.is_empty() && applied.applied.is_empty());
    assert!(applied.refused.iter().all(|(_, refusal)| refusal.name() == "log-unknown"));
}

pub(crate) fn t50() {
    let mut stage = Stage::new();
    let bundle = stage.block(HOUR);
    let skew = Duration::from_secs(300);
    // Two edges whose clocks differ by five minutes: each ends when its own clock says so, on the dot.
    for clock in [now(), after(skew)] {
        let mut edge = Enforcement::new(stage.mote.roots(), Trust::default());
        let parcel = stage.mote.parcel(1, stage.sites.clone(), vec![bundle.clone()]);
        let applied = edge.apply(&parcel, clock);
        assert!(blocked(&applied, "board.test", after(HOUR - Duration::from_millis(1))));
        assert!(!blocked(&applied, "board.test", after(HOUR)));
    }
}

pub(crate) fn t51() {
    let mut stage = Stage::new();
    let bundle = stage.block(HOUR);
    let other = Mote::found(5, now().minus(24 * HOUR));
    let grown = Roots::new(stage.mote.tlog_policy().clone(), other.roster().clone()).expect("roots");
    stage.edge = Enforcement::new(grown, Trust::default());
    assert_eq!(name(&stage.apply(&[bundle], now())), "roster-not-pinned");
    assert!(stage.edge.trust().size_of(ORIGIN).is_none());
}

pub(crate) fn t58() {
    let mut stage = Stage::new();
    let bundle = stage.block(HOUR);
    let id = stage.apply(&[bundle], now()).applied[0];
    let omitted = stage.apply(&[], after(Duration::from_secs(60)));
    assert_eq!(omitted.alarms, [Alarm::Omitted(id)]);
    assert!(blocked(&omitted, "board.test", after(Duration::from_secs(60))));
}
