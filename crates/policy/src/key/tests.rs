use super::*;
use crate::fixtures::{name, random, stranger};

fn officer() -> OfficerKey {
    OfficerKey::generate(&*random(), name("assessor-1"), Role::Assessor)
}

#[test]
fn a_key_file_is_read_back_whole() {
    let key = officer();
    let text = key.to_text();
    assert!(text.starts_with("wardmote-officer-key/1\npseudonym: assessor-1\nrole: assessor\npublic: "));
    let read = OfficerKey::parse(&text).expect("its own text");
    assert_eq!((read.public(), read.role(), read.pseudonym()), (key.public(), key.role(), key.pseudonym()));
    assert_eq!(read.approve(b"x"), key.approve(b"x"));
}

#[test]
fn a_damaged_key_file_says_what_is_wrong() {
    let text = officer().to_text();
    let other = stranger(Role::Assessor).public().to_string();
    let swapped = text.replace(&officer().public().to_string(), &other);
    assert_eq!(OfficerKey::parse(&swapped).expect_err("swapped"), KeyError::Mismatch);
    for (damaged, says) in [
        (text.replace("key/1", "key/2"), "line 1"),
        (text.replace("assessor-1", "Assessor 1"), "line 2"),
        (text.replace("role: assessor", "role: king"), "line 3"),
        (text.replace("secret: ", "secret:"), "line 5"),
        (text.replace("public: ", "public: A"), "32 bytes"),
        (format!("{}more\n", text.as_str()), "line 6"),
        (String::new(), "line 1"),
        ("wardmote-officer-key/1\n".to_owned(), "line 2"),
    ] {
        let error = OfficerKey::parse(&damaged).expect_err(says);
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn the_secret_is_not_printed() {
    let key = officer();
    let secret = key.to_text().lines().last().expect("a last line").replace("secret: ", "");
    assert!(!format!("{key:?}").contains(&secret));
}

#[test]
fn keys_and_signatures_have_one_text_each() {
    let key = officer();
    let (public, approval) = (key.public().to_string(), key.approve(b"x"));
    assert_eq!(PublicKey::parse(&public), Ok(key.public()));
    assert_eq!(Signature::parse(&approval.signature.to_string()), Ok(approval.signature));
    for other in [
        public.trim_end_matches('=').to_owned(),
        format!(" {public}"),
        format!("{public}\n"),
        public.replace('=', ""),
        hex::encode(key.public().as_bytes()),
    ] {
        assert!(PublicKey::parse(&other).is_err(), "{other:?}");
    }
}

#[test]
fn points_of_small_order_are_no_keys() {
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(PublicKey::from_bytes(&identity), Err(KeyError::Point));
    assert_eq!(PublicKey::from_bytes(&[0; 32]), Err(KeyError::Point));
}

#[test]
fn the_signature_scheme_is_that_of_rfc_8032() {
    // RFC 8032 §7.1, test 1: the public key of this secret.
    let secret = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let seed: [u8; 32] = hex::decode(secret).expect("hex").try_into().expect("32 bytes");
    let key = SigningKey::from_bytes(&seed);
    assert_eq!(hex::encode(key.verifying_key().as_bytes()), public);
}
