//! Clauses about claims to host names and the tokens of accounts.

use super::Rig;
use super::fixtures::{account, at};
use crate::bounds::ACCOUNT_TOKENS_MAX;
use crate::{AccountToken, StoreError};
use ownership::{Challenge, Claim, PutUp, Register, Wish};
use vocabulary::{AccountId, Digest, Hostname, SeededRandom, SiteId};

fn claim(name: &str, owner: u8) -> Claim {
    let wish = Wish {
        pattern: name.parse().expect("a pattern"),
        account: account(owner).id,
        site: SiteId::from_bytes([owner; 16]),
    };
    let operator = Hostname::parse("localhost").expect("a name");
    let nobody: [PutUp<'_>; 0] = [];
    let challenge = Challenge::fresh(&SeededRandom::new(u64::from(owner)));
    Register::default().begin(wish, (nobody, &operator), challenge, at(1)).expect("a claim")
}

fn token(owner: u8, name: &str, secret: &str) -> AccountToken {
    let hash = Digest::of(secret.as_bytes());
    AccountToken { account: account(owner).id, name: name.to_owned(), hash, made: at(1) }
}

pub async fn a_claim_takes_the_place_of_the_earlier_one_of_its_name_and_account(rig: &mut dyn Rig) {
    let records = rig.records();
    assert_eq!(records.host_claims().await.unwrap(), []);
    let (one, two, wide) = (claim("a.example.com", 1), claim("a.example.com", 2), claim("*.example.com", 1));
    records.put_host_claims(&[one.clone(), two.clone(), wide.clone()]).await.unwrap();
    let mut kept = records.host_claims().await.unwrap();
    kept.sort_by_key(|claim| (claim.pattern().clone(), claim.account()));
    assert_eq!(kept, [one.clone(), two.clone(), wide.clone()]);
    let later = one.clone().look_now(at(9));
    records.put_host_claims(std::slice::from_ref(&later)).await.unwrap();
    // One that is over goes, and its repetition is harmless.
    let over = Register::of([two.clone()]).release(two.pattern(), two.account(), at(2)).expect("released");
    for _ in 0..2 {
        records.put_host_claims(std::slice::from_ref(&over)).await.unwrap();
    }
    let mut kept = records.host_claims().await.unwrap();
    kept.sort_by_key(|claim| (claim.pattern().clone(), claim.account()));
    assert_eq!(kept, [later, wide]);
}

pub async fn claims_survive_reopening(rig: &mut dyn Rig) {
    let kept = [claim("a.example.com", 1)];
    rig.records().put_host_claims(&kept).await.unwrap();
    rig.reopen().await;
    assert_eq!(rig.records().host_claims().await.unwrap(), kept);
}

pub async fn a_token_is_found_by_its_hash_until_it_ends(rig: &mut dyn Rig) {
    let records = rig.records();
    let (one, two) = (token(1, "deploy", "x"), token(2, "deploy", "y"));
    for token in [&one, &two] {
        records.put_account_token(token).await.unwrap();
    }
    rig.reopen().await;
    let records = rig.records();
    assert_eq!(records.account_token(&one.hash).await.unwrap(), Some(one.clone()));
    assert_eq!(records.account_tokens(one.account).await.unwrap(), std::slice::from_ref(&one));
    // A new one of the same name takes its place.
    let newer = token(1, "deploy", "z");
    records.put_account_token(&newer).await.unwrap();
    assert_eq!(records.account_token(&one.hash).await.unwrap(), None);
    assert!(records.end_account_token(newer.account, "deploy").await.unwrap());
    assert!(!records.end_account_token(newer.account, "deploy").await.unwrap());
    assert_eq!(records.account_token(&newer.hash).await.unwrap(), None);
    assert_eq!(records.account_token(&two.hash).await.unwrap(), Some(two));
}

pub async fn an_account_has_a_bounded_number_of_tokens(rig: &mut dyn Rig) {
    let records = rig.records();
    for number in 0..ACCOUNT_TOKENS_MAX {
        records.put_account_token(&token(1, &number.to_string(), &number.to_string())).await.unwrap();
    }
    let refused = records.put_account_token(&token(1, "one more", "one more")).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "{refused:?}");
    records.put_account_token(&token(1, "7", "again")).await.unwrap();
    records.put_account_token(&token(2, "other", "other")).await.unwrap();
    let none = records.account_tokens(AccountId::from_bytes([9; 16])).await.unwrap();
    assert_eq!(none, []);
}
