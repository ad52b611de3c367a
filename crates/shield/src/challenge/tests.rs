use super::*;
use crate::rules::ChallengeKind;
use std::net::IpAddr;
use vocabulary::{SeededRandom, Timestamp};

const BEGAN: i64 = 1_795_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(BEGAN + seconds)
}

fn keys(now: Timestamp) -> Keyring {
    Keyring::new(ChallengeSecret::new([9; 32]), now)
}

fn random() -> SeededRandom {
    SeededRandom::new(5)
}

fn client() -> Client<'static> {
    Client { site: b"site_a", prefix: prefix("203.0.113.7"), tls: Some("t13d"), user_agent: b"Firefox" }
}

fn prefix(address: &str) -> Prefix {
    Prefix::of(address.parse::<IpAddr>().expect("address"))
}

fn issue(kind: ChallengeKind) -> Issue {
    Issue { kind, difficulty: 8, attempt: 1 }
}

fn solve(token: &str, answer: u64, client: &Client<'_>, now: Timestamp) -> Result<Solved, IssueError> {
    Issue::verify(token, answer, &keys(at(0)), client, now)?.once(&mut used(), now)
}

/// A table from before all that is issued here.
fn used() -> SolvedOnce {
    SolvedOnce::since(at(0))
}

#[test]
fn work_that_was_done_counts_and_counts_once() {
    let offered = issue(ChallengeKind::Work).offer(&keys(at(0)), &client(), &random(), at(0));
    assert_eq!(offered.token.len(), TOKEN_CHARS);
    let answer = Issue::work(&offered.token).expect("a token");
    let wrong = (0..).find(|other| solve(&offered.token, *other, &client(), at(1)).is_err()).expect("one");
    let (keys, mut used) = (keys(at(0)), used());
    let mut tried =
        |answer| Issue::verify(&offered.token, answer, &keys, &client(), at(1))?.once(&mut used, at(1));
    assert_eq!(tried(wrong), Err(IssueError::Unsolved));
    let solved = tried(answer).expect("solved");
    assert_eq!((solved.kind(), solved.attempt()), (ChallengeKind::Work, 1));
    assert_eq!(tried(answer), Err(IssueError::Used));
}

#[test]
fn waiting_means_waiting_and_not_for_ever() {
    let offered = issue(ChallengeKind::Wait).offer(&keys(at(0)), &client(), &random(), at(0));
    for (seconds, result) in [
        (offered.wait_seconds - 1, Err(IssueError::Early)),
        (offered.wait_seconds, Ok(())),
        (SOLVE_SECONDS_MAX, Ok(())),
        (SOLVE_SECONDS_MAX + 1, Err(IssueError::Late)),
    ] {
        assert_eq!(solve(&offered.token, 0, &client(), at(seconds)).map(|_| ()), result, "{seconds} s");
    }
    let silent = issue(ChallengeKind::Silent).offer(&keys(at(0)), &client(), &random(), at(0));
    assert_eq!(solve(&silent.token, 0, &client(), at(-31)), Err(IssueError::Early), "from the future");
}

#[test]
fn a_token_belongs_to_its_client_and_no_byte_of_it_can_be_changed() {
    let offered = issue(ChallengeKind::Silent).offer(&keys(at(0)), &client(), &random(), at(0));
    assert!(solve(&offered.token, 0, &client(), at(0)).is_ok());
    for other in [
        Client { site: b"site_b", ..client() },
        Client { prefix: prefix("203.0.114.7"), ..client() },
        Client { user_agent: b"Firefo", ..client() },
    ] {
        assert_eq!(solve(&offered.token, 0, &other, at(0)), Err(IssueError::Forged), "{other:?}");
    }
    for place in 0..TOKEN_CHARS {
        let mut token = offered.token.clone().into_bytes();
        token[place] = if token[place] == b'A' { b'B' } else { b'A' };
        let token = String::from_utf8(token).expect("ASCII");
        assert!(solve(&token, 0, &client(), at(0)).is_err(), "changed at {place}");
    }
    for token in ["", "A", &offered.token[1..], &format!("{}A", offered.token), &"ä".repeat(TOKEN_CHARS / 2)]
    {
        assert_eq!(solve(token, 0, &client(), at(0)), Err(IssueError::Malformed), "{token}");
    }
}

#[test]
fn a_clearance_survives_a_new_network_or_a_new_browser_but_not_both() {
    let (keys, random) = (keys(at(0)), random());
    let offered = issue(ChallengeKind::Wait).offer(&keys, &client(), &random, at(0));
    let solved = solve(&offered.token, 0, &client(), at(5)).expect("solved");
    let cookie = Clearance::grant(&solved, 1_800, &keys, &client(), &random, at(5));
    let open = |client: &Client<'_>, seconds| Clearance::open(cookie.as_bytes(), &keys, client, at(seconds));
    let held = open(&client(), 6).expect("a clearance");
    assert_eq!((held.kind(), held.ends()), (ChallengeKind::Wait, at(1_805)));
    let moved = Client { prefix: prefix("198.51.100.1"), ..client() };
    let updated = Client { tls: Some("t13e"), ..client() };
    let plain = Client { tls: None, ..client() };
    assert!(open(&moved, 6).is_ok() && open(&updated, 6).is_ok() && open(&plain, 6).is_ok());
    let elsewhere = Err(ClearanceError::Elsewhere);
    assert_eq!(open(&Client { tls: Some("t13e"), ..moved }, 6), elsewhere);
    assert_eq!(open(&Client { tls: None, ..moved }, 6), elsewhere, "no fingerprint is no match");
    assert_eq!(open(&Client { user_agent: b"curl", ..client() }, 6), Err(ClearanceError::Forged));
    assert_eq!(open(&Client { site: b"site_b", ..client() }, 6), Err(ClearanceError::Forged));
    assert_eq!(open(&client(), 1_805), Err(ClearanceError::Ended));
}

#[test]
fn without_tls_a_clearance_stays_in_its_network() {
    let (keys, random) = (keys(at(0)), random());
    let plain = Client { tls: None, ..client() };
    let offered = issue(ChallengeKind::Silent).offer(&keys, &plain, &random, at(0));
    let solved = solve(&offered.token, 0, &plain, at(0)).expect("solved");
    let cookie = Clearance::grant(&solved, 60, &keys, &plain, &random, at(0));
    let open = |client: &Client<'_>| Clearance::open(cookie.as_bytes(), &keys, client, at(1));
    assert!(open(&plain).is_ok());
    assert_eq!(open(&Client { prefix: prefix("198.51.100.1"), ..plain }), Err(ClearanceError::Elsewhere));
}

#[test]
fn no_byte_of_a_clearance_can_be_changed_and_no_text_panics() {
    let (keys, random) = (keys(at(0)), random());
    let offered = issue(ChallengeKind::Silent).offer(&keys, &client(), &random, at(0));
    let solved = solve(&offered.token, 0, &client(), at(0)).expect("solved");
    let cookie = Clearance::grant(&solved, 600, &keys, &client(), &random, at(0)).into_bytes();
    for place in 0..cookie.len() {
        let mut changed = cookie.clone();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        assert!(Clearance::open(&changed, &keys, &client(), at(1)).is_err(), "changed at {place}");
    }
    for _ in 0..20_000 {
        let length = random.below(120) as usize;
        let text: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
        assert!(Clearance::open(&text, &keys, &client(), at(1)).is_err());
        let _ = solve(&String::from_utf8_lossy(&text), 0, &client(), at(1));
        let mut near = cookie.clone();
        near.truncate(random.below(near.len() as u64) as usize);
        assert!(Clearance::open(&near, &keys, &client(), at(1)).is_err());
    }
}

#[test]
fn keys_change_with_the_epoch_and_overlap_by_one() {
    let (mut ring, random) = (keys(at(0)), random());
    let offered = issue(ChallengeKind::Silent).offer(&ring, &client(), &random, at(0));
    let solved = solve(&offered.token, 0, &client(), at(0)).expect("solved");
    let cookie = Clearance::grant(&solved, CLEARANCE_SECONDS_MAX, &ring, &client(), &random, at(0));
    let later = at(CLEARANCE_SECONDS_MAX.into()).minus(std::time::Duration::from_secs(1));
    ring.roll(later);
    assert!(Clearance::open(cookie.as_bytes(), &ring, &client(), later).is_ok(), "it lives to its end");
    ring.roll(at(2 * EPOCH_SECONDS));
    let opened = Clearance::open(cookie.as_bytes(), &ring, &client(), at(1));
    assert_eq!(opened, Err(ClearanceError::Epoch));
    let other = Keyring::new(ChallengeSecret::new([8; 32]), at(0));
    assert_eq!(Clearance::open(cookie.as_bytes(), &other, &client(), at(1)), Err(ClearanceError::Forged));
    let ahead = Keyring::new(ChallengeSecret::new([9; 32]), at(EPOCH_SECONDS));
    let token = issue(ChallengeKind::Silent).offer(&ahead, &client(), &random, at(0)).token;
    assert!(solve(&token, 0, &client(), at(0)).is_ok(), "an edge whose clock is an epoch ahead");
}

#[test]
fn used_solutions_take_the_same_memory_however_many_come() {
    let (mut used, random) = (used(), random());
    let before = used.memory_bytes();
    assert!(before <= 1 << 20);
    for _ in 0..200_000 {
        assert_eq!(used.take(random.next_u64(), BEGAN, at(0)), Ok(()));
    }
    assert_eq!(used.memory_bytes(), before);
    assert_eq!(used.take(42, BEGAN, at(0)), Ok(()));
    assert_eq!(used.take(42, BEGAN, at(SOLVE_SECONDS_MAX)), Err(IssueError::Used));
    assert_eq!(used.take(42, BEGAN, at(3 * SOLVE_SECONDS_MAX)), Ok(()), "long after the token has ended");
}

#[test]
fn what_was_issued_before_a_start_counts_no_second_time_after_it() {
    let issued = |now| issue(ChallengeKind::Silent).offer(&keys(at(0)), &client(), &random(), now).token;
    let tried = |used: &mut SolvedOnce, token: &str, now| {
        Issue::verify(token, 0, &keys(at(0)), &client(), now)?.once(used, now)
    };
    let token = issued(at(0));
    assert!(tried(&mut used(), &token, at(1)).is_ok());
    assert_eq!(tried(&mut SolvedOnce::since(at(2)), &token, at(3)), Err(IssueError::Before));
    // A clock that is set back after the start bars nobody for longer than the first look.
    let mut ahead = SolvedOnce::since(at(60));
    assert_eq!(tried(&mut ahead, &token, at(3)), Err(IssueError::Before));
    assert!(tried(&mut ahead, &issued(at(3)), at(4)).is_ok());
}

#[test]
fn the_ladder_ends() {
    use ChallengeKind::{Silent, Wait, Work};
    let visit =
        |cleared, is_navigation, attempts, wanted| Visit { cleared, is_navigation, attempts, wanted }.step();
    for (step, wanted) in [
        (visit(Some(Wait), true, 0, Silent), Step::Pass),
        (visit(Some(Wait), false, 9, Wait), Step::Pass),
        (visit(Some(Silent), true, 0, Wait), Step::Challenge(Wait)),
        (visit(None, true, 0, Silent), Step::Challenge(Silent)),
        (visit(None, true, 1, Silent), Step::Challenge(Wait)),
        (visit(None, true, 2, Silent), Step::Challenge(Work)),
        (visit(None, true, 0, Wait), Step::Challenge(Wait)),
        (visit(None, true, 0, Work), Step::Challenge(Work)),
        (visit(None, true, 3, Silent), Step::ExplainAndPace),
        (visit(None, true, 255, Work), Step::ExplainAndPace),
    ] {
        assert_eq!(step, wanted);
    }
    for attempts in 0..5 {
        assert!(
            matches!(visit(None, false, attempts, Work), Step::ComeAgain(_)),
            "no page for what is no page"
        );
    }
}

#[test]
fn a_warning_counts_as_seen_for_its_decision_and_network_and_for_two_epochs() {
    let (decision, other) = ([7; 16], [8; 16]);
    let (here, near, elsewhere) = (prefix("203.0.113.7"), prefix("203.0.113.7"), prefix("198.51.100.1"));
    let text = seen(&keys(at(0)), &decision, here);
    assert_eq!(text.len(), SEEN_CHARS);
    let holds = |text: &str, decision, prefix, seconds| {
        has_seen(text.as_bytes(), &keys(at(seconds)), decision, prefix)
    };
    assert!(holds(&text, &decision, near, 0) && holds(&text, &decision, near, EPOCH_SECONDS));
    assert!(!holds(&text, &decision, near, 2 * EPOCH_SECONDS));
    assert!(!holds(&text, &other, here, 0) && !holds(&text, &decision, elsewhere, 0));
    for place in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        assert!(!has_seen(&changed, &keys(at(0)), &decision, here), "{place}");
    }
    for text in ["", "x", &"A".repeat(SEEN_CHARS), &"A".repeat(SEEN_CHARS + 1)] {
        assert!(!holds(text, &decision, here, 0), "{text}");
    }
}
