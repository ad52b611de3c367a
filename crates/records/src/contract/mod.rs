//! The one suite that every adapter runs: each clause is a sentence of the ports' contract.
//!
//! An adapter writes a [`Rig`] and calls `records::contract_suite!(fresh_rig)` in a test module, where
//! `async fn fresh_rig() -> impl Rig` gives an empty store. Clauses are independent of each other.

use crate::Records;
use async_trait::async_trait;
use std::sync::Arc;

pub mod authorities;
pub mod cases;
pub mod decisions;
pub mod documents;
pub mod evidence;
pub mod fixtures;
pub mod host_names;
pub mod log;
pub mod outbox;
pub mod purges;
pub mod reports;
pub mod sessions;
pub mod sites;
pub mod subscriptions;

/// A store under test.
#[async_trait]
pub trait Rig: Send {
    /// The store.
    fn records(&self) -> Arc<dyn Records>;

    /// Closes the store and opens it again on what it kept. Values of [`Rig::records`] from before must
    /// not be used afterwards.
    async fn reopen(&mut self);
}

/// One `#[tokio::test]` for each clause of the contract.
#[macro_export]
macro_rules! contract_suite {
    ($fresh:path) => {
        $crate::contract_suite! { @each $fresh;
            sites {
                an_empty_store_is_at_revision_zero,
                revisions_are_contiguous_and_keep_their_history,
                a_refused_change_changes_nothing,
                steps_without_effect_take_no_revision,
                a_host_belongs_to_one_site_but_may_pass_on,
                of_racing_changes_with_one_expectation_one_wins,
                the_history_comes_in_pages,
                sites_survive_reopening,
            }
            cases {
                a_case_is_put_under_its_version,
                of_racing_puts_of_one_version_one_wins,
                cases_come_in_pages_last_opened_first,
                an_oversized_case_is_refused,
            }
            decisions {
                a_decision_is_put_under_its_version,
                decisions_are_found_by_state_and_case,
                decisions_survive_reopening,
            }
            evidence {
                evidence_is_write_once,
                every_reading_of_evidence_is_kept,
                oversized_evidence_is_refused,
                evidence_survives_reopening,
            }
            log {
                an_empty_log_has_no_head,
                appends_are_whole_and_in_order,
                an_append_on_another_size_is_refused,
                a_fenced_sequencer_can_neither_append_nor_publish,
                entries_of_a_subject_follow_each_other,
                the_same_entry_is_never_appended_twice,
                a_checkpoint_must_fit_the_log,
                what_is_published_never_goes_back_and_never_changes,
                of_racing_appends_one_wins,
                ranges_are_cut_to_what_exists,
                the_log_survives_reopening,
            }
            documents {
                a_document_never_changes,
                documents_come_in_pages_last_put_first,
                a_page_of_large_documents_stops_early,
                a_register_is_set_under_its_version,
                documents_and_registers_survive_reopening,
            }
            purges {
                purges_take_contiguous_revisions_of_their_own,
                a_window_begins_where_it_is_asked_to,
                forgotten_purges_move_the_beginning_of_every_window,
                skipped_revisions_make_every_earlier_edge_distrust,
                purges_are_listed_by_site_newest_first,
                of_racing_purges_none_is_lost,
                an_oversized_purge_is_refused,
                purges_survive_reopening,
            }
            reports {
                a_report_is_filed_with_its_allegation_or_not_at_all,
                a_repeated_report_changes_nothing,
                a_report_is_found_by_the_locator_of_its_receipt,
                a_report_is_put_under_its_version,
                reports_and_allegations_come_in_pages,
                the_queue_is_by_urgency_and_then_by_age,
                every_reading_of_a_report_is_kept,
                a_destroyed_key_never_comes_back,
                reports_survive_reopening,
            }
            host_names {
                a_claim_takes_the_place_of_the_earlier_one_of_its_name_and_account,
                claims_survive_reopening,
                a_token_is_found_by_its_hash_until_it_ends,
                an_account_has_a_bounded_number_of_tokens,
            }
            authorities {
                an_authority_is_put_under_its_version,
                an_order_is_put_under_its_version_and_listed_last_first,
            }
            outbox {
                a_mail_is_queued_once_however_often_it_is_asked_for,
                mails_are_due_in_the_order_of_their_next_try,
                a_mail_is_put_under_its_version,
                dead_mails_are_listed_and_old_ones_swept_out,
                the_queue_of_mails_survives_reopening,
            }
            subscriptions {
                a_subscription_is_put_under_its_version_and_stays_ended,
                subscriptions_are_found_by_address_and_by_stage,
                askings_for_subscriptions_have_a_bound_that_leaves_subscribers_alone,
                subscriptions_survive_reopening,
            }
            sessions {
                a_session_lives_until_its_end_or_until_closed,
                the_oldest_session_gives_way_when_all_places_are_taken,
                a_setup_token_works_once_and_only_the_newest,
                a_key_answers_the_same_request_alike,
                a_claim_that_was_never_settled_ends,
                sweeping_removes_only_what_has_ended,
                a_ready_store_says_so,
            }
        }
    };
    (@each $fresh:path; $($duty:ident { $($clause:ident,)* })*) => {$($(
        #[tokio::test]
        async fn $clause() {
            let mut rig = $fresh().await;
            $crate::contract::$duty::$clause(&mut rig).await;
        }
    )*)*};
}
