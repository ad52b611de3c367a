use super::*;
use crate::fixture::{Decided, Mote};
use crate::{Bundle, Enforcement, Site, Surroundings, Trust, verify};
use ledger::note::Note;
use ledger::tlog_proof::TlogProof;
use policy::{Footprint, Member};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

fn now() -> Timestamp {
    Timestamp::from_secs(1_790_000_000)
}

/// A log with rosters, the pinned one first, and the place of each.
struct Changing {
    mote: Mote,
    site: Site,
    rosters: Vec<(Roster, u64)>,
}

impl Changing {
    fn found() -> Self {
        let mote = Mote::found(1, now().minus(30 * DAY));
        let roster = mote.roster().clone();
        let published = mote.entries().iter().position(|entry| entry.body.kind == Kind::RosterChanged);
        let place = u64::try_from(published.expect("the founding roster")).expect("a small log");
        let site = mote.site(&["a.test"], 1);
        Self { mote, site, rosters: vec![(roster, place)] }
    }

    /// Logs the next roster, which acts at an instant.
    fn change(&mut self, members: Vec<Member>, acts: Timestamp, by: &[&str], at: Timestamp) -> Roster {
        let old = self.rosters.last().expect("one").0.clone();
        let new = Roster::new(old.profile(), old.serial() + 1, acts, old.thresholds(), members);
        let new = new.expect("a roster");
        let tlog_policy = self.mote.tlog_policy().to_string();
        let said = RosterChanged { serial: new.serial(), sha256: new.hash(), tlog_policy };
        let mut entry = self.mote.entry(Kind::RosterChanged, RosterChanged::SUBJECT, &said, at);
        let body = entry.body.to_bytes().expect("bytes");
        entry.approvals = by.iter().map(|name| self.mote.officer(name).approve(&body)).collect();
        let place = self.mote.log(entry);
        self.rosters.push((new.clone(), place));
        new
    }

    /// A decision under a roster, proposed and signed at an instant.
    fn decide(&mut self, roster: &Roster, by: &[&str], at: Timestamp) -> Decided {
        let mut draft = self.mote.draft(std::slice::from_ref(&self.site), at, 24 * HOUR);
        draft.terms.roster = roster.hash();
        draft.approvers = by.iter().map(|name| (*name).to_owned()).collect();
        draft.bind();
        self.mote.decide(&draft, at)
    }

    fn document(&self, (roster, place): &(Roster, u64), checkpoint: &Note) -> Document {
        let tree = self.mote.tree();
        let hashes = tree.inclusion(*place, tree.size()).expect("it was logged");
        let proof = TlogProof { extra: None, index: *place, hashes, checkpoint: checkpoint.clone() };
        Document {
            document: String::from_utf8(roster.to_bytes()).expect("text"),
            entry: self.mote.entries()[usize::try_from(*place).expect("small")].clone(),
            proof: proof.to_string(),
        }
    }

    /// The bundle of a decision with the first so many rosters, made under the one of this place in the list.
    fn bundle(&mut self, decided: &Decided, under: usize, shown: usize) -> Bundle {
        let checkpoint = self.mote.checkpoint(now());
        let mut bundle = self.mote.bundle_under(decided, &checkpoint);
        let documents: Vec<Document> =
            self.rosters[..shown].iter().map(|one| self.document(one, &checkpoint)).collect();
        for (place, document) in documents.into_iter().enumerate() {
            if place == under {
                bundle.roster = document;
            } else {
                bundle.rosters.push(document);
            }
        }
        bundle
    }

    fn judged(&self, bundle: &Bundle) -> Result<(), &'static str> {
        let around = Surroundings { now: now(), footprint: Footprint { sites: 1 }, consistency: &[] };
        let bytes = bundle.to_bytes().expect("bytes");
        verify(&bytes, &self.mote.roots(), &Trust::default(), &around).map(drop).map_err(|why| why.name())
    }
}

/// All members and one more, whose key nobody here has.
fn one_more(roster: &Roster) -> Vec<Member> {
    let other = Mote::found(2, now()).roster().members()[0].clone();
    let pseudonym = "auditor-1".parse().expect("a name");
    let mut members = roster.members().to_vec();
    members.push(Member { pseudonym, role: policy::Role::Auditor, ..other });
    members
}

fn without(roster: &Roster, pseudonym: &str) -> Vec<Member> {
    let stays = |member: &&Member| member.pseudonym.as_str() != pseudonym;
    roster.members().iter().filter(stays).cloned().collect()
}

const QUORUM: [&str; 2] = ["assessor-1", "duty-officer-1"];

#[test]
fn an_edge_follows_a_roster_that_the_old_quorum_signed_from_its_day_on() {
    let old = Changing::found().rosters[0].0.clone();
    let more = one_more(&old);
    for (since, under, expected) in [
        (8 * DAY, 1, Ok(())),
        // Under the old one, after the new one acts; under the new one, before it does.
        (8 * DAY, 0, Err("roster-not-in-force")),
        (6 * DAY, 1, Err("roster-not-in-force")),
        (6 * DAY, 0, Ok(())),
    ] {
        let mut log = Changing::found();
        let at = now().minus(since);
        log.change(more.clone(), at.plus(policy::ROSTER_NOTICE), &QUORUM, at);
        let roster = log.rosters[under].0.clone();
        let decided = log.decide(&roster, &QUORUM, now());
        let bundle = log.bundle(&decided, under, 2);
        assert_eq!(log.judged(&bundle), expected, "{since:?} {under}");
    }
}

#[test]
fn a_roster_without_the_old_quorum_before_its_time_or_out_of_line_is_refused() {
    let at = now().minus(10 * DAY);
    let notice = policy::ROSTER_NOTICE;
    for (by, after, expected) in [
        (&["assessor-1"][..], notice, "too-few-approvals"),
        (&["assessor-1", "assessor-2"][..], notice, "too-few-roles"),
        (&["assessor-1", "reviewer-1"][..], notice, "role-may-not-decide"),
        (&QUORUM[..], notice - HOUR, "not-a-successor"),
    ] {
        let mut log = Changing::found();
        let members = one_more(&log.rosters[0].0);
        let new = log.change(members, at.plus(after), by, at);
        let decided = log.decide(&new, &QUORUM, now());
        let bundle = log.bundle(&decided, 1, 2);
        assert_eq!(log.judged(&bundle), Err(expected));
    }
    // Without the pinned one nothing leads to the new one.
    let mut log = Changing::found();
    let members = one_more(&log.rosters[0].0);
    let new = log.change(members, at.plus(notice), &QUORUM, at);
    let decided = log.decide(&new, &QUORUM, now());
    let mut bundle = log.bundle(&decided, 1, 2);
    bundle.rosters.clear();
    assert_eq!(log.judged(&bundle), Err("roster-not-pinned"));
}

#[test]
fn a_key_that_was_taken_away_signs_nothing_more_whatever_date_it_writes() {
    let mut log = Changing::found();
    let old = log.rosters[0].0.clone();
    let taken = now().minus(HOUR);
    let fewer = without(&old, "assessor-2");
    let new = log.change(fewer, taken, &QUORUM, taken);
    let lost = ["assessor-2", "duty-officer-1"];
    let after = log.decide(&new, &lost, now());
    let bundle = log.bundle(&after, 1, 2);
    assert_eq!(log.judged(&bundle), Err("key-removed"));
    // Dated back to before it was taken away, and logged after.
    let backdated = log.decide(&old, &lost, taken.minus(HOUR));
    let bundle = log.bundle(&backdated, 0, 2);
    assert_eq!(log.judged(&bundle), Err("key-removed"));
    let right = log.decide(&new, &QUORUM, now());
    let bundle = log.bundle(&right, 1, 2);
    assert_eq!(log.judged(&bundle), Ok(()));
}

#[test]
fn who_has_seen_a_roster_is_not_shown_fewer_again() {
    let mut log = Changing::found();
    let old = log.rosters[0].0.clone();
    let at = now().minus(HOUR);
    let new = log.change(without(&old, "assessor-2"), at, &QUORUM, at);
    let mut edge = Enforcement::new(log.mote.roots(), Trust::default());
    let right = log.decide(&new, &QUORUM, now());
    let shown = log.bundle(&right, 1, 2).to_bytes().expect("bytes");
    let parcel = log.mote.parcel(1, vec![log.site.clone()], vec![shown.clone().into()]);
    assert!(edge.apply(&parcel, now()).refused.is_empty());
    let stored = Trust::parse(&edge.trust().to_bytes().expect("bytes")).expect("trust");
    let mut edge = Enforcement::new(log.mote.roots(), stored);
    let hidden = log.decide(&old, &["assessor-2", "duty-officer-1"], at.minus(HOUR));
    let hidden = log.bundle(&hidden, 0, 1).to_bytes().expect("bytes");
    let parcel = log.mote.parcel(2, vec![log.site.clone()], vec![hidden.into()]);
    let refused: Vec<_> = edge.apply(&parcel, now()).refused.into_iter().map(|(_, why)| why.name()).collect();
    assert_eq!(refused, ["older-rosters"]);
}
