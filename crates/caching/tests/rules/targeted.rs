//! `CDN-Cache-Control` (RFC 9213).

use crate::reusing::judge;
use crate::{Asked, Lines, date};
use caching::{Reason, Reuse, StaleLeave};
use http::Method;

fn lifetime(response: Lines<'_>) -> Result<u32, Reason> {
    Ok(Asked { response, ..Asked::default() }.storable()?.freshness().lifetime().as_secs())
}

/// RFC 9213 §2.1: a valid targeted field takes the place of Cache-Control and Expires.
#[test]
fn a_targeted_field_takes_the_place_of_cache_control_and_expires() {
    let (past, future, now) = (date(-10), date(10), date(0));
    let (past, future, now) = (past.as_str(), future.as_str(), ("Date", now.as_str()));
    let (cdn, cc) = ("CDN-Cache-Control", "Cache-Control");
    for (lines, expected) in [
        (vec![(cdn, "max-age=60")], Ok(60)),
        (vec![(cdn, "max-age=99999999999")], Ok(1 << 31)),
        (vec![(cdn, "foobar, max-age=60")], Ok(60)),
        (vec![(cdn, "foobar=\"x, max-age=1\";p=?0, max-age=60")], Ok(60)),
        (vec![(cdn, "max-age=60"), (cc, "max-age=1")], Ok(60)),
        (vec![(cdn, "max-age=1"), (cc, "max-age=60")], Ok(1)),
        (vec![(cdn, "max-age=60"), (cc, "no-store")], Ok(60)),
        (vec![(cdn, "max-age=60"), (cc, "private")], Ok(60)),
        (vec![(cdn, "max-age=60"), ("Expires", past), now], Ok(60)),
        (vec![(cdn, "max-age=60"), ("Expires", "0")], Ok(60)),
        (vec![(cdn, "max-age=0"), ("Expires", future), now], Err(Reason::Expired)),
        (vec![(cdn, "max-age=60"), ("Age", "60")], Err(Reason::Expired)),
        (vec![(cdn, "s-maxage=5, max-age=60")], Ok(5)),
        (vec![(cdn, "max-age=60, max-age=5")], Ok(5)),
        (vec![(cdn, "foobar"), (cc, "max-age=60")], Err(Reason::NoFreshness)),
        (vec![(cdn, "no-store"), (cc, "max-age=60"), ("Expires", future)], Err(Reason::NoStore)),
        (vec![(cdn, "private"), (cc, "max-age=60")], Err(Reason::Private)),
        (vec![(cdn, "private=\"set-cookie\""), (cc, "max-age=60")], Err(Reason::Private)),
        (vec![(cdn, "no-cache"), (cc, "max-age=60")], Err(Reason::NoCache)),
        (vec![(cdn, "max-age=60"), (cdn, "no-store")], Err(Reason::NoStore)),
        (vec![(cdn, "max-age=60, no-store=?0")], Ok(60)),
        (vec![(cdn, "max-age=60;p=1, must-understand, no-store")], Ok(60)),
        (vec![(cdn, "max-age=60"), (cc, "max-age=5, must-understand, no-store")], Ok(60)),
        (vec![(cdn, "max-age=(60)"), (cc, "max-age=7")], Ok(7)),
    ] {
        assert_eq!(lifetime(&lines), expected, "{lines:?}");
    }
}

/// RFC 9213 §2.1, RFC 9651 §4.2: as if it were not there.
#[test]
fn a_malformed_or_empty_targeted_field_is_ignored() {
    for value in [
        "",
        "  ",
        "max-age=60, &&&&",
        "max-age=\"60\"",
        "max-age=60.5",
        "max-age=-1",
        "max-age",
        "max-age=60,",
        "max-age =60",
        "max-age= 60",
        "Max-Age=60",
        "max-age=60, no-store=1",
        "max-age=60, private=5",
        "max-age=60 no-store",
        "max-age=60, x=\"",
    ] {
        let beside = [("CDN-Cache-Control", value), ("Cache-Control", "max-age=7")];
        assert_eq!(lifetime(&beside), Ok(7), "{value}");
        let beside = [("CDN-Cache-Control", value), ("Cache-Control", "no-store")];
        assert_eq!(lifetime(&beside), Err(Reason::NoStore), "{value}");
    }
}

/// RFC 9213 §2.1: the directives mean what they mean in Cache-Control.
#[test]
fn other_directives_of_a_targeted_field_count_too() {
    let cdn = "CDN-Cache-Control";
    let leave = |value| {
        let held = Asked { response: &[(cdn, value)], ..Asked::default() }.stored(1);
        match judge(&Method::GET, &[], &held, 60) {
            Reuse::Stale { leave, .. } => leave,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(leave("max-age=60, must-revalidate"), StaleLeave::Forbidden);
    assert_eq!(leave("max-age=60, stale-while-revalidate=9"), StaleLeave::WhileRevalidate);
    assert_eq!(leave("max-age=60"), StaleLeave::IfError);
    assert_eq!(leave("max-age=60, stale-if-error=0"), StaleLeave::Forbidden);
    assert_eq!(leave("s-maxage=60"), StaleLeave::Forbidden);
    assert_eq!(leave("s-maxage=60, stale-if-error=9"), StaleLeave::IfError);
    let authorised = |value| {
        let request = &[("Authorization", "Basic x")];
        Asked { request, response: &[(cdn, value), ("Cache-Control", "public")], ..Asked::default() }
            .storable()
            .err()
    };
    assert_eq!(authorised("max-age=60"), Some(Reason::Authorization));
    assert_eq!(authorised("max-age=60, public"), None);
}

#[test]
fn no_transform_counts_in_either_field() {
    for (lines, expected) in [
        (&[("CDN-Cache-Control", "max-age=60, no-transform")][..], true),
        (&[("CDN-Cache-Control", "max-age=60"), ("Cache-Control", "no-transform")], true),
        (&[("Cache-Control", "max-age=60")], false),
    ] {
        let held = Asked { response: lines, ..Asked::default() }.stored(1);
        assert_eq!(held.no_transform(), expected, "{lines:?}");
    }
}
