use super::*;
use crate::fixtures::{scope, site};

const SALT: Salt = Salt::from_bytes([9; 32]);

#[test]
fn a_scope_is_sorted_and_read_back_from_its_one_encoding() {
    let scope = scope();
    assert!(scope.sites()[0].site < scope.sites()[1].site);
    let bytes = scope.to_bytes();
    let read = Scope::parse(&bytes).expect("its own bytes");
    assert_eq!((read.digest(), &read), (Digest::of(&bytes), &scope));
}

#[test]
fn a_changed_byte_is_another_scope_or_none() {
    let bytes = scope().to_bytes();
    for place in 0..bytes.len() {
        for flip in [1, 4, 32] {
            let mut other = bytes.clone();
            other[place] ^= flip;
            if let Ok(read) = Scope::parse(&other) {
                assert_ne!(read.digest(), scope().digest(), "byte {place} ^ {flip}");
            }
        }
    }
}

#[test]
fn a_scope_is_explicit() {
    let one = site(1, 1, "a.test");
    let hosts = |hosts: &[&str]| {
        let hosts = hosts.iter().map(|host| host.parse().expect("a pattern")).collect();
        Scope::new(SALT, vec![ScopeSite { hosts, ..one.clone() }])
    };
    assert!(matches!(Scope::new(SALT, vec![]), Err(ScopeError::Empty)));
    assert!(matches!(Scope::new(SALT, vec![one.clone(), one.clone()]), Err(ScopeError::Unsorted(_))));
    assert!(matches!(hosts(&[]), Err(ScopeError::Hosts(_))));
    assert!(matches!(hosts(&["a.test", "a.test"]), Err(ScopeError::Hosts(_))));
    assert!(hosts(&["b.test", "a.test", "*.a.test"]).is_ok(), "sorted on the way in");
    let silent = ScopeSite { reason: " ".to_owned(), ..one.clone() };
    assert!(matches!(Scope::new(SALT, vec![silent]), Err(ScopeError::NoReason(_))));
    let wordy = ScopeSite { reason: "x".repeat(REASON_MAX + 1), ..one };
    assert!(matches!(Scope::new(SALT, vec![wordy]), Err(ScopeError::TooMany { .. })));
}

#[test]
fn an_exception_lies_within_a_host_pattern_and_is_none() {
    let wide = |except: &[&str]| {
        let except = except.iter().map(|host| host.parse().expect("a pattern")).collect();
        Scope::new(SALT, vec![ScopeSite { except, ..site(1, 1, "*.board.test") }])
    };
    let scope = wide(&["shop.board.test", "*.wiki.board.test"]).expect("within");
    for (host, left) in [
        ("shop.board.test", true),
        ("a.wiki.board.test", true),
        ("x.board.test", false),
        ("board.test", false),
    ] {
        assert_eq!(scope.sites()[0].leaves(&Hostname::parse(host).expect("a host")), left, "{host}");
    }
    for outside in ["shop.test", "*.board.test", "board.test", "*.test"] {
        assert!(matches!(wide(&[outside]), Err(ScopeError::Exception(_))), "{outside}");
    }
}

#[test]
fn unsorted_bytes_are_refused() {
    let scope = scope();
    let turned: Vec<_> = scope.sites().iter().rev().cloned().collect();
    let unchecked = Unchecked { format: ScopeFormat, salt: SALT, sites: turned };
    let bytes = canonical::to_bytes(&unchecked).expect("canonical");
    assert!(Scope::parse(&bytes).is_err());
}
