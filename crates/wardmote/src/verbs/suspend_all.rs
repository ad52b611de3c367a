//! `wardmote suspend-all`: put up that every measure without an order be set aside; officers sign it with `wardmote sign`.

use super::{block_on, control_plane};
use crate::command_line::SuspendAll;
use crate::exit::{Exit, Failure};
use crate::output::{self, plain};
use bytes::Bytes;
use serde_json::{Value, json};

pub(crate) fn run(arguments: &SuspendAll, json: bool) -> Result<Exit, Failure> {
    let client = control_plane(&arguments.local)?;
    block_on(async {
        if arguments.withdraw {
            let answer = client.delete("/api/v1/suspension").await?.accepted()?.json()?;
            if json {
                output::json(&answer);
            } else {
                println!("nothing waits for signatures any more; what is set aside stays so until its end");
            }
            return Ok(Exit::Done);
        }
        let body = json!({ "by": arguments.by, "confirm": arguments.confirm }).to_string();
        let answer = client.post("/api/v1/suspension", "application/json", Bytes::from(body)).await?;
        let answer = answer.accepted()?.json()?;
        if json {
            output::json(&answer);
        } else {
            print!("{}", told(&answer, arguments.confirm));
        }
        Ok(Exit::Done)
    })
}

fn told(answer: &Value, confirm: bool) -> String {
    let until = answer.pointer("/pending/sign_until").and_then(Value::as_str).unwrap_or_default();
    let people = if confirm { "three officers" } else { "two officers" };
    format!(
        "waits for {people}; nothing has changed yet\nsign it before {}:\n  wardmote sign --proposal suspend-all --key FILE\n",
        plain(until)
    )
}
