//! `wardmote drill`: plays a scenario on a simulated clock and prints it; never enforces.
//!
//! Everything comes from [`sim`], which knows no socket and no file; this writes what was asked for with
//! `--out`, into a folder that is empty or new.

use crate::command_line::{Drill, DrillEnding};
use crate::exit::{Exit, Failure};
use crate::output::{self, plain};
use serde_json::json;
use sim::{Ending, Script, Told, timeline};
use std::path::Path;

pub(crate) fn run(arguments: &Drill, json: bool) -> Result<Exit, Failure> {
    if arguments.name != "timeline" {
        let known = "the one there is: timeline";
        return Err(Failure::bad_use(format!("no drill {:?}; {known}", plain(&arguments.name))));
    }
    let ending = match arguments.ending {
        DrillEnding::Order => Ending::Order,
        DrillEnding::NonObjection => Ending::NonObjection,
        DrillEnding::Lapse => Ending::Lapse,
    };
    let script = Script { ending, seed: arguments.seed, without_referral: arguments.without_referral };
    let told = timeline(script).map_err(|error| Failure::failed(format!("the drill broke off: {error}")))?;
    if let Some(folder) = &arguments.out {
        write(folder, &told)?;
    }
    if json {
        let lines: Vec<_> = told.lines.iter().map(|(at, event)| json!({"at": at, "event": event})).collect();
        output::json(&json!({
            "drill": "timeline",
            "enforced": false,
            "seed": arguments.seed,
            "stopped": told.stopped,
            "events": lines,
        }));
    } else {
        for (at, line) in &told.lines {
            println!("{at}  {line}");
        }
    }
    Ok(Exit::Done)
}

fn write(folder: &Path, told: &Told) -> Result<(), Failure> {
    let failed = |path: &Path, error| Failure::failed(format!("{}: {error}", path.display()));
    let taken = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if taken {
        return Err(Failure::bad_use(format!("--out {}: the folder is not empty", folder.display())));
    }
    for (name, bytes) in &told.files {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
        std::fs::write(&path, bytes).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}
