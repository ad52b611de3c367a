use super::{Fault, Memory};
use crate::contract::Rig;
use crate::contract::fixtures::{account, note};
use crate::{ApplyError, Change, Effect, Records, Sites};
use async_trait::async_trait;
use std::sync::Arc;

struct MemoryRig(Arc<Memory>);

#[async_trait]
impl Rig for MemoryRig {
    fn records(&self) -> Arc<dyn Records> {
        self.0.clone()
    }

    /// What the fake keeps, it keeps in the same value.
    async fn reopen(&mut self) {}
}

async fn fresh() -> MemoryRig {
    MemoryRig(Arc::new(Memory::new()))
}

crate::contract_suite!(fresh);

#[tokio::test]
async fn a_fault_without_effect_changes_nothing() {
    let memory = Memory::new();
    memory.fail_next(Fault::WithoutEffect);
    let failed = memory.apply(&[Change::PutAccount(account(1))], None, &note(1, "a test")).await;
    assert!(
        matches!(&failed, Err(ApplyError::Store(error)) if error.effect() == Effect::None && error.may_retry())
    );
    assert_eq!(memory.revision().await.unwrap(), 0);
}

#[tokio::test]
async fn a_fault_with_effect_changes_and_still_fails() {
    let memory = Memory::new();
    memory.fail_after(1, Fault::WithEffect);
    assert_eq!(memory.revision().await.unwrap(), 0);
    let change = [Change::PutAccount(account(1))];
    let failed = memory.apply(&change, None, &note(1, "a test")).await;
    assert!(matches!(&failed, Err(ApplyError::Store(error)) if error.effect() == Effect::Unknown));
    assert_eq!(memory.revision().await.unwrap(), 1);
    assert_eq!(memory.apply(&change, None, &note(1, "a test")).await.unwrap(), 1, "repeating is harmless");
    assert_eq!(memory.calls(), 4);
}

#[tokio::test]
async fn one_duty_can_be_had_alone() {
    let records: Arc<dyn Records> = Arc::new(Memory::new());
    let sites: Arc<dyn Sites> = records;
    assert_eq!(sites.revision().await.unwrap(), 0);
}
