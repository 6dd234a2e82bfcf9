//! Whatever happens in whatever order: no hole, no double, and one answer for each request.

use proptest::prelude::*;

use crate::world::World;

#[derive(Clone, Copy, Debug)]
enum Step {
    OtherSays { same_name: Option<usize> },
    Send,
    SendWhatWasSentElsewhere,
    SendUnderANameOfOthers,
    SendInVain,
    Publish { is_full: bool },
    Write,
    ReadPage,
    WritePage,
    Sync { after: u64 },
    Open { after: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let same_name = prop::option::weighted(0.2, 0_usize..8);
    prop_oneof![
        4 => same_name.prop_map(|same_name| Step::OtherSays { same_name }),
        4 => Just(Step::Send),
        1 => Just(Step::SendWhatWasSentElsewhere),
        1 => Just(Step::SendUnderANameOfOthers),
        1 => Just(Step::SendInVain),
        6 => prop::bool::weighted(0.15).prop_map(|is_full| Step::Publish { is_full }),
        6 => Just(Step::Write),
        4 => Just(Step::ReadPage),
        4 => Just(Step::WritePage),
        2 => (0..40_u64).prop_map(|after| Step::Sync { after }),
        1 => (0..40_u64).prop_map(|after| Step::Open { after }),
    ]
}

fn play(world: &mut World, step: Step) {
    match step {
        Step::OtherSays { same_name } => world.other_says(same_name),
        Step::Send => world.send(),
        Step::SendWhatWasSentElsewhere => world.send_what_was_sent_elsewhere(),
        Step::SendUnderANameOfOthers => world.send_under_a_name_of_others(),
        Step::SendInVain => world.send_in_vain(),
        Step::Publish { is_full } => world.publish(is_full),
        Step::Write => world.write(),
        Step::ReadPage => world.read_page(),
        Step::WritePage => world.write_page(),
        Step::Sync { after } => world.sync(after),
        Step::Open { after } => world.open(after),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_place_comes_once_and_every_request_is_answered(
        steps in proptest::collection::vec(step(), 0..80),
    ) {
        let mut world = World::new();
        for step in steps {
            play(&mut world, step);
        }
        world.settle();
    }
}
