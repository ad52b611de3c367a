//! Refusals of the domain as problem documents, and the one way to change a case.

use crate::defence::{BookRefusal, DeskRefusal};
use crate::error_pages::PressRefusal;
use crate::plane::Plane;
use crate::rim::version::Wanted;
use crate::rim::{Problem, Reason};
use crate::sites::ApplyRefusal;
use casework::{Case, CaseRefusal, DecisionRefusal, GateVerdict, Officer, ProposalRefusal};
use policy::Pseudonym;
use records::{ApplyError, PutError, Versioned};
use serde_json::{Value, json};
use std::error::Error;
use vocabulary::{CaseId, Timestamp};

/// How often a change is repeated on a newer version, when the caller did not name one.
const ATTEMPTS: usize = 4;

/// Changes a case: reads it, lets `change` work on it, and keeps it if nobody else changed it meanwhile.
/// `change` may run more than once.
pub(crate) async fn changed_case<T>(
    plane: &Plane,
    id: CaseId,
    wanted: Wanted,
    mut change: impl FnMut(&mut Case, Timestamp) -> Result<T, Problem>,
) -> Result<(T, Versioned<Case>), Problem> {
    for _ in 0..ATTEMPTS {
        let Versioned { version, mut value } = case(plane, id).await?;
        wanted.admit(version)?;
        let outcome = change(&mut value, plane.clock.now())?;
        match plane.records.put_case(&value, version).await {
            Ok(version) => {
                plane.wake.notify_one();
                return Ok((outcome, Versioned { version, value }));
            }
            Err(PutError::Conflict { .. }) if wanted == Wanted::Any => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Reason::Contended))
}

/// One case, or 404.
pub(crate) async fn case(plane: &Plane, id: CaseId) -> Result<Versioned<Case>, Problem> {
    let missing = || Problem::new(Reason::NotFound).detail(format!("there is no case {id}"));
    plane.records.case(id).await?.ok_or_else(missing)
}

/// The officer of a pseudonym.
pub(crate) fn officer(plane: &Plane, pseudonym: &Pseudonym) -> Result<Officer, Problem> {
    let stranger = || Problem::refused("outsider", format!("{pseudonym} is not on the roster"));
    Officer::on(&plane.founded.roster, pseudonym).ok_or_else(stranger)
}

/// A time that a caller says something happened at: not in the future.
pub(crate) fn happened(at: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Problem> {
    match at {
        Some(at) if at > now => {
            Err(Problem::new(Reason::Malformed).detail(format!("{at} lies in the future; it is {now} here")))
        }
        at => Ok(at.unwrap_or(now)),
    }
}

/// An error with its causes, on one line.
fn whole(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// The gate's reasons, as every answer about a closed gate lists them.
fn closed(problem: Problem, verdict: &GateVerdict) -> Problem {
    let reasons: Vec<Value> = verdict
        .reasons()
        .map(|(condition, reason)| {
            json!({"condition": condition, "reason": reason.name(), "text": reason.to_string()})
        })
        .collect();
    let offer = verdict.offer();
    let problem =
        problem.with("reasons", Value::Array(reasons)).with("input_hash", json!(verdict.input_hash));
    match offer {
        Some(measure) => problem.with("offer", json!(measure)),
        None => problem,
    }
}

impl From<CaseRefusal> for Problem {
    fn from(refusal: CaseRefusal) -> Self {
        match refusal {
            CaseRefusal::NoFinding(_) | CaseRefusal::NoReferral(_) | CaseRefusal::NoAppeal(_) => {
                Self::new(Reason::NotFound).detail(refusal)
            }
            refusal => Self::refused(refusal.name(), whole(&refusal)),
        }
    }
}

impl From<ProposalRefusal> for Problem {
    fn from(refusal: ProposalRefusal) -> Self {
        match &refusal {
            ProposalRefusal::GateClosed(verdict) => closed(Self::new(Reason::GateClosed), verdict),
            refusal => Self::refused(refusal.name(), whole(refusal)),
        }
    }
}

impl From<DecisionRefusal> for Problem {
    fn from(refusal: DecisionRefusal) -> Self {
        match &refusal {
            DecisionRefusal::GateClosed(verdict) => closed(Self::new(Reason::GateClosed), verdict),
            refusal => Self::refused(refusal.name(), whole(refusal)),
        }
    }
}

impl From<PressRefusal> for Problem {
    fn from(refusal: PressRefusal) -> Self {
        page_refused(&refusal)
    }
}

/// With the place of the mistake, where it is in an expression.
pub(super) fn defence_mistaken(error: &snapshot::ShieldError) -> Problem {
    let problem = Problem::new(Reason::DefenceMistaken).detail(error);
    match error.expression() {
        Some((place, key, mistake)) => problem
            .with("rule", json!(place))
            .with("key", json!(key))
            .with("character", json!(mistake.column())),
        None => problem,
    }
}

impl From<DeskRefusal> for Problem {
    fn from(refusal: DeskRefusal) -> Self {
        match refusal {
            DeskRefusal::Book(refusal @ (BookRefusal::NoEntry(_) | BookRefusal::NoList(_))) => {
                Self::new(Reason::NotFound).detail(refusal)
            }
            DeskRefusal::Book(BookRefusal::Capped(left)) => {
                let seconds = json!(left.as_secs());
                Self::new(Reason::MitigationCap)
                    .detail(BookRefusal::Capped(left))
                    .with("left_seconds", seconds)
            }
            DeskRefusal::Book(BookRefusal::List(error)) => defence_mistaken(&error),
            DeskRefusal::Book(refusal @ (BookRefusal::NotOn | BookRefusal::InUse(_))) => {
                Self::new(Reason::WrongState).detail(refusal)
            }
            DeskRefusal::Book(refusal) => Self::new(Reason::DefenceMistaken).detail(refusal),
            DeskRefusal::Store(error) => error.into(),
            DeskRefusal::Contended => Self::new(Reason::Contended),
        }
    }
}

fn page_refused(refusal: &PressRefusal) -> Problem {
    match refusal {
        PressRefusal::Store(_) => Problem::new(Reason::RecordsBusy).detail(refusal),
        refusal => Problem::new(Reason::PageUnfit).detail(refusal),
    }
}

impl From<ApplyRefusal> for Problem {
    fn from(refusal: ApplyRefusal) -> Self {
        match &refusal {
            ApplyRefusal::Text(error) => {
                let line = |mistake: &crate::sites_toml::Mistake| json!({"line": mistake.line, "column": mistake.column, "text": mistake.message});
                let mistakes = error.mistakes.iter().map(line).collect();
                Self::new(Reason::SitesMistaken).detail(error).with("mistakes", Value::Array(mistakes))
            }
            ApplyRefusal::Claimed(error) => Self::new(Reason::HostTaken).detail(error),
            ApplyRefusal::Plan(error) => Self::new(Reason::HostTaken).detail(error),
            ApplyRefusal::Certificate { .. }
            | ApplyRefusal::Origins { .. }
            | ApplyRefusal::Visitors { .. } => Self::new(Reason::CertificateUnfit).detail(refusal),
            ApplyRefusal::NoSite(_) => Self::new(Reason::NotFound).detail(refusal),
            ApplyRefusal::Overtaken(keys) => {
                Self::new(Reason::SettingsChanged).detail(&refusal).with("changed", json!(keys))
            }
            ApplyRefusal::Defence(error) => defence_mistaken(error),
            ApplyRefusal::Page(refusal) => page_refused(refusal),
            ApplyRefusal::NoBasis(why, steps) => {
                Self::new(Reason::TenantRequestMissing).detail(why).with("lowers", json!(steps))
            }
            ApplyRefusal::Records(ApplyError::Conflict { .. }) => Self::new(Reason::Contended),
            ApplyRefusal::Records(error @ (ApplyError::HostTaken { .. } | ApplyError::NameTaken { .. })) => {
                Self::new(Reason::HostTaken).detail(error)
            }
            ApplyRefusal::Log(error) => Self::new(Reason::LogStopped).detail(error),
            ApplyRefusal::Records(_) | ApplyRefusal::Store(_) | ApplyRefusal::Sealing(_) => {
                Self::new(Reason::RecordsBusy).detail(whole(&refusal))
            }
        }
    }
}
