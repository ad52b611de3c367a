//! Names asked for at a small DNS server of the test's own.
#![allow(clippy::panic, reason = "a test that waits says what for")]

use names::{Dns, Name, Names, WAIT_AFTER};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use testkit::{NameServer, Named};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vocabulary::{Hostname, ManualClock, Timestamp};

struct Stage {
    server: NameServer,
    clock: Arc<ManualClock>,
    name: Arc<Name>,
    names: Names,
    stopping: CancellationToken,
    lookups: JoinHandle<()>,
}

impl Stage {
    async fn set() -> Self {
        let server = NameServer::start().await;
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1000)));
        let (names, lookups) = names::names(Dns::of_servers(&[server.address()]), clock.clone());
        let stopping = CancellationToken::new();
        let lookups = tokio::spawn(lookups.run(stopping.clone()));
        let name = names.of(&Hostname::parse("o.test").expect("a name"));
        Self { server, clock, name, names, stopping, lookups }
    }

    async fn addresses(&self) -> Vec<String> {
        let found = tokio::time::timeout(Duration::from_secs(60), self.name.addresses()).await;
        let found = found.expect("in time").unwrap_or_default();
        let mut found: Vec<_> = found.iter().map(ToString::to_string).collect();
        found.sort();
        found
    }

    /// Waits until the server was asked so often.
    async fn asked(&self, times: usize) {
        for _ in 0..3000 {
            if self.server.questions("o.test") >= times {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("asked {} times only", self.server.questions("o.test"));
    }

    async fn revised(&self, before: u64) {
        for _ in 0..3000 {
            if self.name.revision() != before {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nothing new was learnt");
    }
}

fn named(addresses: &[&str], ttl: u32) -> Named {
    let addresses = addresses.iter().map(|text| text.parse::<IpAddr>().expect("an address"));
    Named::Addresses(addresses.collect(), ttl)
}

#[tokio::test]
async fn both_families_are_found_once_for_everybody_and_for_as_long_as_the_answer_says() {
    let stage = Stage::set().await;
    stage.server.say("o.test", named(&["192.0.2.1", "2001:db8::1"], 60));
    let (one, other) = tokio::join!(stage.addresses(), stage.addresses());
    assert_eq!((one.len(), other.len()), (2, 2));
    let same = stage.names.of(&Hostname::parse("o.test").expect("a name"));
    assert!(Arc::ptr_eq(&same, &stage.name));
    stage.clock.advance(Duration::from_secs(59));
    assert_eq!(stage.addresses().await, ["192.0.2.1", "2001:db8::1"]);
    assert_eq!(stage.server.questions("o.test"), 1);
}

#[tokio::test]
async fn after_its_time_an_answer_is_used_once_more_while_the_next_is_looked_up() {
    let stage = Stage::set().await;
    stage.server.say("o.test", named(&["192.0.2.1"], 60));
    stage.addresses().await;
    let before = stage.name.revision();
    stage.server.say("o.test", named(&["192.0.2.2"], 60));
    stage.clock.advance(Duration::from_secs(61));
    assert_eq!(stage.addresses().await, ["192.0.2.1"], "nobody waits");
    stage.revised(before).await;
    assert_eq!(stage.addresses().await, ["192.0.2.2"]);
    assert!(stage.name.has([192, 0, 2, 2].into()) && !stage.name.has([192, 0, 2, 1].into()));
    // After a long silence the new answer is waited for.
    stage.server.say("o.test", named(&["192.0.2.3"], 60));
    stage.clock.advance(Duration::from_secs(61) + WAIT_AFTER);
    assert_eq!(stage.addresses().await, ["192.0.2.3"]);
}

#[tokio::test]
async fn while_dns_fails_the_last_answer_stays() {
    let stage = Stage::set().await;
    stage.server.say("o.test", named(&["192.0.2.1"], 60));
    stage.addresses().await;
    stage.server.say("o.test", Named::Failing);
    stage.clock.advance(Duration::from_secs(4000));
    assert_eq!(stage.addresses().await, ["192.0.2.1"]);
    stage.server.say("o.test", named(&["192.0.2.2"], 60));
    stage.clock.advance(Duration::from_secs(4000));
    assert_eq!(stage.addresses().await, ["192.0.2.2"]);
}

#[tokio::test]
async fn the_absence_of_a_name_is_believed_for_a_while() {
    let stage = Stage::set().await;
    for _ in 0..3 {
        assert!(stage.addresses().await.is_empty());
    }
    assert_eq!(stage.server.questions("o.test"), 1);
    stage.server.say("o.test", named(&["192.0.2.1"], 60));
    stage.clock.advance(names::ABSENT_TIME_MAX);
    assert_eq!(stage.addresses().await, ["192.0.2.1"]);
}

#[tokio::test]
async fn lookups_end_when_they_are_to_stop_whatever_is_under_way() {
    let stage = Stage::set().await;
    stage.server.say("o.test", Named::Mute);
    let name = Arc::clone(&stage.name);
    let waiting = tokio::spawn(async move { name.addresses().await });
    stage.asked(1).await;
    stage.stopping.cancel();
    tokio::time::timeout(Duration::from_secs(30), stage.lookups)
        .await
        .expect("ended")
        .expect("without a panic");
    waiting.abort();
}
