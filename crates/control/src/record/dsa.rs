//! Statements of reasons as the Commission's transparency database takes them (Regulation (EU) 2022/2065, articles
//! 17 and 24(5); the database's API documentation).
//!
//! Owns the mapping from a decision to those fields, with their conditions and lengths. Sends nothing: who is
//! onboarded posts the file. Must not know hosts, reporters or evidence: nothing here may be personal data.
//!
//! Invariants: every field that is required, or required because of another, is there; no text is longer than
//! its bound; a measure that restricts nothing has no statement.

use policy::{Ground, Measure, Statement, Terms};
use serde::Serialize;
use vocabulary::Timestamp;

/// Statements that one call to the database takes.
pub(super) const STATEMENTS_MAX: u32 = 100;

const FACTS_CHARS_MAX: usize = 5_000;
const EXPLANATION_CHARS_MAX: usize = 2_000;
const GROUND_CHARS_MAX: usize = 500;

/// The European Economic Area: a measure without a territory acts in all of it.
const EEA: [&str; 30] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT",
    "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// The body of a call that submits several.
#[derive(Debug, Serialize)]
pub(super) struct Submission {
    pub(super) statements: Vec<StatementOfReasons>,
}

/// One statement of reasons; the names are the database's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct StatementOfReasons {
    #[serde(flatten)]
    restriction: Restriction,
    #[serde(flatten)]
    ground: LegalGround,
    decision_ground_reference_url: String,
    content_type: [&'static str; 1],
    content_type_other: &'static str,
    category: &'static str,
    territorial_scope: Vec<&'static str>,
    content_date: String,
    application_date: String,
    decision_facts: String,
    source_type: &'static str,
    automated_detection: &'static str,
    automated_decision: &'static str,
    puid: String,
}

/// What was restricted, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Restriction {
    Visibility { decision_visibility: [&'static str; 1], end_date_visibility_restriction: String },
    Provision { decision_provision: &'static str, end_date_service_restriction: String },
    Account { decision_provision: &'static str, decision_account: &'static str },
}

/// On which ground, with the fields that it requires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "decision_ground")]
enum LegalGround {
    #[serde(rename = "DECISION_GROUND_ILLEGAL_CONTENT")]
    Illegal { illegal_content_legal_ground: String, illegal_content_explanation: String },
    #[serde(rename = "DECISION_GROUND_INCOMPATIBLE_CONTENT")]
    Incompatible { incompatible_content_ground: String, incompatible_content_explanation: String },
}

impl StatementOfReasons {
    /// The statement of a decision; none where nothing was restricted, or only in territories outside the area. The content's date, which the database requires, is the decision's: when things were posted is
    /// evidence, and that is told to nobody.
    pub(super) fn of(terms: &Terms, statement: &Statement, public_url: &str) -> Option<Self> {
        let restriction = restriction(terms)?;
        let territorial_scope = territorial_scope(terms)?;
        Some(Self {
            restriction,
            ground: ground(terms, statement),
            decision_ground_reference_url: format!("{public_url}/record/policy/{}", statement.policy.sha256),
            content_type: ["CONTENT_TYPE_OTHER"],
            content_type_other: "website",
            category: category(terms.ground),
            territorial_scope,
            content_date: day(terms.not_before),
            application_date: day(terms.not_before),
            decision_facts: facts(statement),
            // Whether anybody reported is nobody's business; an order is in the open.
            source_type: match terms.demand {
                Some(_) => "SOURCE_TYPE_OTHER_NOTIFICATION",
                None => "SOURCE_VOLUNTARY",
            },
            automated_detection: "No",
            automated_decision: "AUTOMATED_DECISION_NOT_AUTOMATED",
            puid: terms.decision.to_string(),
        })
    }
}

/// Where it acts within the area; none where it does not act there at all.
fn territorial_scope(terms: &Terms) -> Option<Vec<&'static str>> {
    let acts = |code: &&&str| code.parse().is_ok_and(|code| terms.territories.contains(&code));
    let named: Vec<_> = EEA.iter().filter(acts).copied().collect();
    match (terms.territories.is_empty(), named.is_empty()) {
        (true, _) => Some(EEA.to_vec()),
        (false, true) => None,
        (false, false) => Some(named),
    }
}

fn restriction(terms: &Terms) -> Option<Restriction> {
    let end = day(terms.expires);
    let visibility = |what| Restriction::Visibility {
        decision_visibility: [what],
        end_date_visibility_restriction: end.clone(),
    };
    match terms.measure {
        Measure::M0 => None,
        Measure::M1 => Some(visibility("DECISION_VISIBILITY_CONTENT_LABELLED")),
        Measure::M2 => Some(Restriction::Provision {
            decision_provision: "DECISION_PROVISION_PARTIAL_SUSPENSION",
            end_date_service_restriction: end,
        }),
        Measure::M3 | Measure::M4 | Measure::M5 | Measure::M6 => {
            Some(visibility("DECISION_VISIBILITY_CONTENT_DISABLED"))
        }
        Measure::M7 => Some(Restriction::Account {
            decision_provision: "DECISION_PROVISION_TOTAL_TERMINATION",
            decision_account: "DECISION_ACCOUNT_TERMINATED",
        }),
    }
}

/// A demand names a law; everything else rests on the published policy, and claims no more.
fn ground(terms: &Terms, statement: &Statement) -> LegalGround {
    let explanation = cut(&statement.ground_text, EXPLANATION_CHARS_MAX);
    match &terms.demand {
        Some(demand) => LegalGround::Illegal {
            illegal_content_legal_ground: cut(&demand.law, GROUND_CHARS_MAX),
            illegal_content_explanation: explanation,
        },
        None => LegalGround::Incompatible {
            incompatible_content_ground: format!(
                "Published policy, version {}, ground \"{}\"",
                statement.policy.version, terms.ground
            ),
            incompatible_content_explanation: explanation,
        },
    }
}

fn category(ground: Ground) -> &'static str {
    match ground {
        Ground::Emergency | Ground::RatifiedEmergency => "STATEMENT_CATEGORY_VIOLENCE",
        Ground::Phishing => "STATEMENT_CATEGORY_SCAMS_AND_FRAUD",
        Ground::Order => "STATEMENT_CATEGORY_NOT_SPECIFIED_NOTICE",
        Ground::Malware | Ground::Policy | Ground::TechnicalAbuse | Ground::Payment => {
            "STATEMENT_CATEGORY_OTHER_VIOLATION_TC"
        }
    }
}

/// What was found, as published, with the way to the rest where it is too long.
fn facts(statement: &Statement) -> String {
    let all = std::iter::once(&statement.summary).chain(&statement.facts);
    let whole = all.map(String::as_str).collect::<Vec<_>>().join("\n");
    if whole.chars().count() <= FACTS_CHARS_MAX {
        return whole;
    }
    let rest = format!("… continued at {}", statement.url);
    let kept = FACTS_CHARS_MAX.saturating_sub(rest.chars().count());
    cut(&format!("{}{rest}", cut(&whole, kept)), FACTS_CHARS_MAX)
}

fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

/// `2026-11-22`, in UTC.
fn day(instant: Timestamp) -> String {
    instant.to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy::Demand;
    use serde_json::Value;
    use snapshot::fixture::{Draft, Mote};
    use std::time::Duration;

    fn draft() -> Draft {
        let now = Timestamp::from_secs(1_795_320_000);
        let mote = Mote::found(1, now);
        mote.draft(&[mote.site(&["board.test"], 9000)], now, Duration::from_secs(48 * 3_600))
    }

    fn written(draft: &Draft) -> Option<Value> {
        let reasons = StatementOfReasons::of(&draft.terms, &draft.statement, "https://record.test")?;
        Some(serde_json::to_value(reasons).expect("JSON"))
    }

    /// The database's own conditions, written from its documentation and not from the code above.
    fn faults(sent: &Value) -> Vec<String> {
        let text = |name: &str| sent[name].as_str().map(str::to_owned);
        let mut faults = Vec::new();
        let mut need = |name: &str, longest: usize| match text(name) {
            None => faults.push(format!("{name} is required")),
            Some(value) if value.is_empty() || value.chars().count() > longest => {
                faults.push(format!("{name} has {} characters", value.chars().count()));
            }
            Some(_) => {}
        };
        for name in
            ["category", "source_type", "automated_detection", "automated_decision", "decision_ground"]
        {
            need(name, 100);
        }
        need("decision_facts", 5_000);
        need("puid", 500);
        for name in ["application_date", "content_date"] {
            need(name, 10);
        }
        need("content_type_other", 500);
        match text("decision_ground").as_deref() {
            Some("DECISION_GROUND_ILLEGAL_CONTENT") => {
                need("illegal_content_legal_ground", 500);
                need("illegal_content_explanation", 2_000);
            }
            Some("DECISION_GROUND_INCOMPATIBLE_CONTENT") => {
                need("incompatible_content_ground", 500);
                need("incompatible_content_explanation", 2_000);
            }
            other => faults.push(format!("decision_ground is {other:?}")),
        }
        let decided = ["decision_visibility", "decision_monetary", "decision_provision", "decision_account"];
        if decided.iter().all(|name| sent[name].is_null()) {
            faults.push("nothing was decided".to_owned());
        }
        for name in ["decision_visibility", "content_type", "territorial_scope"] {
            if !(sent[name].is_null() && name == "decision_visibility")
                && sent[name].as_array().is_none_or(Vec::is_empty)
            {
                faults.push(format!("{name} is no list with something in it"));
            }
        }
        let ends = sent.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("end_date"));
        for (name, end) in ends {
            if end.as_str() < sent["application_date"].as_str() {
                faults.push(format!("{name} is before the beginning"));
            }
        }
        let puid = text("puid").unwrap_or_default();
        if !puid.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            faults.push(format!("puid {puid:?}"));
        }
        faults
    }

    #[test]
    fn every_restriction_has_what_the_database_requires() {
        let demand = Demand {
            authority: "District court".to_owned(),
            law: "Section 1 of some act".repeat(60),
            url: "https://court.test/1".to_owned(),
        };
        for measure in Measure::ALL {
            for ground in Ground::ALL {
                let mut draft = draft();
                (draft.terms.measure, draft.terms.ground) = (measure, ground);
                draft.terms.demand = (ground == Ground::Order).then(|| demand.clone());
                draft.statement.ground_text = "Ground. ".repeat(500);
                draft.statement.facts = vec!["A fact. ".repeat(400); 3];
                match written(&draft) {
                    Some(sent) => assert_eq!(faults(&sent), [""; 0], "{measure} {ground}: {sent:#}"),
                    None => assert!(measure == Measure::M0, "{measure}"),
                }
            }
        }
    }

    #[test]
    fn a_block_says_what_why_and_until_when_and_names_nobody() {
        let draft = draft();
        let sent = written(&draft).expect("a block restricts");
        assert_eq!(sent["decision_visibility"][0], "DECISION_VISIBILITY_CONTENT_DISABLED");
        assert_eq!(sent["end_date_visibility_restriction"].as_str(), Some(day(draft.terms.expires).as_str()));
        assert_eq!(sent["category"], "STATEMENT_CATEGORY_VIOLENCE");
        assert_eq!(sent["source_type"], "SOURCE_VOLUNTARY");
        assert_eq!(sent["territorial_scope"].as_array().map(Vec::len), Some(30));
        assert!(!sent.to_string().contains("board.test"), "{sent}");
    }

    #[test]
    fn an_order_of_some_countries_is_told_for_those_of_the_area() {
        let told = |codes: &[&str]| {
            let mut draft = draft();
            draft.terms.territories = codes.iter().map(|code| code.parse().expect("a code")).collect();
            written(&draft).map(|sent| sent["territorial_scope"].clone())
        };
        assert_eq!(told(&["DE", "US"]), Some(serde_json::json!(["DE"])));
        assert_eq!(told(&["US"]), None);
    }

    #[test]
    fn facts_that_are_too_long_lead_to_the_rest() {
        let mut draft = draft();
        draft.statement.facts = vec!["ä".repeat(6_000)];
        let sent = written(&draft).expect("a block");
        let facts = sent["decision_facts"].as_str().expect("text");
        assert_eq!(facts.chars().count(), FACTS_CHARS_MAX);
        assert!(facts.ends_with(&format!("… continued at {}", draft.statement.url)), "{facts}");
    }
}
