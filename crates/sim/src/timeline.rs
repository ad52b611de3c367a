//! The timeline drill: one case from a campaign to its end, on a simulated clock.
//!
//! Names are invented, nothing of it is real, and no edge outside pins its log. Every invariant is asked
//! after every step.

use crate::desk::{fresh, paragraphs, text};
use crate::invariants::{World, check};
use crate::operator::{Broken, Operator, broken};
use casework::{
    Addressee, Answer, Attention, Basis, Case, Continuation, Credibility, Decision, ItemOutcome, Order,
    Outcome, Precedent, Relation, gate,
};
use ledger::Kind;
use policy::{Ground, Measure, ServiceClass};
use snapshot::{Facts, Snapshot, Verdict};
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{EvidenceId, FindingId, Hostname, ReferralId, SeededRandom, Timestamp, moment};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// How the story ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A court orders the block.
    Order,
    /// An authority does not object, and the independent reviewer ratifies.
    NonObjection,
    /// Nothing comes, and the sites are restored.
    Lapse,
}

/// Which story is told.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// How it ends.
    pub ending: Ending,
    /// Another seed gives other ids and times.
    pub seed: u64,
    /// Leaves one referral out; the story then stops at E4.
    pub without_referral: bool,
}

/// What a drill leaves behind.
#[derive(Debug)]
pub struct Told {
    /// The story, a line for each step, with its instant.
    pub lines: Vec<(Timestamp, String)>,
    /// The log with its keys, the decisions' bundles and the events, by path.
    pub files: Vec<(String, Vec<u8>)>,
    /// What stopped the story, if something did.
    pub stopped: Option<String>,
}

/// Tells the story.
pub fn timeline(script: Script) -> Result<Told, Broken> {
    let offset: [u8; 4] = fresh(&SeededRandom::new(script.seed ^ 0x5eed));
    let minutes = u64::from(u32::from_le_bytes(offset) % (365 * 24 * 60));
    let begins: Timestamp = "2021-01-04T08:00:00.000Z".parse().map_err(broken)?;
    let operator = Operator::found(script.seed, begins.plus(MINUTE * minutes as u32))?;
    let story = Story {
        operator,
        cases: Vec::new(),
        decisions: Vec::new(),
        orders: Vec::new(),
        bundles: Vec::new(),
        snapshot: Arc::new(Snapshot::default()),
        lines: Vec::new(),
    };
    story.tell(script)
}

struct Story {
    operator: Operator,
    cases: Vec<Case>,
    decisions: Vec<Decision>,
    orders: Vec<Order>,
    /// What edges should run.
    bundles: Vec<Arc<[u8]>>,
    snapshot: Arc<Snapshot>,
    lines: Vec<(Timestamp, String)>,
}

impl Story {
    fn tell(mut self, script: Script) -> Result<Told, Broken> {
        let public = serde_json::json!({"drill": "timeline", "enforced": false});
        self.operator.record(Kind::DrillRun, "drill/timeline", &public)?;
        self.say(
            "DRILL. Invented names, a log of its own, nothing is enforced outside this simulation.".into(),
        )?;
        self.precedents()?;
        self.campaign()?;
        let findings = self.escalation()?;
        let referrals = self.hearing_and_referrals(&findings, script.without_referral)?;
        self.lesser_measure(&findings)?;
        self.reposted(&findings)?;
        let verdict = gate(self.case(), Measure::M5, self.operator.now);
        if !verdict.open {
            let reasons: Vec<_> =
                verdict.reasons().map(|(condition, why)| format!("{condition:?}: {why}")).collect();
            let stopped = reasons.join("; ");
            self.say(format!("The gate is closed for M5, and nothing is proposed. {stopped}"))?;
            return self.finish(Some(stopped));
        }
        self.say(format!("Gate for M5: open. Input hash {}.", verdict.input_hash))?;
        self.block()?;
        self.next_day()?;
        match script.ending {
            Ending::Order => self.by_order(referrals[0])?,
            Ending::NonObjection => self.by_reviewer(referrals[0])?,
            Ending::Lapse => self.by_itself()?,
        }
        self.operator.pass(DAY * 30);
        self.say("After-action report: displacement, and what happened to the people at risk.".into())?;
        self.finish(None)
    }

    fn case(&self) -> &Case {
        &self.cases[self.cases.len() - 1]
    }

    fn on_case<T>(
        &mut self,
        step: impl FnOnce(&Operator, &mut Case) -> Result<T, Broken>,
    ) -> Result<T, Broken> {
        let place = self.cases.len() - 1;
        step(&self.operator, &mut self.cases[place])
    }

    /// A line of the story; asks every invariant.
    fn say(&mut self, line: String) -> Result<(), Broken> {
        self.lines.push((self.operator.now, line));
        let world = World {
            operator: &self.operator,
            cases: &self.cases,
            decisions: &self.decisions,
            orders: &self.orders,
            snapshot: &self.snapshot,
        };
        check(&world)
    }

    /// Two earlier decisions, on other customers, that lapsed.
    fn precedents(&mut self) -> Result<(), Broken> {
        let account = self.operator.sites[2].account;
        for (year, wait) in [(1, DAY), (3, DAY * 2 * 365)] {
            self.operator.pass(wait);
            let case = self.operator.open_case(account, "calls for violence")?;
            self.cases.push(case);
            let posted = self.operator.now;
            let findings = self.on_case(|operator, case| {
                let mut found = Vec::new();
                for number in [1, 2] {
                    let item = format!("https://library.test/{year}/{number}");
                    let id = operator.capture(case, &item, &format!("author {number}"), posted)?;
                    operator.rate(case, id, Credibility::Credible)?;
                    found.push(id);
                }
                Ok(found)
            })?;
            self.refer_and_wait(&findings, false)?;
            self.reposted(&findings)?;
            self.block()?;
            self.run_out("An earlier decision, now a precedent")?;
        }
        Ok(())
    }

    fn campaign(&mut self) -> Result<(), Broken> {
        self.operator.pass(DAY * 365);
        let account = self.operator.sites[0].account;
        let case = self.operator.open_case(account, "calls to attack people at their homes")?;
        self.cases.push(case);
        self.on_case(|_, case| {
            case.attention = Attention { reports: 900, campaign_signals: 40 };
            Ok(())
        })?;
        let earlier: Vec<_> = self.decisions.iter().map(|decision| decision.id).collect();
        for decision in earlier {
            self.on_case(|operator, case| {
                let reason = text("there the items named a place and no person")?;
                let precedent = Precedent { decision, relation: Relation::Distinguished, reason };
                case.compare(precedent, operator.officer("legal-1")?, operator.now).map_err(broken)
            })?;
        }
        let verdict = gate(self.case(), Measure::M5, self.operator.now);
        let reason = verdict.reasons().next().map(|(_, reason)| reason.to_string()).unwrap_or_default();
        self.say(format!(
            "A campaign begins: 900 reports, 40 signals. They are no input of the gate: {reason}."
        ))?;
        let admitted = self.operator.matrix.clause(Measure::M2, ServiceClass::H, Ground::Policy).is_some();
        self.say(format!(
            "The paid feature on hosting may be withdrawn by policy (M2 on H: {admitted}); no emergency is claimed. \
             Decisions do not name features yet, so nothing is logged."
        ))?;
        let (version, hash) = (self.operator.matrix.version(), self.operator.matrix.hash());
        self.say(format!("Policy version {version} is in force, {hash}."))
    }

    /// Three days: nine reports an hour, six captures, three of them credible.
    fn escalation(&mut self) -> Result<Vec<FindingId>, Broken> {
        let mut credible = Vec::new();
        for day in 1..=3u8 {
            self.operator.pass(DAY);
            let posted = self.operator.now.minus(HOUR);
            for number in 0..2u8 {
                let is_threat = (day == 2 && number == 0) || day == 3;
                let id = self.on_case(|operator, case| {
                    case.attention.reports += 9 * 12;
                    let item = format!("https://board.test/thread/{day}{number}");
                    let id = operator.capture(case, &item, &format!("user {day}{number}"), posted)?;
                    let judged = if is_threat { Credibility::Credible } else { Credibility::NotCredible };
                    operator.rate(case, id, judged)?;
                    Ok(id)
                })?;
                if is_threat {
                    credible.push(id);
                }
            }
            let count = credible.len();
            self.say(format!("Day {day} of the escalation: two captures; {count} rated credible so far."))?;
        }
        Ok(credible)
    }

    fn hearing_and_referrals(
        &mut self,
        findings: &[FindingId],
        without: bool,
    ) -> Result<Vec<ReferralId>, Broken> {
        self.say("The customer gets the items, never reporter or target, and at least an hour.".into())?;
        self.refer_and_wait(findings, without)
    }

    /// Referrals to all concerned; an answer, a silence and one that has no jurisdiction. Nine hours.
    fn refer_and_wait(&mut self, findings: &[FindingId], without: bool) -> Result<Vec<ReferralId>, Broken> {
        let told = self.operator.now;
        let mut sent = Vec::new();
        for (code, authority) in [("AA", "Desk of AA"), ("", "Fallback desk"), ("BB", "Desk of BB")] {
            if without && code == "BB" {
                continue;
            }
            let id = self.on_case(|operator, case| {
                let to = match code {
                    "" => Addressee::Fallback,
                    code => Addressee::Jurisdiction(code.parse().map_err(broken)?),
                };
                let id = operator.refer(case, to, authority)?;
                operator.delivered(case, id)?;
                Ok(id)
            })?;
            sent.push(id);
        }
        let count = sent.len();
        self.say(format!("{count} referrals are delivered; each authority's clock runs."))?;
        self.operator.pass(HOUR * 4);
        let open = sent.clone();
        self.on_case(|operator, case| open.iter().try_for_each(|id| operator.second_channel(case, *id)))?;
        self.say("No answer in four hours: the second channel.".into())?;
        self.operator.pass(HOUR);
        let answers = sent.clone();
        self.on_case(|operator, case| {
            operator.answered(case, answers[0], Answer::Request)?;
            operator.answered(case, answers[1], Answer::NoJurisdiction)
        })?;
        self.operator.pass(HOUR * 3);
        if let Some(last) = sent.get(2).copied() {
            self.on_case(|operator, case| operator.fell_silent(case, last))?;
        }
        self.operator.pass(HOUR);
        let ids = findings.to_vec();
        self.on_case(|operator, case| {
            let concerned = operator.concerned(["AA", "BB"])?;
            operator.facts(case, concerned)?;
            let reply = Some("We moderate as we see fit.");
            operator.conduct(case, (&ids, told), reply, ItemOutcome::StillUp)
        })?;
        self.say("One requests, one has no jurisdiction, one is silent past its clock. The customer answered and removed nothing.".into())?;
        Ok(sent)
    }

    /// M3 comes before M5; the gate is asked for it.
    fn lesser_measure(&mut self, findings: &[FindingId]) -> Result<(), Broken> {
        self.on_case(|operator, case| operator.lesser(case, Outcome::WouldDo))?;
        let full = gate(self.case(), Measure::M5, self.operator.now);
        let offer = full.offer().map_or_else(String::new, |measure| format!(" It offers {measure}."));
        let less = gate(self.case(), Measure::M3, self.operator.now).open;
        let count = findings.len().min(2);
        self.say(format!(
            "M5 is refused while disabling {count} URLs would do.{offer} Gate for M3: {}.",
            if less { "open" } else { "closed" }
        ))
    }

    /// The items came back within the hour, which is the counter-proof.
    fn reposted(&mut self, findings: &[FindingId]) -> Result<(), Broken> {
        let told = self.operator.now.minus(HOUR * 9);
        self.operator.pass(MINUTE * 50);
        let ids = findings.to_vec();
        self.on_case(|operator, case| {
            let evidence = EvidenceId::random(&operator.random);
            operator.lesser(case, Outcome::Failed { reposted_at: operator.now, evidence })?;
            let outcome = ItemOutcome::Reposted { at: operator.now };
            operator.conduct(case, (&ids, told), Some("We moderate as we see fit."), outcome)
        })?;
        self.say("Posted again within the hour: M3 failed.".into())
    }

    /// Proposed, approved, logged, published, enforced.
    fn block(&mut self) -> Result<(), Broken> {
        let case = self.case().clone();
        let others: Vec<&Decision> = self.decisions.iter().collect();
        let proposed = self.operator.propose(&case, HOUR * 48, &others)?;
        self.operator.now = self.operator.now.plus(MINUTE * 5);
        let once = self.operator.approve(proposed, &case, "duty-officer-1", &others)?;
        self.operator.now = self.operator.now.plus(MINUTE * 5);
        let twice = self.operator.approve(once, &case, "assessor-1", &others)?;
        let others: Vec<Decision> = self.decisions.clone();
        let logged = self.operator.log(twice, &case, &others.iter().collect::<Vec<_>>())?;
        let (published, bundle) = self.operator.publish(logged)?;
        self.bundles = vec![bundle];
        self.decisions.push(published);
        self.deliver()?;
        let place = self.decisions.len() - 1;
        let decision = self.operator.enforced(self.decisions[place].clone())?;
        let hosts: Vec<String> = decision.scope.hosts().map(ToString::to_string).collect();
        let line = format!(
            "{} is logged (entry {}), witnessed and in force on {} until {}.",
            decision.id,
            decision.state.logged().map_or(0, |logged| logged.index),
            hosts.join(" "),
            moment::date_and_time(decision.terms.expires)
        );
        self.decisions[place] = decision;
        self.say(line)?;
        self.show_block(true)
    }

    fn deliver(&mut self) -> Result<(), Broken> {
        let applied = self.operator.deliver(&self.bundles)?;
        let bad = |refusal: &snapshot::Refusal| {
            !matches!(refusal, snapshot::Refusal::Ended(_) | snapshot::Refusal::Expired(_))
        };
        if let Some((_, refusal)) = applied.refused.iter().find(|(_, refusal)| bad(refusal)) {
            return Err(broken(format!("the edge refuses: {refusal}")));
        }
        self.snapshot = applied.snapshot;
        Ok(())
    }

    /// Says what a visitor of the newest decision's first site gets.
    fn show_block(&mut self, expected: bool) -> Result<(), Broken> {
        let place = self.decisions.len() - 1;
        let pattern = self.decisions[place].scope.hosts().next().cloned();
        let pattern = pattern.ok_or_else(|| broken("a scope without hosts"))?;
        let host: &Hostname = pattern.base();
        let country = self.decisions[place].terms.territories.first().copied();
        let facts = Facts { country, ..Facts::of(host) };
        let verdict = self.snapshot.evaluate(&facts, self.operator.now);
        let from = country.map(|country| format!(" from {country}")).unwrap_or_default();
        let line = match verdict {
            Verdict::Blocked(measure) => {
                let status = if measure.demand_in(country).is_some() { 451 } else { 403 };
                format!("Visitors of {host}{from} get {status} with the link to {}.", measure.statement_url())
            }
            _ => format!("Visitors of {host}{from} get the site."),
        };
        if matches!(verdict, Verdict::Blocked(_)) != expected {
            return Err(broken(format!("I17: {line}")));
        }
        self.say(line)
    }

    fn next_day(&mut self) -> Result<(), Broken> {
        self.operator.pass(DAY);
        self.say("The site appears elsewhere: a note in the case, no action outside our network.".into())?;
        self.operator.pass(HOUR * 11);
        self.say(
            "T−12 h: the person at risk and the safety contact are told that the block may lapse.".into(),
        )
    }

    /// (a) A court orders it, a minute before the lease ends.
    fn by_order(&mut self, referral: ReferralId) -> Result<(), Broken> {
        self.until_the_end(MINUTE)?;
        let territory = "AA".parse().map_err(broken)?;
        let order = self.on_case(|operator, case| {
            operator.declare(case)?;
            operator.ordered(case, referral, territory)
        })?;
        self.orders.push(order.clone());
        self.ratify((Basis::Order(order.id), Some(order)), &["assessor-2", "legal-1"])?;
        self.run_out("The order's lease is over")
    }

    /// (b) An authority does not object, and the reviewer ratifies on facts of the last 48 hours.
    fn by_reviewer(&mut self, referral: ReferralId) -> Result<(), Broken> {
        let (told, posted) = (self.operator.now, self.operator.now.minus(HOUR));
        let fresh = self.on_case(|operator, case| {
            let mut fresh = Vec::new();
            for number in 0..2u8 {
                let item = format!("https://board.test/again/{number}");
                let id = operator.capture(case, &item, &format!("late user {number}"), posted)?;
                operator.rate(case, id, Credibility::Credible)?;
                fresh.push(id);
            }
            Ok(fresh)
        })?;
        self.say(
            "Two more items, captured from outside while the block runs; the customer is told of them."
                .into(),
        )?;
        self.operator.pass(HOUR * 2);
        let ids = fresh.clone();
        self.on_case(|operator, case| {
            operator.answered(case, referral, Answer::NonObjection)?;
            let concerned = operator.concerned(["AA", "BB"])?;
            operator.facts(case, concerned)?;
            let evidence = EvidenceId::random(&operator.random);
            operator.lesser(case, Outcome::Failed { reposted_at: operator.now, evidence })?;
            operator.conduct(case, (&ids, told), None, ItemOutcome::StillUp)
        })?;
        let reviewer = self.operator.officer("reviewer-1")?;
        let basis = Basis::NonObjectionAndReviewer(referral, reviewer);
        self.ratify((basis, None), &["assessor-2", "legal-1", "reviewer-1"])?;
        self.run_out("The ratified lease is over")
    }

    /// (c) Nothing comes.
    fn by_itself(&mut self) -> Result<(), Broken> {
        self.until_the_end(HOUR * 2)?;
        self.say("T−2 h: nothing has come; everybody who was warned is told again.".into())?;
        self.run_out("The block was never ratified")
    }

    fn ratify(&mut self, (basis, order): (Basis, Option<Order>), signers: &[&str]) -> Result<(), Broken> {
        let place = self.decisions.len() - 1;
        let (case, mut decision) = (self.case().clone(), self.decisions[place].clone());
        let by = self.operator.officer("legal-1")?;
        let demand = order.as_ref().map(|_| self.operator.demand());
        let territories = order.iter().map(|_| "AA".parse().map_err(broken)).collect::<Result<_, _>>()?;
        let asked = Continuation { lease: DAY * 14, demand, territories };
        let footing = (&case, order.as_ref());
        let setting = self.operator.setting();
        let follow_up = decision.ratification(footing, (basis, asked), &by, &setting, self.operator.now);
        decision = self.operator.follow(decision, follow_up.map_err(broken)?, "legal-1")?;
        for signer in signers {
            decision = self.operator.countersign(decision, &case, signer)?;
        }
        let logged = self.operator.log_following(decision, footing)?;
        let (published, bundle) = self.operator.publish(logged)?;
        self.bundles = vec![bundle];
        self.decisions[place] = self.operator.enforced(published)?;
        self.deliver()?;
        let ground = self.decisions[place].terms.ground;
        let until = moment::date_and_time(self.decisions[place].terms.expires);
        self.say(format!("Ratified by {}: M6 on the ground {ground} until {until}.", signers.join(", ")))?;
        self.show_block(true)
    }

    /// Time goes by until so long before the lease ends.
    fn until_the_end(&mut self, before: Duration) -> Result<(), Broken> {
        let place = self.decisions.len() - 1;
        self.operator.now = self.decisions[place].terms.expires.minus(before);
        Ok(())
    }

    /// The lease ends by itself, and that is logged.
    fn run_out(&mut self, why: &str) -> Result<(), Broken> {
        let place = self.decisions.len() - 1;
        self.operator.now = self.decisions[place].terms.expires;
        self.show_block(false)?;
        let lapsed = self.operator.lapse(self.decisions[place].clone())?;
        self.bundles.clear();
        self.decisions[place] = lapsed;
        self.deliver()?;
        self.say(format!("{why}: restored by itself, and the lapse is logged."))
    }

    fn finish(mut self, stopped: Option<String>) -> Result<Told, Broken> {
        let mut files = Vec::new();
        for decision in self.decisions.clone() {
            let bundle = self.operator.bundle(&decision)?;
            files.push((format!("decisions/{}.json", decision.id), bundle.to_vec()));
        }
        self.operator.audit()?;
        files.extend(self.operator.files()?);
        let events: Vec<String> = self.lines.iter().map(|(at, line)| event(at, line)).collect();
        files.push(("events.jsonl".to_owned(), events.concat().into_bytes()));
        let note =
            paragraphs("A drill: invented names, a log that no edge pins. It proves nothing about anyone.")?;
        files.push(("DRILL".to_owned(), format!("{}\n", note.as_str()).into_bytes()));
        Ok(Told { lines: self.lines, files, stopped })
    }
}

fn event(at: &Timestamp, line: &str) -> String {
    format!("{}\n", serde_json::json!({"at": at, "drill": true, "event": line}))
}
