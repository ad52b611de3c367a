//! `wardmote doctor`: what the roster can do, and what it lacks.
//!
//! Reads the roster pinned in the data folder, or the one given; changes nothing.

use super::{configuration, verify};
use crate::command_line::Doctor;
use crate::exit::{Exit, Failure};
use crate::output;
use policy::{Roster, abilities};
use serde_json::json;

pub(crate) fn run(arguments: &Doctor, json: bool) -> Result<Exit, Failure> {
    let path = match &arguments.roster {
        Some(path) => path.clone(),
        None => {
            let local = &arguments.local;
            let config = configuration(local.config.as_deref(), local.data_dir.as_deref())?;
            config.data_dir.join("edge").join("roots").join("roster.json")
        }
    };
    tell(&verify::roster(&path)?, json);
    Ok(Exit::Done)
}

/// Prints what a roster can do.
pub(super) fn tell(roster: &Roster, json: bool) {
    let (profile, can) = (roster.profile(), abilities(roster));
    if json {
        let each = can.iter().map(|one| json!({"what": one.what, "missing": one.missing}));
        output::json(&json!({
            "profile": profile,
            "may": profile.may(),
            "abilities": each.collect::<Vec<_>>(),
        }));
    } else {
        println!("profile {profile}: it may {}", profile.may());
        let rows: Vec<[String; 2]> = can
            .iter()
            .map(|one| {
                let said = one.missing.as_ref().map_or_else(|| "yes".to_owned(), |why| format!("no: {why}"));
                [one.what.to_owned(), said]
            })
            .collect();
        print!("{}", output::table(&rows));
    }
}
