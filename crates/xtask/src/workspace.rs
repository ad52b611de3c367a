//! The workspace as `cargo metadata` describes it.

use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The parsed metadata and the folder it belongs to.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    /// Every package of the lock file, the project's own crates among them.
    pub(crate) packages: Vec<Package>,
    workspace_root: PathBuf,
}

/// A package, of the project (`source` is none) or foreign.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) source: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a manifest's dependency tables.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// None for `[dependencies]`, else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

impl Dependency {
    pub(crate) fn is_for_tests(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

impl Workspace {
    /// Asks cargo, with the lock file as it is.
    pub(crate) fn load() -> Result<Self, String> {
        let cargo = option_env!("CARGO").unwrap_or("cargo");
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
        let out = Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
            .arg(&manifest)
            .output()
            .map_err(|error| format!("cannot run {cargo}: {error}"))?;
        if !out.status.success() {
            return Err(format!("cargo metadata failed:\n{}", String::from_utf8_lossy(&out.stderr)));
        }
        serde_json::from_slice(&out.stdout).map_err(|error| format!("cargo metadata: {error}"))
    }

    /// The folder of the workspace's manifest.
    pub(crate) fn root(&self) -> &Path {
        &self.workspace_root
    }

    /// The project's own crates.
    pub(crate) fn own(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.source.is_none())
    }

    /// Everybody else's crates.
    pub(crate) fn foreign(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.source.is_some())
    }
}

#[cfg(test)]
impl Workspace {
    /// A workspace of made-up packages, for tests of the checks.
    pub(crate) fn of(packages: Vec<Package>) -> Self {
        Self { packages, workspace_root: PathBuf::new() }
    }
}

#[cfg(test)]
impl Package {
    /// A crate of the project with `[dependencies]` and `[dev-dependencies]`.
    pub(crate) fn own(name: &str, needs: &[&str], tests_need: &[&str]) -> Self {
        let row =
            |kind: Option<&str>, name: &&str| Dependency { name: (*name).into(), kind: kind.map(Into::into) };
        let dependencies = needs
            .iter()
            .map(|name| row(None, name))
            .chain(tests_need.iter().map(|name| row(Some("dev"), name)))
            .collect();
        Self {
            name: name.into(),
            version: "0.1.0".into(),
            source: None,
            license: Some("Apache-2.0".into()),
            description: Some("A crate".into()),
            manifest_path: PathBuf::from(format!("crates/{name}/Cargo.toml")),
            dependencies,
        }
    }
}
