//! The record's own words, in each language; read from files that are part of the program.

use super::{Happened, Heard, Lang};
use casework::{AppealOutcome, Relation};
use policy::{EndReason, Ground, Measure, Role, ServiceClass};
use serde::Deserialize;
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::LazyLock;
use std::time::Duration;
use vocabulary::Timestamp;
use vocabulary::moment::{Date, Unit, rounded};

/// What stands in a text where a name or a number goes.
const GAP: &str = "{}";

/// The languages with their texts. Another one is another file here.
static TEXTS: LazyLock<Vec<(Lang, Texts)>> = LazyLock::new(|| {
    let file = |lang| match lang {
        Lang::English => include_str!("../../../assets/record/en.toml"),
        Lang::German => include_str!("../../../assets/record/de.toml"),
        Lang::French => include_str!("../../../assets/record/fr.toml"),
        Lang::Spanish => include_str!("../../../assets/record/es.toml"),
    };
    // Embedded, and read whole by a test.
    Lang::ALL.into_iter().filter_map(|lang| Some((lang, toml::from_str(file(lang)).ok()?))).collect()
});

/// The texts of a language.
pub(in crate::pages) fn texts(lang: Lang) -> &'static Texts {
    let found = TEXTS.iter().find(|(known, _)| *known == lang).or(TEXTS.first());
    &found.expect("the languages are embedded and read by a test").1
}

/// One; several; several after a word that asks for another case.
type Counted = [String; 3];

macro_rules! texts {
    ($($name:ident)*) => {
        /// All texts of one language; a file that lacks one, or has one too many, is refused.
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(in crate::pages) struct Texts {
            months: [String; 12],
            weekdays: [String; 7],
            counts: Counts,
            measures: BTreeMap<String, String>,
            measures_in_full: BTreeMap<String, String>,
            grounds: BTreeMap<String, String>,
            classes: BTreeMap<String, String>,
            roles: BTreeMap<String, String>,
            conditions: BTreeMap<String, String>,
            $(pub(in crate::pages) $name: String,)*
        }

        #[cfg(test)]
        impl Texts {
            /// Every text with its name.
            fn all(&self) -> Vec<(&'static str, &str)> {
                vec![$((stringify!($name), self.$name.as_str()),)*]
            }
        }
    };
}

texts! {
    name languages skip record_of nav nav_all nav_search nav_report nav_feed nav_check trial footer date about ago
    front_title front_lead aside aside_since aside_until aside_confirmed aside_entry in_force_now ever_made
    ended_by_themselves ratified lifted_early reversed lasted entries_in_the_log last_witnessed none_in_force
    none_in_force_text begins ends_in ended_title none_ended col_decision col_measure col_sites col_how older
    check_title check_lead way_open way_open_text way_keys way_keys_text way_check way_check_text log_title log_lead
    log_name log_entries log_root witnessed_by nobody_yet self_witnessed formats missing_title missing_head
    missing_lead search_title search_label search_go found_none found_one found_many found_none_text found_more
    coming in_force lapsed lifted decision_of written_in percent_gone made ends_itself_in meaning_title found_title
    why_title demand demand_under demand_about asked_formally asked_informally asked_no silence disagree_title
    contact terms_title ground service policy id signed_by signers_note public_key reach_warned reach_feature
    reach_addresses reach_places reach_closed hosts_gone hosts_more hosts_only files_title file_json file_proof
    file_checkpoint steps_title step_entry check_save check_keys log entry leaf_hash policy_hash roster_hash
    floor_hash decision statement_footer step_proposed step_signed step_ratified_by_order step_ratified step_renewed
    step_published step_in_force_one step_in_force_many step_lapsed step_gate_closed step_cured step_order_withdrawn
    step_mistaken step_overturned adds_up_title adds_up_lead plot_title plot_label plot_ended numbers_title col_month
    col_entries programs_title file_transparency_json file_transparency_csv file_dsa counted_anew
    subscribe_title subscribe_lead subscribe_label subscribe_go subscribe_privacy subscribe_wrong
    subscribe_expired subscribe_busy subscribe_off subscribe_full subscribe_sent_title subscribe_sent confirm_title
    confirm_lead confirm_go confirmed_title confirmed_lead end_title end_lead end_go ended_title_mail ended_lead_mail
    link_gone_title link_gone_lead letter_ask_subject letter_ask letter_ask_end letter_still_subject letter_still
    letter_news_subject letter_news letter_more letter_end policies_title policies_lead policy_version policy_acting policy_published policy_acts policy_until
    policy_changes policy_against policy_first policy_left policy_text acknowledged_in too_few captures_for_reports under_five gates_title gates_lead gates_none gates_condition
    gates_closed acknowledged_title acknowledged_note acknowledged_count precedents_title follows distinguished overruled
    appeals_title appeal_waits appeal_inadmissible appeal_upheld appeal_overturned appeal_varied
}

/// What is counted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    second: Counted,
    minute: Counted,
    hour: Counted,
    day: Counted,
    site: Counted,
    officer: Counted,
}

/// A text with its gap filled. Templates escape it; texts with markup of their own have no gap.
pub(in crate::pages) fn filled(text: &str, with: impl Display) -> String {
    text.replacen(GAP, &with.to_string(), 1)
}

fn counted([one, several, _]: &Counted, count: u64) -> String {
    if count == 1 { one.clone() } else { filled(several, count) }
}

fn counted_after([one, _, several]: &Counted, count: u64) -> String {
    if count == 1 { one.clone() } else { filled(several, count) }
}

/// Called from templates, which pass fields by reference and results by value; hence `impl Borrow`.
impl Texts {
    pub(in crate::pages) fn measure(&self, measure: impl Borrow<Measure>) -> &str {
        named(&self.measures, measure.borrow().as_str())
    }

    pub(in crate::pages) fn measure_in_full(&self, measure: impl Borrow<Measure>) -> &str {
        named(&self.measures_in_full, measure.borrow().as_str())
    }

    pub(in crate::pages) fn ground_of(&self, ground: impl Borrow<Ground>) -> &str {
        named(&self.grounds, ground.borrow().as_str())
    }

    pub(in crate::pages) fn class(&self, class: impl Borrow<ServiceClass>) -> &str {
        named(&self.classes, class.borrow().as_str())
    }

    pub(in crate::pages) fn role(&self, role: impl Borrow<Role>) -> &str {
        named(&self.roles, role.borrow().as_str())
    }

    /// What a condition of the gate asks for, by its short name.
    pub(in crate::pages) fn condition(&self, name: &str) -> &str {
        named(&self.conditions, name)
    }

    /// How a decision stands to an earlier one.
    pub(in crate::pages) fn relation(&self, relation: impl Borrow<Relation>) -> &str {
        match relation.borrow() {
            Relation::Follows => &self.follows,
            Relation::Distinguished => &self.distinguished,
            Relation::Overruled => &self.overruled,
        }
    }

    /// What became of an appeal.
    pub(in crate::pages) fn heard(&self, heard: impl Borrow<Heard>) -> &str {
        match heard.borrow() {
            Heard::Waits { .. } => &self.appeal_waits,
            Heard::Inadmissible => &self.appeal_inadmissible,
            Heard::Ruled(AppealOutcome::Upheld) => &self.appeal_upheld,
            Heard::Ruled(AppealOutcome::Overturned) => &self.appeal_overturned,
            Heard::Ruled(AppealOutcome::Varied) => &self.appeal_varied,
        }
    }

    /// An instant as a date and a time.
    pub(in crate::pages) fn when(&self, instant: impl Borrow<Timestamp>) -> String {
        let Date { year, month, day, weekday, hour, minute } = Date::of(*instant.borrow());
        let weekday = self.weekdays.get(weekday).map_or("", String::as_str);
        let month = self.months.get(month).map_or("", String::as_str);
        self.date
            .replace("{weekday}", weekday)
            .replace("{day}", &day.to_string())
            .replace("{month}", month)
            .replace("{year}", &format!("{year:04}"))
            .replace("{time}", &format!("{hour:02}:{minute:02}"))
    }

    /// How long something lasted, in the unit that people would use.
    pub(in crate::pages) fn lasting(&self, span: impl Borrow<Duration>) -> String {
        self.span(*span.borrow(), counted)
    }

    /// The same after a word for "in", and in [`Self::past`].
    pub(in crate::pages) fn within(&self, span: Duration) -> String {
        self.span(span, counted_after)
    }

    /// How long ago something was.
    pub(in crate::pages) fn past(&self, span: Duration) -> String {
        filled(&self.ago, self.within(span))
    }

    fn span(&self, span: Duration, counted: impl Fn(&Counted, u64) -> String) -> String {
        let (count, unit) = rounded(span);
        let about = |words: &Counted| filled(&self.about, counted(words, count));
        match unit {
            Unit::Second => counted(&self.counts.second, count),
            Unit::Minute => about(&self.counts.minute),
            Unit::Hour => about(&self.counts.hour),
            Unit::Day => about(&self.counts.day),
        }
    }

    /// `1 site`, `3 sites`.
    pub(in crate::pages) fn sites(&self, count: impl Borrow<u32>) -> String {
        counted(&self.counts.site, (*count.borrow()).into())
    }

    /// `Signed by 3 officers`.
    pub(in crate::pages) fn signed_by(&self, officers: usize) -> String {
        filled(&self.signed_by, counted_after(&self.counts.officer, officers as u64))
    }

    /// What happened in a step of a decision's life.
    pub(in crate::pages) fn step(&self, what: impl Borrow<Happened>) -> String {
        let text = match *what.borrow() {
            Happened::Proposed => &self.step_proposed,
            Happened::Signed => &self.step_signed,
            Happened::RatifiedByOrder => &self.step_ratified_by_order,
            Happened::Ratified => &self.step_ratified,
            Happened::Renewed => &self.step_renewed,
            Happened::Published => &self.step_published,
            Happened::InForce { edges: 1 } => &self.step_in_force_one,
            Happened::InForce { edges } => return filled(&self.step_in_force_many, edges),
            Happened::Lapsed => &self.step_lapsed,
            Happened::Ended(EndReason::GateClosed) => &self.step_gate_closed,
            Happened::Ended(EndReason::Cured) => &self.step_cured,
            Happened::Ended(EndReason::OrderWithdrawn) => &self.step_order_withdrawn,
            Happened::Ended(EndReason::Mistaken) => &self.step_mistaken,
            Happened::Ended(EndReason::Overturned) => &self.step_overturned,
        };
        text.clone()
    }
}

fn named<'a>(texts: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    texts.get(name).map_or("", String::as_str)
}

#[cfg(test)]
mod tests;
