//! One view of each page, as tests and browsers see it. All names and events are invented.

mod cases;
mod defence;
mod ways_in;

pub(super) use cases::{act, authorities, case, cases, desk};
pub(super) use defence::{defence, quiet_defence};
pub(super) use ways_in::{ways_in, ways_into_a_new_site};

use super::cache::{
    CacheFigures, CachePage, MissRow, PurgeFormView, PurgePreview, PurgeRow, PurgeTargetView, ReasonRow,
    SiteHead, Totals,
};
use super::console::{DecisionRow, LiveFigures, Notice, Overview, Setup, SiteRow, SiteStanding, Stage};
use super::hosts::{HostRow, HostsPage, ProofRow, SiteChoice};
use super::languages::Lang;
use super::reading::{SearchPage, TransparencyPage};
use super::record::{
    Appealed, Earlier, Edition, Frame, Front, Happened, Heard, MechanismFigures, Missing, Proof, SetAside,
    Signer, StatementPage, Step, SubscribePage, Subscribing, Wrong,
};
use super::{Listed, LogView, Standing};
use casework::{AppealOutcome, Relation};
use policy::{Ground, Measure, Role, ServiceClass};
use snapshot::{Clockwork, ReportRow, Transparency};
use std::time::Duration;
use vocabulary::{Digest, Timestamp};

const DECISION: &str = "dec_3kq8w0v7t2m5n9x1c4b6d8f0gh";

fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3_600)
}

fn made() -> Timestamp {
    Timestamp::from_secs(1_795_320_000)
}

fn frame() -> Frame {
    let edition = Edition { lang: Lang::English, chosen: false, page: String::new() };
    let now = made().plus(hours(17));
    Frame { public_url: "http://localhost:9091".to_owned(), trial: true, now, edition }
}

fn log() -> LogView {
    LogView {
        origin: "localhost/wardmote/log".to_owned(),
        size: 42,
        root: "bcUYpLDaU1lRxnJh8xkCLzaRn0VnFPhmBLzpbdMzhcE=".to_owned(),
        cosigned: Some(frame().now.minus(Duration::from_secs(8))),
        witnesses: vec!["localhost/wardmote/witness".to_owned()],
    }
}

fn listed(title: &str, sites: u32, measure: Measure, standing: Standing) -> Listed {
    Listed { id: DECISION.to_owned(), title: title.to_owned(), measure, sites, standing }
}

fn mechanism() -> MechanismFigures {
    MechanismFigures {
        acknowledged: Some(Duration::from_secs(95 * 60)),
        captures: Some(12),
        closed: vec![("E1", Some(7)), ("E4", None)],
        jurisdictions: vec![("AA".to_owned(), 11, Duration::from_secs(80 * 60))],
        quarter: "2026 Q3".to_owned(),
    }
}

fn clockwork() -> Clockwork {
    Clockwork {
        in_force: 1,
        made: 9,
        lapsed: 5,
        ratified: 2,
        lifted: 2,
        reversed: 1,
        lasted: Some(hours(41)),
        reports: 31,
    }
}

pub(super) fn transparency() -> TransparencyPage {
    let row = |month: &str, kind: &str, count| ReportRow {
        month: month.to_owned(),
        kind: kind.to_owned(),
        measure: None,
        class: None,
        ground: None,
        count,
    };
    let rows = vec![
        row("2026-09", "decision.made", 3),
        row("2026-09", "decision.lapsed", 2),
        row("2026-10", "decision.made", 1),
        row("2026-10", "decision.lifted", 2),
        row("2026-11", "decision.made", 5),
        row("2026-11", "decision.lapsed", 3),
        row("2026-11", "decision.reversed", 1),
        row("2026-11", "policy.published", 1),
    ];
    let mut report = Transparency::default().report("localhost/wardmote/log", Digest::of(b"root"));
    (report.size, report.rows) = (42, rows);
    TransparencyPage { frame: frame(), clockwork: clockwork(), mechanism: mechanism(), report }
}

pub(super) fn search() -> SearchPage {
    let found = front().running;
    SearchPage { frame: frame(), sought: "message board".to_owned(), found, more: true }
}

pub(super) fn front() -> Front {
    let day = hours(24);
    Front {
        frame: frame(),
        clockwork: clockwork(),
        mechanism: mechanism(),
        suspended: vec![SetAside { since: made(), until: Some(made().plus(hours(1))), entry: 61 }],
        running: vec![listed(
            "Provisional block of a message board after calls to attack a person at home",
            3,
            Measure::M5,
            Standing::InForce { until: made().plus(hours(48)) },
        )],
        over: vec![
            listed(
                "Two pages with instructions to find a family",
                1,
                Measure::M3,
                Standing::Lapsed { at: made().minus(day) },
            ),
            listed(
                "Warning before a site that spread harmful software",
                2,
                Measure::M1,
                Standing::Lifted { at: made().minus(day * 9) },
            ),
        ],
        older: None,
        log: log(),
    }
}

pub(super) fn front_of_a_new_record() -> Front {
    let log = LogView { size: 0, root: String::new(), cosigned: None, witnesses: vec![], ..log() };
    let frame = Frame { trial: false, ..frame() };
    Front {
        clockwork: Clockwork::default(),
        suspended: Vec::new(),
        running: vec![],
        over: vec![],
        frame,
        log,
        ..front()
    }
}

fn signer(role: Role, pseudonym: &str) -> Signer {
    Signer {
        role,
        pseudonym: pseudonym.to_owned(),
        organisation: "operator".to_owned(),
        key: "MCowBQYDK2VwAyEA7p4xkq0kqUqCqR1l2oJ8hZs".to_owned(),
    }
}

fn step(minutes: u64, what: Happened, entry: Option<u64>) -> Step {
    Step { time: made().plus(Duration::from_secs(60 * minutes)), what, entry }
}

pub(super) fn statement() -> StatementPage {
    StatementPage {
        frame: frame(),
        decision: DECISION.to_owned(),
        title: "Provisional block of a message board after calls to attack a person at home".to_owned(),
        summary: "Members of a message board posted where a person lives and called on others to go there and hurt them. \
                  The board left the posts up after it was told."
            .to_owned(),
        facts: vec![
            "Two posts by different members, seven hours apart, give a home address and call for violence there \
             on a named day. We captured both ourselves from two places on the network."
                .to_owned(),
            "The board’s front page promoted one of them for four hours.".to_owned(),
            "Told of both, the message board answered that it saw no reason to act. Closing the two pages alone was tried \
             first: the posts were back within the hour."
                .to_owned(),
        ],
        ground: Ground::Emergency,
        ground_text: "There is a concrete danger to the life of an identifiable person within 72 hours, each lesser \
                      measure was considered, and the block makes it harder to gather and to spread the address."
            .to_owned(),
        measure: Measure::M5,
        class: ServiceClass::S,
        standing: Standing::InForce { until: made().plus(hours(48)) },
        not_before: made(),
        expires: made().plus(hours(48)),
        authorities_asked: "formally".to_owned(),
        meaning: "You cannot open the listed sites through this network until the end that is shown here.".to_owned(),
        redress: "The people who run the site, whoever reported it, and anyone the block harms may appeal. Write to \
                  the contact below and name the decision’s id. Someone who took no part in it answers within 24 \
                  hours; if they do not, the block ends."
            .to_owned(),
        contact: "decisions@record.example.test".to_owned(),
        demand: None,
        sites: 3,
        hosts: ["board.example.test", "*.board.example.test", "mirror.example.test"].map(str::to_owned).to_vec(),
        precedents: vec![Earlier {
            id: DECISION.to_owned(),
            title: "Provisional block of an earlier board".to_owned(),
            relation: Relation::Distinguished,
            reason: Some("There nobody named a place.".to_owned()),
        }],
        appeals: vec![
            Appealed { filed: made(), outcome: Heard::Waits { due: made().plus(hours(24)) } },
            Appealed { filed: made(), outcome: Heard::Ruled(AppealOutcome::Upheld) },
        ],
        signers: vec![
            signer(Role::Assessor, "assessor-heron"),
            signer(Role::Legal, "legal-alder"),
            signer(Role::DutyOfficer, "duty-lantern"),
        ],
        steps: vec![
            step(0, Happened::Proposed, None),
            step(11, Happened::Signed, Some(40)),
            step(11, Happened::Published, Some(41)),
            step(12, Happened::InForce { edges: 3 }, None),
            step(48 * 60, Happened::Lapsed, None),
        ],
        proof: Proof {
            entry: 40,
            leaf: Digest::of(b"leaf"),
            policy_version: "2026-11-01".to_owned(),
            policy: Digest::of(b"policy"),
            roster: Digest::of(b"roster"),
            floor: Digest::of(b"floor"),
        },
        log: log(),
    }
}

pub(super) fn statement_of_a_lapsed_decision() -> StatementPage {
    let over = statement();
    StatementPage {
        frame: Frame { trial: false, now: over.expires.plus(hours(30)), ..frame() },
        standing: Standing::Lapsed { at: over.expires },
        hosts: vec![],
        demand: Some(super::record::Demand {
            authority: "Regional Court of Example".to_owned(),
            law: "Act on Digital Services, section 12".to_owned(),
            url: "https://court.example/orders/7".to_owned(),
        }),
        ..over
    }
}

pub(super) fn missing() -> Missing {
    Missing { frame: frame() }
}

/// All pages around a subscription.
pub(super) fn subscribing() -> Vec<SubscribePage> {
    let token = || "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA".to_owned();
    let form = |typed: &str, wrong| Subscribing::Form { token: token(), typed: typed.to_owned(), wrong };
    [
        form("", None),
        form("nobody", Some(Wrong::Address)),
        form("\"><b>@example.org", Some(Wrong::Expired)),
        form("a@example.org", Some(Wrong::Busy)),
        Subscribing::Off,
        Subscribing::Asked,
        Subscribing::MayConfirm { token: token() },
        Subscribing::Confirmed,
        Subscribing::MayEnd { token: token() },
        Subscribing::Ended,
        Subscribing::Gone,
        Subscribing::Full,
    ]
    .map(|shown| SubscribePage { frame: frame(), shown })
    .into()
}

fn site(hosts: &[&str], account: &str, standing: SiteStanding) -> SiteRow {
    SiteRow {
        id: "site_3kq8w0v7t2m5n9x1c4b6d8f0gh".to_owned(),
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        account: account.to_owned(),
        origins: vec!["http://127.0.0.1:40123".to_owned()],
        services: vec!["cache".to_owned(), "shield".to_owned(), "errors".to_owned()],
        standing,
    }
}

fn decision(title: &str, sites: u32, stage: Stage, statement_url: Option<String>) -> DecisionRow {
    DecisionRow {
        id: DECISION.to_owned(),
        title: title.to_owned(),
        measure: Measure::M5,
        sites,
        stage,
        edges: (1, 1),
        statement_url,
    }
}

pub(super) fn overview() -> Overview {
    let url = format!("http://localhost:9091/record/decisions/{DECISION}");
    let until = made().plus(hours(48));
    Overview {
        csrf: "c5rf".to_owned(),
        now: frame().now,
        public_url: "http://localhost:9091".to_owned(),
        trial: true,
        version: "0.1.0".to_owned(),
        figures: Some(LiveFigures {
            time: frame().now,
            requests_per_second: 348.0,
            hit_share: Some(0.93),
            bytes_per_second: 4_810_000.0,
            open_connections: 57,
            blocked_per_second: 2.4,
        }),
        sites: vec![
            site(&["library.localhost", "www.library.localhost"], "demonstration", SiteStanding::Serving),
            site(
                &["board.example.test", "*.board.example.test"],
                "board",
                SiteStanding::Blocked { decision: DECISION.to_owned() },
            ),
            site(
                &["shop.example.test"],
                "shop",
                SiteStanding::Troubled { reason: "No certificate: its key does not match".to_owned() },
            ),
        ],
        sites_total: 3,
        decisions: vec![
            decision(
                "Provisional block of a message board after calls to attack a person at home",
                3,
                Stage::Public(Standing::InForce { until }),
                Some(url),
            ),
            decision(
                "Block of a copy of the message board",
                1,
                Stage::Signing { signed: 1, needed: 2 },
                None,
            ),
        ],
        log: log(),
    }
}

pub(super) fn overview_of_a_new_console() -> Overview {
    Overview { figures: None, sites: vec![], sites_total: 0, decisions: vec![], trial: false, ..overview() }
}

pub(super) fn setup() -> Setup {
    Setup { error: None }
}

pub(super) fn setup_after_a_mistake() -> Setup {
    Setup { error: Some("This link was used before. Start Wardmote again for a new one.".to_owned()) }
}

pub(super) fn sign_in() -> Notice {
    Notice::sign_in()
}

fn site_head() -> SiteHead {
    SiteHead {
        id: "site_3kq8w0v7t2m5n9x1c4b6d8f0gh".to_owned(),
        hosts: vec!["shop.example.test".to_owned(), "*.shop.example.test".to_owned()],
    }
}

fn target(kind: &'static str, text: &str) -> PurgeTargetView {
    PurgeTargetView { kind, text: text.to_owned() }
}

fn purge_row(revision: u64, target: PurgeTargetView, soft: bool) -> PurgeRow {
    let at = frame().now.minus(Duration::from_secs(3_600 - 60 * revision));
    PurgeRow {
        revision,
        at,
        actor: "operator:console".to_owned(),
        target,
        soft,
        held: vec![("edge-vienna".to_owned(), Some(at.plus(Duration::from_millis(9))))],
        missing: vec![],
    }
}

pub(super) fn cache() -> CachePage {
    let reason = |reason: caching::Reason, count: u64| ReasonRow {
        text: reason.text(),
        name: reason.name(),
        count,
        share: count as f64 / 200.0,
    };
    let miss = |target: &str, reason: caching::Reason, count| MissRow {
        target: target.to_owned(),
        text: reason.text(),
        count,
    };
    CachePage {
        csrf: "c5rf".to_owned(),
        now: frame().now,
        public_url: "http://localhost:9091".to_owned(),
        version: "0.1.0".to_owned(),
        site: site_head(),
        rules: vec![
            "Mode guarded: what the origin allows, but nothing that sets a cookie.".to_owned(),
            "/assets/: kept for 1 day.".to_owned(),
        ],
        figures: Some(CacheFigures {
            time: frame().now,
            requests_per_second: 214.0,
            hit_share: Some(0.96),
            memory_bytes_per_second: 3_910_000.0,
            disk_bytes_per_second: 640_000.0,
            origin_bytes_per_second: 171_000.0,
        }),
        totals: Some(Totals {
            held: 48_211,
            stale: 31,
            missed: 2_009,
            bytes: [9_120_000_000, 811_000_000, 390_000_000],
        }),
        reasons: vec![
            reason(caching::Reason::Absent, 122),
            reason(caching::Reason::SetCookie, 51),
            reason(caching::Reason::NoFreshness, 27),
        ],
        misses: vec![
            miss("shop.example.test/basket", caching::Reason::SetCookie, 51),
            miss("shop.example.test/search?q=lamp&page=2", caching::Reason::NoFreshness, 20),
        ],
        form: PurgeFormView::default(),
        outcome: Some("Purge 3 is done: every edge that reports holds it.".to_owned()),
        purges: vec![
            purge_row(3, target("prefix", "shop.example.test/assets/"), false),
            PurgeRow {
                held: vec![("edge-vienna".to_owned(), None)],
                missing: vec!["edge-lisbon".to_owned()],
                ..purge_row(2, target("everything", ""), true)
            },
            purge_row(1, target("url", "shop.example.test/lamps?colour=green"), false),
        ],
    }
}

pub(super) fn cache_of_a_new_site() -> CachePage {
    let form = PurgeFormView {
        kind: "prefix".to_owned(),
        target: "img".to_owned(),
        soft: true,
        error: Some("Not a host name: \"img\"; letters, digits, hyphens and dots are allowed.".to_owned()),
    };
    CachePage {
        figures: None,
        totals: None,
        reasons: vec![],
        misses: vec![],
        purges: vec![],
        outcome: None,
        form,
        ..cache()
    }
}

pub(super) fn hosts() -> HostsPage {
    let proof = |kind, place: &str| ProofRow {
        kind,
        place: place.to_owned(),
        value: "1c9f0e6a4b7d5a2381f0c6d9e3b45a70".to_owned(),
    };
    let waiting = HostRow {
        host: "www.shop.example.test".to_owned(),
        account: "acc_3kq8w0v7t2m5n9x1c4b6d8f0gh".to_owned(),
        account_name: "lamp shop".to_owned(),
        site: "site_3kq8w0v7t2m5n9x1c4b6d8f0gh".to_owned(),
        state: "claimed",
        text: "Waits for its proof; nobody is served before that.".to_owned(),
        in_doubt: false,
        proofs: vec![
            proof("A TXT record", "_wardmote-challenge.www.shop.example.test"),
            proof("A file", "http://www.shop.example.test/.well-known/wardmote-challenge/1c9f0e6a"),
        ],
        last_look: Some((made(), "no proof is there")),
        next_look: Some(made().plus(hours(1))),
    };
    let doubted = HostRow { state: "served", in_doubt: true, ..waiting.clone() };
    let free =
        HostRow { state: "served", proofs: vec![], last_look: None, next_look: None, ..waiting.clone() };
    let choice = SiteChoice { id: waiting.site.clone(), label: "lamp shop: shop.example.test".to_owned() };
    HostsPage {
        csrf: "c5rf".to_owned(),
        now: made(),
        public_url: "http://localhost:9091".to_owned(),
        version: "0.1.0".to_owned(),
        error: Some("A customer cannot claim this name.".to_owned()),
        wanted: "*.co.uk".to_owned(),
        sites: vec![choice],
        hosts: vec![waiting, doubted, free],
        total: 3,
    }
}

pub(super) fn hosts_of_a_new_console() -> HostsPage {
    HostsPage { error: None, wanted: String::new(), sites: vec![], hosts: vec![], total: 0, ..hosts() }
}

pub(super) fn purge_preview() -> PurgePreview {
    PurgePreview {
        csrf: "c5rf".to_owned(),
        public_url: "http://localhost:9091".to_owned(),
        version: "0.1.0".to_owned(),
        site: site_head(),
        form: PurgeFormView { kind: "everything".to_owned(), ..PurgeFormView::default() },
        targets: vec![target("everything", ""), target("prefix", "shop.example.test/assets/")],
        edges: 2,
    }
}
