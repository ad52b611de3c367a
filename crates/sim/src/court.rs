//! An authority of the simulation that orders: entered, called back, its key confirmed, its order signed and accepted,
//! all through the types of a running operator.

use crate::desk::text;
use crate::operator::{Broken, Operator, broken};
use casework::{
    Addressee, Answer, CallOutcome, Case, Demanded, DirectoryEntry, DutyLine, Jurisdiction, Order,
    order_digest,
};
use policy::{Demand, Measure, OfficerKey, Role};
use std::time::Duration;
use vocabulary::{AuthorityId, ReferralId};

/// How long the courts of the simulation want a block.
const ORDERED: Duration = Duration::from_secs(60 * 24 * 3_600);

/// The law that they order under.
const LAW: &str = "A law (drill)";

impl Operator {
    /// A court answers a referral with an order to block everything of the case's customer in its territory, and the
    /// legal reviewer accepts it.
    pub fn ordered(
        &self,
        case: &mut Case,
        referral: ReferralId,
        territory: Jurisdiction,
    ) -> Result<Order, Broken> {
        let name = "authority".parse().map_err(broken)?;
        let key = OfficerKey::generate(&self.random, name, Role::Legal);
        let court = self.court(territory, &key)?;
        let own = self.sites.iter().filter(|site| site.account == case.account);
        let demanded = Demanded {
            format: Demanded::FORMAT.to_owned(),
            authority: court.id,
            reference: text(&format!("{referral} (drill)"))?,
            law: text(LAW)?,
            offence: text("public calls to kill (drill)")?,
            remedy: Some(text("complaint to a court of appeal (drill)")?),
            issued_at: self.now,
            measure: Measure::M6,
            addresses: own.flat_map(|site| &site.hosts).map(ToString::to_string).collect(),
            territories: vec![territory],
            until: self.now.plus(ORDERED),
        };
        let order = Order::receive(demanded.to_text().map_err(broken)?, Some((case.id, referral)), self.now);
        let order = order.map_err(broken)?;
        let signature = key.sign(&order_digest(&order.text)).signature;
        let signed = order.signed(&signature, &court, self.now).map_err(broken)?;
        let called = signed.called_back(&court, self.now).map_err(broken)?;
        let valid = called.accept(&[], self.officer("legal-1")?, self.now).map_err(broken)?;
        self.answered(case, referral, Answer::Order)?;
        Ok(valid)
    }

    /// What a statement says of who demanded it.
    pub fn demand(&self) -> Demand {
        Demand {
            authority: "A court (drill)".to_owned(),
            law: LAW.to_owned(),
            url: "https://court.test/orders/1".to_owned(),
        }
    }

    fn court(&self, territory: Jurisdiction, key: &OfficerKey) -> Result<DirectoryEntry, Broken> {
        let (id, now) = (AuthorityId::random(&self.random), self.now);
        let [first, second] = ["authority-liaison-1", "duty-officer-1"].map(|name| self.officer(name));
        let (first, second) = (first?, second?);
        let stands_for = Addressee::Jurisdiction(territory);
        let mut court = DirectoryEntry::enter(id, text("A court (drill)")?, stands_for, first.clone(), now);
        let line = DutyLine { number: text("+999 100")?, source: text("the state's handbook (drill)")? };
        court.set_duty_line(line).map_err(broken)?;
        court.call_back(first.clone(), CallOutcome::Confirmed, None, now).map_err(broken)?;
        court.enter_key(key.public(), first, now).map_err(broken)?;
        court.confirm_key(&key.public(), second, now).map_err(broken)?;
        Ok(court)
    }
}
