//! Which files belong to the project: those git knows or would add.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Paths relative to the root, in order, without what .gitignore names.
pub(crate) fn files(root: &Path) -> Result<Vec<PathBuf>, String> {
    let out = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run git: {error}"))?;
    if !out.status.success() {
        return Err(format!("git ls-files failed: {}", String::from_utf8_lossy(&out.stderr).trim()));
    }
    let mut paths: Vec<PathBuf> = String::from_utf8_lossy(&out.stdout)
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        // Deleted in the work tree but not yet in the index.
        .filter(|path| root.join(path).is_file())
        .collect();
    paths.sort();
    paths.dedup();
    Ok(paths)
}
