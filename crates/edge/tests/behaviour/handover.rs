//! From one edge to the next on the same sockets: whom each of them serves over QUIC.

use crate::quic::{ask, client_naming, connect, patient, request, visit};
use crate::support::{HOST, Stage};
use edge::{Handover, Inherited};
use quinn::ConnectionId;

/// What a connection's id of a process of this generation looks like to the process after.
fn made_up(generation: u8) -> ConnectionId {
    let mut id = vec![generation, 0, 1, 2, 3, 4, 5, 6];
    let (low, high) = id.iter().fold((1, 0), |(low, high): (u16, u16), byte| {
        let low = (low + u16::from(*byte)) % 255;
        (low, (high + low) % 255)
    });
    id.extend([low, high].map(|sum| u8::try_from(sum).expect("below 255")));
    ConnectionId::new(&id)
}

#[tokio::test]
async fn who_makes_up_an_id_of_the_edge_before_keeps_it_from_its_end_no_longer() {
    let before = Stage::set().await;
    // It is up as long as this is not answered.
    let (mut sender, _connection) = visit(&before).await;
    let _unanswered = ask(&mut sender, request("GET", "/")).await;
    let Handover { listeners, datagrams, mut making_way } = before.edge.handover().expect("sockets");
    let generation = datagrams[0].before.as_ref().expect("itself").generation;
    let inherited = Inherited::new(listeners, datagrams);
    let (http, https, given) = (before.edge.http(), before.edge.https(), inherited.clone());
    let set = |options: &mut edge::Options| {
        (options.http, options.https, options.inherited) = (http.to_vec(), https.to_vec(), given);
    };
    let next = Stage::set_with(set, |_| {}).await;
    making_way.step_aside();
    inherited.begin();
    connect(&next, HOST).await.expect("newcomers are the next one's");
    let intruder = client_naming(&before, move || made_up(generation));
    let intrude = || async { intruder.connect(before.edge.https()[0], HOST).expect("settings").await };
    patient(intrude()).await.expect("it still lets in whom it is sent");
    before.stop();
    let error = patient(async {
        loop {
            if let Err(error) = intrude().await {
                break error;
            }
        }
    });
    let refused = error.await.to_string();
    assert!(refused.contains("refused"), "{refused}");
}
