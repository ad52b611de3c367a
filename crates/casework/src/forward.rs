//! M0: a matter is forwarded to the customer, in words of ours alone.
//!
//! The text is made from findings: where an item stands, when it was posted and captured, and how it was captured. What a
//! reporter wrote, who reported, who is at risk and what officers think of it have no way into it: this module takes none
//! of them. An item that is not on the site, or was not captured by us or by a signed package, is not forwarded.

use crate::{Appearance, Case, Finding, PostedAt, SourceGrade};
use policy::{Ground, Matrix, Measure, ServiceClass};
use vocabulary::{CaseId, FindingId, Timestamp, moment};

/// Most items of one message.
pub const ITEMS_MAX: usize = 50;

/// A message to a customer, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// One line.
    pub subject: String,
    /// The text.
    pub body: String,
}

/// Why nothing is forwarded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardRefusal {
    /// The policy does not forward on this class.
    #[error("the policy does not forward reports on class {0}")]
    NotAdmitted(ServiceClass),
    /// Nothing named, or too much.
    #[error("name 1 to {ITEMS_MAX} findings")]
    Count,
    /// Not a finding of the case.
    #[error("{0} is no finding of this case")]
    Unknown(FindingId),
    /// Nothing that we can stand for.
    #[error("{0} is not on the site, or neither captured by us nor in a signed package")]
    NotOurs(FindingId),
}

impl ForwardRefusal {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotAdmitted(_) => "forward-not-admitted",
            Self::Count => "forward-count",
            Self::Unknown(_) => "forward-unknown-finding",
            Self::NotOurs(_) => "forward-not-ours",
        }
    }
}

/// Writes the message about these findings. `contact`: whom the customer may answer.
pub fn forward(
    case: &Case,
    findings: &[FindingId],
    class: ServiceClass,
    matrix: &Matrix,
    contact: &str,
) -> Result<Forward, ForwardRefusal> {
    matrix.clause(Measure::M0, class, Ground::Policy).ok_or(ForwardRefusal::NotAdmitted(class))?;
    if findings.is_empty() || findings.len() > ITEMS_MAX {
        return Err(ForwardRefusal::Count);
    }
    let mut items = String::new();
    for id in findings {
        let found =
            case.findings.iter().find(|finding| finding.id == *id).ok_or(ForwardRefusal::Unknown(*id))?;
        if !is_ours(found) {
            return Err(ForwardRefusal::NotOurs(*id));
        }
        items.push_str(&item(found));
    }
    Ok(Forward {
        subject: format!("Please look at what stands on your site ({})", case.id),
        body: body(case.id, &items, contact),
    })
}

fn is_ours(finding: &Finding) -> bool {
    let shown = finding.appearance != Appearance::Elsewhere && !finding.evidence.is_empty();
    shown && matches!(finding.source.grade(), SourceGrade::A | SourceGrade::B | SourceGrade::C)
}

fn item(finding: &Finding) -> String {
    let at = |instant: Timestamp| moment::date_and_time(instant);
    let posted = match finding.posted_at {
        PostedAt::Instant(instant) => format!("posted {}", at(instant)),
        PostedAt::Interval { from, to } => format!("posted between {} and {}", at(from), at(to)),
        PostedAt::Unknown => "posted at a time that is not known".to_owned(),
    };
    let by = match finding.source.grade() {
        SourceGrade::A => "captured by us from two places",
        SourceGrade::B => "captured by us",
        _ => "captured by others, who signed it",
    };
    format!("- {}\n  {posted}; {by} {}\n", finding.item, at(finding.captured_at))
}

fn body(case: CaseId, items: &str, contact: &str) -> String {
    format!(
        "Hello,\n\nwe carry the traffic of your site. It was brought to our attention that this stands there:\n\n\
         {items}\nPlease look at it, and decide what to do. Nothing has been done to your site, and nothing is decided \
         by this message.\nWho told us is not in it, and we do not say.\n\nIf you see it otherwise, or have removed \
         something, write to {contact} and name {case}.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;
    use crate::fixtures::*;
    use policy::default_policy_text;

    fn written(case: &Case, numbers: &[u8]) -> Result<Forward, ForwardRefusal> {
        let matrix = Matrix::parse(default_policy_text()).expect("the built-in policy");
        let findings: Vec<_> = numbers.iter().map(|number| finding_id(*number)).collect();
        forward(case, &findings, ServiceClass::S, &matrix, "desk@operator.test")
    }

    #[test]
    fn the_message_says_where_and_when_and_nobody_is_in_it() {
        let case = open_case();
        let message = written(&case, &[1, 2]).expect("a message");
        for said in [
            "https://board.test/post/1",
            "https://board.test/post/2",
            "desk@operator.test",
            &case.id.to_string(),
        ] {
            assert!(message.body.contains(said), "{said}: {}", message.body);
        }
        let whole = format!("{}{}", message.subject, message.body);
        for hidden in ["author 1", "intake-1", "assessor", case.allegation.as_str(), "person", "AA", "BB"] {
            assert!(!whole.contains(hidden), "{hidden}: {whole}");
        }
    }

    #[test]
    fn what_reports_say_changes_no_byte_of_it() {
        let (case, mut louder) = (open_case(), open_case());
        louder.attention.reports = 10_000;
        assert_eq!(written(&case, &[1]), written(&louder, &[1]));
    }

    #[test]
    fn only_what_we_can_stand_for_is_forwarded() {
        let mut case = open_case();
        assert_eq!(written(&case, &[]), Err(ForwardRefusal::Count));
        assert_eq!(written(&case, &[9]), Err(ForwardRefusal::Unknown(finding_id(9))));
        case.findings[0].source = Source::D;
        assert_eq!(written(&case, &[1]), Err(ForwardRefusal::NotOurs(finding_id(1))));
        case.findings[1].appearance = Appearance::Elsewhere;
        assert_eq!(written(&case, &[2]), Err(ForwardRefusal::NotOurs(finding_id(2))));
    }
}
