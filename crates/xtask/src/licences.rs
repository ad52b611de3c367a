//! Licences of everything in the lock file, against the list that deny.toml allows.

use crate::finding::{Finding, Outcome};
use crate::workspace::Workspace;
use serde::Deserialize;

#[derive(Deserialize)]
struct DenyFile {
    licenses: Licences,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
}

pub(crate) fn check(workspace: &Workspace) -> Outcome {
    let allowed = std::fs::read_to_string(workspace.root().join("deny.toml"))
        .map_err(|error| error.to_string())
        .and_then(|text| toml::from_str::<DenyFile>(&text).map_err(|error| error.to_string()))
        .map(|file| file.licenses.allow);
    let allowed = match allowed {
        Ok(allowed) => allowed,
        Err(error) => {
            let finding = Finding::new("deny.toml", error, "list the licences under [licenses] allow");
            return Outcome::new("licences", "deny.toml cannot be read".into(), vec![finding]);
        }
    };
    let mut findings = Vec::new();
    let mut count = 0;
    for package in workspace.foreign() {
        count += 1;
        let expression = package.license.as_deref().unwrap_or_default();
        if !Expression::new(expression).met_by(&allowed) {
            findings.push(Finding::new(
                format!("{} {}", package.name, package.version),
                format!("its licence {expression:?} is not among those allowed"),
                "choose another crate, or add the licence to deny.toml after reading it",
            ));
        }
    }
    Outcome::new("licences", format!("{count} foreign packages"), findings)
}

/// An SPDX licence expression (SPDX 2.3 annex D) read from left to right; `/` is cargo's old
/// spelling of OR. Anything else is not met.
struct Expression<'a> {
    words: Vec<&'a str>,
    at: usize,
}

impl<'a> Expression<'a> {
    fn new(text: &'a str) -> Self {
        let mut words = Vec::new();
        for part in text.split_whitespace() {
            let mut rest = part;
            while let Some(index) = rest.find(['(', ')', '/']) {
                if index > 0 {
                    words.push(&rest[..index]);
                }
                words.push(&rest[index..=index]);
                rest = &rest[index + 1..];
            }
            if !rest.is_empty() {
                words.push(rest);
            }
        }
        Self { words, at: 0 }
    }

    fn met_by(mut self, allowed: &[String]) -> bool {
        self.any(allowed) == Some(true) && self.at == self.words.len()
    }

    fn next(&mut self) -> Option<&'a str> {
        let word = self.words.get(self.at).copied();
        self.at += 1;
        word
    }

    fn take(&mut self, wanted: &[&str]) -> bool {
        let here = self.words.get(self.at).is_some_and(|word| wanted.contains(word));
        self.at += usize::from(here);
        here
    }

    fn any(&mut self, allowed: &[String]) -> Option<bool> {
        let mut met = self.all(allowed)?;
        while self.take(&["OR", "/"]) {
            met |= self.all(allowed)?;
        }
        Some(met)
    }

    fn all(&mut self, allowed: &[String]) -> Option<bool> {
        let mut met = self.one(allowed)?;
        while self.take(&["AND"]) {
            met &= self.one(allowed)?;
        }
        Some(met)
    }

    fn one(&mut self, allowed: &[String]) -> Option<bool> {
        match self.next()? {
            "(" => {
                let met = self.any(allowed)?;
                self.take(&[")"]).then_some(met)
            }
            licence if self.take(&["WITH"]) => {
                let whole = format!("{licence} WITH {}", self.next()?);
                Some(allowed.contains(&whole))
            }
            licence => Some(allowed.iter().any(|name| name == licence)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(expression: &str) -> bool {
        let allowed = ["MIT", "Apache-2.0", "ISC", "Unicode-3.0"].map(String::from);
        Expression::new(expression).met_by(&allowed)
    }

    #[test]
    fn an_expression_is_met_when_some_choice_of_it_is_allowed() {
        for expression in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "ISC AND (Apache-2.0 OR GPL-3.0)",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR MIT",
        ] {
            assert!(met(expression), "{expression}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for expression in
            ["", "GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0 WITH LLVM-exception", "(MIT", "MIT MIT", "MIT OR"]
        {
            assert!(!met(expression), "{expression}");
        }
    }
}
