//! `wardmote export`: all sites as a file that `apply` reads.

use super::{block_on, control_plane};
use crate::command_line::Local;
use crate::exit::{Exit, Failure};
use crate::output;
use serde_json::json;
use std::io::Write as _;

pub(crate) fn run(local: &Local, json: bool) -> Result<Exit, Failure> {
    let client = control_plane(local)?;
    let body = block_on(async { Ok(client.get("/api/v1/export").await?.accepted()?.body) })?;
    if json {
        let text = String::from_utf8(body.to_vec()).map_err(Failure::failed)?;
        output::json(&json!({ "sites": text }));
    } else {
        std::io::stdout().write_all(&body).map_err(Failure::failed)?;
    }
    Ok(Exit::Done)
}
