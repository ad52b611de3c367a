//! `wardmote sign`: fetch the exact bytes of a proposal, show what they say, sign, post the signature.
//!
//! What is shown is read from the bytes that are signed. Scope list and statement, which the bytes
//! only name by digest, are shown after their digests were compared; a server that shows one thing and
//! has another signed is found out here. Only the signature leaves this machine. With `--parcel` all of it comes from a file
//! that the console's page saved, and the signature is printed, so that the key may lie where no server is reached.

use super::{block_on, control_plane};
use crate::client::Client;
use crate::command_line::Sign;
use crate::exit::{Exit, Failure};
use crate::output::{self, plain, quoted};
use bytes::Bytes;
use ledger::{Body, DecisionEnded, Erasure, Kind, SuspensionBegun, SuspensionConfirmed};
use policy::{OfficerKey, Scope, Statement, Terms};
use serde_json::{Value, json};
use std::io::{BufRead as _, Write as _};
use std::path::Path;
use vocabulary::{DecisionId, Digest, canonical};
use zeroize::Zeroizing;

pub(crate) fn run(arguments: &Sign, json: bool) -> Result<Exit, Failure> {
    if json && !arguments.yes {
        return Err(Failure::bad_use(
            "--json shows nothing to a person; give --yes to sign what you have looked at before",
        ));
    }
    let key = officer_key(&arguments.key)?;
    if let Some(parcel) = &arguments.parcel {
        return of_parcel(parcel, &key, (arguments.yes, json));
    }
    let what: Awaited = arguments.proposal.as_deref().unwrap_or_default().parse()?;
    let client = control_plane(&arguments.local)?;
    block_on(async {
        let (bytes, shown) = fetch(&client, what).await?;
        if !json {
            print!("{shown}");
        }
        if !arguments.yes && !agreed(&key)? {
            eprintln!("not signed");
            return Ok(Exit::Failed);
        }
        let answer = post(&client, (what, &bytes), &key).await?;
        if json {
            output::json(&answer);
        } else {
            println!("signed as {} ({}); {}", key.role(), key.pseudonym(), standing(&answer));
        }
        Ok(Exit::Done)
    })
}

/// Largest parcel, in bytes: scope and statement of the largest decision, and room.
const PARCEL_BYTES_MAX: u64 = 32 << 20;

/// What a page of the console saves for signing.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Parcel {
    proposal: String,
    bytes: String,
    /// What stands around a decision; nothing where the bytes say everything.
    #[serde(default)]
    decision: Value,
}

/// Shows what a parcel would have signed, and prints the signature; what is shown goes to standard error, so that the one
/// line can be taken from standard output.
fn of_parcel(path: &Path, key: &OfficerKey, (yes, json): (bool, bool)) -> Result<Exit, Failure> {
    let bad = |why: &dyn std::fmt::Display| Failure::bad_use(format!("--parcel {}: {why}", path.display()));
    let length = std::fs::metadata(path).map_err(|error| bad(&error))?.len();
    if length > PARCEL_BYTES_MAX {
        return Err(bad(&format!("a parcel has at most {PARCEL_BYTES_MAX} bytes")));
    }
    let text = std::fs::read(path).map_err(|error| bad(&error))?;
    let parcel: Parcel = serde_json::from_slice(&text).map_err(|error| bad(&error))?;
    let bytes = Bytes::from(parcel.bytes);
    let shown = match parcel.proposal.parse()? {
        Awaited::Decision(decision) => decision_shown(decision, &bytes, &parcel.decision)?,
        other => standing_shown(other, &bytes)?,
    };
    if !json {
        eprint!("{shown}");
    }
    if !yes && !agreed(key)? {
        eprintln!("not signed");
        return Ok(Exit::Failed);
    }
    println!("{}", serde_json::to_string(&key.approve(&bytes)).map_err(Failure::failed)?);
    Ok(Exit::Done)
}

/// What waits for a signature.
#[derive(Debug, Clone, Copy)]
enum Awaited {
    /// A decision, or what follows one.
    Decision(DecisionId),
    /// That every measure without an order be set aside.
    Suspension,
    /// That the confidential fields of an entry of the log be erased.
    Erasure(u64),
}

impl std::str::FromStr for Awaited {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        if text == SuspensionBegun::SUBJECT {
            return Ok(Self::Suspension);
        }
        if let Some(index) = text.strip_prefix("erasure:") {
            let index = index.parse();
            return index
                .map(Self::Erasure)
                .map_err(|error| Failure::bad_use(format!("--proposal {text}: {error}")));
        }
        let decision: DecisionId =
            text.parse().map_err(|error| Failure::bad_use(format!("--proposal {text}: {error}")))?;
        Ok(Self::Decision(decision))
    }
}

impl Awaited {
    /// Where its bytes and its approvals are.
    fn path(self, part: &str) -> String {
        match self {
            Self::Decision(decision) => format!("/api/v1/decisions/{decision}/{part}"),
            Self::Suspension => format!("/api/v1/suspension/{part}"),
            Self::Erasure(index) => format!("/api/v1/entries/{index}/erasure/{part}"),
        }
    }
}

fn officer_key(path: &Path) -> Result<OfficerKey, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::bad_use(format!("--key {}: {error}", path.display())))?;
    OfficerKey::parse(&Zeroizing::new(text))
        .map_err(|error| Failure::bad_use(format!("--key {}: {error}", path.display())))
}

/// The bytes to sign, and what they say, in words.
async fn fetch(client: &Client, what: Awaited) -> Result<(Bytes, String), Failure> {
    let bytes = client.get(&what.path("bytes")).await?.accepted()?.body;
    let Awaited::Decision(decision) = what else {
        let shown = standing_shown(what, &bytes)?;
        return Ok((bytes, shown));
    };
    let around = client.get(&format!("/api/v1/decisions/{decision}")).await?.accepted()?.json()?;
    let shown = decision_shown(decision, &bytes, &around)?;
    Ok((bytes, shown))
}

/// What bytes say that are no decision's: they hold everything themselves.
fn standing_shown(what: Awaited, bytes: &Bytes) -> Result<String, Failure> {
    let shown = match what {
        Awaited::Suspension => suspension_shown(bytes),
        Awaited::Erasure(index) => erasure_shown(index, bytes),
        Awaited::Decision(decision) => Err(format!("{decision} is a decision")),
    };
    shown.map_err(|why| Failure::failed(format!("not signed: {why}")))
}

/// What the bytes of a decision, or of what follows one, say; a server that shows other things is refused.
fn decision_shown(decision: DecisionId, bytes: &Bytes, around: &Value) -> Result<String, Failure> {
    let refuse = |why| Failure::failed(format!("not signed: {why}"));
    match ending(decision, bytes) {
        Some(said) => ending_shown(&said.map_err(refuse)?, bytes),
        None => Proposal::of(decision, bytes.clone(), around).map_err(refuse)?.shown(),
    }
}

async fn post(client: &Client, (what, bytes): (Awaited, &Bytes), key: &OfficerKey) -> Result<Value, Failure> {
    let approval = key.approve(bytes);
    let body = json!({ "approval": approval }).to_string();
    client.post(&what.path("approvals"), "application/json", Bytes::from(body)).await?.accepted()?.json()
}

fn standing(answer: &Value) -> String {
    if let Some(state) = answer.get("state").and_then(Value::as_str) {
        return format!("the decision is now {}", plain(state));
    }
    // A suspension has no state of its own: it says what it still lacks.
    match answer.pointer("/pending/missing/text").and_then(Value::as_str) {
        Some(lacks) => plain(lacks),
        None => "enough officers have signed".into(),
    }
}

fn agreed(key: &OfficerKey) -> Result<bool, Failure> {
    eprint!("Sign these bytes as {} ({})? Type yes: ", key.role(), key.pseudonym());
    let mut line = String::new();
    std::io::stderr().flush().map_err(Failure::failed)?;
    std::io::stdin().lock().read_line(&mut line).map_err(Failure::failed)?;
    Ok(line.trim() == "yes")
}

/// What is to be signed, with the documents it names.
#[derive(Debug)]
struct Proposal {
    bytes: Bytes,
    body: Body,
    terms: Terms,
    scope: Scope,
    statement: Statement,
}

impl Proposal {
    /// Reads the bytes, and takes scope and statement from `around` only if the bytes commit to them.
    fn of(decision: DecisionId, bytes: Bytes, around: &Value) -> Result<Self, String> {
        let body = Body::parse(&bytes).map_err(|error| format!("the bytes are no log entry: {error}"))?;
        let around = match body.kind {
            Kind::DecisionMade => around,
            // A record that follows commits to a statement of its own; the scope stays.
            Kind::DecisionRatified | Kind::DecisionRenewed => &merged(around),
            kind => return Err(format!("the bytes are an entry of kind {}, not a decision", kind.as_str())),
        };
        let terms: Terms = serde_json::from_value(body.public.clone())
            .map_err(|error| format!("the bytes hold no terms of a decision: {error}"))?;
        if terms.decision != decision || body.subject != decision.to_string() {
            return Err(format!("the bytes are of another decision, {}", terms.decision));
        }
        if terms.floor != policy::floor::hash() {
            return Err("the decision names another floor than the one in this program".into());
        }
        let scope: Scope = document(around, "scope", terms.scope.sha256)?;
        let statement: Statement = document(around, "statement", terms.statement)?;
        if scope.sites().len() != terms.scope.sites as usize {
            return Err("the bytes count other sites than the scope lists".into());
        }
        Ok(Self { bytes, body, terms, scope, statement })
    }

    /// For people: the terms in rows, the hosts, every word that will be published, then the bytes.
    fn shown(&self) -> Result<String, Failure> {
        let Terms { measure, class, ground, not_before, expires, profile, .. } = &self.terms;
        let word = |value: Value| value.as_str().map(str::to_owned).unwrap_or_default();
        let lease = output::span(expires.since(*not_before));
        let mut rows: Vec<[String; 2]> = vec![
            ["decision".into(), self.terms.decision.to_string()],
            ["measure".into(), format!("{} on class {}", word(json!(measure)), word(json!(class)))],
            ["ground".into(), word(json!(ground))],
            ["in force".into(), format!("{not_before} until {expires} ({lease})")],
            ["profile".into(), word(json!(profile))],
        ];
        if let Some(demand) = &self.terms.demand {
            rows.push(["demand".into(), plain(&format!("{}, {}", demand.authority, demand.law))]);
        }
        if !self.terms.territories.is_empty() {
            rows.push(["territories".into(), words(&self.terms.territories)]);
        }
        for site in self.scope.sites() {
            rows.push(["site".into(), format!("{} – {}", words(&site.hosts), plain(&site.reason))]);
            for (what, named) in [
                ("except", words(&site.except)),
                ("addresses", words(&site.urls)),
                ("features", words(&site.features)),
            ] {
                if !named.is_empty() {
                    rows.push([what.into(), named]);
                }
            }
        }
        rows.push(["entry".into(), format!("{} number {}", self.body.kind.as_str(), self.body.sequence)]);
        rows.push(["digest".into(), policy::approval_digest(&self.bytes).to_string()]);
        let raw = std::str::from_utf8(&self.bytes).map_err(Failure::failed)?;
        let (terms, statement) = (output::table(&rows), self.published_words());
        Ok(format!("{terms}\nWhat will be published:\n{statement}\nThe exact bytes:\n{}\n\n", plain(raw)))
    }

    /// Every text of the statement: the bytes bind them all, and the signer answers for them.
    fn published_words(&self) -> String {
        let Statement { title, summary, facts, ground_text, meaning, redress, contact, url, .. } =
            &self.statement;
        let texts = [("title", title), ("summary", summary)];
        let facts = facts.iter().map(|fact| ("fact", fact));
        let rest = [
            ("ground", ground_text),
            ("meaning", meaning),
            ("redress", redress),
            ("contact", contact),
            ("address", url),
        ];
        let all = texts.into_iter().chain(facts).chain(rest);
        all.fold(String::new(), |out, (name, text)| format!("{out}  {name}\n{}", quoted(text)))
    }
}

/// What stands around a decision, with the statement of the record that would follow it.
fn merged(around: &Value) -> Value {
    let mut around = around.clone();
    if let Some(statement) = around.pointer("/pending/statement").cloned() {
        around["statement"] = statement;
    }
    around
}

/// The end of a measure before its time, as it is signed.
fn ending(decision: DecisionId, bytes: &Bytes) -> Option<Result<DecisionEnded, String>> {
    let body = Body::parse(bytes).ok()?;
    if !matches!(body.kind, Kind::DecisionLifted | Kind::DecisionReversed) {
        return None;
    }
    let said = serde_json::from_value::<DecisionEnded>(body.public.clone());
    Some(match said {
        Ok(said) if said.decision == decision && body.subject == decision.to_string() => Ok(said),
        Ok(said) => Err(format!("the bytes are of another decision, {}", said.decision)),
        Err(error) => Err(format!("the bytes do not say what ends: {error}")),
    })
}

/// For people: what ends, when and why, then the bytes.
fn ending_shown(said: &DecisionEnded, bytes: &Bytes) -> Result<String, Failure> {
    let because = json!(said.because).as_str().map(str::to_owned).unwrap_or_default();
    let rows = vec![
        ["decision".into(), said.decision.to_string()],
        ["ends".into(), said.effective.to_string()],
        ["because".into(), because],
        ["digest".into(), policy::approval_digest(bytes).to_string()],
    ];
    let raw = std::str::from_utf8(bytes).map_err(Failure::failed)?;
    Ok(format!("{}\nThe exact bytes:\n{}\n\n", output::table(&rows), plain(raw)))
}

/// For people: what would be erased, then the bytes.
fn erasure_shown(index: u64, bytes: &Bytes) -> Result<String, String> {
    let said: Erasure = vocabulary::canonical::parse(bytes).map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(bytes);
    Ok(format!(
        "erase      the confidential fields behind entry {index} of the log, for good\n\
         its hash   {}\n\
         void from  {}\n\n{}\n",
        said.entry,
        said.until,
        plain(&text)
    ))
}

/// For people: what a suspension does, from when and how long, then the bytes.
fn suspension_shown(bytes: &Bytes) -> Result<String, String> {
    let body = Body::parse(bytes).map_err(|error| format!("the bytes are no log entry: {error}"))?;
    if body.subject != SuspensionBegun::SUBJECT {
        return Err(format!("the bytes are about {}, not a suspension", plain(&body.subject)));
    }
    let unreadable = |error: serde_json::Error| format!("the bytes do not say what is set aside: {error}");
    let (does, lasts) = match body.kind {
        Kind::SuspensionBegun => {
            let said: SuspensionBegun = serde_json::from_value(body.public.clone()).map_err(unreadable)?;
            let lasts = format!("{} until {}, unless three confirm it", body.time, said.until);
            ("sets every measure without an order aside", lasts)
        }
        Kind::SuspensionConfirmed => {
            let said: SuspensionConfirmed =
                serde_json::from_value(body.public.clone()).map_err(unreadable)?;
            let lasts = format!("from {} to the end of each lease", said.since);
            ("keeps every measure without an order aside", lasts)
        }
        kind => return Err(format!("the bytes are an entry of kind {}, not a suspension", kind.as_str())),
    };
    let rows = vec![
        ["suspend-all".into(), does.into()],
        ["acts".into(), lasts],
        ["entry".into(), format!("{} number {}", body.kind.as_str(), body.sequence)],
        ["digest".into(), policy::approval_digest(bytes).to_string()],
    ];
    let raw = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    Ok(format!("{}\nThe exact bytes:\n{}\n\n", output::table(&rows), plain(raw)))
}

/// A document beside the bytes, if its digest is the one they commit to.
fn document<T: serde::Serialize + serde::de::DeserializeOwned>(
    around: &Value,
    name: &str,
    wanted: Digest,
) -> Result<T, String> {
    let value = around.get(name).ok_or_else(|| format!("the server did not send the {name}"))?;
    let bytes = canonical::to_bytes(value).map_err(|error| format!("the {name} is unreadable: {error}"))?;
    if Digest::of(&bytes) != wanted {
        return Err(format!("the server shows another {name} than the one to be signed"));
    }
    canonical::parse(&bytes).map_err(|error| format!("the {name} is unreadable: {error}"))
}

/// Things by their names, one after the other.
fn words<T: std::fmt::Display>(things: impl IntoIterator<Item = T>) -> String {
    things.into_iter().map(|thing| thing.to_string()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapshot::fixture::{Draft, Mote};
    use std::time::Duration;
    use vocabulary::Timestamp;

    fn draft() -> (Mote, Draft) {
        let now = Timestamp::from_secs(1_795_000_000);
        let mote = Mote::found(1, now);
        let site = mote.site(&["board.test"], 9000);
        let draft = mote.draft(&[site], now, Duration::from_secs(60));
        (mote, draft)
    }

    fn bytes(mote: &Mote, draft: &Draft, kind: Kind) -> Bytes {
        let subject = draft.terms.decision.to_string();
        let entry = mote.entry(kind, &subject, &draft.terms, draft.terms.not_before);
        entry.body.to_bytes().unwrap().into()
    }

    fn around(draft: &Draft) -> Value {
        json!({ "scope": draft.scope, "statement": draft.statement, "state": "proposed" })
    }

    #[test]
    fn what_is_signed_is_shown_with_its_exact_bytes() {
        let (mote, draft) = draft();
        let bytes = bytes(&mote, &draft, Kind::DecisionMade);
        let proposal = Proposal::of(draft.terms.decision, bytes.clone(), &around(&draft)).unwrap();
        let shown = proposal.shown().unwrap();
        assert!(shown.contains(std::str::from_utf8(&bytes).unwrap()), "{shown}");
        for part in ["board.test", "M5 on class S", "(1 min 0 s)", "emergency"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let statement = &draft.statement;
        for text in statement.facts.iter().chain([&statement.meaning, &statement.redress, &statement.url]) {
            assert!(shown.contains(&format!("    | {text}\n")), "{text}: {shown}");
        }
    }

    #[test]
    fn a_server_that_shows_one_thing_and_has_another_signed_is_found_out() {
        let (mote, draft) = draft();
        let decision = draft.terms.decision;
        let good = bytes(&mote, &draft, Kind::DecisionMade);
        let refused = |bytes: &Bytes, around: &Value, why: &str| {
            let said = Proposal::of(decision, bytes.clone(), around).unwrap_err();
            assert!(said.contains(why), "{said}");
        };
        let (_, other) = self::draft();
        let mut around_other = around(&draft);
        around_other["scope"]["sites"][0]["reason"] = json!("another reason");
        refused(&good, &around_other, "shows another scope");
        let mut around_other = around(&draft);
        around_other["statement"]["title"] = json!("Something harmless");
        refused(&good, &around_other, "shows another statement");
        refused(&good, &json!({}), "did not send the scope");
        refused(&bytes(&mote, &draft, Kind::DecisionLifted), &around(&draft), "not a decision");
        refused(&Bytes::from_static(b"{}"), &around(&draft), "no log entry");
        let mut second = other;
        second.terms.decision = DecisionId::random(mote.random());
        refused(&bytes(&mote, &second, Kind::DecisionMade), &around(&draft), "of another decision");
    }

    #[test]
    fn a_suspension_is_shown_with_its_end_and_nothing_else_is_taken_for_one() {
        let (mote, draft) = draft();
        let at = draft.terms.not_before;
        let said = SuspensionBegun { roster: mote.roster().hash(), until: at.plus(policy::SUSPENSION) };
        let entry = mote.entry(Kind::SuspensionBegun, SuspensionBegun::SUBJECT, &said, at);
        let begun = Bytes::from(entry.body.to_bytes().unwrap());
        let shown = suspension_shown(&begun).unwrap();
        assert!(shown.contains(&said.until.to_string()) && shown.contains("every measure"), "{shown}");
        let decision = bytes(&mote, &draft, Kind::DecisionMade);
        assert!(suspension_shown(&decision).unwrap_err().contains("not a suspension"));
    }

    #[test]
    fn another_floor_than_ours_is_not_signed() {
        let (mote, mut draft) = draft();
        draft.terms.floor = Digest::of(b"a looser floor");
        let bytes = bytes(&mote, &draft, Kind::DecisionMade);
        let said = Proposal::of(draft.terms.decision, bytes, &around(&draft)).unwrap_err();
        assert!(said.contains("another floor"), "{said}");
    }
}
