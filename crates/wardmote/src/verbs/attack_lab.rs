//! `wardmote attack-lab`: the catalogue of attacks against a proxy on this machine, with visitors beside them.
//!
//! Everything comes from the crate `attack-lab`; this names the rows, prints the table and writes the plots.

use crate::command_line::AttackLab;
use crate::exit::{Exit, Failure};
use crate::output::{self, plain};
use attack_lab::{ELSEWHERE, Effort, Held, Kind, ROWS, Report, Settings, Stage, Target, sites, table};
use serde_json::json;
use std::path::Path;

/// Rows that end within seconds.
const QUICK: &[&str] = &[
    "refusals",
    "smuggling",
    "flood-cached",
    "flood-uncached",
    "slow-header",
    "rapid-reset",
    "made-you-reset",
    "continuation",
    "hpack-bomb",
    "ping-flood",
    "settings-flood",
    "empty-data",
    "tls-flood",
    "half-handshakes",
    "idle",
];

pub(crate) fn run(arguments: &AttackLab, json: bool) -> Result<Exit, Failure> {
    match arguments.names.first().map(String::as_str) {
        Some("list") => {
            list();
            return Ok(Exit::Done);
        }
        Some("sites") => {
            print!("{}", sites(&arguments.host, arguments.origin));
            return Ok(Exit::Done);
        }
        _ => {}
    }
    let names = names(&arguments.names);
    let url = arguments
        .target
        .as_deref()
        .ok_or_else(|| Failure::bad_use("name the target: --target http://127.0.0.1:PORT"))?;
    let target = Target::parse(url, arguments.tls.as_deref(), &arguments.host).map_err(Failure::bad_use)?;
    let settings = Settings {
        target,
        origin: arguments.origin,
        seed: arguments.seed,
        effort: if arguments.short { Effort::Short } else { Effort::Full },
        pid: arguments.pid,
        rate: arguments.rate,
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
    let reports = runtime.block_on(async {
        let stage = Stage::set(settings).await.map_err(Failure::failed)?;
        attack_lab::run(&stage, &names).await.map_err(Failure::bad_use)
    })?;
    if let Some(folder) = &arguments.out {
        write(folder, &reports)?;
    }
    if json {
        output::json(&documents(&reports));
    } else {
        print!("{}", table(&reports));
    }
    Ok(if reports.iter().all(Report::counts_held) { Exit::Done } else { Exit::Failed })
}

fn names(given: &[String]) -> Vec<&str> {
    let each = given.iter().flat_map(|name| match name.as_str() {
        // What "crowds" does is in two others.
        "all" => ROWS.iter().map(|row| row.name).filter(|name| *name != "crowds").collect(),
        "quick" => QUICK.to_vec(),
        one => vec![one],
    });
    each.collect()
}

fn list() {
    let rows: Vec<[String; 2]> = ROWS.iter().map(|row| [row.name.to_owned(), row.what.to_owned()]).collect();
    print!("{}", output::table(&rows));
    println!("\ntested elsewhere:");
    let rows: Vec<[String; 2]> =
        ELSEWHERE.iter().map(|row| [row.what.to_owned(), row.place.to_owned()]).collect();
    print!("{}", output::table(&rows));
}

fn documents(reports: &[Report]) -> serde_json::Value {
    let held = |held| match held {
        Held::Yes => json!(true),
        Held::No => json!(false),
        Held::Unmeasured => json!(null),
    };
    let report = |report: &Report| {
        let bars = report.bars.iter().map(|bar| {
            let kind = if bar.kind == Kind::Count { "count" } else { "time" };
            json!({"what": bar.what, "bar": bar.bar, "figure": bar.figure, "held": held(bar.held), "kind": kind})
        });
        json!({"row": report.row, "counts_held": report.counts_held(), "bars": bars.collect::<Vec<_>>()})
    };
    json!(reports.iter().map(report).collect::<Vec<_>>())
}

fn write(folder: &Path, reports: &[Report]) -> Result<(), Failure> {
    let failed =
        |path: &Path, error| Failure::failed(format!("{}: {error}", plain(&path.display().to_string())));
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for report in reports {
        let path = folder.join(format!("{}.png", report.row));
        std::fs::write(&path, report.png()).map_err(|error| failed(&path, error))?;
    }
    let path = folder.join("table.txt");
    std::fs::write(&path, table(reports)).map_err(|error| failed(&path, error))
}
