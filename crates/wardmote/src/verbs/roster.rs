//! `wardmote roster`: keys of officers, and the roster that a deployment is founded with.
//!
//! Each officer makes the key on a machine of their own and hands on the member's line alone. Whoever founds puts the lines
//! together; the list stands in the order of the keys' random bytes, so that nothing public tells one key of a person from
//! another. Nothing here is read by a process that serves.

use super::{configuration, doctor};
use crate::ambient::{SystemClock, SystemRandom};
use crate::command_line::{NewKey, NewRoster, RosterVerb};
use crate::exit::{Exit, Failure};
use crate::output;
use policy::{Member, OfficerKey, Profile, Pseudonym, Role, Roster};
use serde_json::json;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use vocabulary::{Clock as _, Digest, Hasher, Random};

pub(crate) fn run(verb: &RosterVerb, json: bool) -> Result<Exit, Failure> {
    match verb {
        RosterVerb::Key(asked) => key(asked, json),
        RosterVerb::Found(asked) => found(asked, json),
    }
}

/// Makes a key for an officer, and the member's line.
fn key(asked: &NewKey, json: bool) -> Result<Exit, Failure> {
    let pseudonym: Pseudonym = named("--pseudonym", &asked.pseudonym)?;
    let role: Role = named("--role", &asked.role)?;
    let person = match &asked.person {
        Some(before) => member(before)?.person,
        None => sealed(&SystemRandom),
    };
    let key = OfficerKey::generate(&SystemRandom, pseudonym.clone(), role);
    let line =
        Member { key: key.public(), pseudonym, role, person, organisation: asked.organisation.clone() };
    let line = serde_json::to_string(&line).map_err(Failure::failed)?;
    let beside = PathBuf::from(format!("{}.member", asked.out.display()));
    write_new(&asked.out, key.to_text().as_bytes(), 0o600)?;
    write_new(&beside, format!("{line}\n").as_bytes(), 0o644)?;
    if json {
        output::json(&json!({"key": asked.out, "member": beside}));
    } else {
        println!("key     {}  (yours alone; keep a copy where fire does not reach)", asked.out.display());
        println!("member  {}  (hand this on to whoever founds)", beside.display());
    }
    Ok(Exit::Done)
}

/// A name for a person that says nothing about them.
fn sealed(random: &dyn Random) -> Digest {
    Hasher::domain("wardmote/person/v1").part(&random.bytes::<32>()).finish()
}

/// A word of the roster: a role or a profile by its name there.
fn named<T: serde::de::DeserializeOwned>(flag: &str, text: &str) -> Result<T, Failure> {
    serde_json::from_value(json!(text)).map_err(|error| Failure::bad_use(format!("{flag} {text}: {error}")))
}

/// Puts members together to the roster that this data folder is founded with, before its first start.
fn found(asked: &NewRoster, json: bool) -> Result<Exit, Failure> {
    let profile: Profile = named("--profile", &asked.profile)?;
    if profile == Profile::Trial {
        return Err(Failure::bad_use("a trial founds itself: `wardmote up`"));
    }
    let mut members = asked.members.iter().map(|path| member(path)).collect::<Result<Vec<_>, _>>()?;
    members.sort_by_key(|member| *member.key.as_bytes());
    let roster = Roster::new(profile, 1, SystemClock.now(), profile.thresholds(), members);
    let roster = roster.map_err(|error| Failure::bad_use(format!("no roster: {error}")))?;
    let (bytes, out) = (roster.to_bytes(), place(asked)?);
    if asked.dry_run {
        doctor::tell(&roster, json);
        return Ok(Exit::Done);
    }
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder)
            .map_err(|error| Failure::failed(format!("{}: {error}", folder.display())))?;
    }
    write_new(&out, &bytes, 0o644)?;
    doctor::tell(&roster, json);
    if !json {
        println!("roster  {}  sha256 {}", out.display(), roster.hash());
        println!("Next: set control.witnesses to witnesses of others, then `wardmote up`.");
    }
    Ok(Exit::Done)
}

/// Where the roster of the data folder lies before it is founded.
fn place(asked: &NewRoster) -> Result<PathBuf, Failure> {
    let local = &asked.local;
    let config = configuration(local.config.as_deref(), local.data_dir.as_deref())?;
    Ok(control::DataDir::new(&config.data_dir).roster())
}

fn member(path: &Path) -> Result<Member, Failure> {
    let bad = |error: &dyn std::fmt::Display| Failure::bad_use(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| bad(&error))?;
    serde_json::from_str(&text).map_err(|error| bad(&error))
}

/// A file that was not there before.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = made.and_then(|mut file: File| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|error: io::Error| Failure::failed(format!("{}: {error}", path.display())))
}
