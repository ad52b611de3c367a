//! Seeded runs: people, authorities, log and edge do anything in any order, with faults at every step.
//!
//! Faults: a death between the log and the record of it, mail that is lost, an authority that stays
//! silent or orders late, two people at once, bundles that are lost, damaged, left out or old, an edge
//! that starts again. What the domain refuses is no failure; an invariant that breaks is.

use crate::desk::{fresh, paragraphs};
use crate::invariants::{World, check};
use crate::operator::{Broken, Operator, broken};
use casework::{
    Addressee, Against, Answer, Appeal, AppealOutcome, Appellant, Basis, Case, Continuation, Credibility,
    Decision, DecisionState, ItemOutcome, Order, Outcome, ReferralState, Review,
};
use ledger::Kind;
use policy::{EndReason, Territory};
use snapshot::Snapshot;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{AppealId, DecisionId, EvidenceId, FindingId, SeededRandom, Timestamp};

/// Steps of one run.
const STEPS: usize = 120;
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const SIGNERS: [&str; 5] = ["assessor-1", "assessor-2", "legal-1", "duty-officer-1", "reviewer-1"];

/// A mistake planted to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// None.
    Nothing,
    /// One officer's approval counts twice.
    ApprovalTwice,
    /// A lapse is logged one tick late.
    LapseLate,
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Run {
    /// Decisions that reached the log.
    pub logged: usize,
    /// Of these, ratified.
    pub ratified: usize,
    /// Of these, ended before their time.
    pub ended: usize,
    /// Of these, lapsed.
    pub lapsed: usize,
    /// Steps that the domain refused.
    pub refused: usize,
}

/// Runs one seed; an invariant that broke is the error, with its step.
pub fn simulate(seed: u64, planted: Planted) -> Result<Run, Broken> {
    let now: Timestamp = "2022-08-20T06:00:00.000Z".parse().map_err(broken)?;
    let operator = Operator::found(seed, now)?;
    let case = operator.open_case(operator.sites[0].account, "calls for violence")?;
    let mut run = Running {
        dice: SeededRandom::new(seed ^ 0xd1ce),
        operator,
        case,
        findings: Vec::new(),
        decisions: Vec::new(),
        orders: Vec::new(),
        snapshot: Arc::new(Snapshot::default()),
        old: Vec::new(),
        planted,
        run: Run::default(),
        broken: None,
    };
    for step in 0..STEPS {
        if run.step().is_err() {
            run.run.refused += 1;
        }
        run.recover()?;
        run.check().map_err(|why| broken(format!("seed {seed}, step {step}: {why}")))?;
    }
    run.operator.audit().map_err(|why| broken(format!("seed {seed}, at the end: {why}")))?;
    Ok(run.run)
}

struct Running {
    dice: SeededRandom,
    operator: Operator,
    case: Case,
    findings: Vec<FindingId>,
    decisions: Vec<Decision>,
    /// Orders that were accepted; some were taken back.
    orders: Vec<Order>,
    snapshot: Arc<Snapshot>,
    /// Bundles that were sent before.
    old: Vec<Arc<[u8]>>,
    planted: Planted,
    run: Run,
    broken: Option<String>,
}

impl Running {
    fn roll(&self, below: u8) -> u8 {
        let [one]: [u8; 1] = fresh(&self.dice);
        one % below
    }

    fn step(&mut self) -> Result<(), Broken> {
        match self.roll(16) {
            0 | 1 => self.time(),
            2 => self.item(),
            3 | 4 => self.authority(),
            5 | 6 => self.facts(),
            7 => self.everything(),
            8 => self.propose(),
            9 | 10 => self.approve(),
            11 => self.hand_in(),
            12 => self.ratify(),
            13 => self.end(),
            _ => self.deliver(),
        }
    }

    fn check(&self) -> Result<(), Broken> {
        if let Some(why) = &self.broken {
            return Err(broken(why));
        }
        check(&World {
            operator: &self.operator,
            cases: std::slice::from_ref(&self.case),
            decisions: &self.decisions,
            orders: &self.orders,
            snapshot: &self.snapshot,
        })
    }

    fn time(&mut self) -> Result<(), Broken> {
        let span = match self.roll(4) {
            0 => MINUTE,
            1 => HOUR,
            2 => HOUR * 7,
            _ => HOUR * 30,
        };
        self.operator.pass(span);
        Ok(())
    }

    fn item(&mut self) -> Result<(), Broken> {
        let number = self.findings.len();
        let posted = self.operator.now.minus(MINUTE * u32::from(self.roll(60)));
        let author = format!("user {}", self.roll(4));
        let id = self.operator.capture(
            &mut self.case,
            &format!("https://board.test/{number}"),
            &author,
            posted,
        )?;
        let judged = if self.roll(4) > 0 { Credibility::Credible } else { Credibility::NotCredible };
        self.operator.rate(&mut self.case, id, judged)?;
        self.findings.push(id);
        Ok(())
    }

    /// One step of one referral: sent, delivered or lost, answered in whatever way, or silent.
    fn authority(&mut self) -> Result<(), Broken> {
        if self.case.referrals.len() < 3 {
            let to = match self.case.referrals.len() {
                0 => Addressee::Fallback,
                1 => Addressee::Jurisdiction("AA".parse().map_err(broken)?),
                _ => Addressee::Jurisdiction("BB".parse().map_err(broken)?),
            };
            return self.operator.refer(&mut self.case, to, "A desk").map(drop);
        }
        if self.roll(12) == 0 {
            return self.take_back();
        }
        let place = usize::from(self.roll(3));
        let id = self.case.referrals[place].id;
        let answer = match self.roll(4) {
            0 => Answer::Order,
            1 => Answer::NonObjection,
            2 => Answer::Request,
            _ => Answer::NoJurisdiction,
        };
        let (operator, case) = (&self.operator, &mut self.case);
        if let (Answer::Order, Addressee::Jurisdiction(territory), ReferralState::Delivered { .. }) =
            (&answer, case.referrals[place].addressee.clone(), &case.referrals[place].state)
        {
            self.orders.push(operator.ordered(case, id, territory)?);
            return Ok(());
        }
        match case.referrals[place].state {
            ReferralState::Sent { .. } => operator.delivered(case, id),
            _ => operator.answered(case, id, answer).or_else(|_| operator.second_channel(case, id)),
        }
    }

    fn facts(&mut self) -> Result<(), Broken> {
        let concerned = self.operator.concerned(["AA", "BB"])?;
        self.operator.facts(&mut self.case, concerned)?;
        let evidence = EvidenceId::random(&self.operator.random);
        let failed = Outcome::Failed { reposted_at: self.operator.now, evidence };
        self.operator.lesser(&mut self.case, failed)?;
        let told = self.operator.now.minus(HOUR * u32::from(self.roll(3)));
        let outcome = match self.roll(6) {
            0 => ItemOutcome::Removed { at: self.operator.now },
            _ => ItemOutcome::StillUp,
        };
        self.operator.conduct(&mut self.case, (&self.findings, told), None, outcome)
    }

    /// Everybody does everything at once: what a run needs to come to a decision within its steps.
    fn everything(&mut self) -> Result<(), Broken> {
        self.item()?;
        self.item()?;
        for _ in 0..8 {
            // What an authority refuses to do twice is no matter here.
            let _ = self.authority();
        }
        self.operator.pass(HOUR * 2);
        self.facts()?;
        self.propose()?;
        for _ in 0..4 {
            let _ = self.approve();
        }
        self.hand_in()?;
        self.deliver()
    }

    fn propose(&mut self) -> Result<(), Broken> {
        let lease = HOUR * (1 + u32::from(self.roll(50)));
        let earlier: Vec<&Decision> = self.decisions.iter().collect();
        let decision = self.operator.propose(&self.case, lease, &earlier)?;
        self.decisions.push(decision);
        Ok(())
    }

    /// Somebody signs whatever waits; perhaps the same person as before, perhaps another at once.
    fn approve(&mut self) -> Result<(), Broken> {
        let by = SIGNERS[usize::from(self.roll(5))];
        let open = |decision: &Decision| {
            decision.pending.is_some()
                || matches!(decision.state, DecisionState::Proposed | DecisionState::Approving { .. })
        };
        let place = self.decisions.iter().rposition(open).ok_or_else(|| broken("nothing waits"))?;
        let decision = self.decisions[place].clone();
        let earlier: Vec<&Decision> = self.decisions.iter().collect();
        self.decisions[place] = if decision.pending.is_some() {
            self.operator.countersign(decision, &self.case, by)?
        } else {
            self.operator.approve(decision, &self.case, by, &earlier)?
        };
        Ok(())
    }

    /// Whatever is ready goes into the log; the process may die before it has written that down.
    fn hand_in(&mut self) -> Result<(), Broken> {
        for place in 0..self.decisions.len() {
            let decision = self.decisions[place].clone();
            if self.planted == Planted::ApprovalTwice && self.twice(place)? {
                return Ok(());
            }
            let dies = self.roll(3) == 0;
            let next = if decision.pending.is_some() {
                let order = self.order_behind(&decision);
                self.operator.log_following(decision, (&self.case, order.as_ref()))
            } else if matches!(decision.state, DecisionState::Approving { .. }) {
                let earlier: Vec<Decision> = self.decisions.clone();
                let earlier: Vec<&Decision> = earlier.iter().collect();
                self.operator.log(decision, &self.case, &earlier)
            } else {
                continue;
            };
            match next {
                Ok(next) if !dies => self.decisions[place] = next,
                _ => {}
            }
        }
        Ok(())
    }

    /// The planted mistake: a lone approval is doubled and handed in without asking whether it suffices.
    fn twice(&mut self, place: usize) -> Result<bool, Broken> {
        let DecisionState::Approving { approvals } = self.decisions[place].state.clone() else {
            return Ok(false);
        };
        let doubled = [approvals.clone(), approvals].concat();
        let body = self.decisions[place].body.clone();
        self.decisions[place].state = DecisionState::Approving { approvals: doubled.clone() };
        self.operator.seal(&body, &doubled)?;
        Ok(true)
    }

    /// The reconcilers' pass: what the log holds is found again, published, lapsed, finished.
    fn recover(&mut self) -> Result<(), Broken> {
        for place in 0..self.decisions.len() {
            let mut decision = self.decisions[place].clone();
            if let Some(logged) = self.found(&decision)? {
                decision = match decision.pending.is_some() {
                    true => decision.follow_found(logged).map_err(broken)?,
                    false => decision.log_found(logged).map_err(broken)?,
                };
            }
            if matches!(decision.state, DecisionState::Logged { .. }) {
                let (published, bundle) = self.operator.publish(decision)?;
                self.old.push(bundle);
                decision = published;
            }
            self.decisions[place] = self.over(decision)?;
        }
        self.count();
        Ok(())
    }

    /// Where the log holds what a decision waits for.
    fn found(&self, decision: &Decision) -> Result<Option<casework::Logged>, Broken> {
        let body = match (&decision.pending, &decision.state) {
            (Some(pending), _) => &pending.body,
            (None, DecisionState::Approving { .. }) => &decision.body,
            _ => return Ok(None),
        };
        for (index, entry) in self.operator.entries().iter().enumerate() {
            if entry.body.subject == decision.id.to_string()
                && entry.body.to_bytes().map_err(broken)? == body.as_bytes()
            {
                let leaf = entry.leaf_hash().map_err(broken)?;
                return Ok(Some(casework::Logged { index: index as u64, leaf, at: self.operator.now }));
            }
        }
        Ok(None)
    }

    fn over(&mut self, decision: Decision) -> Result<Decision, Broken> {
        let now = self.operator.now;
        if now < decision.terms.expires {
            return Ok(decision);
        }
        match decision.state {
            DecisionState::Proposed | DecisionState::Approving { .. } => decision.expire(now).map_err(broken),
            DecisionState::Published { .. } | DecisionState::InForce { .. } => {
                if self.planted == Planted::LapseLate {
                    let expires = decision.terms.expires.plus(Duration::from_millis(1));
                    let public = ledger::DecisionLapsed { decision: decision.id, expires };
                    let logged =
                        self.operator.record(Kind::DecisionLapsed, &decision.id.to_string(), &public)?;
                    return decision.lapse(logged, now).map_err(broken);
                }
                self.operator.lapse(decision)
            }
            DecisionState::Ended { .. } => decision.finish(now).map_err(broken),
            _ => Ok(decision),
        }
    }

    fn ratify(&mut self) -> Result<(), Broken> {
        let place = self.acting()?;
        let by = SIGNERS[usize::from(self.roll(5))];
        let order = self.orders.last().filter(|_| self.roll(2) == 0).cloned();
        let basis = match &order {
            Some(order) => Basis::Order(order.id),
            None => Basis::Reviewer(self.operator.officer("reviewer-1")?),
        };
        let demand = basis.order().map(|_| self.operator.demand());
        let decision = self.decisions[place].clone();
        let territories = self.territories(order.as_ref())?;
        let asked = Continuation { lease: HOUR * 24 * 14, demand, territories };
        let (setting, officer) = (self.operator.setting(), self.operator.officer(by)?);
        let now = self.operator.now;
        let footing = (&self.case, order.as_ref());
        let follow_up = if decision.former.is_empty() {
            decision.ratification(footing, (basis, asked), &officer, &setting, now)
        } else {
            decision.renewal(footing, asked, &setting, now)
        };
        self.decisions[place] = self.operator.follow(decision, follow_up.map_err(broken)?, by)?;
        for signer in ["assessor-2", "legal-1", "reviewer-1"] {
            let decision = self.decisions[place].clone();
            if let Ok(next) = self.operator.countersign(decision, &self.case, signer) {
                self.decisions[place] = next;
            }
        }
        // Mostly the reconciler looks before somebody puts an end up in its place.
        if self.roll(4) > 0 { self.hand_in() } else { Ok(()) }
    }

    /// Where the order acts, or sometimes, by mistake, everywhere.
    fn territories(&self, order: Option<&Order>) -> Result<BTreeSet<Territory>, Broken> {
        let Some(order) = order.filter(|_| self.roll(8) > 0) else { return Ok(BTreeSet::new()) };
        let demanded = order.demanded().map_err(broken)?;
        demanded.territories.iter().map(|one| one.to_string().parse().map_err(broken)).collect()
    }

    /// The order that a decision's next step rests on, as it is now.
    fn order_behind(&self, decision: &Decision) -> Option<Order> {
        let id = decision.order_asked()?;
        self.orders.iter().find(|order| order.id == id).cloned()
    }

    /// A court takes its newest order back.
    fn take_back(&mut self) -> Result<(), Broken> {
        let by = self.operator.officer("authority-liaison-1")?;
        let order = self.orders.pop().ok_or_else(|| broken("no order"))?;
        self.orders.push(order.clone().withdraw(by, self.operator.now).unwrap_or(order));
        Ok(())
    }

    /// Somebody lifts, or an appeal overturns.
    fn end(&mut self) -> Result<(), Broken> {
        let place = self.acting()?;
        let decision = self.decisions[place].clone();
        if self.roll(2) == 0 {
            let lift = decision.lift(EndReason::Mistaken, self.operator.now).map_err(broken)?;
            self.decisions[place] = self.operator.follow(decision, lift, "legal-1")?;
            return Ok(());
        }
        let (id, now) = (AppealId::random(&self.operator.random), self.operator.now);
        let reviewer = self.operator.officer("reviewer-1")?;
        let against = (Appellant::Customer, Against::Decision(decision.id));
        let appeal = Appeal::file(id, against, paragraphs("It was not us.")?, &[&decision], now);
        self.case.add_appeal(appeal).map_err(broken)?;
        let by = self.operator.officer("duty-officer-1")?;
        self.case.step_appeal(id, |appeal| appeal.admit(by, now)).map_err(broken)?;
        let around: Vec<&Decision> = self.decisions.iter().collect();
        let roster = &self.operator.founding.roster;
        self.case.review_appeal(id, (&reviewer, Review::Hear), (&around, roster), now).map_err(broken)?;
        let why = paragraphs("The items were planted.")?;
        let rule = Review::Rule { outcome: AppealOutcome::Overturned, reasons: why };
        self.case.review_appeal(id, (&reviewer, rule), (&around, roster), now).map_err(broken)?;
        let reversal = decision.reversal(&self.case, id, now).map_err(broken)?;
        let waiting = self.operator.follow(decision, reversal, "reviewer-1")?;
        self.decisions[place] = self.operator.countersign(waiting, &self.case, "reviewer-1")?;
        Ok(())
    }

    fn acting(&self) -> Result<usize, Broken> {
        let acts = |decision: &Decision| {
            matches!(decision.state, DecisionState::Published { .. } | DecisionState::InForce { .. })
        };
        self.decisions.iter().rposition(acts).ok_or_else(|| broken("nothing acts"))
    }

    /// What should run goes to the edge: perhaps lost, damaged, left out, or with old bundles beside it.
    fn deliver(&mut self) -> Result<(), Broken> {
        let acts = |decision: &&Decision| {
            matches!(
                decision.state,
                DecisionState::Published { .. } | DecisionState::InForce { .. } | DecisionState::Ended { .. }
            ) && self.operator.now < decision.terms.expires
        };
        let acting: Vec<Decision> = self.decisions.iter().filter(acts).cloned().collect();
        let mut bundles = Vec::new();
        for decision in &acting {
            bundles.push(self.operator.bundle(decision)?);
        }
        let fault = self.roll(8);
        let whole = fault > 3;
        match fault {
            0 => return Ok(()),
            1 => bundles.clear(),
            2 => bundles.extend(self.old.iter().cloned()),
            3 => {
                let at = usize::from(self.roll(200));
                let damaged: Vec<Arc<[u8]>> = bundles.iter().map(|bytes| spoiled(bytes, at)).collect();
                bundles = damaged;
            }
            4 => self.operator.restart_edge()?,
            _ => {}
        }
        self.old.extend(bundles.iter().cloned());
        self.old.drain(..self.old.len().saturating_sub(20));
        let applied = self.operator.deliver(&bundles)?;
        for id in &applied.applied {
            let place = self.decisions.iter().position(|decision| decision.id == *id);
            let Some(place) = place else { continue };
            if let Ok(next) = self.operator.enforced(self.decisions[place].clone()) {
                self.decisions[place] = next;
            }
        }
        self.snapshot = applied.snapshot;
        if whole {
            self.told(&acting, &applied.applied);
        }
        Ok(())
    }

    /// After a delivery without fault the edge runs exactly what acts.
    fn told(&mut self, acting: &[Decision], applied: &[DecisionId]) {
        for decision in acting {
            let acts = self.operator.now < decision.ends();
            if applied.contains(&decision.id) != acts {
                let id = decision.id;
                self.broken = Some(format!("I17: the edge and the records disagree on whether {id} acts"));
            }
        }
    }

    fn count(&mut self) {
        let count = |wanted: fn(&Decision) -> bool| self.decisions.iter().filter(|one| wanted(one)).count();
        self.run.logged = count(|decision| decision.state.logged().is_some());
        self.run.ratified = count(|decision| !decision.former.is_empty());
        self.run.ended = count(|decision| decision.state.ending().is_some());
        self.run.lapsed = count(|decision| matches!(decision.state, DecisionState::Lapsed { .. }));
    }
}

fn spoiled(bytes: &[u8], at: usize) -> Arc<[u8]> {
    let mut bytes = bytes.to_vec();
    let place = (at * 37) % bytes.len().max(1);
    if let Some(byte) = bytes.get_mut(place) {
        *byte ^= 1;
    }
    bytes.into()
}
