//! Each crate's manifest: folder and crate share a name, one line says what the crate owns, and
//! the workspace's lints hold.

use crate::finding::{Finding, Outcome};
use crate::workspace::{Package, Workspace};

/// Crates with a lints table of their own, and why.
const OWN_LINTS: &[(&str, &str)] = &[("replica", "opening LMDB is unsafe; one reasoned allow")];
const DESCRIPTION_LENGTH_MAX: usize = 120;

pub(crate) fn check(workspace: &Workspace) -> Outcome {
    let mut findings = Vec::new();
    let mut count = 0;
    for package in workspace.own() {
        count += 1;
        findings.extend(description(package));
        findings.extend(folder(package));
        match std::fs::read_to_string(&package.manifest_path) {
            Ok(text) => findings.extend(lints(package, &text)),
            Err(error) => findings.push(Finding::new(
                package.manifest_path.display().to_string(),
                error.to_string(),
                "make it readable",
            )),
        }
    }
    Outcome::new("manifests", format!("{count} manifests"), findings)
}

fn place(package: &Package) -> String {
    format!("crates/{}/Cargo.toml", package.name)
}

fn description(package: &Package) -> Option<Finding> {
    let text = package.description.as_deref().unwrap_or_default().trim();
    let one_line = !text.is_empty() && !text.contains('\n') && text.len() <= DESCRIPTION_LENGTH_MAX;
    (!one_line).then(|| {
        Finding::new(
            place(package),
            "the description must be one line saying what the crate owns",
            format!("write description = \"…\" with at most {DESCRIPTION_LENGTH_MAX} characters"),
        )
    })
}

fn folder(package: &Package) -> Option<Finding> {
    let folder = package.manifest_path.parent()?.file_name()?.to_str()?;
    (folder != package.name).then(|| {
        Finding::new(
            place(package),
            format!("the folder is called {folder}"),
            "give folder and crate one name",
        )
    })
}

fn lints(package: &Package, manifest: &str) -> Option<Finding> {
    if OWN_LINTS.iter().any(|(name, _)| *name == package.name) {
        return None;
    }
    let table = manifest.parse::<toml::Table>().unwrap_or_default();
    let lints = table.get("lints").and_then(|lints| lints.get("workspace"));
    let inherited = lints.and_then(toml::Value::as_bool) == Some(true);
    (!inherited).then(|| no_lints(package))
}

fn no_lints(package: &Package) -> Finding {
    Finding::new(place(package), "the workspace's lints do not hold here", "write [lints] workspace = true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_needs_a_line_about_the_crate_and_the_lints() {
        let mut package = Package::own("edge", &[], &[]);
        assert_eq!(description(&package), None);
        assert_eq!(lints(&package, "[lints]\nworkspace = true\n"), None);
        assert!(lints(&package, "[lints]\nworkspace = false\n").is_some());
        assert!(lints(&package, "[package]\nname = \"edge\"\n").is_some());
        package.description = None;
        assert!(description(&package).is_some());
    }

    #[test]
    fn folder_and_crate_share_a_name() {
        let mut package = Package::own("edge", &[], &[]);
        assert_eq!(folder(&package), None);
        package.manifest_path = "crates/rim/Cargo.toml".into();
        assert!(folder(&package).is_some());
    }
}
