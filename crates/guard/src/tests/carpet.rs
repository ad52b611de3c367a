//! Attacks that are spread over many sites.

use super::*;

const SITES: u8 = 100;

/// An edge with many sites, each asked once a second.
struct Edge {
    scene: Scene,
    watches: Vec<Arc<Watch>>,
    random: SeededRandom,
}

impl Edge {
    fn calm() -> Self {
        let watches = (0..SITES).map(|n| Watch::new(SiteId::from_bytes([n; 16]))).collect();
        let scene = Scene::set(&ShieldSettings::default());
        let mut edge = Self { scene, watches, random: SeededRandom::new(9) };
        for _ in 0..1_300 {
            assert_eq!(edge.tenth(0), (0, 0));
        }
        edge
    }

    /// A tenth of a second with so many requests of a flood: how many of them, and of visitors, were turned away.
    fn tenth(&mut self, flood: u32) -> (u32, u32) {
        let (mut flooding, mut visiting) = (0, 0);
        for _ in 0..10 {
            let kind = self.below(4);
            let client = [10, self.below(97) as u8, self.below(251) as u8, 1];
            let site = self.below(SITES.into());
            visiting += u32::from(!self.passes(site, client, &browser(kind)));
        }
        for _ in 0..flood {
            let (site, client) =
                (self.below(SITES.into()), [172, 16, self.below(200) as u8, self.below(250) as u8]);
            flooding += u32::from(!self.passes(site, client, &tool()));
        }
        self.scene.turn();
        (flooding, visiting)
    }

    fn below(&self, most: u64) -> usize {
        self.random.below(most) as usize
    }

    fn passes(&self, site: usize, client: [u8; 4], fields: &HeaderMap) -> bool {
        let scene = &self.scene;
        let asked = Asked {
            request: request(client.into(), "/", fields, scene.now()),
            locate: &Source::at,
            watch: &self.watches[site],
            settings: &scene.settings,
            gate: &scene.gate,
            ray: &"00",
            is_proof: false,
        };
        matches!(scene.guard.judge(&scene.desk, &asked).ruling, Ruling::Pass(_))
    }
}

#[test]
fn a_flood_over_many_sites_is_stopped_at_all_of_them_and_may_be_undone_at_one() {
    let mut edge = Edge::calm();
    let (mut stopped_after, mut lost) = (None, 0);
    for tenth in 0..120 {
        let (flooding, visiting) = edge.tenth(80);
        lost += visiting;
        if flooding >= 72 && stopped_after.is_none() {
            stopped_after = Some(tenth);
        }
    }
    assert!(stopped_after.is_some_and(|tenth| tenth <= 40), "after {stopped_after:?} tenths of a second");
    assert!(lost <= 12, "{lost} of 1200 visitors were turned away");
    let found = edge.scene.guard.signatures();
    assert_eq!(found.len(), 1, "one attack, one signature: {found:?}");
    assert!(edge.scene.guard.undo(SiteId::from_bytes([7; 16]), &found[0].id));
    edge.tenth(0);
    assert!(edge.passes(7, [172, 16, 1, 1], &tool()), "undone here");
    assert!(!edge.passes(8, [172, 16, 1, 1], &tool()), "and not elsewhere");
}

#[test]
fn a_flood_over_many_sites_does_not_become_the_usual_at_each_of_them() {
    let mut edge = Edge::calm();
    let mut stopped = 0;
    for tenth in 0..500 {
        let (flooding, _) = edge.tenth(80);
        if tenth >= 400 {
            stopped += flooding;
        }
    }
    assert!(stopped >= 7_600, "{stopped} of 8000 in the last ten seconds of fifty");
}
