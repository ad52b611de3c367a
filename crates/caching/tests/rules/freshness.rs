//! Lifetime and age (RFC 9111 §4.2).

use crate::{Asked, Lines, NOON, at, date};
use caching::{Basis, Exchanged, Reason};
use vocabulary::Timestamp;

/// The lifetime in seconds, or why there is none.
fn lifetime(response: Lines<'_>) -> Result<u32, Reason> {
    let storable = Asked { response, ..Asked::default() }.storable()?;
    Ok(storable.freshness().lifetime().as_secs())
}

/// RFC 9111 §4.2.1, §5.2.2, §1.2.2.
#[test]
fn the_lifetime_is_s_maxage_then_max_age_then_expires() {
    let (in_ten, now) = (date(10), date(0));
    let (in_ten, now) = (in_ten.as_str(), now.as_str());
    let cc = "Cache-Control";
    for (lines, expected) in [
        (vec![(cc, "s-maxage=1, max-age=2"), ("Expires", in_ten), ("Date", now)], Ok(1)),
        (vec![(cc, "max-age=2, s-maxage=1")], Ok(1)),
        (vec![(cc, "max-age=2"), (cc, "s-maxage=1")], Ok(1)),
        (vec![(cc, "max-age=2"), ("Expires", in_ten), ("Date", now)], Ok(2)),
        (vec![(cc, "max-age=2"), ("Expires", "0")], Ok(2)),
        (vec![(cc, "max-age=0"), ("Expires", in_ten)], Err(Reason::Expired)),
        (vec![(cc, "s-maxage=0, max-age=60")], Err(Reason::Expired)),
        (vec![("Expires", in_ten), ("Date", now)], Ok(10)),
        (vec![("Expires", in_ten)], Ok(10)),
        (vec![(cc, "public"), ("Expires", in_ten)], Ok(10)),
        (vec![(cc, "max-age=2147483648")], Ok(1 << 31)),
        (vec![(cc, "max-age=99999999999999999999")], Ok(1 << 31)),
        (vec![(cc, "max-age=\"60\"")], Ok(60)),
        (vec![(cc, "max-age=0060")], Ok(60)),
        (vec![(cc, "max-age=60, max-age=60")], Ok(60)),
    ] {
        assert_eq!(lifetime(&lines), expected, "{lines:?}");
    }
}

/// RFC 9111 §4.2.1: unreadable or contradicting lifetimes are stale, and do not fall back to Expires.
#[test]
fn unreadable_lifetimes_are_stale() {
    let in_ten = date(10);
    for value in [
        "max-age=1800, max-age=1",
        "max-age=1, max-age=1800",
        "max-age=-1",
        "max-age=a60",
        "max-age=60a",
        "max-age=60.0",
        "max-age='60'",
        "max-age =60",
        "max-age= 60",
        "max-age",
        "max-age=",
        "max-age=\"60",
        "max-age=60, s-maxage=x",
    ] {
        let lines = [("Cache-Control", value), ("Expires", in_ten.as_str())];
        assert_eq!(lifetime(&lines), Err(Reason::Malformed), "{value}");
    }
}

/// RFC 9111 §5.3, §4.2 (dates in any case, no zone but GMT), RFC 9110 §5.6.7.
#[test]
fn expires_is_a_date_or_the_past() {
    let now = date(0);
    let past = date(-10);
    let future = date(10);
    for (value, expected) in [
        ("Thu, 18 Aug 2050 02:01:18 GMT", true),
        ("Thursday, 18-Aug-50 02:01:18 GMT", true),
        ("Thu Aug 18 02:01:18 2050", true),
        (future.as_str(), true),
        (now.as_str(), false),
        (past.as_str(), false),
        ("0", false),
        ("", false),
        ("-1", false),
        ("THU, 18 Aug 2050 02:01:18 GMT", true),
        ("Thu, 18 AUG 2050 02:01:18 GMT", true),
        ("Thu, 18 Aug 2050 02:01:18 gMT", true),
        ("thursday, 18-aug-50 02:01:18 gmt", true),
        ("THU AUG 18 02:01:18 2050", true),
        ("Tue, 19 Jan 2038 14:14:08 GMT", true),
        ("Sun, 21 Nov 2286 04:46:39 GMT", true),
        ("Thu, 18 Aug 2050 02:01:18 AEST", false),
        ("Thu, 18 Aug 2050 02:01:18 UTC", false),
        ("Thu, 18 Aug 50 02:01:18 GMT", false),
        ("Thu 18 Aug 2050 02:01:18 GMT", false),
        ("Thu, 18-Aug-2050 02:01:18 GMT", false),
        ("Thu, 18 Aug 2050 02.01.18 GMT", false),
        ("Thu, 18 Aug 2050 2:01:18 GMT", false),
        ("Thu, 18  Aug  2050 02:01:18 GMT", false),
        // The weekday of another date; no weekday; a weekday in the other form's length.
        ("Wed, 18 Aug 2050 02:01:18 GMT", true),
        ("wednesday, 18-Aug-50 02:01:18 GMT", true),
        ("Thu Aug  8 02:01:18 2050", true),
        ("Wed, 18 Aug 1950 02:01:18 GMT", false),
        ("Wed, 31 Feb 2050 02:01:18 GMT", false),
        ("Xyz, 18 Aug 2050 02:01:18 GMT", false),
        ("18 Aug 2050 02:01:18 GMT", false),
        (", 18 Aug 2050 02:01:18 GMT", false),
        ("Wednesday, 18 Aug 2050 02:01:18 GMT", false),
        ("Wed, 18-Aug-50 02:01:18 GMT", false),
    ] {
        let stored = lifetime(&[("Expires", value), ("Date", &now)]).is_ok();
        assert_eq!(stored, expected, "{value:?}");
    }
    let two = [("Expires", future.as_str()), ("Expires", "0"), ("Date", now.as_str())];
    assert_eq!(lifetime(&two), Err(Reason::Expired));
    let same = [("Expires", future.as_str()), ("Expires", future.as_str()), ("Date", now.as_str())];
    assert_eq!(lifetime(&same), Ok(10));
}

/// RFC 9111 §4.2.3.
#[test]
fn age_is_the_larger_of_what_date_and_age_say_and_grows() {
    struct Case<'a> {
        lines: Lines<'a>,
        delay_ms: i64,
        later_ms: i64,
        age: u32,
    }
    let (before, ahead, now) = (crate::date(-30), crate::date(30), crate::date(0));
    fn date(value: &str) -> (&str, &str) {
        ("Date", value)
    }
    for case in [
        Case { lines: &[], delay_ms: 0, later_ms: 0, age: 0 },
        Case { lines: &[], delay_ms: 0, later_ms: 1999, age: 1 },
        Case { lines: &[], delay_ms: 1500, later_ms: 500, age: 2 },
        Case { lines: &[date(&before)], delay_ms: 0, later_ms: 0, age: 30 },
        Case { lines: &[date(&before)], delay_ms: 0, later_ms: 5000, age: 35 },
        Case { lines: &[date(&before)], delay_ms: 3000, later_ms: 0, age: 30 },
        Case { lines: &[date(&ahead)], delay_ms: 0, later_ms: 5000, age: 5 },
        Case { lines: &[date("garbage")], delay_ms: 0, later_ms: 5000, age: 5 },
        Case { lines: &[date(&before), ("Age", "10")], delay_ms: 0, later_ms: 0, age: 30 },
        Case { lines: &[date(&before), ("Age", "40")], delay_ms: 0, later_ms: 1000, age: 41 },
        Case { lines: &[date(&now), ("Age", "40")], delay_ms: 2000, later_ms: 0, age: 42 },
        // §5.1: the first value counts, an invalid field is ignored.
        Case { lines: &[("Age", "40, 0")], delay_ms: 0, later_ms: 0, age: 40 },
        Case { lines: &[("Age", "0"), ("Age", "40")], delay_ms: 0, later_ms: 0, age: 0 },
        Case { lines: &[("Age", "abc")], delay_ms: 0, later_ms: 0, age: 0 },
        Case { lines: &[("Age", "-40")], delay_ms: 0, later_ms: 0, age: 0 },
        Case { lines: &[("Age", "40.0")], delay_ms: 0, later_ms: 0, age: 0 },
        Case { lines: &[("Age", "40;a=b")], delay_ms: 0, later_ms: 0, age: 0 },
    ] {
        let response = [&[("Cache-Control", "max-age=3600")], case.lines].concat();
        let exchanged =
            Exchanged { requested: Timestamp::from_millis(NOON * 1000 - case.delay_ms), received: at(0) };
        let storable = Asked { response: &response, exchanged, ..Asked::default() }.storable();
        let storable = storable.expect("storable");
        let now = Timestamp::from_millis(NOON * 1000 + case.later_ms);
        assert_eq!(storable.freshness().age(now).as_secs(), case.age, "{:?}", case.lines);
    }
}

/// RFC 9111 §4.2: `freshness_lifetime > current_age`.
#[test]
fn a_response_is_stale_when_its_age_reaches_its_lifetime() {
    let response = &[("Cache-Control", "max-age=60"), ("Age", "20")];
    let storable = Asked { response, ..Asked::default() }.storable().expect("storable");
    let freshness = storable.freshness();
    assert!(freshness.is_fresh(at(39)));
    assert!(!freshness.is_fresh(at(40)));
    assert_eq!(freshness.remaining(at(39)), 1);
    assert_eq!(freshness.remaining(at(45)), -5);
    assert!(freshness.is_fresh(at(-1000)), "a clock set back counts as no time");
    assert_eq!(freshness.age(at(-1000)).as_secs(), 20);
    assert_eq!(freshness.age(Timestamp::from_secs(i64::MAX)).as_secs(), 1 << 31, "§1.2.2");
}

/// RFC 9111 §4.2.3: with a sub-second clock, a Date of the same second gives no age.
#[test]
fn fractions_of_a_second_do_not_age_a_prompt_answer() {
    let now = Timestamp::from_millis(NOON * 1000 + 900);
    let noon = date(0);
    let response = [("Cache-Control", "max-age=1"), ("Date", noon.as_str())];
    let exchanged = Exchanged { requested: now, received: now };
    let storable = Asked { response: &response, exchanged, ..Asked::default() }.storable();
    let freshness = *storable.expect("storable").freshness();
    assert_eq!(freshness.age(now).as_secs(), 0);
    assert!(freshness.is_fresh(Timestamp::from_millis(NOON * 1000 + 1899)));
    assert!(!freshness.is_fresh(Timestamp::from_millis(NOON * 1000 + 1900)));
}

/// RFC 9111 §4.2: what has aged out on its way is not worth keeping.
#[test]
fn what_comes_stale_is_not_stored() {
    assert_eq!(lifetime(&[("Cache-Control", "max-age=60"), ("Age", "60")]), Err(Reason::Expired));
    assert_eq!(lifetime(&[("Cache-Control", "max-age=60"), ("Age", "59")]), Ok(60));
    for age in ["2147483647", "2147483648", "2147483649", "99999999999999999999"] {
        assert_eq!(lifetime(&[("Cache-Control", "max-age=60"), ("Age", age)]), Err(Reason::Expired), "{age}");
    }
    let old = date(-60);
    assert_eq!(lifetime(&[("Cache-Control", "max-age=60"), ("Date", &old)]), Err(Reason::Expired));
    // Expires is counted from Date, which may be slow or fast, and Age against that.
    for (made, expires, age, expected) in [
        (-10, 10, "25", Err(Reason::Expired)),
        (-10, 10, "19", Ok(20)),
        (10, 20, "15", Err(Reason::Expired)),
        (10, 20, "9", Ok(10)),
        (400, 300, "0", Err(Reason::Expired)),
    ] {
        let (made, expires) = (date(made), date(expires));
        let lines = [("Date", made.as_str()), ("Expires", expires.as_str()), ("Age", age)];
        assert_eq!(lifetime(&lines), expected, "{lines:?}");
    }
}

/// RFC 9111 §4.2.2: a tenth of the time since the last change, at most a day, where nothing else is said.
#[test]
fn a_lifetime_may_be_guessed_from_the_last_modification() {
    let now = date(0);
    let now = now.as_str();
    for (ago, expected) in [
        (9, Err(Reason::NoFreshness)),
        (10, Ok(1)),
        (1000, Ok(100)),
        (864_000, Ok(86_400)),
        (8_640_000, Ok(86_400)),
        (-5, Err(Reason::NoFreshness)),
    ] {
        let modified = date(-ago);
        assert_eq!(lifetime(&[("Last-Modified", &modified), ("Date", now)]), expected, "{ago} s ago");
    }
    let modified = date(-1000);
    let modified = modified.as_str();
    for lines in [
        &[("Last-Modified", modified), ("Cache-Control", "max-age=5")][..],
        &[("Last-Modified", modified), ("Cache-Control", "s-maxage=5")],
    ] {
        assert_eq!(lifetime(lines), Ok(5), "what is said counts: {lines:?}");
    }
    let old = date(-10);
    assert_eq!(lifetime(&[("Last-Modified", modified), ("Date", &old)]), Ok(99), "counted from Date");
    assert_eq!(lifetime(&[("Last-Modified", "x"), ("Date", now)]), Err(Reason::NoFreshness));
    let said = |lines: Lines<'_>| {
        let storable = Asked { response: lines, ..Asked::default() }.storable().expect("it has a validator");
        (storable.freshness().basis(), storable.freshness().is_fresh(at(0)))
    };
    assert_eq!(said(&[("Last-Modified", modified), ("Expires", "0")]), (Basis::Nothing, false));
    assert_eq!(
        said(&[("Last-Modified", modified), ("Cache-Control", "max-age=0")]),
        (Basis::Explicit, false)
    );
    assert_eq!(said(&[("Last-Modified", modified), ("Cache-Control", "max-age=x")]), (Basis::Nothing, false));
    assert_eq!(
        said(&[("Last-Modified", modified), ("Cache-Control", "extension")]),
        (Basis::Heuristic, true)
    );
}

/// RFC 9110 §15.1, RFC 9111 §5.2.2.9.
#[test]
fn only_some_statuses_have_a_guessed_lifetime() {
    let modified = date(-1000);
    let modified = ("Last-Modified", modified.as_str());
    for (status, expected) in [
        (200, true),
        (201, false),
        (202, false),
        (203, true),
        (204, true),
        (300, true),
        (301, true),
        (302, false),
        (303, false),
        (307, false),
        (308, true),
        (400, false),
        (403, false),
        (404, true),
        (405, true),
        (410, true),
        (414, true),
        (500, false),
        (501, true),
        (502, false),
        (503, false),
        (504, false),
        (599, false),
    ] {
        let outcome = |response: Lines<'_>| Asked { status, response, ..Asked::default() }.storable().is_ok();
        assert_eq!(outcome(&[modified]), expected, "{status}");
        assert!(outcome(&[modified, ("Cache-Control", "public")]), "{status} marked public");
        let tagged = [("ETag", "\"a\""), ("Cache-Control", "no-cache")];
        assert_eq!(outcome(&tagged), expected, "{status} revalidated each time");
    }
}
