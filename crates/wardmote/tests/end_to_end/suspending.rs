//! Suspend-all and duress keys in real processes: edge, control, three witnesses of which one is dead.

use crate::harness::{Nginx, Setup, Wardmote, binary, eventually, run};
use crate::mote::{self, CaseFile};
use crate::witnesses::three;
use serde_json::Value;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

/// Waits until the blocked site answers like this.
fn await_status(wardmote: &Wardmote, status: u16) {
    eventually("the answer", SOON, || (wardmote.visit("board.test", "/").status == status).then_some(()));
}

fn suspension(wardmote: &Wardmote) -> Value {
    let answer = wardmote.api("GET", "/api/v1/suspension", None).status(200);
    serde_json::from_str(&answer.text()).unwrap()
}

/// A site that a decision blocks; the log needs two of three witnesses, and one of them is dead.
fn blocked() -> (Wardmote, Nginx, Vec<crate::witnesses::Witness>) {
    let (origin, setup) = (Nginx::start(), Setup::new());
    let witnesses = three(&setup);
    let sites = setup.sites(&format!(
        "[[account]]\nname = \"board\"\n[[account.site]]\nhosts = [\"board.test\"]\norigins = [\"{}\"]\n",
        origin.url()
    ));
    let wardmote = setup.up(&["--apply", sites.to_str().unwrap()]);
    let decision = CaseFile::complete(&wardmote, "board").propose(&["board.test"], Duration::from_secs(600));
    mote::sign(&wardmote, &decision);
    await_status(&wardmote, 403);
    (wardmote, origin, witnesses)
}

#[test]
fn what_an_officer_signs_under_duress_is_answered_as_any_other_and_held() {
    let (wardmote, _origin, _witnesses) = blocked();

    // One of two signs with the other key: answered like any other, and nothing happens.
    let ask = ["suspend-all", "--by", "legal-1"];
    wardmote.setup.command(&ask).ok();
    mote::try_sign(&wardmote, mote::key(&wardmote, "legal-1"), "suspend-all").ok();
    let second = wardmote.setup.data().join("duress/assessor-1.key");
    let forced = mote::try_sign(&wardmote, second, "suspend-all").ok();
    assert!(
        forced.stdout.contains("signed as assessor (assessor-1); enough officers have signed"),
        "{}",
        forced.stdout
    );
    eventually("somebody is told", SOON, || {
        wardmote.api("GET", "/api/v1/status", None).text().contains("record-held").then_some(())
    });
    assert!(suspension(&wardmote)["suspended"].is_null());
    wardmote.visit("board.test", "/").status(403);

    // What is held bars nobody: another one takes its place, and two who are free sign it.
    wardmote.setup.command(&ask).ok();
    for officer in ["legal-1", "assessor-2"] {
        mote::try_sign(&wardmote, mote::key(&wardmote, officer), "suspend-all").ok();
    }
    await_status(&wardmote, 200);
}

#[test]
fn a_suspension_reaches_the_edge_in_seconds_and_stands_in_a_log_that_holds() {
    let (wardmote, _origin, _witnesses) = blocked();
    wardmote.setup.command(&["suspend-all", "--by", "legal-1"]).ok();
    for officer in ["legal-1", "assessor-1"] {
        mote::try_sign(&wardmote, mote::key(&wardmote, officer), "suspend-all").ok();
    }
    await_status(&wardmote, 200);
    eventually("it is told", SOON, || (!suspension(&wardmote)["suspended"].is_null()).then_some(()));
    // A restart of everything changes nothing, and the auditor finds every signature.
    let wardmote = wardmote.kill().up(&[]);
    wardmote.visit("board.test", "/").status(200);
    let roots = wardmote.setup.data().join("edge/roots");
    let mut verify = binary();
    verify.args(["log", "verify", &format!("http://{}", wardmote.setup.public)]);
    verify.arg("--policy").arg(roots.join("tlog-policy")).arg("--roster").arg(roots.join("roster.json"));
    run(&mut verify).ok();
}
