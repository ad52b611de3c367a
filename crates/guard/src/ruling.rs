//! What is decided of one request, in one order: the operator's word, the shield's own errands, rules and rates, a
//! site under attack, signatures; then challenges.
//!
//! Owns the order. Must not know how a decision is carried out: the [`Ruling`] names it, the edge does it.
//!
//! Invariants: an allowance beats whatever else says no; under the profile `off` nothing of the site's is looked at;
//! under `monitor` everything is looked at and noted, and every ruling is to pass unchanged.

use crate::Guard;
use crate::challenge::{Errand, Handed, Round, is_errand};
use crate::desk::{Desk, Sample, Work};
use crate::note::{Because, Note};
use crate::program;
use crate::watch::{Posted, Treated, Watch};
use shield::adaptive::{Attributes, CacheStatus};
use shield::admission::Class;
use shield::budgets::Prefix;
use shield::rates::{Limit, RateAction, RateKey, Standing as RateStanding};
use shield::rules::{ChallengeKind, Change, Decision};
use shield::{BotClass, Request, Source};
use snapshot::{Gate, Profile, SiteShield, Standing, UnderAttack};
use std::cell::Cell;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

/// A request, and what it is judged by.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The request; of its source only the address need be known.
    pub request: Request<'a>,
    /// Where an address lies; asked only where somebody wants to know.
    pub locate: &'a dyn Fn(IpAddr) -> Source,
    /// The site.
    pub watch: &'a Arc<Watch>,
    /// The site's defence.
    pub settings: &'a SiteShield,
    /// What the operator has set.
    pub gate: &'a Gate,
    /// The request's ray, as people read it.
    pub ray: &'a dyn std::fmt::Display,
    /// Whether a machine looks for a proof that the host is somebody's: where others are challenged it passes, at
    /// a limited rate.
    pub is_proof: bool,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Ruling {
    /// It goes on.
    Pass(Passage),
    /// It is refused.
    Refuse(Refusal),
    /// It is challenged.
    Challenge(Handed),
    /// A rule sends it elsewhere.
    Redirect {
        /// The status.
        status: u16,
        /// Where to.
        location: String,
    },
    /// It is an errand of a challenge.
    Errand(Errand),
}

/// How a request goes on.
#[derive(Debug, Default)]
pub struct Passage {
    /// What rules change about it.
    pub changes: Vec<Change>,
    /// The counters that its answer may count for; to be handed to [`Guard::count_answer`].
    pub counting: Vec<(u16, RateKey)>,
    /// In which class it waits for its origin, where it has to.
    pub class: Class,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The operator has banned its source.
    Banned,
    /// A rule of the site blocks it.
    Rule,
    /// It is over a rate; it may come again after so many seconds.
    Rate(u32),
    /// It belongs to an attack.
    Attack,
}

/// A ruling, and why, for whoever asks later; empty where nothing stood against the request.
#[derive(Debug)]
pub struct Judged {
    /// What becomes of the request.
    pub ruling: Ruling,
    /// Why.
    pub note: Option<String>,
}

/// What was found against a request, before it is known whether it is acted upon.
pub(crate) enum Sentence {
    Pass(Passage),
    Refuse(Refusal, Because),
    Challenge(ChallengeKind, Because),
    Redirect(u16, String, Because),
}

/// The slow pass of a visitor that cannot be cleared: so many requests of one network in five minutes. The same
/// holds for those who look for proofs.
const PACED_REQUESTS: u32 = 60;
/// The same for preflights: browsers send one before many a request, and whole offices are one network.
const PACED_PREFLIGHTS: u32 = 600;
/// The same for crawlers that are who they say: they pass no challenge, and come from few networks.
const PACED_CRAWLERS: u32 = 600;
const PACED_PERIOD_SECONDS: u32 = 300;
/// What a network's number is made for here.
const SLOW: u8 = 1;
const PROOFS: u8 = 3;
const PREFLIGHTS: u8 = 4;
const CRAWLERS: u8 = 5;

impl Guard {
    /// Judges a request.
    pub fn judge(&self, desk: &Desk, asked: &Asked<'_>) -> Judged {
        let mut asked = *asked;
        let profile = asked.settings.profile();
        if profile == Profile::Off && asked.gate.is_empty() {
            return Judged { ruling: Ruling::Pass(Passage::default()), note: None };
        }
        let acting = asked.watch.acting();
        let rules = profile != Profile::Off && !asked.settings.rules().is_empty();
        let is_located = rules || acting.is_some() || asked.gate.asks_for_place();
        if is_located {
            asked.request.source = (asked.locate)(asked.request.source.address);
        }
        let standing = asked.gate.standing(&asked.request.source, asked.watch.site(), asked.request.at);
        if let Standing::Banned(cause) = standing
            && (!rules || is_errand(&asked.request))
        {
            return self.refuse(&asked, Refusal::Banned, Because::ban(cause));
        }
        if profile == Profile::Off {
            return Judged { ruling: Ruling::Pass(Passage::default()), note: None };
        }
        if profile.acts() && is_errand(&asked.request) {
            return Judged { ruling: Ruling::Errand(self.errand(&asked)), note: None };
        }
        self.heard(
            desk,
            &mut asked,
            Hearing { standing, rules, is_located, acting: acting.as_deref(), heard: Heard::default() },
        )
    }

    fn heard(&self, desk: &Desk, asked: &mut Asked<'_>, hearing: Hearing<'_>) -> Judged {
        let cleared = self.clearance(asked.watch.site(), &asked.request, asked.request.at);
        if hearing.rules || is_strict(asked) {
            asked.request.bot = self.class(asked, cleared.is_some());
        }
        let sentence = self.sentence(desk, asked, &hearing, cleared);
        // A visitor that was let through slowly is judged once more, as if it had passed.
        if let Sentence::Challenge(_, because) = &sentence
            && let Some(standing) = self.paced(asked)
        {
            return match standing {
                RateStanding::Within => {
                    let sentence = self.sentence(desk, asked, &hearing, Some(ChallengeKind::Work));
                    self.carry_out(asked, sentence)
                }
                RateStanding::Over { retry_after, .. } => {
                    let seconds = u32::try_from(retry_after.as_secs()).unwrap_or(u32::MAX).max(1);
                    self.refuse(asked, Refusal::Rate(seconds), because.clone())
                }
            };
        }
        self.carry_out(asked, sentence)
    }

    /// Where one stands that passes at a limited rate: a visitor that was let through slowly, a crawler that is who it
    /// says, and who cannot be challenged; none for all others.
    fn paced(&self, asked: &Asked<'_>) -> Option<RateStanding> {
        let (site, prefix) = (asked.watch.site(), Prefix::of(asked.request.source.address));
        let (now, agent) = (asked.request.at, asked.request.fields.first("user-agent").unwrap_or_default());
        let slow = || asked.settings.profile().acts() && self.paced.holds((site, prefix, agent), now);
        let (what, requests) = match () {
            () if asked.is_proof => (PROOFS, PACED_REQUESTS),
            () if program::is_preflight(&asked.request) => (PREFLIGHTS, PACED_PREFLIGHTS),
            () if self.is_verified(asked) => (CRAWLERS, PACED_CRAWLERS),
            () if slow() && is_strict(asked) => (SLOW, PACED_REQUESTS / 2),
            () if slow() => (SLOW, PACED_REQUESTS),
            () => return None,
        };
        let limit = Limit::new(requests, PACED_PERIOD_SECONDS, 0).ok()?;
        Some(self.rates.hit(RateKey::of(self.network_number(site, prefix, what)), &limit, now))
    }

    fn sentence(
        &self,
        desk: &Desk,
        asked: &Asked<'_>,
        hearing: &Hearing<'_>,
        cleared: Option<ChallengeKind>,
    ) -> Sentence {
        let by_rules = if hearing.rules {
            let mut work = desk.work.lock().unwrap_or_else(PoisonError::into_inner);
            self.by_rules(&mut work, asked, hearing, cleared)
        } else {
            match hearing.standing {
                Standing::Banned(cause) => {
                    ByRules::Ends(Sentence::Refuse(Refusal::Banned, Because::ban(cause)))
                }
                Standing::Allowed(_) => ByRules::Exempt(Passage::default()),
                Standing::Neither => ByRules::Open(Passage::default(), None, false),
            }
        };
        match by_rules {
            ByRules::Ends(sentence) => sentence,
            ByRules::Exempt(passage) => Sentence::Pass(Passage { class: Class::Known, ..passage }),
            ByRules::Open(passage, redirect, skips_challenge) => {
                let against = self.against(desk, asked, hearing, (cleared, skips_challenge));
                let class = if cleared.is_some() { Class::Known } else { Class::Usual };
                against.or(redirect).unwrap_or(Sentence::Pass(Passage { class, ..passage }))
            }
        }
    }

    /// What the site's own rules and rates say.
    fn by_rules(
        &self,
        work: &mut Work,
        asked: &Asked<'_>,
        hearing: &Hearing<'_>,
        cleared: Option<ChallengeKind>,
    ) -> ByRules {
        let Work { scratch, verdict, text } = work;
        let (rules, lists) = (asked.settings.rules(), asked.settings.lists());
        let decision = rules.evaluate_for(cleared, &asked.request, lists, (scratch, verdict));
        let again = hearing.heard.by_rules.replace(true);
        for place in verdict.logged().iter().filter(|_| !again) {
            let name = rules.rule(*place).map_or("", |rule| rule.name());
            self.note(asked, &Note::Logged, &Because::rule(name), asked.settings.profile().acts());
        }
        for (place, fault, disabled) in verdict.faults() {
            if let Some(rule) = rules.rule(*place).filter(|_| *disabled && !again) {
                self.note_disabled(asked, rule.name(), *fault);
            }
        }
        let passage = Passage { changes: verdict.changes().to_vec(), ..Passage::default() };
        match (decision, hearing.standing) {
            (Decision::Allow { .. }, _) | (_, Standing::Allowed(_)) => return ByRules::Exempt(passage),
            (_, Standing::Banned(cause)) => {
                return ByRules::Ends(Sentence::Refuse(Refusal::Banned, Because::ban(cause)));
            }
            (Decision::Block { rule }, _) => {
                return ByRules::Ends(Sentence::Refuse(Refusal::Rule, Because::rule(rule)));
            }
            (Decision::Challenge { rule, kind }, _) => {
                return ByRules::Ends(Sentence::Challenge(kind, Because::rule(rule)));
            }
            _ => {}
        }
        let places: Vec<u16> = verdict.rates().to_vec();
        let mut passage = passage;
        for (turn, place) in places.into_iter().enumerate() {
            let Some(rate) = asked.settings.rates().get(usize::from(place)) else { continue };
            if !rate.counts_answers() && turn < hearing.heard.rates.get() {
                continue;
            }
            let site = asked.watch.site();
            let key =
                rate.key((site.as_bytes(), place), &self.secret, &asked.request, lists, (scratch, text));
            let standing = if rate.counts_answers() {
                passage.counting.push((place, key));
                self.rates.look(key, rate.limit(), asked.request.at)
            } else {
                hearing.heard.rates.set(turn + 1);
                self.rates.hit(key, rate.limit(), asked.request.at)
            };
            let RateStanding::Over { retry_after, .. } = standing else { continue };
            let because = Because::rule(rate.name());
            match rate.action() {
                RateAction::Refuse => {
                    let seconds = u32::try_from(retry_after.as_secs()).unwrap_or(u32::MAX).max(1);
                    return ByRules::Ends(Sentence::Refuse(Refusal::Rate(seconds), because));
                }
                RateAction::Challenge(kind) if cleared.is_none_or(|own| own < kind) => {
                    return ByRules::Ends(Sentence::Challenge(kind, because));
                }
                RateAction::Challenge(_) => {}
                RateAction::Log => {
                    self.note(asked, &Note::Logged, &because, asked.settings.profile().acts());
                }
            }
        }
        let redirect = match decision {
            Decision::Redirect { rule, status } => {
                let location = verdict.location().to_owned();
                Some(Sentence::Redirect(status.get(), location, Because::rule(rule)))
            }
            _ => None,
        };
        ByRules::Open(passage, redirect, verdict.skips_challenge())
    }

    /// What stands against a request that the rules let by: that its site is under attack, or a signature.
    fn against(
        &self,
        desk: &Desk,
        asked: &Asked<'_>,
        hearing: &Hearing<'_>,
        (cleared, skips): (Option<ChallengeKind>, bool),
    ) -> Option<Sentence> {
        // Signatures ask for waiting: whoever has only loaded a style sheet has not passed.
        let passed = cleared >= Some(ChallengeKind::Wait) || skips;
        let by_signature = self.by_signature(desk, asked, hearing, passed);
        if matches!(by_signature, Some(Sentence::Refuse(..))) || skips {
            return by_signature;
        }
        let by_switch = || {
            let (switch, kind) = self.switch(asked)?;
            let open = cleared.is_some_and(|passed| passed >= kind);
            (!open).then(|| Sentence::Challenge(kind, Because::UnderAttack(switch)))
        };
        by_signature.or_else(by_switch).or_else(|| {
            let impostor = is_strict(asked) && asked.request.bot == BotClass::Impostor;
            impostor.then_some(Sentence::Challenge(ChallengeKind::Wait, Because::Impostor))
        })
    }

    fn by_signature(
        &self,
        desk: &Desk,
        asked: &Asked<'_>,
        hearing: &Hearing<'_>,
        cleared: bool,
    ) -> Option<Sentence> {
        // Who is let through slowly is counted once, and had no block against it then.
        if hearing.heard.by_signatures.replace(true) {
            return None;
        }
        // Only what comes as far as this is counted: what was refused before would look like a flood of requests
        // that no signature meets.
        let (first, sampled) = asked.watch.see();
        if first {
            self.touch(asked.watch);
        }
        if !sampled && hearing.acting.is_none() {
            return None;
        }
        let mut request = asked.request;
        if !hearing.is_located {
            request.source = (asked.locate)(request.source.address);
        }
        let row = self.row(&request);
        let met = hearing.acting.into_iter().flatten().find_map(|posted| {
            let treated = posted.treat(&row, cleared, !is_strict(asked))?;
            let acting = &posted.acting;
            acting.describe(&request);
            asked.watch.meet();
            Some((acting, treated))
        });
        match met {
            None => {
                if sampled {
                    desk.keep(Sample { site: asked.watch.key(), row, outcome: None });
                }
                None
            }
            Some((acting, Treated::Pass)) => {
                // Those who are not acted upon while it is tried still belong to what is looked at.
                if sampled && !cleared && acting.is_tried() {
                    desk.keep(Sample { site: asked.watch.key(), row, outcome: None });
                }
                None
            }
            // What search engines send looks like nothing else at times, too. It passes at its pace.
            Some((acting, Treated::Block)) if self.is_verified(asked) => {
                Some(Sentence::Challenge(ChallengeKind::Wait, Because::signature(acting)))
            }
            Some((acting, Treated::Challenge)) => {
                Some(Sentence::Challenge(ChallengeKind::Wait, Because::signature(acting)))
            }
            Some((acting, Treated::Block)) => {
                Some(Sentence::Refuse(Refusal::Attack, Because::signature(acting)))
            }
        }
    }

    /// Why every visitor of the site is challenged now, and how; none where that is not so.
    fn switch(&self, asked: &Asked<'_>) -> Option<(&'static str, ChallengeKind)> {
        let now = asked.request.at;
        match asked.settings.under_attack() {
            _ if self.is_switched(asked) => Some(("operator", ChallengeKind::Wait)),
            UnderAttack::On => Some(("owner", ChallengeKind::Wait)),
            UnderAttack::Automatic if asked.watch.is_alarmed(now) => {
                let kind = if is_strict(asked) { ChallengeKind::Wait } else { ChallengeKind::Silent };
                Some(("automatic", kind))
            }
            UnderAttack::Automatic | UnderAttack::Off => None,
        }
    }

    /// Whether the operator has every visitor challenged, within what the edge's own doing has left of the time for it.
    fn is_switched(&self, asked: &Asked<'_>) -> bool {
        let now = asked.request.at;
        let since = asked.gate.under_attack_since(asked.watch.site(), now);
        since.is_some_and(|since| asked.watch.may_be_switched(since, now))
    }

    /// The attributes of a request, as far as they are known before it is answered.
    pub(crate) fn row(&self, request: &Request<'_>) -> Attributes {
        let stored = matches!(request.method, "GET" | "HEAD");
        let cache = if stored { CacheStatus::Miss } else { CacheStatus::Bypass };
        self.fingerprints.attributes(request, cache)
    }

    fn carry_out(&self, asked: &Asked<'_>, sentence: Sentence) -> Judged {
        let acts = asked.settings.profile().acts();
        match sentence {
            Sentence::Pass(passage) => {
                let passage = if acts { passage } else { Passage { changes: Vec::new(), ..passage } };
                Judged { ruling: Ruling::Pass(passage), note: None }
            }
            Sentence::Refuse(refusal, because) => self.refuse(asked, refusal, because),
            Sentence::Challenge(wanted, because) => {
                self.note(asked, &Note::Challenged, &because, acts);
                if !acts {
                    return Judged::would(&because);
                }
                let round = Round {
                    site: asked.watch.site(),
                    settings: asked.settings.challenge(),
                    request: &asked.request,
                    cause: because.number(),
                    wanted,
                    now: asked.request.at,
                };
                let handed = self.challenge(&round, 0, asked.request.target, false);
                match (&because, &handed) {
                    (Because::Signature(acting), Handed::Page(_)) => acting.challenged(),
                    (Because::Signature(acting), Handed::ComeAgain(_)) => acting.turned_away(),
                    _ => {}
                }
                Judged { ruling: Ruling::Challenge(handed), note: Some(because.text()) }
            }
            Sentence::Redirect(status, location, because) if acts => {
                Judged { ruling: Ruling::Redirect { status, location }, note: Some(because.text()) }
            }
            Sentence::Redirect(_, _, because) => Judged::would(&because),
        }
    }

    fn refuse(&self, asked: &Asked<'_>, refusal: Refusal, because: Because) -> Judged {
        // The operator's ban is the operator's, whatever the site's profile is.
        let acts = refusal == Refusal::Banned || asked.settings.profile().acts();
        self.note(asked, &Note::Refused(refusal), &because, acts);
        if !acts {
            return Judged::would(&because);
        }
        Judged { ruling: Ruling::Refuse(refusal), note: Some(because.text()) }
    }
}

/// Whether the site would rather trouble a visitor too many than let one by too many.
fn is_strict(asked: &Asked<'_>) -> bool {
    asked.settings.profile() == Profile::Strict
}

impl Judged {
    /// It passes unchanged, because nothing is acted upon here.
    fn would(because: &Because) -> Self {
        let note = format!("{}; the profile is monitor, so nothing was done", because.text());
        Self { ruling: Ruling::Pass(Passage::default()), note: Some(note) }
    }
}

/// What is known when a request is heard.
struct Hearing<'a> {
    standing: Standing<'a>,
    rules: bool,
    /// Whether it was looked up where the address lies.
    is_located: bool,
    acting: Option<&'a Vec<Posted>>,
    heard: Heard,
}

/// What was counted of a request already: a visitor that is let through slowly is heard twice, and counts once.
#[derive(Default)]
struct Heard {
    by_rules: Cell<bool>,
    /// So many of the rates that apply.
    rates: Cell<usize>,
    by_signatures: Cell<bool>,
}

/// What rules leave of a request.
enum ByRules {
    /// It ends here.
    Ends(Sentence),
    /// Nothing stands against it.
    Exempt(Passage),
    /// It is looked at further; where it would be redirected then; whether it is not challenged.
    Open(Passage, Option<Sentence>, bool),
}
