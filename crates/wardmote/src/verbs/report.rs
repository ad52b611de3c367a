//! `wardmote report`: the mail intake. A mail server pipes a message into it; the receipt code is printed, to be sent
//! back or thrown away. Exit 1 keeps the mail in the server's queue, so that nothing is lost while the control plane is
//! away.

use super::{block_on, control_plane};
use crate::command_line::Report;
use crate::exit::{Exit, Failure};
use crate::output;
use std::io::Read as _;
use std::path::Path;

/// Longest mail read, in bytes; one byte more is enough to be refused.
const BYTES_MAX: u64 = (10 << 20) + 1;

pub(crate) fn run(arguments: &Report, json: bool) -> Result<Exit, Failure> {
    let client = control_plane(&arguments.local)?;
    let (file, media_type) = match (&arguments.arf, &arguments.xarf) {
        (Some(file), _) => (file, "message/rfc822"),
        (None, Some(file)) => (file, "application/xarf+json"),
        (None, None) => return Err(Failure::bad_use("name --arf or --xarf")),
    };
    let body = read(file)?;
    let path = if arguments.tolerant { "/api/v1/reports?mode=tolerant" } else { "/api/v1/reports" };
    let answer = block_on(client.post(path, media_type, body.into()))?.accepted()?.json()?;
    if json {
        output::json(&answer);
    } else {
        match answer["code"].as_str() {
            Some(code) => println!("kept; receipt code: {code}"),
            None => println!("known already; nothing was changed"),
        }
    }
    Ok(Exit::Done)
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("cannot read {}: {error}", file.display()));
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().lock().take(BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        let opened = std::fs::File::open(file).map_err(failed)?;
        opened.take(BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    }
    Ok(bytes)
}
