//! Which names are looked at next.

use ownership::{Claim, ClaimState};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use vocabulary::{AccountId, SitePattern, Timestamp};

/// Looks under way at once.
const LOOKS_MAX: usize = 8;
/// Those of one account: its servers may be slow, and others wait.
const ACCOUNT_LOOKS_MAX: usize = 2;
/// How long a name rests after a look, whatever is asked for meanwhile.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// How long it rests where a look came to nothing: its claim is as it was, and still due.
const FAILED_REST: Duration = Duration::from_secs(60);

pub(super) type Key = (SitePattern, AccountId);

/// The looks under way, and the names that rest.
#[derive(Debug, Default)]
pub(super) struct Queue {
    under_way: BTreeSet<Key>,
    rests: BTreeMap<Key, Timestamp>,
}

impl Queue {
    /// Takes the claims to look at now: names that may be lost first, then those that have waited longest.
    pub(super) fn next<'a>(&mut self, claims: impl Iterator<Item = &'a Claim>, now: Timestamp) -> Vec<Claim> {
        self.rests.retain(|_, until| now < *until);
        let mut due: Vec<&Claim> =
            claims.filter(|claim| claim.is_due(now) && !self.holds_back(&key(claim))).collect();
        due.sort_by_key(|claim| (!is_in_doubt(claim), claim.looked().next));
        let mut taken = Vec::new();
        for claim in due {
            let of_account = self.under_way.iter().filter(|(_, account)| *account == claim.account()).count();
            if self.under_way.len() < LOOKS_MAX && of_account < ACCOUNT_LOOKS_MAX {
                self.under_way.insert(key(claim));
                taken.push(claim.clone());
            }
        }
        taken
    }

    /// A look is over.
    pub(super) fn ended(&mut self, key: Key, is_kept: bool, now: Timestamp) {
        self.under_way.remove(&key);
        self.rests.insert(key, now.plus(if is_kept { LOOK_AGAIN } else { FAILED_REST }));
    }

    /// A look broke down, and nobody knows which.
    pub(super) fn broke_down(&mut self, now: Timestamp) {
        for key in std::mem::take(&mut self.under_way) {
            self.ended(key, false, now);
        }
    }

    fn holds_back(&self, key: &Key) -> bool {
        self.under_way.contains(key) || self.rests.contains_key(key)
    }
}

pub(super) fn key(claim: &Claim) -> Key {
    (claim.pattern().clone(), claim.account())
}

fn is_in_doubt(claim: &Claim) -> bool {
    matches!(claim.state(), ClaimState::Contested { .. } | ClaimState::Served { failing_since: Some(_), .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ownership::{Challenge, PutUp, Register, Wish};
    use vocabulary::{Hostname, SeededRandom, SiteId};

    fn start() -> Timestamp {
        Timestamp::from_secs(1_790_000_000)
    }

    fn claim(name: &str, whose: u8, since: Timestamp) -> Claim {
        let wish = Wish {
            pattern: name.parse().expect("a pattern"),
            account: AccountId::from_bytes([whose; 16]),
            site: SiteId::from_bytes([whose; 16]),
        };
        let operator = Hostname::parse("localhost").expect("a name");
        let nobody: [PutUp<'_>; 0] = [];
        let challenge = Challenge::fresh(&SeededRandom::new(1));
        Register::default().begin(wish, (nobody, &operator), challenge, since).expect("a claim")
    }

    #[test]
    fn one_account_takes_no_more_than_its_share_of_the_looks() {
        let mut claims: Vec<Claim> =
            (0..20).map(|number| claim(&format!("a{number}.org"), 1, start())).collect();
        claims.push(claim("b.org", 2, start().plus(Duration::from_secs(1))));
        let mut queue = Queue::default();
        let now = start().plus(LOOK_AGAIN);
        let taken = queue.next(claims.iter(), now);
        assert_eq!(taken.iter().filter(|claim| claim.account() == claims[0].account()).count(), 2);
        assert!(taken.contains(&claims[20]), "another account waits for nobody");
        assert_eq!(queue.next(claims.iter(), now), []);
        let many: Vec<Claim> = (0..20).map(|whose| claim("c.org", whose, start())).collect();
        assert_eq!(Queue::default().next(many.iter(), now).len(), LOOKS_MAX);
    }

    #[test]
    fn a_name_rests_after_a_look_whatever_came_of_it() {
        for (is_kept, rest) in [(true, LOOK_AGAIN), (false, FAILED_REST)] {
            let claims = [claim("a.org", 1, start())];
            let mut queue = Queue::default();
            assert_eq!(queue.next(claims.iter(), start()), claims);
            queue.ended(key(&claims[0]), is_kept, start());
            let early = start().plus(rest - Duration::from_secs(1));
            assert_eq!(queue.next(claims.iter(), early), [], "{is_kept}");
            assert_eq!(queue.next(claims.iter(), start().plus(rest)), claims, "{is_kept}");
        }
    }

    #[test]
    fn a_look_that_broke_down_leaves_its_name_to_a_later_one() {
        let claims = [claim("a.org", 1, start())];
        let mut queue = Queue::default();
        assert_eq!(queue.next(claims.iter(), start()), claims);
        queue.broke_down(start());
        assert_eq!(queue.next(claims.iter(), start()), []);
        assert_eq!(queue.next(claims.iter(), start().plus(FAILED_REST)), claims);
    }
}
