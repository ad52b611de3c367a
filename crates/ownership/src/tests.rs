use super::*;
use std::time::Duration;
use vocabulary::{AccountId, Hostname, Random, SeededRandom, SiteId, SitePattern, Timestamp};

const DAY: Duration = Duration::from_secs(24 * 3600);
const SECOND: Duration = Duration::from_secs(1);

fn account(number: u8) -> AccountId {
    AccountId::from_bytes([number; 16])
}

fn pattern(text: &str) -> SitePattern {
    text.parse().expect(text)
}

fn operator() -> Hostname {
    Hostname::parse("edge.example.net").expect("a name")
}

fn start() -> Timestamp {
    Timestamp::from_secs(1_790_000_000)
}

fn values(values: &[&str]) -> Answer {
    Answer::Values(values.iter().map(|value| (*value).to_owned()).collect())
}

fn view(texts: &[&str]) -> View {
    View { texts: values(texts), aliases: values(&[]) }
}

fn unseen() -> Observed {
    Observed { views: vec![view(&[]), view(&[])], file: values(&[]) }
}

fn txt(text: &str) -> Observed {
    Observed { views: vec![view(&["v=spf1 -all", text]), view(&[text])], ..unseen() }
}

fn file(text: &str) -> Observed {
    Observed { file: values(&[text]), ..unseen() }
}

fn alias(text: &str) -> Observed {
    let view = View { texts: values(&[]), aliases: values(&[text]) };
    Observed { views: vec![view.clone(), view], ..unseen() }
}

fn nobody_knows() -> Observed {
    let view = View { texts: Answer::Unknown, aliases: Answer::Unknown };
    Observed { views: vec![view.clone(), view], file: Answer::Unknown }
}

/// Accounts 1, 2, … with their claims, and a clock.
struct Stage {
    register: Register,
    random: SeededRandom,
    now: Timestamp,
    put_up: Vec<(SitePattern, AccountId)>,
}

impl Stage {
    fn new() -> Self {
        Self { register: Register::default(), random: SeededRandom::new(7), now: start(), put_up: Vec::new() }
    }

    fn put_up(&self) -> Vec<PutUp<'_>> {
        self.put_up.iter().map(|(pattern, account)| PutUp { pattern, account: *account }).collect()
    }

    fn begin(&mut self, name: &str, whose: u8) -> Result<(), ClaimRefusal> {
        let wish =
            Wish { pattern: pattern(name), account: account(whose), site: SiteId::from_bytes([whose; 16]) };
        let challenge = Challenge::fresh(&self.random);
        let claim = self.register.begin(wish, (self.put_up(), &operator()), challenge, self.now)?;
        self.register.take_in([claim]);
        Ok(())
    }

    /// A look that finds this.
    fn look(&mut self, name: &str, whose: u8, observed: &Observed) -> Result<(), ClaimRefusal> {
        let claim = self.claim(name, whose).ok_or_else(|| ClaimRefusal::Unclaimed(pattern(name)))?;
        let verdict = claim.judge(&operator(), observed, self.now);
        let changed = self.register.look(claim, verdict, self.put_up(), (0, self.now))?;
        self.register.take_in(changed);
        Ok(())
    }

    fn prove(&mut self, name: &str, whose: u8) -> Result<(), ClaimRefusal> {
        let token = self.claim(name, whose).map(|claim| claim.challenge().token().to_owned());
        self.look(name, whose, &txt(&token.unwrap_or_default()))
    }

    /// From the claim to the first visitor.
    fn take(&mut self, name: &str, whose: u8) -> bool {
        self.begin(name, whose).is_ok() && self.prove(name, whose).is_ok() && self.is_served(name, whose)
    }

    fn release(&mut self, name: &str, whose: u8) {
        if let Ok(claim) = self.register.release(&pattern(name), account(whose), self.now) {
            self.register.take_in([claim]);
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        let passed = self.register.passed(self.now);
        self.register.take_in(passed);
    }

    fn claim(&self, name: &str, whose: u8) -> Option<&Claim> {
        self.register.claim(&pattern(name), account(whose))
    }

    fn state(&self, name: &str, whose: u8) -> Option<ClaimState> {
        self.claim(name, whose).map(|claim| claim.state().clone())
    }

    fn is_served(&self, name: &str, whose: u8) -> bool {
        self.claim(name, whose).is_some_and(Claim::is_served)
    }
}

#[test]
fn a_name_is_served_once_it_is_proved_and_not_before() {
    let mut stage = Stage::new();
    stage.begin("shop.example.com", 1).expect("claimed");
    for observed in [unseen(), nobody_knows(), txt("something else")] {
        stage.look("shop.example.com", 1, &observed).expect("looked at");
        assert!(!stage.is_served("shop.example.com", 1), "{observed:?}");
    }
    stage.prove("shop.example.com", 1).expect("proved");
    assert!(stage.is_served("shop.example.com", 1));
    assert!(matches!(stage.prove("other.example.com", 1), Err(ClaimRefusal::Unclaimed(_))));
}

#[test]
fn only_what_its_own_claim_asks_for_proves_a_name() {
    let mine = Challenge::fresh(&SeededRandom::new(1));
    let other = Challenge::fresh(&SeededRandom::new(2));
    let (name, wildcard) = (pattern("a.example.com"), pattern("*.a.example.com"));
    let proved = |method| Verdict::Proved(Proof { method, at: start() });
    let here = mine.delegation(&operator()).expect("a public name");
    for (observed, exact, below) in [
        (unseen(), Verdict::Absent, Verdict::Absent),
        (txt(mine.token()), proved(Method::Txt), proved(Method::Txt)),
        (txt(other.token()), Verdict::Absent, Verdict::Absent),
        (txt(&format!("{}x", mine.token())), Verdict::Absent, Verdict::Absent),
        (file(&format!("{}\n", mine.token())), proved(Method::Http), Verdict::Absent),
        (file(&format!("<p>{}", mine.token())), Verdict::Absent, Verdict::Absent),
        (alias(&format!("{}.", here.to_uppercase())), proved(Method::Delegation), proved(Method::Delegation)),
        // A name left pointing at the edge proves nothing for whoever claims it next.
        (alias("edge.example.net"), Verdict::Absent, Verdict::Absent),
        (alias(&other.delegation(&operator()).expect("a name")), Verdict::Absent, Verdict::Absent),
        (alias(&format!("{here}.evil.example.org")), Verdict::Absent, Verdict::Absent),
        (nobody_knows(), Verdict::Unknown, Verdict::Unknown),
        (Observed { file: Answer::Unknown, ..unseen() }, Verdict::Unknown, Verdict::Absent),
        (Observed { file: Answer::Unknown, ..txt(mine.token()) }, proved(Method::Txt), proved(Method::Txt)),
    ] {
        assert_eq!(mine.judge(&name, &operator(), &observed, None, start()), exact, "{observed:?}");
        assert_eq!(mine.judge(&wildcard, &operator(), &observed, None, start()), below, "{observed:?}");
    }
    assert_eq!(Challenge::record_name(&wildcard), "_wardmote-challenge.a.example.com");
    let path = mine.http_path();
    assert_eq!(path.strip_prefix("/.well-known/wardmote-challenge/").map(str::len), Some(32), "{path}");
    assert!(!path.contains(mine.token()) && path != other.http_path(), "an echo of the path proves nothing");
    assert_eq!(mine.token().len(), 32);
    for nameless in ["localhost", "192.0.2.1", "edge.test"] {
        assert_eq!(mine.delegation(&Hostname::parse(nameless).expect("a host")), None, "{nameless}");
    }
}

#[test]
fn resolvers_have_to_agree_and_most_of_them_to_answer() {
    let mine = Challenge::fresh(&SeededRandom::new(1));
    let (yes, no) = (view(&[mine.token()]), view(&[]));
    let mute = View { texts: Answer::Unknown, aliases: Answer::Unknown };
    let proved = Verdict::Proved(Proof { method: Method::Txt, at: start() });
    for (views, says) in [
        (vec![&yes], proved),
        (vec![&yes, &yes, &yes], proved),
        (vec![&yes, &yes, &mute], proved),
        (vec![&yes, &mute, &mute], Verdict::Unknown),
        (vec![&yes, &mute], Verdict::Unknown),
        // One that is lied to neither gives a name away nor takes it.
        (vec![&yes, &no, &no], Verdict::Unknown),
        (vec![&yes, &yes, &no], Verdict::Unknown),
        (vec![&no, &no, &mute], Verdict::Absent),
        (vec![], Verdict::Unknown),
    ] {
        let observed =
            Observed { views: views.iter().map(|view| (*view).clone()).collect(), file: values(&[]) };
        let by = Some(Method::Txt);
        assert_eq!(
            mine.judge(&pattern("a.example.com"), &operator(), &observed, by, start()),
            says,
            "{views:?}"
        );
    }
}

#[test]
fn a_name_that_another_proves_stays_with_its_holder_who_proves_it_anew_in_dns() {
    let mut stage = Stage::new();
    assert!(stage.take("a.example.com", 1));
    stage.begin("a.example.com", 2).expect("anybody may claim");
    assert!(stage.is_served("a.example.com", 1));
    stage.prove("a.example.com", 2).expect("proved");
    assert!(
        matches!(stage.state("a.example.com", 1), Some(ClaimState::Served { .. })),
        "proved in DNS just now"
    );
    stage.wait(DAY);
    stage.prove("a.example.com", 2).expect("proved");
    assert!(matches!(stage.state("a.example.com", 1), Some(ClaimState::Contested { .. })));
    assert!(matches!(stage.state("a.example.com", 2), Some(ClaimState::Proved { .. })));
    assert!(stage.is_served("a.example.com", 1), "served on while it is contested");
    assert!(stage.claim("a.example.com", 1).is_some_and(|claim| claim.is_due(stage.now)), "asked at once");
    // The edge itself shows the holder's file: that says nothing of whose the name has become.
    let token = stage.claim("a.example.com", 1).expect("a claim").challenge().token().to_owned();
    stage.look("a.example.com", 1, &file(&token)).expect("looked at");
    assert!(matches!(stage.state("a.example.com", 1), Some(ClaimState::Contested { .. })));
    stage.wait(DAY);
    stage.prove("a.example.com", 1).expect("proved anew");
    assert!(matches!(stage.state("a.example.com", 1), Some(ClaimState::Served { .. })));
}

#[test]
fn a_look_from_before_a_contest_does_not_settle_it() {
    let mut stage = Stage::new();
    assert!(stage.take("a.example.com", 1));
    let holder = stage.claim("a.example.com", 1).expect("a claim").clone();
    let early = holder.judge(&operator(), &txt(holder.challenge().token()), stage.now);
    stage.wait(DAY);
    stage.begin("a.example.com", 2).expect("claimed");
    stage.prove("a.example.com", 2).expect("proved");
    let changed = stage.register.look(&holder, early, stage.put_up(), (0, stage.now)).expect("looked at");
    stage.register.take_in(changed);
    assert!(matches!(stage.state("a.example.com", 1), Some(ClaimState::Contested { .. })));
}

#[test]
fn a_holder_who_cannot_prove_a_contested_name_loses_it_and_it_cools_down_first() {
    let mut stage = Stage::new();
    assert!(stage.take("a.example.com", 1));
    stage.wait(DAY);
    stage.begin("a.example.com", 2).expect("claimed");
    stage.prove("a.example.com", 2).expect("proved");
    stage.wait(CONTEST_LASTS - SECOND);
    stage.prove("a.example.com", 2).expect("still proved");
    stage.look("a.example.com", 1, &unseen()).expect("looked at");
    assert!(stage.is_served("a.example.com", 1));
    stage.wait(SECOND);
    assert!(stage.is_served("a.example.com", 1), "nobody has looked since the time was up");
    stage.look("a.example.com", 1, &unseen()).expect("looked at");
    assert!(matches!(stage.state("a.example.com", 1), Some(ClaimState::Quarantined { why: Why::Lost, .. })));
    stage.prove("a.example.com", 2).expect("still proved");
    assert!(!stage.is_served("a.example.com", 2), "in quarantine");
    stage.wait(QUARANTINE_LASTS);
    assert!(stage.take("a.example.com", 2));
}

#[test]
fn a_contest_that_nobody_carries_on_takes_no_name_off() {
    for gone in [true, false] {
        let mut stage = Stage::new();
        assert!(stage.take("a.example.com", 1));
        stage.wait(DAY);
        stage.begin("a.example.com", 2).expect("claimed");
        stage.prove("a.example.com", 2).expect("proved");
        assert!(matches!(stage.state("a.example.com", 1), Some(ClaimState::Contested { .. })));
        if gone {
            stage.release("a.example.com", 2);
        } else {
            // Shown in a file alone by now, which is not enough to open a contest either.
            stage.now = stage.now.plus(CONTEST_LASTS - SECOND);
            let token = stage.claim("a.example.com", 2).expect("a claim").challenge().token().to_owned();
            stage.look("a.example.com", 2, &file(&token)).expect("looked at");
        }
        stage.now = start().plus(DAY + CONTEST_LASTS);
        stage.look("a.example.com", 1, &unseen()).expect("looked at");
        let state = stage.state("a.example.com", 1);
        assert!(matches!(state, Some(ClaimState::Served { .. })), "{gone} {state:?}");
    }
}

#[test]
fn a_file_opens_no_contest() {
    let mut stage = Stage::new();
    assert!(stage.take("a.example.com", 1));
    stage.wait(DAY);
    stage.begin("a.example.com", 2).expect("claimed");
    let token = stage.claim("a.example.com", 2).expect("a claim").challenge().token().to_owned();
    stage.look("a.example.com", 2, &file(&token)).expect("looked at");
    assert!(matches!(stage.state("a.example.com", 2), Some(ClaimState::Proved { .. })));
    assert!(matches!(stage.state("a.example.com", 1), Some(ClaimState::Served { .. })));
}

#[test]
fn a_claim_moves_to_another_site_of_its_account() {
    let moved = |stage: &mut Stage, name: &str| {
        let wish = Wish { pattern: pattern(name), account: account(1), site: SiteId::from_bytes([9; 16]) };
        let challenge = Challenge::fresh(&stage.random);
        let claim = stage.register.begin(wish, (stage.put_up(), &operator()), challenge, stage.now);
        stage.register.take_in([claim.expect("moved")]);
        stage.claim(name, 1).expect("a claim").clone()
    };
    let mut stage = Stage::new();
    assert!(stage.take("a.example.com", 1));
    let before = stage.claim("a.example.com", 1).expect("a claim").clone();
    stage.wait(DAY);
    let after = moved(&mut stage, "a.example.com");
    assert_eq!((after.site(), after.challenge()), (SiteId::from_bytes([9; 16]), before.challenge()));
    assert_eq!(after.served_since(), Some(stage.now), "added now, as far as a block of that site goes");
    // In quarantine it stays there, kept from others, until something new proves it.
    assert!(stage.take("b.example.com", 1));
    stage.release("b.example.com", 1);
    let before = stage.claim("b.example.com", 1).expect("a claim").clone();
    let after = moved(&mut stage, "b.example.com");
    assert!(matches!(after.state(), ClaimState::Quarantined { .. }) && after.is_due(stage.now));
    assert_ne!(after.challenge(), before.challenge());
    // What needs no proof is back at once.
    stage.begin("c.test", 1).expect("served");
    stage.release("c.test", 1);
    assert!(moved(&mut stage, "c.test").is_served());
}

#[test]
fn a_name_that_was_let_go_of_is_not_looked_at_for_a_while() {
    let mut stage = Stage::new();
    assert!(stage.take("a.example.com", 1));
    stage.wait(DAY);
    for _ in 0..2 {
        assert!(stage.claim("a.example.com", 1).is_some_and(|claim| claim.is_due(stage.now)));
        stage.release("a.example.com", 1);
        assert!(!stage.claim("a.example.com", 1).is_some_and(|claim| claim.is_due(stage.now)));
        stage.wait(DAY);
    }
}

#[test]
fn a_name_that_was_let_go_of_passes_to_another_only_after_its_quarantine() {
    let mut stage = Stage::new();
    assert!(stage.take("a.example.com", 1));
    stage.release("a.example.com", 1);
    assert!(!stage.is_served("a.example.com", 1));
    for _ in 0..29 {
        stage.wait(DAY);
        assert!(!stage.take("a.example.com", 2));
        let kept = stage.register.check_free(&pattern("a.example.com"), account(2));
        assert!(matches!(kept, Err(ClaimRefusal::Quarantined(..))), "{kept:?}");
    }
    stage.wait(DAY);
    assert!(stage.take("a.example.com", 2));
    // The same account may come back at once, with a fresh proof.
    assert!(stage.take("b.example.com", 1));
    stage.release("b.example.com", 1);
    stage.look("b.example.com", 1, &unseen()).expect("looked at");
    assert!(!stage.is_served("b.example.com", 1));
    stage.prove("b.example.com", 1).expect("proved");
    assert!(stage.is_served("b.example.com", 1));
}

#[test]
fn a_name_whose_proof_is_gone_is_served_for_three_days_more_and_until_a_look_after_them() {
    let mut stage = Stage::new();
    assert!(stage.take("a.example.com", 1));
    for hours in [1, 24, 47] {
        stage.now = start().plus(Duration::from_secs(hours * 3600));
        stage.look("a.example.com", 1, &unseen()).expect("missed");
        assert!(stage.is_served("a.example.com", 1), "{hours}");
    }
    // Seen once more, it begins to count anew.
    stage.prove("a.example.com", 1).expect("seen");
    stage.wait(FAILING_MAX * 2);
    assert!(stage.is_served("a.example.com", 1));
    stage.look("a.example.com", 1, &unseen()).expect("missed");
    stage.wait(FAILING_MAX - SECOND);
    assert!(stage.is_served("a.example.com", 1));
    // Nobody has looked: the control plane may have been away.
    stage.wait(FAILING_MAX);
    assert!(stage.is_served("a.example.com", 1));
    stage.look("a.example.com", 1, &nobody_knows()).expect("looked at");
    assert!(stage.is_served("a.example.com", 1));
    stage.look("a.example.com", 1, &unseen()).expect("missed");
    let state = stage.state("a.example.com", 1);
    assert!(matches!(state, Some(ClaimState::Quarantined { why: Why::Dangling, .. })), "{state:?}");
}

#[test]
fn that_nobody_can_tell_takes_a_name_off_after_a_month_alone() {
    let mut stage = Stage::new();
    assert!(stage.take("a.example.com", 1));
    stage.wait(PROOF_LASTS);
    stage.look("a.example.com", 1, &nobody_knows()).expect("looked at");
    stage.wait(FAILING_MAX);
    assert!(stage.is_served("a.example.com", 1));
    stage.look("a.example.com", 1, &nobody_knows()).expect("looked at");
    stage.wait(FAILING_MAX);
    stage.look("a.example.com", 1, &nobody_knows()).expect("looked at");
    assert!(!stage.is_served("a.example.com", 1));
}

#[test]
fn a_name_proved_by_a_record_is_not_kept_by_a_web_server_that_is_away() {
    let mut stage = Stage::new();
    assert!(stage.take("a.example.com", 1));
    let observed = Observed { file: Answer::Unknown, ..unseen() };
    stage.look("a.example.com", 1, &observed).expect("looked at");
    let state = stage.state("a.example.com", 1);
    assert!(matches!(state, Some(ClaimState::Served { failing_since: Some(_), .. })), "{state:?}");
}

#[test]
fn a_claim_that_is_never_proved_is_forgotten() {
    let mut stage = Stage::new();
    stage.begin("a.example.com", 1).expect("claimed");
    stage.wait(CLAIM_LASTS);
    assert!(stage.state("a.example.com", 1).is_some());
    stage.wait(SECOND);
    assert_eq!(stage.state("a.example.com", 1), None);
}

#[test]
fn no_wildcard_takes_anothers_name() {
    for (held, wanted) in [
        ("a.shop.example.com", "*.shop.example.com"),
        ("*.shop.example.com", "a.shop.example.com"),
        ("*.b.shop.example.com", "*.shop.example.com"),
        ("*.shop.example.com", "*.b.shop.example.com"),
    ] {
        let mut stage = Stage::new();
        assert!(stage.take(held, 1));
        assert!(matches!(stage.begin(wanted, 2), Err(ClaimRefusal::Overlap { .. })), "{held} {wanted}");
        assert!(stage.take(wanted, 1), "one account's own");
        // Claimed before the other was served: proof alone is not enough.
        let mut stage = Stage::new();
        stage.begin(wanted, 2).expect("claimed");
        assert!(stage.take(held, 1));
        stage.prove(wanted, 2).expect("proved");
        assert!(!stage.is_served(wanted, 2) && stage.is_served(held, 1), "{held} {wanted}");
        // Put up by the operator: the same, before and after.
        let mut stage = Stage::new();
        stage.begin(wanted, 2).expect("claimed");
        stage.put_up.push((pattern(held), account(1)));
        stage.prove(wanted, 2).expect("proved");
        assert!(!stage.is_served(wanted, 2), "{held} {wanted}");
        assert!(matches!(stage.begin(wanted, 3), Err(ClaimRefusal::Overlap { .. })), "{held} {wanted}");
        let mut stage = Stage::new();
        assert!(stage.take(wanted, 2));
        assert!(stage.register.check_operator(&pattern(held), account(1)).is_err());
        assert!(stage.register.check_operator(&pattern(held), account(2)).is_ok());
    }
}

#[test]
fn public_suffixes_addresses_and_the_operators_own_names_are_no_customers() {
    for (wanted, allowed) in [
        ("*.co.uk", false),
        ("*.github.io", false),
        ("*.com.au", false),
        ("*.xn--p1ai", false),
        ("*.CO.UK.", false),
        ("*.example.co.uk", true),
        ("*.shop.github.io", true),
        ("*.bücher.example.com", true),
        ("*.unknown.test", true),
        ("*.test", true),
        ("192.0.2.1", false),
        ("127.0.0.1", false),
        ("[::1]", false),
        ("edge.example.net", false),
        ("EDGE.example.net.", false),
        ("a.b.edge.example.net", false),
        ("*.edge.example.net", false),
        ("*.example.net", false),
        ("www.example.net", true),
    ] {
        let pattern: Result<SitePattern, _> = wanted.parse();
        let taken = pattern.is_ok_and(|pattern| check_claimable(&pattern, &operator()).is_ok());
        assert_eq!(taken, allowed, "{wanted}");
    }
}

#[test]
fn reserved_names_need_no_proof_and_belong_to_whoever_comes_first() {
    let mut stage = Stage::new();
    stage.begin("a.test", 1).expect("served at once");
    assert!(stage.is_served("a.test", 1));
    assert!(!stage.claim("a.test", 1).is_some_and(|claim| claim.is_due(stage.now.plus(DAY))));
    assert!(stage.begin("a.test", 2).is_err() && stage.begin("*.test", 2).is_err());
    stage.begin("example.org", 1).expect("claimed");
    assert!(!stage.is_served("example.org", 1), "a name like any other in DNS");
}

#[test]
fn names_that_look_alike_are_names_of_their_own_in_one_spelling() {
    let mut stage = Stage::new();
    // The second has a Cyrillic letter in it, the others differ from the first in their spelling alone.
    assert!(stage.take("apple.example.com", 1));
    assert!(stage.take("\u{430}pple.example.com", 2));
    assert!(stage.is_served("xn--pple-43d.example.com", 2));
    for spelling in ["APPLE.example.com.", "apple.EXAMPLE.com", "\u{ff41}pple.example.com"] {
        assert!(!stage.take(spelling, 3), "{spelling}");
        assert!(stage.is_served("apple.example.com", 1));
    }
}

#[test]
fn an_account_claims_no_more_than_its_share() {
    let mut stage = Stage::new();
    for number in 0..ACCOUNT_CLAIMS_MAX {
        stage.begin(&format!("a{number}.example.com"), 1).expect("claimed");
    }
    assert_eq!(stage.begin("one-more.example.com", 1), Err(ClaimRefusal::TooMany));
    stage.begin("a1.example.com", 1).expect("its own once more");
    stage.begin("one-more.example.com", 2).expect("another account");
}

#[test]
fn looks_come_less_and_less_often_and_never_in_step() {
    let mut stage = Stage::new();
    stage.begin("a.example.com", 1).expect("claimed");
    let mut pauses = Vec::new();
    for _ in 0..12 {
        stage.look("a.example.com", 1, &unseen()).expect("looked at");
        let next = stage.claim("a.example.com", 1).expect("a claim").looked().next;
        pauses.push(next.since(stage.now).as_secs());
        stage.now = next;
    }
    assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800, 1800, 1800]);
    let claim = stage.claim("a.example.com", 1).expect("a claim").clone();
    let earliest = claim.noted(Found::Nothing, u8::MAX, stage.now).looked().next;
    assert_eq!(earliest.since(stage.now), Duration::from_secs(1350));
}

#[test]
fn a_claim_keeps_everything_when_it_is_written_down() {
    let mut stage = Stage::new();
    assert!(stage.take("*.a.example.com", 1));
    stage.look("*.a.example.com", 1, &unseen()).expect("missed");
    let claim = stage.claim("*.a.example.com", 1).expect("a claim");
    let text = serde_json::to_string(claim).expect("text");
    assert_eq!(&serde_json::from_str::<Claim>(&text).expect("a claim"), claim);
}

#[test]
fn whatever_happens_in_whatever_order_a_name_is_served_for_one_account() {
    let names = ["a.example.com", "*.example.com", "*.a.example.com", "b.a.example.com"];
    for seed in 0..40 {
        let mut stage = Stage::new();
        let dice: &dyn Random = &SeededRandom::new(seed);
        for _ in 0..300 {
            let [what, name, whose, wait]: [u8; 4] = dice.bytes();
            let (name, whose) = (names[usize::from(name) % names.len()], whose % 3 + 1);
            // Every step checks the invariants by itself; refusals are as good as successes.
            match what % 6 {
                0 => drop(stage.begin(name, whose)),
                1 => drop(stage.prove(name, whose)),
                2 => drop(stage.look(name, whose, &nobody_knows())),
                3 => stage.release(name, whose),
                4 => drop(stage.look(name, whose, &unseen())),
                _ => stage.wait(Duration::from_secs(u64::from(wait) * 3600)),
            }
        }
    }
}
