//! Words that must not stand in the project: paths of the machine it happens to lie on.

use crate::finding::{Finding, Outcome};
use crate::sources;
use crate::workspace::Workspace;
use std::path::Path;

/// Folders under which people's own folders lie.
const HOMES: &[&str] = &["/home/", "/Users/"];
/// Too general to be a path of this machine.
const SHARED_FOLDERS: &[&str] = &["/", "/tmp", "/var", "/opt", "/srv", "/usr", "/home", "/root"];

pub(crate) fn check(workspace: &Workspace) -> Outcome {
    let root = workspace.root();
    let paths = match sources::files(root) {
        Ok(paths) => paths,
        Err(error) => {
            let finding = Finding::new(".", error, "run the check in a git clone with git installed");
            return Outcome::new("words", "no list of files".into(), vec![finding]);
        }
    };
    let machine = machine_paths(root);
    let mut findings = Vec::new();
    for path in &paths {
        // Files that are not text have no words.
        let Ok(text) = std::fs::read_to_string(root.join(path)) else { continue };
        findings.extend(in_text(path, &text, &machine));
    }
    Outcome::new("words", format!("{} files", paths.len()), findings)
}

fn machine_paths(root: &Path) -> Vec<String> {
    let home = std::env::home_dir();
    let candidates = [Some(root), root.parent(), home.as_deref()];
    let mut found: Vec<String> = candidates
        .into_iter()
        .flatten()
        .map(|path| path.display().to_string())
        .filter(|path| !SHARED_FOLDERS.contains(&path.as_str()))
        .map(|path| format!("{path}/"))
        .collect();
    found.dedup();
    found
}

fn in_text(path: &Path, text: &str, machine: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let of_machine = machine.iter().any(|word| stands_alone(line, word));
        let of_person = HOMES.iter().any(|home| names_a_person(line, home));
        if of_machine || of_person {
            findings.push(Finding::new(
                format!("{}:{}", path.display(), index + 1),
                "a path of somebody's machine",
                "write it relative to the repository, or as an example under /srv or /etc",
            ));
        }
    }
    findings
}

/// The word begins a path here, and is not the tail of a longer one.
fn stands_alone(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(index, _)| {
        let before = line[..index].chars().next_back();
        !before.is_some_and(|letter| letter.is_alphanumeric() || "._-/{}$".contains(letter))
    })
}

fn names_a_person(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(index, _)| {
        let next = line[index + home.len()..].chars().next();
        next.is_some_and(char::is_alphabetic) && stands_alone(line, home)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_machine_is_found_with_its_line() {
        let machine = vec!["/build/here/".to_owned()];
        let found = in_text(Path::new("a.md"), "fine\nsee /build/here/notes\n", &machine);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, "a.md:2");
    }

    #[test]
    fn paths_that_only_look_alike_are_fine() {
        let machine = vec!["/build/here/".to_owned()];
        for line in ["x/build/here/y", "/var/lib/build/here/", "{root}/build/here/z", "a /home/ folder"] {
            assert_eq!(in_text(Path::new("a.md"), line, &machine), Vec::new(), "{line}");
        }
    }
}
