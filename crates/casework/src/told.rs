//! What a customer is told of a decision on its sites: the words of the letter.
//!
//! Everything in it is public already, or the customer's own: the statement, and which of its sites are in scope
//! with the reason for each. Nobody who reported and nobody who is threatened stands in it.

use crate::{Decision, DecisionState, clocks};
use policy::{EndReason, Measure, ScopeSite, Statement};
use std::fmt::Write as _;
use vocabulary::{AccountId, moment};

/// Most sites, and most hosts of one, that a letter lists; the statement's page has all of them.
const SITES_LISTED: usize = 200;
const HOSTS_LISTED: usize = 10;
/// Longest reason that a letter gives of one site, in characters.
const REASON_LISTED: usize = 300;

/// A subject and a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// One line.
    pub subject: String,
    /// Several.
    pub body: String,
}

impl Decision {
    /// What the customer is told of it as it stands, if it is public; `None` before, and of a lapse, whose instant
    /// the customer knows from the beginning.
    ///
    /// `appeal` is the address of the page on which this customer appeals.
    pub fn told(&self, account: AccountId, appeal: &str) -> Option<Told> {
        match &self.state {
            DecisionState::Published { .. } | DecisionState::InForce { .. } => {
                Some(self.begun(account, appeal))
            }
            DecisionState::Ended { ending, .. } | DecisionState::Final { ending, .. } => {
                let end = moment::date_and_time(ending.effective);
                Some(self.ended(ending.because, &end))
            }
            _ => None,
        }
    }

    fn begun(&self, account: AccountId, appeal: &str) -> Told {
        if self.terms.measure == Measure::M7 {
            return self.farewell(account, appeal);
        }
        let said = &self.statement;
        let until = moment::date_and_time(said.expires);
        let what = effect(said.measure);
        let mut body = self.opening(account);
        let _ = write!(
            body,
            "\nWHAT HAPPENS\n{}\nFrom {} until {until}.\n\nWHY\n{}\n{}\nON WHICH GROUND\n{} Policy version {}.\n\n\
             WHAT YOU CAN DO\n{}\nYou can appeal on this page, which is for you alone and needs no account:\n{appeal}\n\
             Until then you can have it checked every day whether the conditions still hold: \
             write to {}. If the items have gone, say so there: it is looked at at once.\n\n\
             The statement, with the proof that you or anybody else can check:\n{}\n\nThe decision's id is {}.\n",
            said.meaning,
            moment::date_and_time(said.not_before),
            said.summary,
            listed(&said.facts),
            said.ground_text,
            said.policy.version,
            said.redress,
            said.contact,
            said.url,
            self.id,
        );
        Told { subject: format!("Your sites at this network: {what} until {until}"), body }
    }

    /// The title, and which of the customer's sites it is about.
    fn opening(&self, account: AccountId) -> String {
        let title = &self.statement.title;
        let mut body =
            format!("This letter is about your sites at this network.\n\n{title}\n\nYour sites:\n");
        let own = || self.scope.sites().iter().filter(|site| site.account == account);
        body.extend(own().take(SITES_LISTED).map(line));
        let more = own().count().saturating_sub(SITES_LISTED);
        if more > 0 {
            // Writing to a String cannot fail.
            let _ = writeln!(
                body,
                "  and {more} more of your sites; ask us for the whole list, naming {}",
                self.id
            );
        }
        body
    }

    /// The notice of thirty days: what happens on which day, how to take everything along, how to object.
    fn farewell(&self, account: AccountId, appeal: &str) -> Told {
        let said = &self.statement;
        let (begins, told) = (moment::date_and_time(said.not_before), moment::date_and_time(said.expires));
        let gone = moment::date_and_time(said.expires.minus(clocks::SETTINGS_GO_BEFORE));
        let mut body = self.opening(account);
        let settings = if self.terms.territories.is_empty() {
            format!(
                "- Until {gone}: the settings of your sites are kept. Ask for them (address below), or fetch them with \
                 a token of your account: GET /api/v1/accounts/{account}/export.\n- On {gone}: they are deleted.\n"
            )
        } else {
            String::new()
        };
        let _ = write!(
            body,
            "\nWHAT HAPPENS\n{}\n\nTHE DAYS\n- Until {begins}: everything works as before. Move your sites, and point \
             their names elsewhere.\n- From {begins}: this network no longer serves them, and no longer shields your \
             servers.\n{settings}- Until {told}: visitors who still come here read why.\n\nWHY\n{}\n{}\nON WHICH \
             GROUND\n{} Policy version {}.\n\nWHAT YOU CAN DO\n{}\nYou can appeal on this page, which is \
             for you alone and needs no account:\n{appeal}\nAn appeal is decided within 7 days, so in time if \
             you file it now.\n\nThe statement, with the proof that you or anybody else can check:\n{}\n\nThe \
             decision's id is {}.\n",
            said.meaning,
            said.summary,
            listed(&said.facts),
            said.ground_text,
            said.policy.version,
            said.redress,
            said.url,
            self.id,
        );
        Told { subject: format!("Your sites at this network: the service ends on {begins}"), body }
    }

    fn ended(&self, because: EndReason, end: &str) -> Told {
        let Statement { title, url, contact, .. } = &self.statement;
        let why = match because {
            EndReason::Overturned => {
                "The independent reviewer overturned the decision; the statement says so."
            }
            _ => "Officers ended it before its time.",
        };
        let body = format!(
            "This letter is about your sites at this network.\n\n{title}\n\nThe measure ends on {end}. {why} You need \
             to do nothing.\n\nThe statement:\n{url}\n\nQuestions: {contact}, naming {}.\n",
            self.id
        );
        Told { subject: format!("Your sites at this network: the measure ends on {end}"), body }
    }
}

/// One site in scope, on one line of bounded length.
fn line(site: &ScopeSite) -> String {
    let mut hosts: Vec<String> = site.hosts.iter().take(HOSTS_LISTED).map(ToString::to_string).collect();
    let more = site.hosts.len().saturating_sub(HOSTS_LISTED);
    if more > 0 {
        hosts.push(format!("{more} more"));
    }
    let mut reason: String = site.reason.chars().take(REASON_LISTED).collect();
    if reason.len() < site.reason.len() {
        reason.push('…');
    }
    format!("  {}: {reason}\n", hosts.join(", "))
}

fn listed(facts: &[String]) -> String {
    facts.iter().fold(String::new(), |text, fact| text + "- " + fact + "\n")
}

/// What a measure does, in a word or two.
fn effect(measure: Measure) -> &'static str {
    match measure {
        Measure::M0 => "a report was forwarded",
        Measure::M1 => "a warning is shown",
        Measure::M2 => "a feature is withdrawn",
        Measure::M3 => "addresses are disabled",
        Measure::M4 => "blocked in some countries",
        Measure::M5 | Measure::M6 => "blocked",
        Measure::M7 => "the service ends",
    }
}

#[cfg(test)]
mod tests {
    use crate::decision::tests::in_force;
    use crate::fixtures::text;
    use policy::{Measure, Salt, Scope, ScopeSite};
    use std::collections::BTreeSet;
    use vocabulary::{AccountId, SiteId};

    #[test]
    fn a_letter_about_thousands_of_sites_stays_one_letter_and_says_how_many_more() {
        let account = AccountId::from_bytes([1; 16]);
        let host = |site: u16, host: u16| {
            format!("h{host}.s{site}.{}.test", "x".repeat(60)).parse().expect("a pattern")
        };
        let site = |number: u16| ScopeSite {
            site: SiteId::from_bytes(
                [&number.to_be_bytes()[..], &[0; 14]].concat().try_into().expect("16 bytes"),
            ),
            account,
            hosts: (0..12).map(|place| host(number, place)).collect(),
            except: BTreeSet::new(),
            urls: BTreeSet::new(),
            features: BTreeSet::new(),
            reason: "a long reason ".repeat(140),
        };
        let mut decision = in_force();
        let sites = (0..5_000).map(site).collect();
        decision.scope = Scope::new(Salt::from_bytes([3; 32]), sites).expect("a scope");
        let told = decision.told(account, "http://record.test/appeal/x").expect("public");
        assert!(told.body.len() < 256 * 1024, "{}", told.body.len());
        assert!(told.body.contains("and 4800 more of your sites"), "{}", told.body);
        assert!(told.body.contains("2 more: a long reason"));
        assert!(told.body.contains(text("WHAT YOU CAN DO").as_str()), "what follows the list is all there");
    }

    #[test]
    fn the_notice_of_a_termination_says_each_day_how_to_take_everything_along_and_how_to_appeal() {
        let mut decision = in_force();
        decision.terms.measure = Measure::M7;
        decision.statement.measure = Measure::M7;
        let account = decision.scope.sites()[0].account;
        let told = decision.told(account, "http://record.test/appeal/x").expect("public");
        let day = |at| vocabulary::moment::date_and_time(at);
        let said = &decision.statement;
        assert!(told.subject.contains(&day(said.not_before)), "{}", told.subject);
        for wanted in [
            day(said.expires),
            day(said.expires.minus(crate::clocks::SETTINGS_GO_BEFORE)),
            "Move your sites".to_owned(),
            format!("/api/v1/accounts/{account}/export"),
            "http://record.test/appeal/x".to_owned(),
            decision.id.to_string(),
        ] {
            assert!(told.body.contains(&wanted), "{wanted} is not in\n{}", told.body);
        }
    }
}
