//! `wardmote apply`: puts the sites of a file behind the edge, or says what that would change.

use super::{block_on, control_plane};
use crate::client::{Answer, Client};
use crate::command_line::Apply;
use crate::exit::{Exit, Failure};
use crate::output::{self, plain};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What the API is asked to apply.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Request {
    /// The file's text.
    pub(crate) sites: String,
    /// The folder that relative paths in it start from.
    pub(crate) base: PathBuf,
    pub(crate) dry_run: bool,
    pub(crate) prune: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) customer_request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decision: Option<String>,
}

impl Request {
    /// A plain application of a text without relative paths.
    pub(crate) fn of(sites: String) -> Self {
        let base = PathBuf::from("/");
        Self { sites, base, dry_run: false, prune: false, customer_request: None, decision: None }
    }

    /// A plain application of a file.
    pub(crate) fn of_file(path: &Path) -> Result<Self, Failure> {
        let problem = |error| Failure::bad_use(format!("{}: cannot read it: {error}", path.display()));
        let text = std::fs::read_to_string(path).map_err(problem)?;
        let whole = std::path::absolute(path).map_err(problem)?;
        let base = whole.parent().map_or_else(|| PathBuf::from("/"), Path::to_path_buf);
        Ok(Self { base, ..Self::of(text) })
    }
}

pub(crate) fn run(arguments: &Apply, json: bool) -> Result<Exit, Failure> {
    let request = Request {
        dry_run: arguments.dry_run,
        prune: arguments.prune,
        customer_request: arguments.customer_request.clone(),
        decision: arguments.decision.clone(),
        ..Request::of_file(&arguments.file)?
    };
    let client = control_plane(&arguments.local)?;
    let applied = block_on(async { post(&client, &request).await?.accepted()?.json() })?;
    if json {
        output::json(&applied);
    } else {
        print!("{}", text(&applied));
    }
    Ok(Exit::Done)
}

/// Asks the API; whatever it answers.
pub(crate) async fn post(client: &Client, request: &Request) -> Result<Answer, Failure> {
    let body = serde_json::to_vec(request).map_err(Failure::failed)?;
    client.post("/api/v1/apply", "application/json", Bytes::from(body)).await
}

fn text(applied: &Value) -> String {
    let steps = applied.get("steps").and_then(Value::as_array).cloned().unwrap_or_default();
    let words = |value: Option<&Value>| -> String {
        let list = value.and_then(Value::as_array).cloned().unwrap_or_default();
        list.iter().filter_map(Value::as_str).map(plain).collect::<Vec<_>>().join(", ")
    };
    let field =
        |step: &Value, name: &str| step.get(name).and_then(Value::as_str).map(plain).unwrap_or_default();
    let rows: Vec<[String; 4]> = steps
        .iter()
        .map(|step| {
            let differences = words(step.get("differences"));
            [field(step, "action"), field(step, "account"), words(step.get("hosts")), differences]
        })
        .collect();
    let revision = applied.get("revision").and_then(Value::as_u64).unwrap_or_default();
    let dry_run = applied.get("dry_run").and_then(Value::as_bool).unwrap_or_default();
    let end = match (rows.is_empty(), dry_run) {
        (true, _) => format!("nothing to change; revision {revision}\n"),
        (false, true) => "nothing was changed: dry run\n".to_owned(),
        (false, false) => format!("revision {revision}\n"),
    };
    output::table(&rows) + &end
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_step_is_one_line() {
        let step = json!({"action": "add", "account": "a", "hosts": ["a.test", "b.test"], "differences": []});
        assert_eq!(
            text(&json!({"revision": 3, "dry_run": false, "steps": [step]})),
            "add  a  a.test, b.test\nrevision 3\n"
        );
        assert_eq!(text(&json!({"revision": 3, "steps": []})), "nothing to change; revision 3\n");
    }
}
