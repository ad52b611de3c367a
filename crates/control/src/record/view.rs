//! Decisions and the log as pages show them.

use crate::pages::record::{
    Appealed, Demand, Earlier, Edition, Happened, Heard, Proof, Signer, StatementPage, Step,
};
use crate::pages::{Listed, LogView, Standing};
use crate::plane::Plane;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use casework::{Against, Appeal, AppealState, Case, Decision, DecisionState, Logged, Precedent};
use ledger::checkpoint::Checkpoint;
use policy::{Ground, Terms};
use records::StoreError;
use vocabulary::Timestamp;

/// How a decision stands for the public; `None` while it is not public.
pub(crate) fn standing(decision: &Decision, now: Timestamp) -> Option<Standing> {
    let (from, until) = (decision.terms.not_before, decision.terms.expires);
    match &decision.state {
        DecisionState::Proposed | DecisionState::Approving { .. } | DecisionState::Expired { .. } => None,
        DecisionState::Ended { ending, .. } | DecisionState::Final { ending, .. } => {
            let at = ending.effective;
            Some(if now < at { Standing::InForce { until: at } } else { Standing::Lifted { at } })
        }
        _ if now >= until => Some(Standing::Lapsed { at: until }),
        DecisionState::InForce { .. } => Some(Standing::InForce { until }),
        DecisionState::Lapsed { .. } => Some(Standing::Lapsed { at: until }),
        DecisionState::Logged { .. } | DecisionState::Published { .. } => Some(Standing::Coming { from }),
    }
}

/// A line of the front page.
pub(crate) fn listed(decision: &Decision, now: Timestamp) -> Option<Listed> {
    Some(Listed {
        id: decision.id.to_string(),
        title: decision.statement.title.clone(),
        measure: decision.terms.measure,
        sites: decision.terms.scope.sites,
        standing: standing(decision, now)?,
    })
}

/// The log as its newest published checkpoint shows it.
pub(crate) fn log_view(plane: &Plane) -> LogView {
    let origin = plane.founded.origin.clone();
    let Some(published) = plane.sequencer.published() else {
        return LogView { origin, size: 0, root: String::new(), cosigned: None, witnesses: Vec::new() };
    };
    let root = Checkpoint::parse(published.note.text()).ok();
    let root = root.map_or_else(String::new, |checkpoint| STANDARD.encode(checkpoint.root.as_bytes()));
    let lines = published.note.signatures().iter().map(|line| line.name().to_owned());
    LogView {
        size: published.size,
        root,
        cosigned: Some(published.cosigned),
        witnesses: lines.filter(|name| *name != origin).collect(),
        origin,
    }
}

/// The page of a decision; `None` while it is not public.
pub(super) async fn statement(
    plane: &Plane,
    decision: &Decision,
    edition: Edition,
) -> Result<Option<StatementPage>, StoreError> {
    let case = plane.records.case(decision.case).await?.map(|held| held.value);
    let mut precedents = Vec::new();
    for said in case.iter().flat_map(|case| &case.precedents) {
        precedents.extend(earlier(plane, decision, &said.fact).await?);
    }
    let appeals = case.iter().flat_map(|case| appeals_against(case, decision)).collect();
    Ok(page_of(plane, decision, edition, (precedents, appeals)))
}

/// An earlier decision that the public can read. What was written about it goes out by the guard of the vault alone.
async fn earlier(
    plane: &Plane,
    decision: &Decision,
    said: &Precedent,
) -> Result<Option<Earlier>, StoreError> {
    let Some(held) = plane.docket.get(said.decision).await?.map(|held| held.value) else { return Ok(None) };
    if held.id == decision.id || standing(&held, plane.clock.now()).is_none() {
        return Ok(None);
    }
    let reason = Some(said.reason.to_string()).filter(|reason| plane.intake.check(reason).is_ok());
    let (id, title) = (held.id.to_string(), held.statement.title);
    Ok(Some(Earlier { id, title, relation: said.relation, reason }))
}

fn appeals_against(case: &Case, decision: &Decision) -> Vec<Appealed> {
    let against = case.appeals.iter().filter(|appeal| appeal.against == Against::Decision(decision.id));
    let told = |appeal: &Appeal| {
        let outcome = match &appeal.state {
            AppealState::Decided { outcome, .. } | AppealState::Notified { outcome, .. } => {
                Heard::Ruled(*outcome)
            }
            AppealState::Inadmissible { .. } => Heard::Inadmissible,
            _ => Heard::Waits { due: appeal.due },
        };
        Appealed { filed: appeal.filed_at, outcome }
    };
    against.map(told).collect()
}

fn page_of(
    plane: &Plane,
    decision: &Decision,
    edition: Edition,
    (precedents, appeals): (Vec<Earlier>, Vec<Appealed>),
) -> Option<StatementPage> {
    let frame = super::frame(plane, edition);
    let standing = standing(decision, frame.now)?;
    let logged = decision.state.logged()?;
    let (terms, statement) = (&decision.terms, &decision.statement);
    let demand = terms.demand.as_ref().map(|demand| Demand {
        authority: demand.authority.clone(),
        law: demand.law.clone(),
        url: demand.url.clone(),
    });
    let asked = serde_json::to_value(statement.authorities_asked).ok();
    Some(StatementPage {
        frame,
        decision: decision.id.to_string(),
        title: statement.title.clone(),
        summary: statement.summary.clone(),
        facts: statement.facts.clone(),
        ground: terms.ground,
        ground_text: statement.ground_text.clone(),
        measure: terms.measure,
        class: terms.class,
        standing,
        not_before: terms.not_before,
        expires: terms.expires,
        authorities_asked: asked.and_then(|asked| asked.as_str().map(str::to_owned)).unwrap_or_default(),
        meaning: statement.meaning.clone(),
        redress: statement.redress.clone(),
        contact: statement.contact.clone(),
        demand,
        sites: terms.scope.sites,
        hosts: decision.scope.hosts().map(ToString::to_string).collect(),
        signers: signers(plane, decision),
        precedents,
        appeals,
        steps: steps(decision),
        proof: Proof {
            entry: logged.index,
            leaf: logged.leaf,
            policy_version: statement.policy.version.to_string(),
            policy: statement.policy.sha256,
            roster: terms.roster,
            floor: terms.floor,
        },
        log: log_view(plane),
    })
}

fn signers(plane: &Plane, decision: &Decision) -> Vec<Signer> {
    let signer = |approval: &policy::Approval| {
        let member = plane.founded.roster.member(&approval.key)?;
        Some(Signer {
            role: approval.role,
            pseudonym: member.pseudonym.to_string(),
            organisation: member.organisation.clone(),
            key: approval.key.to_string(),
        })
    };
    decision.state.approvals().iter().filter_map(signer).collect()
}

fn steps(decision: &Decision) -> Vec<Step> {
    let step = |time, what, entry| Step { time, what, entry };
    let logged_as = |logged: &Logged, what| step(logged.at, what, Some(logged.index));
    let mut steps = vec![step(decision.first_terms().proposed_at(), Happened::Proposed, None)];
    let mut said = Happened::Signed;
    for former in &decision.former {
        steps.push(logged_as(&former.logged, said));
        said = confirmed(&former.terms, decision);
    }
    steps.extend(decision.state.logged().map(|logged| logged_as(logged, said)));
    let (published, receipts, lapse) = match &decision.state {
        DecisionState::Published { published, .. } => (Some(published), &[][..], None),
        DecisionState::InForce { published, receipts, .. } => (Some(published), receipts.as_slice(), None),
        DecisionState::Lapsed { published, receipts, lapse, .. } => {
            (published.as_ref(), receipts.as_slice(), Some(lapse))
        }
        DecisionState::Ended { published, receipts, .. }
        | DecisionState::Final { published, receipts, .. } => (Some(published), receipts.as_slice(), None),
        _ => (None, &[][..], None),
    };
    steps.extend(published.map(|published| step(published.at, Happened::Published, None)));
    if let Some(first) = receipts.first() {
        steps.push(step(first.at, Happened::InForce { edges: receipts.len() }, None));
    }
    steps.extend(lapse.map(|lapse| step(decision.terms.expires, Happened::Lapsed, Some(lapse.index))));
    if let Some(ending) = decision.state.ending() {
        steps.push(step(ending.effective, Happened::Ended(ending.because), Some(ending.logged.index)));
    }
    steps
}

/// What the record after these terms did.
fn confirmed(before: &Terms, decision: &Decision) -> Happened {
    match (before.ground, decision.terms.ground) {
        (Ground::Emergency, Ground::Order) => Happened::RatifiedByOrder,
        (Ground::Emergency, _) => Happened::Ratified,
        _ => Happened::Renewed,
    }
}
