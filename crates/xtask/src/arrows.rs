//! Which crate may depend on which: the table of crates in ARCHITECTURE.md as data.
//!
//! A crate may depend only on crates in rows above its own, an adapter also on the port of its own
//! row, and any crate's tests also on `testkit`. A row's `never` holds what the table says the crate
//! must not know although it stands above.

use crate::finding::{Finding, Outcome};
use crate::workspace::{Package, Workspace};

struct Row {
    crates: &'static [&'static str],
    /// The crate of this row that the others of the row may use.
    port: Option<&'static str>,
    never: &'static [&'static str],
}

const fn row(crates: &'static [&'static str]) -> Row {
    Row { crates, port: None, never: &[] }
}

const ROWS: &[Row] = &[
    row(&["vocabulary"]),
    row(&["policy"]),
    row(&["ledger"]),
    row(&["casework"]),
    row(&["caching"]),
    row(&["balance"]),
    row(&["shield"]),
    row(&["reports"]),
    row(&["error-pages"]),
    row(&["ownership"]),
    row(&["post"]),
    Row { never: &["casework"], ..row(&["snapshot"]) },
    Row { port: Some("records"), ..row(&["records", "records-sql"]) },
    Row { port: Some("feed"), never: BINARY_ONLY, ..row(&["feed", "feed-nats"]) },
    Row { never: BINARY_ONLY, ..row(&["replica"]) },
    Row { never: BINARY_ONLY, ..row(&["object-cache"]) },
    Row { never: BINARY_ONLY, ..row(&["certificates"]) },
    Row { never: BINARY_ONLY, ..row(&["names"]) },
    Row { never: BINARY_ONLY, ..row(&["geo"]) },
    Row { never: BINARY_ONLY, ..row(&["guard"]) },
    Row { never: COSIGNING, ..row(&["witness"]) },
    Row { never: BINARY_ONLY, ..row(&["outbound"]) },
    Row { never: BINARY_ONLY, ..row(&["vault"]) },
    Row { never: CARRYING, ..row(&["smtp"]) },
    Row { never: &["casework", "reports", "vault", "records", "records-sql", "feed-nats"], ..row(&["edge"]) },
    Row { never: &["edge", "records-sql", "feed-nats"], ..row(&["control"]) },
    Row { never: &["edge", "control", "records-sql", "feed-nats"], ..row(&["capture"]) },
    Row { never: &["edge", "control", "capture", "records-sql", "feed-nats"], ..row(&["dns"]) },
    Row { never: SERVICES, ..row(&["sim"]) },
    Row { never: EVERYTHING_ATTACKED, ..row(&["attack-lab"]) },
    row(&["wardmote"]),
];

/// What the simulated operator must not know: it has no I/O.
const SERVICES: &[&str] =
    &["edge", "control", "capture", "dns", "records-sql", "feed-nats", "replica", "object-cache", "witness"];

/// What the lab must not know: it sees a target as a stranger does.
const EVERYTHING_ATTACKED: &[&str] = &["shield", "snapshot", "edge", "control", "caching", "object-cache"];

/// The adapters that only the binary knows.
const BINARY_ONLY: &[&str] = &["records-sql", "feed-nats"];

/// What the carrier of mails must not know: it sees letters, not what they are about.
const CARRYING: &[&str] = &["casework", "reports", "snapshot", "records", "records-sql", "feed", "feed-nats"];

/// What a witness must not know: it sees checkpoints and proofs, and no more.
const COSIGNING: &[&str] =
    &["casework", "snapshot", "records", "records-sql", "feed", "feed-nats", "replica", "certificates"];

/// Used by tests of every crate, and by `sim`.
const TESTKIT: &str = "testkit";
/// Stands alone.
const XTASK: &str = "xtask";

pub(crate) fn check(workspace: &Workspace) -> Outcome {
    let own: Vec<&Package> = workspace.own().collect();
    let names: Vec<&str> = own.iter().map(|package| package.name.as_str()).collect();
    let mut arrows = 0;
    let mut findings = Vec::new();
    for package in &own {
        findings.extend(unknown_crate(package));
        for dependency in &package.dependencies {
            let target = dependency.name.as_str();
            if !names.contains(&target) || target == package.name {
                continue;
            }
            arrows += 1;
            if let Err(why) = allowed(&package.name, target, dependency.is_for_tests()) {
                findings.push(crossing(package, target, why));
            }
        }
    }
    Outcome::new("arrows", format!("{} crates, {arrows} arrows", own.len()), findings)
}

fn unknown_crate(package: &Package) -> Option<Finding> {
    let name = package.name.as_str();
    if position(name).is_some() || name == TESTKIT || name == XTASK {
        return None;
    }
    Some(Finding::new(
        format!("crates/{name}/Cargo.toml"),
        "this crate has no place in the table of layers",
        "add it to ARCHITECTURE.md's table and to ROWS in crates/xtask/src/arrows.rs",
    ))
}

fn crossing(package: &Package, target: &str, why: &str) -> Finding {
    Finding::new(
        format!("crates/{}/Cargo.toml: {target}", package.name),
        format!("{} must not depend on {target}: {why}", package.name),
        "move the shared type to a crate above both, or invert the call through a trait",
    )
}

fn position(name: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.crates.contains(&name))
}

fn allowed(from: &str, to: &str, for_tests: bool) -> Result<(), &'static str> {
    if from == XTASK || to == XTASK {
        return Err("xtask reads text and knows no crate");
    }
    if from == TESTKIT {
        return if to == "wardmote" { Err("testkit is used below the binary") } else { Ok(()) };
    }
    if to == TESTKIT {
        let ok = for_tests || from == "sim";
        return if ok { Ok(()) } else { Err("testkit is for tests alone") };
    }
    let (Some(own), Some(other)) = (position(from), position(to)) else {
        return Err("it has no place in the table of layers");
    };
    if own == other {
        return if ROWS[own].port == Some(to) { Ok(()) } else { Err("they stand in the same row") };
    }
    if other > own {
        return Err("it stands in a lower row");
    }
    if ROWS[own].never.contains(&to) { Err("the table says it must not know it") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(packages: Vec<Package>) -> Vec<String> {
        check(&Workspace::of(packages)).findings.into_iter().map(|finding| finding.problem).collect()
    }

    #[test]
    fn arrows_that_point_up_are_fine() {
        let packages = vec![
            Package::own("vocabulary", &[], &["testkit"]),
            Package::own("testkit", &["vocabulary"], &[]),
            Package::own("records", &["vocabulary"], &[]),
            Package::own("records-sql", &["records", "vocabulary"], &["testkit"]),
        ];
        assert_eq!(problems(packages), Vec::<String>::new());
    }

    #[test]
    fn each_kind_of_crossing_is_found() {
        for (from, to, for_tests) in [
            ("policy", "casework", false),
            ("edge", "control", false),
            ("control", "edge", true),
            ("edge", "records", false),
            ("control", "records-sql", true),
            ("snapshot", "casework", false),
            ("records", "records-sql", false),
            ("replica", "records-sql", false),
            ("edge", "testkit", false),
            ("xtask", "vocabulary", false),
        ] {
            assert!(allowed(from, to, for_tests).is_err(), "{from} → {to}");
        }
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        assert_eq!(problems(vec![Package::own("utils", &[], &[])]).len(), 1);
    }
}
