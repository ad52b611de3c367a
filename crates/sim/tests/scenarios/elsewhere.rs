//! Rows whose test stands with what they are about, because it takes a running edge: each names its test, and fails
//! where that test is gone, ignored or never run.

use std::path::Path;

/// The source of a test of another crate holds this test, and its crate runs the file.
fn is_shown(krate: &str, file: &str, test: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(krate).join("tests/behaviour");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a file of tests");
    assert!(read("main.rs").contains(&format!("mod {file};")), "{file} is not run");
    let source = read(&format!("{file}.rs"));
    let before =
        source.split(&format!("async fn {test}()")).next().filter(|before| before.len() < source.len());
    let attributes = before.expect("the test").rsplit("\n\n").next().unwrap_or_default();
    assert!(attributes.contains("#[tokio::test]") && !attributes.contains("ignore"), "{attributes}");
}

pub(crate) fn t15() {
    is_shown("edge", "blocks", "a_block_is_right_for_every_form_protocol_and_method");
}
