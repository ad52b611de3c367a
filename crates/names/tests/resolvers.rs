//! Several small DNS servers that agree or do not.

use names::{Resolvers, Said};
use std::net::IpAddr;
use testkit::{NameServer, Named};
use vocabulary::Hostname;

async fn servers(count: usize) -> (Vec<NameServer>, Resolvers) {
    let mut servers = Vec::new();
    for _ in 0..count {
        servers.push(NameServer::start().await);
    }
    let addresses: Vec<_> = servers.iter().map(NameServer::address).collect();
    (servers, Resolvers::of_servers(&addresses))
}

fn records(records: &[&str]) -> Said {
    Said::Records(records.iter().map(|record| (*record).to_owned()).collect())
}

#[tokio::test]
async fn each_resolver_says_what_it_knows() {
    let (servers, resolvers) = servers(3).await;
    servers[0].say("proof.test", Named::Texts(vec!["one".to_owned(), "x".repeat(255)]));
    servers[2].say("proof.test", Named::Failing);
    servers[0].say("www.test", Named::Alias("token.edge.test".to_owned()));
    let long = "x".repeat(255);
    assert_eq!(resolvers.texts("proof.test").await, [records(&["one", &long]), records(&[]), Said::Nothing]);
    assert_eq!(
        resolvers.aliases("www.test").await,
        [records(&["token.edge.test."]), records(&[]), records(&[])]
    );
    assert_eq!(resolvers.count(), 3);
}

#[tokio::test]
async fn addresses_are_those_that_all_agree_on() {
    let (servers, resolvers) = servers(3).await;
    let host = Hostname::parse("www.test").expect("a name");
    let of = |last: &[u8]| {
        Named::Addresses(last.iter().map(|last| IpAddr::from([192, 0, 2, *last])).collect(), 60)
    };
    for (said, agreed) in [
        ([of(&[1, 2]), of(&[2, 3]), of(&[2])], vec![2]),
        ([of(&[1, 2]), of(&[2, 3]), Named::Failing], vec![2]),
        ([of(&[1]), Named::Failing, Named::Failing], vec![]),
        ([of(&[1]), of(&[1]), Named::Absent], vec![]),
        ([of(&[1]), of(&[1]), of(&[2])], vec![]),
    ] {
        for (server, named) in servers.iter().zip(said.clone()) {
            server.say("www.test", named);
        }
        let agreed: Vec<IpAddr> = agreed.iter().map(|last| IpAddr::from([192, 0, 2, *last])).collect();
        assert_eq!(resolvers.addresses(&host).await, agreed, "{said:?}");
    }
}
