//! Size budgets: lines of a file, a function, a crate, without tests.
//!
//! Over the soft budget is a note; over the hard one is a finding, unless `exceptions.toml` lists it
//! with a reason.

use crate::finding::{Finding, Outcome};
use crate::rust_text::Outline;
use crate::sources;
use crate::workspace::Workspace;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const FILE_LINES_SOFT: usize = 400;
const FILE_LINES_HARD: usize = 800;
const FUNCTION_LINES_SOFT: usize = 40;
const FUNCTION_LINES_HARD: usize = 100;
const CRATE_LINES_MAX: usize = 10_000;
const MODULE_DOC_LINES_MAX: usize = 25;
/// Files with a budget of their own: the spine of a request must stay readable in one go.
const OWN_BUDGET: &[(&str, usize)] = &[("crates/edge/src/exchange.rs", 250)];
const EXCEPTIONS: &str = "crates/xtask/exceptions.toml";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exceptions {
    #[serde(default)]
    file: Vec<FileException>,
    #[serde(default)]
    function: Vec<FunctionException>,
    #[serde(default, rename = "crate")]
    whole: Vec<CrateException>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileException {
    path: String,
    lines: usize,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FunctionException {
    path: String,
    name: String,
    lines: usize,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CrateException {
    name: String,
    lines: usize,
    reason: String,
}

pub(crate) fn check(workspace: &Workspace) -> Outcome {
    match measure(workspace.root()) {
        Ok(survey) => survey.outcome(),
        Err(error) => {
            let finding = Finding::new(EXCEPTIONS, error, "mend the file, or run the check in a git clone");
            Outcome::new("sizes", "nothing measured".into(), vec![finding])
        }
    }
}

fn measure(root: &Path) -> Result<Survey, String> {
    let text = std::fs::read_to_string(root.join(EXCEPTIONS)).map_err(|error| error.to_string())?;
    let exceptions: Exceptions = toml::from_str(&text).map_err(|error| error.to_string())?;
    let mut outlines = BTreeMap::new();
    for path in sources::files(root)? {
        if path.extension().is_some_and(|extension| extension == "rs") && path.starts_with("crates") {
            let text = std::fs::read_to_string(root.join(&path))
                .map_err(|error| format!("{}: {error}", path.display()))?;
            outlines.insert(path, Outline::of(&text));
        }
    }
    Ok(Survey { outlines, exceptions })
}

/// Every source file's outline, and what is excepted.
struct Survey {
    outlines: BTreeMap<PathBuf, Outline>,
    exceptions: Exceptions,
}

impl Survey {
    fn outcome(&self) -> Outcome {
        let tests = self.test_files();
        let mut ledger = Tally::default();
        for (path, outline) in &self.outlines {
            if is_test(path, &tests) {
                ledger.test_file(path, outline);
                continue;
            }
            ledger.file(path, outline, &self.exceptions);
            for function in &outline.functions {
                ledger.function(path, function, &self.exceptions);
            }
        }
        ledger.crates(&self.exceptions);
        ledger.findings.extend(self.idle_exceptions(&ledger.crate_lines));
        ledger.outcome()
    }

    /// Files and folders that `#[cfg(test)] mod name;` points to.
    fn test_files(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        for (path, outline) in &self.outlines {
            let folder = match path.file_stem().and_then(|stem| stem.to_str()) {
                Some("mod" | "lib" | "main") | None => path.parent().map(Path::to_path_buf),
                Some(stem) => path.parent().map(|parent| parent.join(stem)),
            };
            let Some(folder) = folder else { continue };
            for module in &outline.test_modules {
                found.insert(folder.join(format!("{module}.rs")));
                found.insert(folder.join(module));
            }
        }
        found
    }

    fn idle_exceptions(&self, crate_lines: &BTreeMap<String, usize>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut check = |what: String, lines: Option<usize>, allowed: usize, hard: usize, reason: &str| {
            let needed = lines.is_some_and(|lines| lines > hard && lines <= allowed);
            if !needed || reason.trim().is_empty() {
                findings.push(Finding::new(
                    EXCEPTIONS,
                    format!("the row for {what} is not needed, too small, or has no reason"),
                    "remove it, or state its lines and its reason",
                ));
            }
        };
        for row in &self.exceptions.file {
            let lines = self.outlines.get(Path::new(&row.path)).map(|outline| outline.lines);
            check(row.path.clone(), lines, row.lines, FILE_LINES_HARD, &row.reason);
        }
        for row in &self.exceptions.function {
            let functions = self.outlines.get(Path::new(&row.path)).map(|outline| &outline.functions);
            let longest =
                functions.and_then(|all| all.iter().filter(|f| f.name == row.name).map(|f| f.lines).max());
            check(format!("{} {}", row.path, row.name), longest, row.lines, FUNCTION_LINES_HARD, &row.reason);
        }
        for row in &self.exceptions.whole {
            let lines = crate_lines.get(&row.name).copied();
            check(format!("crates/{}", row.name), lines, row.lines, CRATE_LINES_MAX, &row.reason);
        }
        findings
    }
}

fn is_test(path: &Path, declared: &BTreeSet<PathBuf>) -> bool {
    let in_folder =
        path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "benches")));
    let by_name = path.file_stem().is_some_and(|stem| stem == "tests");
    in_folder || by_name || path.ancestors().any(|part| declared.contains(part))
}

/// Counts as it goes, and keeps what is over a budget.
#[derive(Default)]
struct Tally {
    files: usize,
    functions: usize,
    crate_lines: BTreeMap<String, usize>,
    findings: Vec<Finding>,
    notes: Vec<String>,
}

impl Tally {
    fn file(&mut self, path: &Path, outline: &Outline, exceptions: &Exceptions) {
        self.files += 1;
        if let Some(name) = path.iter().nth(1) {
            *self.crate_lines.entry(name.to_string_lossy().into_owned()).or_default() += outline.lines;
        }
        let place = path.display().to_string();
        let own = OWN_BUDGET.iter().find(|(name, _)| *name == place).map(|(_, lines)| *lines);
        let excepted = exceptions.file.iter().find(|row| row.path == place).map(|row| row.lines);
        let hard = own.or(excepted).unwrap_or(FILE_LINES_HARD);
        if outline.lines > hard {
            self.findings.push(Finding::new(
                place,
                format!("{} lines without tests; the limit is {hard}", outline.lines),
                format!("split it by duty, or list it with its reason in {EXCEPTIONS}"),
            ));
        } else if outline.lines > FILE_LINES_SOFT {
            self.notes.push(format!("{place}: {} lines (soft {FILE_LINES_SOFT})", outline.lines));
        }
        self.module_doc(path, outline);
    }

    fn module_doc(&mut self, path: &Path, outline: &Outline) {
        let problem = match outline.doc_lines {
            0 => "the module does not open with //! saying what it owns".to_owned(),
            lines if lines > MODULE_DOC_LINES_MAX => {
                format!("the module's opening comment has {lines} lines")
            }
            _ => return,
        };
        let mend = format!(
            "say in at most {MODULE_DOC_LINES_MAX} lines what it owns, must not know, and what always holds"
        );
        self.findings.push(Finding::new(path.display().to_string(), problem, mend));
    }

    fn test_file(&mut self, path: &Path, outline: &Outline) {
        if outline.lines > FILE_LINES_HARD {
            self.findings.push(Finding::new(
                path.display().to_string(),
                format!("a test file of {} lines; the limit is {FILE_LINES_HARD}", outline.lines),
                "split it by what it tests",
            ));
        }
    }

    fn function(&mut self, path: &Path, function: &crate::rust_text::Function, exceptions: &Exceptions) {
        self.functions += 1;
        let file = path.display().to_string();
        let excepted = exceptions
            .function
            .iter()
            .find(|row| row.path == file && row.name == function.name)
            .map_or(FUNCTION_LINES_HARD, |row| row.lines);
        let place = format!("{file}:{}", function.line);
        let said = format!("`{}` has {} lines", function.name, function.lines);
        if function.lines > excepted {
            self.findings.push(Finding::new(
                place,
                format!("{said}; the limit is {excepted}"),
                format!("name its steps, or list it with its reason in {EXCEPTIONS}"),
            ));
        } else if function.lines > FUNCTION_LINES_SOFT {
            self.notes.push(format!("{place}: {said} (soft {FUNCTION_LINES_SOFT})"));
        }
    }

    fn crates(&mut self, exceptions: &Exceptions) {
        for (name, lines) in &self.crate_lines {
            let excepted = exceptions.whole.iter().find(|row| row.name == *name).map(|row| row.lines);
            let limit = excepted.unwrap_or(CRATE_LINES_MAX);
            if *lines > limit {
                self.findings.push(Finding::new(
                    format!("crates/{name}"),
                    format!("{lines} lines without tests; the limit is {limit}"),
                    format!("split the crate along a layer of ARCHITECTURE.md, or list it in {EXCEPTIONS}"),
                ));
            }
        }
    }

    fn outcome(self) -> Outcome {
        let summary = format!(
            "{} files, {} functions, {} lines; {} over a soft budget",
            self.files,
            self.functions,
            self.crate_lines.values().sum::<usize>(),
            self.notes.len()
        );
        Outcome { notes: self.notes, ..Outcome::new("sizes", summary, self.findings) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(files: &[(&str, String)], exceptions: &str) -> Survey {
        let outlines = files.iter().map(|(path, text)| (PathBuf::from(path), Outline::of(text))).collect();
        Survey { outlines, exceptions: toml::from_str(exceptions).unwrap() }
    }

    fn places(survey: &Survey) -> Vec<String> {
        survey.outcome().findings.into_iter().map(|finding| finding.place).collect()
    }

    fn long(lines: usize) -> String {
        format!("//! Doc.\n{}", "// x\n".repeat(lines - 1))
    }

    fn long_function(lines: usize) -> String {
        format!("//! Doc.\nfn f() {{\n{}}}\n", "    x();\n".repeat(lines - 2))
    }

    #[test]
    fn files_and_functions_over_the_hard_budget_are_found() {
        let files = [
            ("crates/a/src/fits.rs", long(800)),
            ("crates/a/src/long.rs", long(801)),
            ("crates/a/src/fits_too.rs", long_function(100)),
            ("crates/a/src/slow.rs", long_function(101)),
            ("crates/edge/src/exchange.rs", long(251)),
        ];
        assert_eq!(
            places(&survey(&files, "")),
            ["crates/a/src/long.rs", "crates/a/src/slow.rs:2", "crates/edge/src/exchange.rs"]
        );
    }

    #[test]
    fn tests_have_no_budget_but_a_files_length() {
        let lib = "//! Doc.\n#[cfg(test)]\nmod story;\n".to_owned();
        let files = [
            ("crates/a/src/lib.rs", lib),
            ("crates/a/src/story.rs", long_function(300)),
            ("crates/a/src/b/tests.rs", long_function(300)),
            ("crates/a/tests/all/main.rs", long_function(300)),
            ("crates/a/tests/all/much.rs", long(801)),
        ];
        assert_eq!(places(&survey(&files, "")), ["crates/a/tests/all/much.rs"]);
    }

    #[test]
    fn an_exception_holds_only_while_it_is_needed() {
        let row = "[[function]]\npath = \"crates/a/src/a.rs\"\nname = \"f\"\nlines = 120\nreason = \"r\"\n";
        assert_eq!(places(&survey(&[("crates/a/src/a.rs", long_function(110))], row)), Vec::<String>::new());
        assert_eq!(places(&survey(&[("crates/a/src/a.rs", long_function(90))], row)), [EXCEPTIONS]);
    }

    #[test]
    fn a_crate_over_its_budget_is_found_unless_excepted() {
        let files: Vec<_> = (0..14).map(|n| (format!("crates/a/src/f{n}.rs"), long(750))).collect();
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.clone())).collect();
        let row = |lines: usize| format!("[[crate]]\nname = \"a\"\nlines = {lines}\nreason = \"r\"\n");
        assert_eq!(places(&survey(&files, "")), ["crates/a"]);
        assert_eq!(places(&survey(&files, &row(11_000))), Vec::<String>::new());
        assert_eq!(places(&survey(&files, &row(10_400))), ["crates/a", EXCEPTIONS]);
        assert_eq!(places(&survey(&files[..2], &row(11_000))), [EXCEPTIONS]);
    }

    #[test]
    fn a_module_opens_with_what_it_owns() {
        let files = [
            ("crates/a/src/bare.rs", "fn f() {}\n".to_owned()),
            ("crates/a/src/chatty.rs", "//! x\n".repeat(26)),
        ];
        assert_eq!(places(&survey(&files, "")), ["crates/a/src/bare.rs", "crates/a/src/chatty.rs"]);
    }
}
