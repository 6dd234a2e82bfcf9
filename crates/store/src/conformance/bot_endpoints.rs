//! Where bots are asked to do something: kept, replaced, bounded.

use tidemark_core::UserId;

use super::world::user_id;
use super::{Engine, World};
use crate::{
    BOT_ENDPOINTS_MAX, BotCommand, BotEndpoint, BotEndpointError, BotEndpoints, Directory, NewBot,
};

async fn bot<E: Engine>(world: &World<E>, id: &str) -> UserId {
    let new = NewBot {
        id: user_id(id),
        display_name: None,
        at: world.now(),
    };
    let made = world.store.create_bot(new).await;
    made.expect("the name is free").id
}

fn endpoint(bot: &UserId, names: &[&str]) -> BotEndpoint {
    let command = |name: &&str| BotCommand {
        name: (*name).to_owned(),
        usage: "TEXT [at TIME]".to_owned(),
        description: format!("Does {name}, ü"),
    };
    BotEndpoint {
        bot: bot.clone(),
        url: "https://bots.example/commands?a=b".to_owned(),
        secrets: vec!["whsec_new".to_owned(), "whsec_old".to_owned()],
        commands: names.iter().map(command).collect(),
    }
}

/// What was kept is read back, also after the process died, and takes the place of what was before.
pub async fn what_a_bot_can_be_asked_for_is_kept<E: Engine>(mut world: World<E>) {
    assert_eq!(world.store.bot_endpoints().await, Ok(Vec::new()));
    let [two, one] = [bot(&world, "two").await, bot(&world, "one").await];
    let mut plain = endpoint(&one, &["remind"]);
    plain.commands[0].usage = String::new();
    plain.commands[0].description = String::new();
    let kept = [plain, endpoint(&two, &["deploy", "rollback"])];
    for one in kept.iter().rev() {
        assert_eq!(world.store.set_bot_endpoint(one.clone()).await, Ok(()));
    }
    assert_eq!(world.store.bot_endpoints().await, Ok(kept.to_vec()));
    let changed = BotEndpoint {
        url: "https://elsewhere.example/".to_owned(),
        ..endpoint(&two, &["rollback", "status"])
    };
    let set = world.store.set_bot_endpoint(changed.clone()).await;
    assert_eq!(set, Ok(()));
    world.kill_and_reopen();
    let expected = vec![kept[0].clone(), changed.clone()];
    assert_eq!(world.store.bot_endpoints().await, Ok(expected));
    assert_eq!(world.store.remove_bot_endpoint(&one).await, Ok(()));
    assert_eq!(world.store.bot_endpoints().await, Ok(vec![changed]));
    let again = world.store.remove_bot_endpoint(&one).await;
    assert_eq!(again, Err(BotEndpointError::Unknown));
}

/// A word asks one bot, and only bots are asked.
pub async fn a_command_belongs_to_one_bot<E: Engine>(world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let [one, two] = [bot(&world, "one").await, bot(&world, "two").await];
    for nobody in [&ann, &user_id("nobody")] {
        let set = world.store.set_bot_endpoint(endpoint(nobody, &["a"])).await;
        assert_eq!(set, Err(BotEndpointError::Unknown));
    }
    let first = endpoint(&one, &["remind", "deploy"]);
    assert_eq!(world.store.set_bot_endpoint(first.clone()).await, Ok(()));
    let taken = endpoint(&two, &["other", "deploy"]);
    let set = world.store.set_bot_endpoint(taken.clone()).await;
    assert_eq!(set, Err(BotEndpointError::Taken));
    assert_eq!(world.store.bot_endpoints().await, Ok(vec![first]));
    let without = endpoint(&one, &["remind"]);
    assert_eq!(world.store.set_bot_endpoint(without).await, Ok(()));
    assert_eq!(world.store.set_bot_endpoint(taken).await, Ok(()));
}

/// There are never more than are allowed; those that are there can change.
pub async fn endpoints_of_bots_are_bounded<E: Engine>(world: World<E>) {
    for number in 0..=BOT_ENDPOINTS_MAX {
        let bot = bot(&world, &format!("bot-{number}")).await;
        let set = world
            .store
            .set_bot_endpoint(endpoint(&bot, &[&format!("do-{number}")]));
        let expected = match number {
            BOT_ENDPOINTS_MAX => Err(BotEndpointError::Full),
            _ => Ok(()),
        };
        assert_eq!(set.await, expected, "{number}");
    }
    let changed = endpoint(&user_id("bot-7"), &["other"]);
    assert_eq!(world.store.set_bot_endpoint(changed).await, Ok(()));
}
