//! Devices that miss much and catch up hold in the end what everybody holds.

use std::collections::BTreeMap;

use tidemark_core::access::{Caller, Horizon};
use tidemark_core::conversation::{
    Action, Emoji, Event, History, Joined, Mentions, NewReply, Role, RulesChange, SettingsChange,
    Wish,
};
use tidemark_core::timeline::{Applied, Timeline};
use tidemark_core::{ConversationId, Seq, UserId};

use super::amending::amend;
use super::counting::Dice;
use super::naive::{Naive, Told};
use super::world::{WHOLE, seq};
use super::{Engine, World};
use crate::{Outcome, PageLimits, Store, Window};

/// Events that are done in each conversation.
const STEPS: usize = 220;
/// So small that nobody catches up with one page.
const SHORT: PageLimits = PageLimits {
    entries_max: 7,
    text_bytes_max: 200,
};

/// A device of a member, which hears of some events and asks for the rest.
struct Device {
    user: UserId,
    timeline: Timeline,
}

impl Device {
    /// Holds nothing, of what its user sees.
    fn new(user: &UserId, horizon: Horizon) -> Self {
        let timeline = Timeline::starting_after(horizon.after(Seq::ZERO));
        Self {
            user: user.clone(),
            timeline: timeline.viewed_by(user.clone()),
        }
    }

    /// One page of what it misses. Whether there is more.
    async fn catch_up<E: Engine>(&mut self, world: &World<E>, room: ConversationId) -> bool {
        let caller = Caller::User(self.user.clone());
        let after = self.timeline.head();
        let page = world.store.events_after(&caller, room, after, SHORT).await;
        let page = page.expect("a member reads");
        for event in &page.events {
            assert_eq!(self.timeline.apply(event), Applied::New);
        }
        page.more
    }
}

/// Whatever members do, and whatever of it their devices miss: once they have caught up, the timeline of each is the same as
/// the store's and as a naive telling of what happened, and so are unread, mentions and the unread of each thread.
pub async fn devices_that_miss_much_converge<E: Engine>(world: World<E>) {
    let people = world.people(["ann", "bob", "cyd", "dee"]).await;
    for (seed, history) in [(1, History::All), (2, History::SinceJoined)] {
        let mut dice = Dice(seed);
        let room = world.group(&people[0], &[&people[1], &people[2]]).await;
        let rules = SettingsChange {
            rules: RulesChange {
                history: Some(history),
                ..RulesChange::default()
            },
            ..SettingsChange::default()
        };
        let mut naive = Naive::default();
        world
            .done(&people[0], room, Action::ChangeSettings(rules))
            .await;
        for event in world.events(room).await {
            naive.note(&event);
        }
        let mut devices: Vec<Device> = Vec::new();
        for _ in 0..STEPS {
            let members: Vec<_> = naive.members().map(|(user, _)| user.clone()).collect();
            devices.retain(|device| members.contains(&device.user));
            for user in &members {
                let has_any = devices.iter().any(|device| device.user == *user);
                if !has_any {
                    let horizon = horizon_of(&world, user, room).await;
                    devices.extend([Device::new(user, horizon), Device::new(user, horizon)]);
                }
            }
            for event in step(&world, &mut dice, &people, room, &mut naive).await {
                naive.note(&event);
                for device in &mut devices {
                    // What is lost is not known to be; what comes out of turn is not taken.
                    if dice.below(3) > 0 {
                        hear(device, &event, history);
                    }
                }
            }
            if !devices.is_empty() && dice.below(5) == 0 {
                let device = dice.below(devices.len());
                let device = &mut devices[device];
                if naive.members().any(|(user, _)| *user == device.user) {
                    device.catch_up(&world, room).await;
                }
            }
        }
        check(&world, room, &naive, devices).await;
    }
}

/// An edit may be of a message that the user does not see: where that can be, nobody hears of one live.
fn hear(device: &mut Device, event: &Event, history: History) {
    let is_edit = event
        .body
        .as_amendment()
        .is_some_and(|it| matches!(it.change, tidemark_core::conversation::Change::Edit { .. }));
    if history == History::All || !is_edit {
        device.timeline.apply(event);
    }
}

async fn horizon_of<E: Engine>(world: &World<E>, user: &UserId, room: ConversationId) -> Horizon {
    let caller = Caller::User(user.clone());
    let view = world.store.conversation(&caller, room);
    let view = view.await.expect("a member sees it");
    let membership = view.membership.expect("a member");
    Horizon::of_member(&view.conversation, &membership)
}

/// Somebody does something, which may be refused. What happened.
async fn step<E: Engine>(
    world: &World<E>,
    dice: &mut Dice,
    people: &[UserId],
    room: ConversationId,
    naive: &mut Naive,
) -> Vec<Event> {
    let user = &people[dice.below(people.len())];
    let other = &people[dice.below(people.len())];
    let said: Vec<Seq> = naive.messages.keys().copied().collect();
    let target = match said.len() {
        0 => seq(1),
        // Mostly of what was said lately.
        count => said[count - 1 - dice.below(count.min(12))],
    };
    let action = match dice.below(20) {
        0 if user != &people[0] && dice.below(3) == 0 => Action::Leave,
        0..=1 => Action::AddMembers(vec![Joined {
            user: other.clone(),
            role: Role::Admin,
        }]),
        2..=3 => amend(target, Wish::Delete),
        4..=5 => amend(
            target,
            Wish::Edit {
                text: ["one", "two", "three"][dice.below(3)].to_owned(),
                mentions: Some(Mentions::All),
            },
        ),
        6..=8 => {
            let emoji = Emoji::parse(["👍", "👎", ":boat:"][dice.below(3)]);
            let wish = Wish::React {
                emoji: emoji.expect("an emoji"),
                on: dice.below(3) > 0,
            };
            amend(target, wish)
        }
        9 => amend(
            target,
            Wish::Pin {
                on: dice.below(3) > 0,
            },
        ),
        10..=11 => Action::MoveCursor(target),
        12 => {
            let moved = world
                .store
                .move_thread_cursor(user, room, target, target.next())
                .await;
            if moved.is_ok_and(|moved| moved.moved) {
                naive.has_read_thread(user, target, target.next());
            }
            return Vec::new();
        }
        what => {
            let mut message = world.message("hello");
            if what > 16 {
                message.thread = Some(NewReply {
                    thread: target,
                    also_in_conversation: dice.below(2) == 0,
                });
            }
            message.mentions = match dice.below(4) {
                0 => Mentions::All,
                1 => Mentions::Users(vec![other.clone()]),
                _ => Mentions::default(),
            };
            Action::Send(message)
        }
    };
    match world.commit(world.command(user, room, action)).await {
        Ok(Outcome::Appended { events, .. }) => events,
        Ok(Outcome::Cursor { cursor, .. }) => {
            naive.has_read(user, cursor.read);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

async fn check<E: Engine>(
    world: &World<E>,
    room: ConversationId,
    naive: &Naive,
    devices: Vec<Device>,
) {
    let mut checked = 0;
    for mut device in devices {
        let user = device.user.clone();
        if !naive.members().any(|(member, _)| *member == user) {
            continue;
        }
        while device.catch_up(world, room).await {}
        let caller = Caller::User(user.clone());
        let held: Vec<_> = device.timeline.messages().cloned().collect();
        let read = world
            .store
            .messages(&caller, room, Window::Latest, WHOLE)
            .await;
        assert_eq!(read.expect("a timeline").messages, held, "{user}");

        let horizon = horizon_of(world, &user, room).await;
        let visible = || {
            naive
                .messages
                .iter()
                .filter(|(seq, _)| horizon.includes(**seq))
        };
        let told: Vec<_> = visible()
            .map(|(seq, told)| (*seq, told.as_shown()))
            .collect();
        let shown: Vec<_> = held.iter().map(|it| (it.seq, Told::of(it))).collect();
        assert_eq!(shown, told, "{user}");
        for (message, (_, told)) in held.iter().zip(visible()) {
            let reactions = message.reactions.iter();
            let reactions = reactions.map(|it| (it.emoji.to_string(), (it.count, it.mine)));
            assert_eq!(reactions.collect::<BTreeMap<_, _>>(), told.reactions(&user));
        }
        let (_, counts) = world.store.counts(&user, room).await.expect("a member");
        assert_eq!(counts, naive.counts(&user), "{user}");
        for message in held.iter().filter(|message| message.replies.is_some()) {
            let first = message.seq;
            let page = world
                .store
                .thread(&caller, room, first, Window::Latest, WHOLE)
                .await;
            let standing = page.expect("a thread").standing;
            assert_eq!(
                standing.unread,
                naive.unread_in(&user, first),
                "{user} in {first}"
            );
        }
        checked += 1;
    }
    assert!(checked > 2, "few are left to look at");
}
