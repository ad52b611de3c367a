//! The whole story by hand: people at browsers without scripts, their keys beside them.
//!
//! Everything is done by the console's forms, the desk and `wardmote sign --parcel`; the API is used for nothing but the
//! links by which people enter.

use crate::harness::{Browser, Form, Nginx, Reply, Setup, Wardmote, binary, eventually, links, run};
use crate::mote::{key, now};
use std::fs;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);
const SITES: &str = "[[account]]\nname = \"board\"\n[[account.site]]\nhosts = [\"board.test\", \"*.board.test\"]\norigins = [\"ORIGIN\"]\n\
                     [[account.site]]\nhosts = [\"shop.board.test\"]\norigins = [\"ORIGIN\"]\n";

/// One of them: a browser of their own, entered by a link of their own.
struct Person<'a> {
    wardmote: &'a Wardmote,
    name: &'static str,
    browser: Browser,
}

impl<'a> Person<'a> {
    fn enter(wardmote: &'a Wardmote, name: &'static str) -> Self {
        let token = wardmote.api("POST", "/api/v1/setup-links", None).status(201).json()["token"].clone();
        let mut browser = Browser::new(wardmote.setup.control);
        let form = Form::of(&browser.get("/setup").status(200).text());
        browser.press(form.with("token", token.as_str().expect("a token")), "").status(200);
        Self { wardmote, name, browser }
    }

    /// The page of the case, from the queue.
    fn case_page(&mut self) -> String {
        let queue = self.browser.get("/cases").status(200).text();
        let case = links(&queue).into_iter().find(|link| link.starts_with("/cases/case_")).expect("a case");
        self.browser.get(&case).status(200).text()
    }

    /// The form of the act's link number `place` on a page, as this person.
    #[track_caller]
    fn form(&mut self, page: &str, act: &str, place: usize) -> Form {
        let wanted = format!("/acts/{act}");
        let found: Vec<_> =
            links(page).into_iter().filter(|link| link.split('?').next() == Some(&wanted)).collect();
        let link = found.get(place).unwrap_or_else(|| panic!("no link {place} to {act} in {page}"));
        let form = Form::of(&self.browser.get(link).status(200).text());
        if form.choices("by").is_empty() { form } else { form.with("by", self.name) }
    }

    /// Fills the form of an act of the case in, and sends it.
    #[track_caller]
    fn act(&mut self, act: &str, place: usize, fields: &[(&str, &str)]) -> Reply {
        let page = self.case_page();
        self.act_on(&page, act, place, fields)
    }

    #[track_caller]
    fn act_on(&mut self, page: &str, act: &str, place: usize, fields: &[(&str, &str)]) -> Reply {
        let form = self.form(page, act, place);
        let form = fields.iter().fold(form, |form, (name, value)| form.with(name, value));
        self.browser.press(form, "do").status(200)
    }

    /// Signs what waits: saves the parcel, signs it beside the browser, pastes the line.
    fn sign(&mut self, decision: &str) -> Reply {
        let page = self.case_page();
        let form = self.form(&page, "sign", 0);
        let parcel = self.browser.get(&format!("/acts/sign/parcel?decision={decision}")).status(200);
        let file = self.wardmote.setup.path().join(format!("{}.sign.json", self.name));
        fs::write(&file, &parcel.body).expect("saved");
        let mut command = binary();
        command
            .args(["sign", "--yes", "--key"])
            .arg(key(self.wardmote, self.name))
            .arg("--parcel")
            .arg(&file);
        let signed = run(&mut command).ok();
        assert!(
            signed.stderr.contains("The exact bytes:") && signed.stdout.lines().count() == 1,
            "{}",
            signed.stderr
        );
        self.browser.press(form.with("approval", signed.stdout.trim()), "do").status(200)
    }
}

fn ago(hours: u64) -> String {
    now().minus(Duration::from_secs(hours * 3_600)).to_string()
}

/// Two items, captured, found, rated by two without sight of each other.
fn find_and_rate(intake: &mut Person<'_>, first: &mut Person<'_>, second: &mut Person<'_>) {
    for number in ["1", "2"] {
        intake.act("seal-evidence", 0, &[("text", &format!("capture {number}, with its neighbours"))]);
        let page = intake.case_page();
        let form = intake.form(&page, "add-finding", 0);
        let file = form.choices("evidence").last().expect("a file").clone();
        let form = form.with("evidence", &file).with("item", &format!("https://board.test/post/{number}"));
        let form = form.with("author", &format!("author {number}")).with("posted_at", &ago(6));
        intake.browser.press(form.with("grade", if number == "1" { "A" } else { "B" }), "do").status(200);
    }
    for reason in ["a person, a place and a time", "the same person, the same evening"] {
        let rating = [("credibility", "credible"), ("unsighted", "yes"), ("reason", reason)];
        // What has both ratings is offered no more: the first link is the item that lacks one.
        let page = first.act("rate", 0, &rating).text();
        assert!(
            page.contains("sealed: assessor/assessor-1") && !page.contains(reason),
            "a lone rating shows"
        );
        assert!(second.act("rate", 0, &rating).text().contains(reason));
    }
}

/// Three authorities: entered, called back, referred to; one reads and answers at its desk.
fn refer(liaison: &mut Person<'_>) {
    let codes = ["AA", "BB", ""];
    for (place, code) in codes.iter().enumerate() {
        let directory = liaison.browser.get("/authorities").status(200).text();
        let name = format!("Duty desk {place}");
        let line = [
            ("name", name.as_str()),
            ("stands_for", *code),
            ("number", "+999 1"),
            ("source", "the handbook"),
        ];
        let directory = liaison.act_on(&directory, "enter-authority", 0, &line).text();
        liaison.act_on(&directory, "call-authority", place, &[("outcome", "confirmed")]);
        let page = liaison.case_page();
        let form = liaison.form(&page, "refer", 0);
        let entry = form.choices("directory")[place].clone();
        liaison.browser.press(form.with("directory", &entry), "do").status(200);
    }
    let told = liaison.act("pass-referral", 0, &[]).text();
    let code =
        told.split("shown this once").nth(1).and_then(|rest| rest.split("copy\">").nth(1)).expect("a code");
    let code = code.split('<').next().expect("a code").to_owned();
    for place in [0, 1, 2] {
        liaison.act("send-referral", place, &[("channel", "desk")]);
    }
    let mut authority = Browser::new(liaison.wardmote.setup.public);
    let ask = Form::of(&authority.get("/desk").status(200).text()).with("code", &code);
    let packet = authority.press(ask, "").status(200).text();
    assert!(packet.contains("https://board.test/post/1"), "{packet}");
    for place in [1, 2] {
        liaison.act("deliver-referral", place, &[("channel", "desk"), ("proof", "desk-read")]);
    }
    for place in [0, 1, 2] {
        liaison.act("answer-referral", place, &[("answer", "non-objection")]);
    }
}

/// What E2 to E9 ask for, each by who answers for it.
fn record_facts(duty: &mut Person<'_>, liaison: &mut Person<'_>, legal: &mut Person<'_>) {
    duty.act("danger", 0, &[("identified", "person"), ("harm", "death"), ("horizon", "ongoing")]);
    duty.act("nexus", 0, &[("reachable", "yes"), ("lowers_risk", "readers act on it")]);
    liaison.act("concerned", 0, &[("offence", "AA"), ("person_at_risk", "BB")]);
    let reasons = ["M0", "M1", "M2", "M3", "M4"].map(|measure| format!("reason-{measure}"));
    let reasons: Vec<_> = reasons.iter().map(|name| (name.as_str(), "the items stay reachable")).collect();
    duty.act("lesser-measures", 0, &reasons);
    let warned = ago(1);
    duty.act(
        "safety",
        0,
        &[
            ("escalation", "some go elsewhere"),
            ("plan", "the person is told before"),
            ("dispatcher", "warned"),
            ("dispatcher_at", &warned),
        ],
    );
    let view = vocabulary::Digest::of(b"the view").to_string();
    legal.act(
        "legal-review",
        0,
        &[("conclusion", "lawful"), ("sealed_view", &view), ("dissent", "none-voiced")],
    );
    let page = duty.case_page();
    let form = duty.form(&page, "site-conduct", 0);
    let outcomes = form.names("outcome-");
    let form = form.with("notice", "withheld").with("withheld_reason", "the person is still at the place");
    let form = outcomes.iter().fold(form, |form, name| form.with(name, "still-up"));
    duty.browser.press(form, "do").status(200);
}

/// Looks at what a block would hit, then proposes it; the decision's id.
fn preview_and_propose(duty: &mut Person<'_>) -> String {
    let page = duty.case_page();
    assert!(page.contains("on the ground emergency: open"), "{page}");
    let (form, site) = duty.form(&page, "propose", 0).tick("site", "board.test, *.board.test");
    let reason = format!("reason-{site}");
    let form = form.with(&reason, "both items stand here").with("lease", "30").with("lease_unit", "minutes");
    let form = form
        .with("title", "Provisional block of a message board")
        .with("summary", "Posts call for a killing.");
    let looked = duty.browser.press(form, "look").status(200).text();
    for told in [
        "Hit: board.test, *.board.test",
        "belongs to another site: shop.board.test",
        "The gate is open for this",
    ] {
        assert!(looked.contains(told), "{told}: {looked}");
    }
    let form = Form::of(&looked);
    assert_eq!(
        (form.value(&reason), form.value("lease")),
        ("both items stand here", "30"),
        "what was filled in stays"
    );
    let page = duty.browser.press(form, "do").status(200).text();
    let id = page.split("<code>dec_").nth(1).and_then(|rest| rest.split('<').next()).expect("a decision");
    format!("dec_{id}")
}

#[test]
fn people_at_five_browsers_take_a_case_from_its_opening_to_a_block_and_a_reversal_by_hand() {
    let origin = Nginx::start();
    let setup = Setup::new();
    let sites = setup.sites(&SITES.replace("ORIGIN", &origin.url()));
    let wardmote = &setup.up(&["--apply", sites.to_str().unwrap()]);
    let [mut intake, mut first, mut second, mut duty, mut liaison] =
        ["intake-1", "assessor-1", "assessor-2", "duty-officer-1", "authority-liaison-1"]
            .map(|name| Person::enter(wardmote, name));
    // Two more roles sit down at browsers that stand there already.
    let mut legal = Person::enter(wardmote, "legal-1");
    let mut reviewer = Person::enter(wardmote, "reviewer-1");

    let queue = intake.browser.get("/cases").status(200).text();
    let form = intake.form(&queue, "open-case", 0).with("allegation", "calls to kill a named person");
    intake.browser.press(form, "do").status(200);
    find_and_rate(&mut intake, &mut first, &mut second);
    refer(&mut liaison);
    record_facts(&mut duty, &mut liaison, &mut legal);
    for person in [&mut intake, &mut first, &mut second, &mut duty, &mut liaison, &mut legal] {
        person.act("declaration", 0, &[]);
    }
    let decision = preview_and_propose(&mut duty);
    duty.sign(&decision);
    assert_eq!(wardmote.visit("board.test", "/").status, 200, "one signature blocks nothing");
    first.sign(&decision);
    eventually("the block", SOON, || (wardmote.visit("board.test", "/").status == 403).then_some(()));
    wardmote.visit("shop.board.test", "/").status(200);

    intake.act(
        "file-appeal",
        0,
        &[("appellant", "customer"), ("against", &decision), ("grounds", "we removed them")],
    );
    intake.act("appeal-step", 0, &[("move", "admit")]);
    reviewer.act("declaration", 0, &[]);
    reviewer.act("appeal-step", 0, &[("move", "hear")]);
    reviewer.act("appeal-step", 0, &[("move", "overturned"), ("reasons", "the items were gone")]);
    eventually("it can be followed", SOON, || {
        let page = reviewer.case_page();
        let form = reviewer.form(&page, "reverse", 0);
        (reviewer.browser.press(form, "do").status == 200).then_some(())
    });
    reviewer.sign(&decision);
    eventually("the site is back", SOON, || (wardmote.visit("board.test", "/").status == 200).then_some(()));
    let statement = wardmote.public(&format!("/record/decisions/{decision}")).status(200).text();
    assert!(
        statement.contains("Overturned on appeal by the independent reviewer: the decision was wrong"),
        "{statement}"
    );
}

#[test]
fn a_form_that_is_refused_keeps_what_was_filled_in_and_says_why() {
    let origin = Nginx::start();
    let setup = Setup::new();
    let sites = setup.sites(&SITES.replace("ORIGIN", &origin.url()));
    let wardmote = &setup.up(&["--apply", sites.to_str().unwrap()]);
    let mut duty = Person::enter(wardmote, "duty-officer-1");
    let queue = duty.browser.get("/cases").status(200).text();
    let form = duty.form(&queue, "open-case", 0).with("allegation", "calls to kill a named person");
    duty.browser.press(form, "do").status(200);
    let page = duty.case_page();
    let (form, site) = duty.form(&page, "propose", 0).tick("site", "board.test, *.board.test");
    let (form, reason) = (form.with("title", "A block").with("summary", "Posts."), format!("reason-{site}"));
    let refused = duty.browser.press(form.with(&reason, "an item stands here"), "do").status(409).text();
    assert!(
        refused.contains("role=\"alert\"") && refused.contains("E1: ") && refused.contains("E9: "),
        "{refused}"
    );
    let form = Form::of(&refused);
    assert_eq!(
        (form.value("title"), form.value(&reason), form.value("by")),
        ("A block", "an item stands here", "duty-officer-1")
    );
    // Another page's form has no token of this session.
    duty.browser.press(form.with("csrf", "guessed"), "do").status(403);
    let mut stranger = Browser::new(wardmote.setup.control);
    stranger.get("/acts/open-case").status(401);
    stranger.get("/authorities").status(401);
    duty.browser.get("/acts/no-such-act").status(404);
}
