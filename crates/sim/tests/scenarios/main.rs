//! The scenario table of due process: T01 to T66, each a test named after its row.
//!
//! One table says which rows hold and which wait, and for what. A row that waits is an ignored test with
//! its reason, so that it is visible in every run; it fails when it is asked for by name.

#![allow(clippy::panic, reason = "a test says what went wrong by failing")]

mod deciding;
mod edge;
mod elsewhere;
mod gate;
mod linked;
mod orders;
mod people;
mod record;
mod suspension;

macro_rules! scenarios {
    ($($number:literal $name:ident $state:ident($($what:tt)*);)*) => {
        /// Number, name and, for those that wait, the reason.
        const ROWS: &[(u32, &str, Option<&str>)] =
            &[$(($number, stringify!($name), scenarios!(@reason $state($($what)*))),)*];
        $(scenarios!(@test $name $state($($what)*));)*
    };
    (@reason holds($test:path)) => { None };
    (@reason waits($reason:literal)) => { Some($reason) };
    (@test $name:ident holds($test:path)) => {
        #[test]
        fn $name() {
            $test();
        }
    };
    (@test $name:ident waits($reason:literal)) => {
        #[test]
        #[ignore = $reason]
        fn $name() {
            panic!($reason);
        }
    };
}

scenarios! {
    1 t01_revolting_content_with_ten_thousand_reports_opens_nothing holds(gate::t01);
    2 t02_one_or_ten_thousand_reports_give_one_verdict_and_hash holds(gate::t02);
    3 t03_one_credible_finding_asks_for_another_capture holds(gate::t03);
    4 t04_two_captures_of_one_post_are_not_independent holds(gate::t04);
    5 t05_a_second_item_of_49_hours_fails_and_of_47_holds holds(gate::t05);
    6 t06_an_address_without_a_call_is_m3_by_policy_on_hosting_and_m0_on_the_shield holds(gate::t06);
    7 t07_address_call_and_time_are_credible holds(gate::t07);
    8 t08_a_quotation_or_news_report_is_not_credible_with_reasons holds(gate::t08);
    9 t09_three_jurisdictions_with_one_referral_missing_fail holds(gate::t09);
    10 t10_no_answer_in_eight_hours_with_a_second_channel_at_four_is_silence holds(gate::t10);
    11 t11_an_objection_at_minute_59_closes_for_a_day holds(gate::t11);
    12 t12_a_demand_from_an_unverified_sender_freezes_inbound_only holds(gate::t12);
    13 t13_a_valid_order_with_a_wrong_url_is_refused holds(orders::t13);
    14 t14_an_order_for_one_country_acts_there_alone holds(edge::t14);
    15 t15_a_block_is_right_for_every_kind_of_request holds(elsewhere::t15);
    16 t16_a_dns_only_site_stays_untouched holds(deciding::t16);
    17 t17_a_lease_that_ends_unratified_restores_the_site holds(edge::t17);
    18 t18_an_order_at_47_59_turns_403_into_451_in_one_chain holds(edge::t18);
    19 t19_one_officer_never_lifts_and_two_do_after_the_wait holds(edge::t19);
    20 t20_the_proposer_never_ratifies holds(deciding::t20);
    21 t21_a_stolen_key_alone_or_a_log_without_witnesses_starts_nothing holds(edge::t21);
    22 t22_a_split_view_of_the_same_or_another_size_freezes_the_log holds(edge::t22);
    23 t23_an_older_tree_is_refused holds(edge::t23);
    24 t24_one_changed_byte_of_the_scope_is_refused holds(edge::t24);
    25 t25_an_edge_that_was_offline_for_50_hours_ended_on_time holds(edge::t25);
    26 t26_a_scope_of_5001_sites_is_over_the_limit holds(deciding::t26);
    27 t27_a_never_block_category_is_refused holds(deciding::t27);
    28 t28_suspend_all_lifts_in_a_minute_and_returns_unless_confirmed holds(suspension::t28);
    29 t29_a_reporters_name_hidden_anywhere_cannot_leave holds(elsewhere::t29);
    30 t30_a_receipt_code_works_after_three_weeks_and_ten_wrong_ones_slow_down holds(elsewhere::t30);
    31 t31_an_erased_person_leaves_all_proofs_valid holds(record::t31);
    32 t32_two_disclosed_fields_verify_and_the_others_stay_hidden holds(edge::t32);
    33 t33_what_is_sealed_until_a_date_opens_then holds(record::t33);
    34 t34_an_appeal_to_who_decided_is_refused holds(deciding::t34);
    35 t35_overturned_by_the_reviewer_the_edge_lifts_at_once holds(edge::t35);
    36 t36_a_linked_site_gets_a_record_of_its_own holds(linked::t36);
    37 t37_a_critics_mirror_is_rejected holds(linked::t37);
    38 t38_a_neighbour_on_a_shared_host_is_previewed_and_excluded holds(edge::t38);
    39 t39_a_policy_edited_mid_case_does_not_reach_back holds(edge::t39);
    40 t40_earlier_decisions_are_told_apart_and_move_no_verdict holds(gate::t40);
    41 t41_a_paid_feature_is_withdrawn_first_without_an_emergency holds(deciding::t41);
    42 t42_paraphrased_press_is_grade_e_and_does_not_count holds(gate::t42);
    43 t43_a_time_without_zone_is_an_interval holds(gate::t43);
    44 t44_a_policy_looser_than_the_floor_is_refused_by_edge_and_verifier holds(edge::t44);
    45 t45_where_one_url_would_do_m5_is_refused_and_m3_offered holds(gate::t45);
    46 t46_planted_items_removed_in_20_minutes_close_the_gate holds(gate::t46);
    47 t47_a_drill_never_enforces holds(edge::t47);
    48 t48_the_transparency_report_is_a_fold_byte_for_byte holds(record::t48);
    49 t49_a_reporter_of_many_unfounded_reports_is_slowed holds(elsewhere::t49);
    50 t50_leases_end_deterministically_under_clock_skew holds(edge::t50);
    51 t51_officers_that_the_log_owner_adds_are_refused holds(edge::t51);
    52 t52_an_old_threat_captured_anew_does_not_count holds(gate::t52);
    53 t53_a_cure_within_the_hour_closes_and_an_answer_stands_beside holds(gate::t53);
    54 t54_the_country_of_the_person_at_risk_changes_no_public_byte holds(deciding::t54);
    55 t55_evidence_from_one_authority_alone_carries_nothing holds(gate::t55);
    56 t56_one_countrys_order_ends_the_others_lease holds(edge::t56);
    57 t57_operator_acts_aimed_at_a_tenant_are_refused_or_listed holds(elsewhere::t57);
    58 t58_a_snapshot_that_omits_a_measure_does_not_end_it holds(edge::t58);
    59 t59_coerced_suspend_all_returns_and_a_duress_key_holds holds(suspension::t59);
    60 t60_the_same_evidence_split_scope_or_chained_leases_are_refused holds(deciding::t60);
    61 t61_profile_solo_is_told_what_it_can_do_instead_of_m5 holds(deciding::t61);
    62 t62_a_trial_key_on_a_real_host_name_is_refused holds(deciding::t62);
    63 t63_a_swatting_call_wants_the_dispatcher_warned holds(gate::t63);
    64 t64_an_appeal_against_inaction_after_a_missed_clock_is_heard holds(deciding::t64);
    65 t65_stale_facts_at_renewal_close_the_gate holds(deciding::t65);
    66 t66_a_webauthn_approval_from_another_origin_is_refused waits("passkeys are not built");
}

#[test]
fn every_row_from_t01_to_t66_stands_once_under_its_number() {
    let numbers: Vec<u32> = ROWS.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (1..=66).collect::<Vec<_>>());
    for (number, name, reason) in ROWS {
        assert!(name.starts_with(&format!("t{number:02}_")), "{name}");
        assert!(reason.is_none_or(|reason| !reason.is_empty()), "{name}");
    }
}
