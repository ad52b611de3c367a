use super::*;
use crate::fixtures::{HOUR, emergency, founding, terms};

fn refused(profile: Profile, terms: &Terms) -> Option<&'static str> {
    profile.admits(terms).err().map(|refusal| refusal.name())
}

#[test]
fn solo_decides_small_measures_on_hosting_and_orders_and_no_emergency() {
    let on = |measure, class, ground| refused(Profile::Solo, &terms(measure, class, ground, HOUR));
    use {Ground as G, Measure as M, ServiceClass as C};
    for (measure, class, ground, expected) in [
        (M::M3, C::H, G::Policy, None),
        (M::M2, C::H, G::Malware, None),
        (M::M6, C::S, G::Order, None),
        (M::M3, C::S, G::Phishing, Some("beyond-profile")),
        (M::M6, C::H, G::Policy, Some("beyond-profile")),
        (M::M3, C::H, G::Emergency, Some("beyond-profile")),
    ] {
        assert_eq!(on(measure, class, ground), expected, "{measure} {class} {ground}");
    }
    let why = Profile::Solo.admits(&emergency()).expect_err("refused").to_string();
    assert!(why.contains("M1 to M3 on hosting"), "{why}");
}

#[test]
fn ward_blocks_for_a_day_and_full_for_two() {
    assert_eq!(refused(Profile::Ward, &emergency()), Some("lease-over-profile"));
    let day = Terms { expires: emergency().not_before.plus(HOUR * 24), ..emergency() };
    assert_eq!(refused(Profile::Ward, &day), None);
    assert_eq!(refused(Profile::Full, &emergency()), None);
}

#[test]
fn a_roster_says_what_it_can_do_and_what_it_lacks() {
    let trial = founding().roster;
    let missing = |roster: &Roster| -> Vec<_> {
        abilities(roster)
            .into_iter()
            .filter(|ability| ability.missing.is_some())
            .map(|one| one.what)
            .collect()
    };
    assert_eq!(missing(&trial), ["hear an appeal against what a reviewer ratified"]);
    let mut members = trial.members().to_vec();
    members.retain(|member| member.role != Role::Reviewer && member.pseudonym.as_str() != "assessor-2");
    let less = Roster::new(Profile::Trial, 1, trial.not_before(), Thresholds::TRIAL, members.clone());
    let less = missing(&less.expect("a roster"));
    assert!(less.contains(&"hear an appeal") && less.contains(&"ratify it by an order"), "{less:?}");
    for (place, member) in members.iter_mut().enumerate() {
        member.organisation = format!("organisation {}", place % 2);
    }
    let solo = Roster::new(Profile::Solo, 1, trial.not_before(), Profile::Solo.thresholds(), members);
    assert!(missing(&solo.expect("a roster")).contains(&"decide a provisional block (M5)"));
}

#[test]
fn rosters_below_their_profile_are_refused() {
    let trial = founding().roster;
    for profile in [Profile::Solo, Profile::Ward, Profile::Full] {
        let members = trial.members().to_vec();
        let roster = Roster::new(profile, 1, trial.not_before(), Thresholds::TRIAL, members);
        assert!(roster.is_err(), "{profile}");
    }
}
