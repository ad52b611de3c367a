//! The people of a simulated operator: what they record, sign and publish.
//!
//! Every step goes through the same types as in a running operator: the case's transitions, the gate,
//! proposal and approvals, and what follows a decision.

use crate::operator::{Broken, Operator, broken};
use casework::{
    Addressee, Answer, Appearance, Authority, Case, Channel, Concerned, Considered, Credibility, Danger,
    Decision, Declaration, Delivery, DeliveryProof, Dispatcher, Dissent, Earlier, EdgeReceipt, Fact, Finding,
    Footing, Harm, Horizon, Identified, ItemConduct, ItemOutcome, LegalConclusion, LegalReview,
    LesserMeasures, Nexus, Notice, Officer, Outcome, Paragraphs, Placement, PostedAt, Published, Rating,
    Ratings, Referral, Request, Safety, Setting, SiteConduct, Source, Text, gate, propose,
};
use ledger::{DecisionEnded, DecisionLapsed, Kind, StatementPublished};
use policy::{Approval, Footprint, Ground, Measure, OfficerKey, Salt, Scope, ScopeSite, ServiceClass};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{
    AccountId, CaseId, DecisionId, Digest, EvidenceId, FindingId, Random, ReferralId, Timestamp,
};

/// Where the simulated record would be read.
const PUBLIC_URL: &str = "http://localhost:9091";

/// So many random bytes.
pub(crate) fn fresh<const N: usize>(random: &dyn Random) -> [u8; N] {
    random.bytes()
}

/// One line of text.
pub(crate) fn text(text: &str) -> Result<Text, Broken> {
    text.parse().map_err(broken)
}

/// Text of several lines.
pub(crate) fn paragraphs(text: &str) -> Result<Paragraphs, Broken> {
    text.parse().map_err(broken)
}

impl Operator {
    /// An officer by pseudonym.
    pub fn officer(&self, pseudonym: &str) -> Result<Officer, Broken> {
        let name = pseudonym.parse().map_err(broken)?;
        Officer::on(&self.founding.roster, &name).ok_or_else(|| broken(format!("no officer {pseudonym}")))
    }

    /// An officer's key.
    pub fn key(&self, pseudonym: &str) -> Result<&OfficerKey, Broken> {
        let named = self.founding.keys.iter().find(|key| key.pseudonym().as_str() == pseudonym);
        named.ok_or_else(|| broken(format!("no key of {pseudonym}")))
    }

    fn sign(&self, pseudonym: &str, body: &str) -> Result<Approval, Broken> {
        Ok(self.key(pseudonym)?.approve(body.as_bytes()))
    }

    /// Opens a case about a customer.
    pub fn open_case(&self, account: AccountId, allegation: &str) -> Result<Case, Broken> {
        let by = self.officer("intake-1")?;
        Ok(Case::open(CaseId::random(&self.random), account, text(allegation)?, by, self.now))
    }

    /// A capture of an item, filed; nobody has rated it.
    pub fn capture(
        &self,
        case: &mut Case,
        item: &str,
        author: &str,
        posted: Timestamp,
    ) -> Result<FindingId, Broken> {
        let id = FindingId::random(&self.random);
        let finding = Finding {
            id,
            evidence: vec![EvidenceId::random(&self.random)],
            sha256: vec![Digest::from_bytes(fresh(&self.random))],
            source: Source::A,
            captured_at: self.now,
            filed_by: self.officer("intake-1")?,
            item: text(item)?,
            author: Some(text(author)?),
            appearance: Appearance::Posted,
            posted_at: PostedAt::Instant(posted),
            ratings: Ratings::Awaited,
        };
        case.add_finding(finding).map_err(broken)?;
        Ok(id)
    }

    /// Two officers rate a finding without sight of each other.
    pub fn rate(&self, case: &mut Case, finding: FindingId, credibility: Credibility) -> Result<(), Broken> {
        for by in ["assessor-1", "assessor-2"] {
            let reason = text("judged by the item itself")?;
            let rating = Rating { by: self.officer(by)?, at: self.now, credibility, unsighted: true, reason };
            case.rate(finding, rating).map_err(broken)?;
        }
        Ok(())
    }

    /// A packet to an authority, sealed and sent over one channel.
    pub fn refer(&self, case: &mut Case, to: Addressee, authority: &str) -> Result<ReferralId, Broken> {
        let (id, liaison) = (ReferralId::random(&self.random), self.officer("authority-liaison-1")?);
        let known = Authority::unverified(text(authority)?).called_back(liaison.clone(), self.now);
        let packet = Digest::from_bytes(fresh(&self.random));
        let referral = Referral::draft(id, to, known, liaison, self.now)
            .seal(packet, self.now)
            .and_then(|referral| referral.send(Channel::Desk, self.now))
            .map_err(broken)?;
        case.add_referral(referral).map_err(broken)?;
        Ok(id)
    }

    /// The authority's desk read it.
    pub fn delivered(&self, case: &mut Case, id: ReferralId) -> Result<(), Broken> {
        let delivery = Delivery { channel: Channel::Desk, at: self.now, proof: DeliveryProof::DeskRead };
        case.step_referral(id, |referral| Ok((referral.deliver(delivery)?, ()))).map_err(broken)
    }

    /// It goes out on a second channel.
    pub fn second_channel(&self, case: &mut Case, id: ReferralId) -> Result<(), Broken> {
        case.step_referral(id, |referral| Ok((referral.send(Channel::Email, self.now)?, ()))).map_err(broken)
    }

    /// The authority answers.
    pub fn answered(&self, case: &mut Case, id: ReferralId, answer: Answer) -> Result<(), Broken> {
        case.step_referral(id, |referral| referral.answer(answer, self.now)).map(drop).map_err(broken)
    }

    /// The authority let its clock run out on two channels.
    pub fn fell_silent(&self, case: &mut Case, id: ReferralId) -> Result<(), Broken> {
        case.step_referral(id, |referral| Ok((referral.fall_silent(self.now)?, ()))).map_err(broken)
    }

    /// Records a fact.
    pub fn fact(&self, case: &mut Case, by: &str, fact: Fact) -> Result<(), Broken> {
        case.record(fact, self.officer(by)?, self.now).map_err(broken)
    }

    /// E2, E3, E6, E7 and E8 as officers who did everything right would record them.
    pub fn facts(&self, case: &mut Case, concerned: Concerned) -> Result<(), Broken> {
        let horizon = Horizon::By(self.now.plus(Duration::from_secs(60 * 3_600)));
        let danger = Danger { identified: Some(Identified::Person), harm: Harm::Death, horizon };
        self.fact(case, "duty-officer-1", Fact::Danger(danger))?;
        let lowers_risk = Some(text("fewer people read where and when")?);
        self.fact(case, "duty-officer-1", Fact::Nexus(Nexus { reachable: true, lowers_risk }))?;
        self.fact(case, "authority-liaison-1", Fact::Concerned(concerned))?;
        let safety = Safety {
            escalation: Some(text("some may go elsewhere and grow louder")?),
            plan: Some(paragraphs("the people at risk are told before, and whom to call")?),
            dispatcher: Some(Dispatcher::WarnedWithConsent { at: self.now }),
        };
        self.fact(case, "duty-officer-1", Fact::Safety(safety))?;
        let review = LegalReview {
            conclusion: LegalConclusion::Lawful,
            sealed_view: Digest::from_bytes(fresh(&self.random)),
            dissent: Some(Dissent::NoneVoiced),
        };
        self.fact(case, "legal-1", Fact::LegalReview(review))?;
        self.declare(case)
    }

    /// E8: everybody declares that there is no conflict of interest.
    pub fn declare(&self, case: &mut Case) -> Result<(), Broken> {
        for by in
            ["assessor-1", "assessor-2", "legal-1", "duty-officer-1", "authority-liaison-1", "reviewer-1"]
        {
            self.fact(case, by, Fact::Declaration(Declaration { conflict: None }))?;
        }
        Ok(())
    }

    /// E5: each measure below M5 considered; M3 with this outcome.
    pub fn lesser(&self, case: &mut Case, m3: Outcome) -> Result<(), Broken> {
        let mut considered = Vec::new();
        for measure in [Measure::M0, Measure::M1, Measure::M2, Measure::M4] {
            let reason = text("it leaves the items where they are")?;
            considered.push(Considered { measure, outcome: Outcome::WouldNotDo { reason } });
        }
        considered.push(Considered { measure: Measure::M3, outcome: m3 });
        self.fact(case, "duty-officer-1", Fact::LesserMeasures(LesserMeasures { considered }))
    }

    /// E9: the customer was told of these findings at `told`; each is as `outcome` says.
    pub fn conduct(
        &self,
        case: &mut Case,
        (items, told): (&[FindingId], Timestamp),
        reply: Option<&str>,
        outcome: ItemOutcome,
    ) -> Result<(), Broken> {
        let reply = reply.map(paragraphs).transpose()?;
        let notice = Some(Notice::Given { at: told, items: items.to_vec(), reply });
        let items = items.iter().map(|finding| ItemConduct { finding: *finding, outcome }).collect();
        self.fact(case, "duty-officer-1", Fact::SiteConduct(SiteConduct { notice, items }))
    }

    /// Where the offence, the suspect and the person at risk are: two countries, one unknown.
    pub fn concerned(&self, codes: [&str; 2]) -> Result<Concerned, Broken> {
        let place = |code: &str| -> Result<Placement, Broken> {
            Ok(Placement::In(vec![code.parse().map_err(broken)?]))
        };
        Ok(Concerned {
            offence: place(codes[0])?,
            suspect: Placement::Unknown,
            person_at_risk: place(codes[1])?,
            endangering: Vec::new(),
        })
    }

    /// What this operator decides under.
    pub fn setting(&self) -> Setting<'_> {
        Setting {
            matrix: &self.matrix,
            roster: &self.founding.roster,
            footprint: Footprint { sites: self.sites.len() as u64 },
            public_url: PUBLIC_URL,
            contact: "desk@drill.test",
        }
    }

    /// Proposes M5 on all sites of the case's customer.
    pub fn propose(&self, case: &Case, lease: Duration, earlier: &[&Decision]) -> Result<Decision, Broken> {
        let listed = self.sites.iter().filter(|site| site.account == case.account).map(|site| ScopeSite {
            site: site.id,
            account: site.account,
            hosts: site.hosts.clone(),
            except: BTreeSet::new(),
            urls: BTreeSet::new(),
            features: BTreeSet::new(),
            reason: "the counted items are reachable here".to_owned(),
        });
        let request = Request {
            decision: DecisionId::random(&self.random),
            measure: Measure::M5,
            class: ServiceClass::S,
            ground: Ground::Emergency,
            lease,
            demand: None,
            territories: BTreeSet::new(),
            scope: Scope::new(Salt::random(&self.random), listed.collect()).map_err(broken)?,
            title: text("DRILL: provisional block of a message board")?,
            summary: paragraphs(
                "DRILL. Nothing of this is real and nothing is enforced outside the simulation.",
            )?,
            facts: Vec::new(),
        };
        let verdict = gate(case, Measure::M5, self.now);
        let by = self.officer("duty-officer-1")?;
        let earlier = self.earlier(case, earlier);
        let proposal =
            propose(case, &verdict, request, by, &self.setting(), &earlier, self.now).map_err(broken)?;
        let subject = proposal.terms().decision.to_string();
        let body = self.body(Kind::DecisionMade, &subject, &proposal.by().to_string(), proposal.terms())?;
        let bytes = String::from_utf8(body.to_bytes().map_err(broken)?).map_err(broken)?;
        Ok(proposal.into_decision(bytes))
    }

    /// The customer's earlier provisional blocks.
    pub fn earlier(&self, case: &Case, decisions: &[&Decision]) -> Earlier {
        Earlier::of(case.account, decisions.iter().copied(), &self.founding.roster)
    }

    /// An officer approves.
    pub fn approve(
        &self,
        decision: Decision,
        case: &Case,
        by: &str,
        earlier: &[&Decision],
    ) -> Result<Decision, Broken> {
        let approval = self.sign(by, &decision.body)?;
        let earlier = self.earlier(case, earlier);
        decision.approve(approval, case, &self.founding.roster, &earlier, self.now).map_err(broken)
    }

    /// A decision with enough approvals goes into the log; the gate is asked once more before.
    pub fn log(
        &mut self,
        decision: Decision,
        case: &Case,
        earlier: &[&Decision],
    ) -> Result<Decision, Broken> {
        let earlier = self.earlier(case, earlier);
        decision.ready(case, &self.founding.roster, &earlier, self.now).map_err(broken)?;
        let logged = self.seal(&decision.body, decision.state.approvals())?;
        decision.log_found(logged).map_err(broken)
    }

    /// Statement and bundle come out, and the statement's publication is logged.
    pub fn publish(&mut self, decision: Decision) -> Result<(Decision, Arc<[u8]>), Broken> {
        let bundle = self.bundle(&decision)?;
        let published: Published = self.published(&bundle);
        let stated = StatementPublished {
            decision: decision.id,
            statement: decision.terms.statement,
            url: decision.statement.url.clone(),
        };
        self.record(Kind::StatementPublished, &decision.id.to_string(), &stated)?;
        Ok((decision.publish(published).map_err(broken)?, bundle))
    }

    /// The edge said that it enforces it.
    pub fn enforced(&self, decision: Decision) -> Result<Decision, Broken> {
        let receipt = EdgeReceipt { edge: "edge-1".to_owned(), at: self.now };
        decision.enforce(receipt).map_err(broken)
    }

    /// The lease is over; that is logged.
    pub fn lapse(&mut self, decision: Decision) -> Result<Decision, Broken> {
        let public = DecisionLapsed { decision: decision.id, expires: decision.terms.expires };
        let logged = self.record(Kind::DecisionLapsed, &decision.id.to_string(), &public)?;
        decision.lapse(logged, self.now).map_err(broken)
    }

    /// Puts what follows a decision up for signing.
    pub fn follow(
        &self,
        decision: Decision,
        follow_up: casework::FollowUp,
        by: &str,
    ) -> Result<Decision, Broken> {
        use casework::FollowUp as F;
        let kind = match &follow_up {
            F::Ratification { .. } => Kind::DecisionRatified,
            F::Renewal { .. } => Kind::DecisionRenewed,
            F::Lift { .. } => Kind::DecisionLifted,
            F::Reversal { .. } => Kind::DecisionReversed,
        };
        let by = self.officer(by)?;
        let (subject, actor) = (decision.id.to_string(), by.to_string());
        let body = match (follow_up.terms(), follow_up.ends()) {
            (Some(terms), _) => self.body(kind, &subject, &actor, terms)?,
            (None, Some((effective, because))) => {
                let said = DecisionEnded { decision: decision.id, effective, because };
                self.body(kind, &subject, &actor, &said)?
            }
            (None, None) => return Err(broken("it neither goes on nor ends")),
        };
        let bytes = String::from_utf8(body.to_bytes().map_err(broken)?).map_err(broken)?;
        decision.follow(follow_up, by, bytes, self.now).map_err(broken)
    }

    /// An officer signs what follows.
    pub fn countersign(&self, decision: Decision, case: &Case, by: &str) -> Result<Decision, Broken> {
        let body = decision.pending.as_ref().map(|pending| pending.body.clone()).unwrap_or_default();
        let approval = self.sign(by, &body)?;
        decision.sign(approval, case, &self.founding.roster, self.now).map_err(broken)
    }

    /// What follows goes into the log, if it is ready; it may rest on an order.
    pub fn log_following<'a>(
        &mut self,
        decision: Decision,
        footing: impl Into<Footing<'a>>,
    ) -> Result<Decision, Broken> {
        decision.follow_ready(footing, &self.founding.roster, self.now).map_err(broken)?;
        let pending = decision.pending.clone().ok_or_else(|| broken("nothing waits"))?;
        let logged = self.seal(&pending.body, &pending.approvals)?;
        decision.follow_found(logged).map_err(broken)
    }
}
