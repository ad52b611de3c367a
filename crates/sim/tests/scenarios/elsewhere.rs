//! Rows whose test stands with what they are about, because it takes a running edge or control plane: each names its tests,
//! and fails where one of them is gone, ignored or never run.

use std::path::Path;

/// The source of a test of another crate holds these tests, and its crate runs the file.
fn are_shown((krate, folder, root): (&str, &str, &str), file: &str, tests: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(krate).join(folder);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a file of tests");
    assert!(read(root).contains(&format!("mod {file};")), "{file} is not run");
    let source = read(&format!("{file}.rs"));
    for test in tests {
        let before =
            source.split(&format!("async fn {test}()")).next().filter(|before| before.len() < source.len());
        let attributes = before.expect(test).rsplit("\n\n").next().unwrap_or_default();
        assert!(attributes.contains("#[tokio::test") && !attributes.contains("ignore"), "{attributes}");
    }
}

const EDGE: (&str, &str, &str) = ("edge", "tests/behaviour", "main.rs");
const CONTROL: (&str, &str, &str) = ("control", "src/tests", "mod.rs");

pub(crate) fn t15() {
    are_shown(EDGE, "blocks", &["a_block_is_right_for_every_form_protocol_and_method"]);
}

pub(crate) fn t29() {
    are_shown(
        CONTROL,
        "reporting",
        &[
            "a_canary_in_every_vault_field_is_found_in_nothing_that_goes_out",
            "a_proposal_that_repeats_a_reporters_words_or_name_is_refused",
        ],
    );
}

pub(crate) fn t30() {
    are_shown(
        CONTROL,
        "reporting",
        &[
            "a_follow_up_works_three_weeks_later_after_a_restart",
            "a_wrong_code_ten_times_is_slowed_and_time_forgives",
        ],
    );
}

pub(crate) fn t49() {
    are_shown(
        CONTROL,
        "reporting",
        &["a_reporter_of_many_unfounded_reports_is_told_and_slowed_and_danger_is_taken"],
    );
}

/// An operator's rule or rate, an endless challenge, a site that is taken away or re-pointed, a page put in its place.
pub(crate) fn t57() {
    are_shown(
        CONTROL,
        "defending",
        &[
            "a_site_s_rules_are_checked_put_with_the_customers_request_and_compiled_at_the_edge",
            "the_switch_for_a_site_under_attack_lasts_three_hours_in_a_day_and_says_what_is_left",
        ],
    );
    are_shown(
        CONTROL,
        "applying",
        &[
            "a_customers_service_is_lowered_only_on_its_request_and_that_is_logged",
            "no_decision_lowers_a_service_for_good_not_even_one_in_force_on_the_site",
        ],
    );
    are_shown(CONTROL, "certificates", &["an_upload_is_checked_for_its_site_and_listed"]);
}
