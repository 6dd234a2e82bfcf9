//! Roles, rules, bans and invites: what commands do to them, and who reads what of it.

use std::sync::Arc;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, CodeHash, Command, EventBody, History, Invite, Joined, NewAmendment, NewInvite, Role,
    Rules, RulesChange, SettingsChange, Wish,
};
use tidemark_core::{ConversationId, InviteId, RefusalCode, Seq, Timestamp, UserId};

use super::Engine;
use super::world::{WHOLE, World, appended, commit, read_refusal, refusal, refused, seq};
use crate::{Outcome, Store};

fn settings(rules: RulesChange) -> Action {
    Action::ChangeSettings(SettingsChange {
        rules,
        ..SettingsChange::default()
    })
}

fn add(user: &UserId, role: Role) -> Action {
    let user = user.clone();
    Action::AddMembers(vec![Joined { user, role }])
}

fn ban(user: &UserId) -> Action {
    Action::Ban(user.clone(), None)
}

fn person(user: &UserId) -> Caller {
    Caller::User(user.clone())
}

impl<E: Engine> World<E> {
    /// Makes an invite; its code.
    async fn invite(
        &self,
        by: &UserId,
        room: ConversationId,
        uses_max: Option<u64>,
    ) -> (Invite, Action) {
        let id = self.id();
        let mut code = [7; 32];
        code[..16].copy_from_slice(id.as_bytes());
        let new = NewInvite {
            id: InviteId(id),
            code: CodeHash(code),
            role: Role::Guest,
            expires_in_ms: None,
            uses_max,
        };
        let Outcome::Invited(invite) = self.done(by, room, Action::Invite(new)).await else {
            panic!("an invite is made");
        };
        (invite, Action::JoinByInvite(CodeHash(code)))
    }
}

/// The rules of a conversation are what its settings made of them, also after a kill.
pub async fn rules_are_what_settings_made_of_them<E: Engine>(mut world: World<E>) {
    let [ann] = world.people(["ann"]).await;
    let room = world.group(&ann, &[]).await;
    let rules = Rules {
        history: History::SinceJoined,
        slow_mode_seconds: 60,
        announcements_only: true,
        mention_all: Role::Admin,
    };
    let change = RulesChange {
        history: Some(rules.history),
        slow_mode_seconds: Some(rules.slow_mode_seconds),
        announcements_only: Some(rules.announcements_only),
        mention_all: Some(rules.mention_all),
    };
    let outcome = world.done(&ann, room, settings(change.clone())).await;
    assert!(
        matches!(
            outcome,
            Outcome::Appended {
                history: History::SinceJoined,
                ..
            }
        ),
        "{outcome:?}"
    );
    let events = world.events(room).await;
    assert_eq!(appended(&outcome), &events[2..]);
    world.kill_and_reopen();
    let view = world
        .store
        .conversation(&person(&ann), room)
        .await
        .expect("it is there");
    assert_eq!(view.conversation.rules, rules);
    assert_eq!(world.events(room).await, events);
    let again = world.done(&ann, room, settings(change)).await;
    assert!(matches!(again, Outcome::Unchanged { .. }), "{again:?}");
}

/// How long to wait follows from the last message in the log: of this batch, of before, and after a kill.
pub async fn slow_mode_goes_by_the_last_message<E: Engine>(mut world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let slow = RulesChange {
        slow_mode_seconds: Some(10),
        ..RulesChange::default()
    };
    world.done(&ann, room, settings(slow)).await;
    let begin = world.now().0;
    let at = |ms: i64, command: Command| Command {
        at: Timestamp(begin + ms),
        ..command
    };
    let first = at(0, world.send(&bob, room, "first"));
    let second = at(4_000, world.send(&bob, room, "second"));
    let retry = at(5_000, first.clone());
    let by_owner = at(5_001, world.send(&ann, room, "order"));
    let batch = vec![first, second.clone(), retry, by_owner];
    let mut outcomes = world.store.commit(batch).await.into_iter();
    assert!(matches!(
        outcomes.next(),
        Some(Ok(Outcome::Appended { .. }))
    ));
    let early = refusal(outcomes.next().expect("it is there"));
    assert_eq!(early.code, RefusalCode::RateLimited);
    assert_eq!(early.retry_after_ms, Some(6_000));
    assert!(matches!(
        outcomes.next(),
        Some(Ok(Outcome::Repeated { .. }))
    ));
    assert!(matches!(
        outcomes.next(),
        Some(Ok(Outcome::Appended { .. }))
    ));
    world.kill_and_reopen();
    let early = refusal(world.commit(at(9_999, second.clone())).await);
    assert_eq!(early.retry_after_ms, Some(1));
    assert!(world.commit(at(10_000, second)).await.is_ok());
}

/// Who is banned is out, stays out, and is in the list until the ban is lifted; members or not.
pub async fn a_ban_removes_and_is_listed<E: Engine>(mut world: World<E>) {
    let [ann, bob, cyd, dee] = world.people(["ann", "bob", "cyd", "dee"]).await;
    let room = world.public_channel(&ann, &[&bob, &cyd]).await;
    let reason = Some("spam".to_owned());
    let banned = Action::Ban(bob.clone(), reason.clone());
    let event = appended(&world.done(&ann, room, banned).await)[0].clone();
    let EventBody::Members(change) = &event.body else {
        panic!("{event:?}");
    };
    assert_eq!(
        (&change.left, &change.banned),
        (&vec![bob.clone()], &vec![bob.clone()])
    );
    world.done(&ann, room, ban(&dee)).await;
    world.kill_and_reopen();

    let page = async |after: Option<&UserId>, most| {
        world
            .store
            .bans(&person(&ann), room, after, most)
            .await
            .expect("it is there")
    };
    let bans = page(None, 9).await;
    assert_eq!(bans.bans[0].reason, reason);
    assert_eq!(
        (bans.bans[0].seq, bans.bans[0].at, &bans.bans[0].by),
        (event.seq, event.at, &ann)
    );
    let users: Vec<_> = bans.bans.iter().map(|ban| ban.user.clone()).collect();
    assert_eq!(users, [bob.clone(), dee.clone()]);
    assert!(!bans.more);
    let first = page(None, 1).await;
    assert!(first.more);
    assert_eq!(page(Some(&first.bans[0].user), 1).await.bans[0].user, dee);

    for user in [&bob, &dee] {
        let join = world.command(user, room, Action::Join);
        assert_eq!(refused(world.commit(join).await), RefusalCode::Forbidden);
        let adding = world.command(&ann, room, add(user, Role::Member));
        assert_eq!(refused(world.commit(adding).await), RefusalCode::Forbidden);
        let inbox = world.store.inbox(user, None, 9).await.expect("it is there");
        assert!(inbox.conversations.is_empty());
        let view = world
            .store
            .conversation(&person(user), room)
            .await
            .expect("it is there");
        assert_eq!((view.membership, view.last_message), (None, None));
    }
    let members = world
        .store
        .members(&person(&ann), room, None, 9)
        .await
        .expect("it is there");
    let members: Vec<_> = members
        .members
        .into_iter()
        .map(|member| member.user)
        .collect();
    assert_eq!(members, [ann.clone(), cyd.clone()]);
    assert_eq!(
        read_refusal(world.store.bans(&person(&cyd), room, None, 9).await).code,
        RefusalCode::Forbidden
    );

    world.done(&ann, room, Action::Unban(bob.clone())).await;
    world.done(&bob, room, Action::Join).await;
    let bans = world
        .store
        .bans(&Caller::Administrator, room, None, 9)
        .await
        .expect("it is there");
    assert_eq!(bans.bans.len(), 1);
}

/// A cursor never goes back, however somebody left and however they come again.
pub async fn whoever_comes_back_has_not_read_less<E: Engine>(world: World<E>) {
    let [ann, bob] = world.people(["ann", "bob"]).await;
    let room = world.public_channel(&ann, &[&bob]).await;
    let mut read = Seq::ZERO;
    for leaves in [
        world.command(&bob, room, Action::Leave),
        world.command(&ann, room, Action::RemoveMember(bob.clone())),
        world.command(&ann, room, ban(&bob)),
    ] {
        let said = world.say(&ann, room, "look").await;
        world.done(&bob, room, Action::MoveCursor(said)).await;
        world.commit(leaves).await.expect("it is there");
        let lift = world.command(&ann, room, Action::Unban(bob.clone()));
        let _ = world.commit(lift).await;
        world.done(&bob, room, Action::Join).await;
        let view = world
            .store
            .conversation(&person(&bob), room)
            .await
            .expect("it is there");
        let membership = view.membership.expect("it is there");
        assert!(membership.read > read && membership.read >= said);
        assert_eq!(view.counts.unread, 0);
        read = membership.read;
    }
}

/// Of all who use the last use at the same time, one is let in.
pub async fn the_last_use_of_an_invite_lets_one_in<E: Engine>(world: World<E>) {
    let people = world
        .people(["ann", "bob", "cyd", "dee", "eve", "fay"])
        .await;
    let (ann, others) = people.split_first().expect("it is there");
    let room = world.group(ann, &[]).await;
    for concurrently in [false, true] {
        let (invite, join) = world.invite(ann, room, Some(1)).await;
        let commands = others
            .iter()
            .map(|user| world.command(user, room, join.clone()));
        let outcomes = if concurrently {
            let tries = commands.map(|command| {
                let store = Arc::clone(&world.store);
                tokio::spawn(async move { commit(&*store, command).await })
            });
            let mut outcomes = Vec::new();
            for one in tries.collect::<Vec<_>>() {
                outcomes.push(one.await.expect("it is there"));
            }
            outcomes
        } else {
            world.store.commit(commands.collect()).await
        };
        let (joined, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        // Whoever is in by the first invite stays in, and takes no use.
        let news = joined
            .iter()
            .filter(|one| matches!(one, Ok(Outcome::Appended { .. })));
        assert_eq!(news.count(), 1);
        for one in refused {
            assert_eq!(refusal(one).code, RefusalCode::NotFound);
        }
        let kept = world
            .store
            .invites(&person(ann), room)
            .await
            .expect("it is there");
        let kept = kept
            .iter()
            .find(|kept| kept.id == invite.id)
            .expect("it is there");
        assert_eq!(kept.uses, 1);
    }
}

/// Unknown, expired, used up and revoked codes answer alike, whoever asks.
pub async fn an_invite_that_lets_nobody_in_is_like_an_unknown_one<E: Engine>(world: World<E>) {
    let [ann, bob, cyd, dee] = world.people(["ann", "bob", "cyd", "dee"]).await;
    let room = world.group(&ann, &[]).await;
    let code = |action: &Action| match action {
        Action::JoinByInvite(code) => *code,
        other => panic!("{other:?}"),
    };
    let (_, used_up) = world.invite(&ann, room, Some(1)).await;
    world.done(&cyd, room, used_up.clone()).await;
    let (revoked, revoked_code) = world.invite(&ann, room, None).await;
    world
        .done(&ann, room, Action::RevokeInvite(revoked.id))
        .await;
    let (open, open_code) = world.invite(&ann, room, None).await;
    let elsewhere = world.group(&ann, &[]).await;
    let unknown = CodeHash([1; 32]);

    let now = world.now();
    let ask = async |user: &UserId, code| world.store.invitation(&person(user), code, now).await;
    let nothing = read_refusal(ask(&bob, unknown).await);
    assert_eq!(nothing.code, RefusalCode::NotFound);
    for dead in [code(&used_up), code(&revoked_code)] {
        assert_eq!(read_refusal(ask(&bob, dead).await), nothing);
        let join = world.command(&bob, room, Action::JoinByInvite(dead));
        assert_eq!(refusal(world.commit(join).await), nothing);
    }
    // A good code of another conversation.
    let join = world.command(&bob, elsewhere, open_code.clone());
    assert_eq!(refusal(world.commit(join).await), nothing);
    // Members find what they are in by a code that was used up.
    assert!(ask(&cyd, code(&used_up)).await.is_ok());

    let invitation = ask(&bob, code(&open_code)).await.expect("it is there");
    assert_eq!(
        (invitation.conversation.id, invitation.invite),
        (room, open)
    );
    world.done(&ann, room, ban(&dee)).await;
    assert_eq!(
        read_refusal(ask(&dee, code(&open_code)).await).code,
        RefusalCode::Forbidden
    );
    let join = world.command(&dee, room, open_code);
    assert_eq!(refused(world.commit(join).await), RefusalCode::Forbidden);
}

/// What was made is listed with its uses, also after a kill; who may not make some sees none.
pub async fn invites_are_kept_and_counted<E: Engine>(mut world: World<E>) {
    let [ann, bob, cyd] = world.people(["ann", "bob", "cyd"]).await;
    let room = world.group(&ann, &[&bob]).await;
    let (mut first, join) = world.invite(&ann, room, Some(2)).await;
    let (second, _) = world.invite(&ann, room, None).await;
    let joined = world.done(&cyd, room, join.clone()).await;
    let EventBody::Members(change) = &appended(&joined)[0].body else {
        panic!("{joined:?}");
    };
    assert_eq!((change.invite, &change.by), (Some(first.id), &cyd));
    assert_eq!(change.joined[0].role, Role::Guest);
    assert_eq!(world.events(room).await.last(), Some(&appended(&joined)[0]));
    let again = world.done(&cyd, room, join).await;
    assert!(matches!(again, Outcome::Unchanged { .. }), "{again:?}");
    world.kill_and_reopen();
    first.uses = 1;
    for caller in [person(&ann), Caller::Administrator] {
        let invites = world
            .store
            .invites(&caller, room)
            .await
            .expect("it is there");
        assert_eq!(invites, [first.clone(), second.clone()]);
    }
    let refused = read_refusal(world.store.invites(&person(&bob), room).await);
    assert_eq!(refused.code, RefusalCode::Forbidden);
    let outcome = world.done(&ann, room, Action::RevokeInvite(first.id)).await;
    assert_eq!(outcome, Outcome::InviteRevoked);
    let invites = world
        .store
        .invites(&person(&ann), room)
        .await
        .expect("it is there");
    assert_eq!(invites, [second]);
}

/// Each version as it was sent, until a deletion takes the words away; pages join.
pub async fn what_a_message_said_is_for_its_author_and_moderators<E: Engine>(world: World<E>) {
    let [ann, bob, cyd] = world.people(["ann", "bob", "cyd"]).await;
    let room = world.group(&ann, &[&bob, &cyd]).await;
    let said = world.say(&bob, room, "one").await;
    for text in ["two", "three"] {
        let wish = Wish::Edit {
            text: text.to_owned(),
            mentions: None,
        };
        let edit = NewAmendment {
            target: said,
            client_id: None,
            wish,
        };
        world.done(&bob, room, Action::Amend(edit)).await;
    }
    let page = async |caller: &Caller, after, limits| {
        world
            .store
            .versions(caller, room, said, after, limits)
            .await
    };
    for caller in [person(&bob), person(&ann), Caller::Administrator] {
        let all = page(&caller, Seq::ZERO, WHOLE).await.expect("it is there");
        let texts: Vec<_> = all
            .versions
            .iter()
            .map(|version| version.text.as_str())
            .collect();
        assert_eq!(texts, ["one", "two", "three"]);
        assert!(all.versions.iter().all(|version| version.by == bob));
        assert!(!all.more);
    }
    for small in [
        crate::PageLimits {
            entries_max: 2,
            ..WHOLE
        },
        crate::PageLimits {
            text_bytes_max: 6,
            ..WHOLE
        },
    ] {
        let first = page(&person(&bob), Seq::ZERO, small)
            .await
            .expect("it is there");
        assert_eq!((first.versions.len(), first.more), (2, true));
        let rest = page(&person(&bob), first.versions[1].seq, small)
            .await
            .expect("it is there");
        assert_eq!((rest.versions.len(), rest.more), (1, false));
    }
    let refused = read_refusal(page(&person(&cyd), Seq::ZERO, WHOLE).await);
    assert_eq!(refused.code, RefusalCode::Forbidden);
    let nothing = world
        .store
        .versions(&person(&ann), room, seq(1), Seq::ZERO, WHOLE)
        .await;
    assert_eq!(read_refusal(nothing).code, RefusalCode::NotFound);

    let delete = NewAmendment {
        target: said,
        client_id: None,
        wish: Wish::Delete,
    };
    world.done(&ann, room, Action::Amend(delete)).await;
    let left = page(&person(&ann), Seq::ZERO, WHOLE)
        .await
        .expect("it is there");
    assert_eq!(left.versions.len(), 3);
    assert!(left.versions.iter().all(|version| version.text.is_empty()));
}

/// A conversation with other members keeps an owner, also if all of them go at the same time, in whatever order.
pub async fn an_owner_stays_while_others_are_in<E: Engine>(world: World<E>) {
    let [ann, bob, cyd] = world.people(["ann", "bob", "cyd"]).await;
    let is_refused = |outcome| refused(outcome) == RefusalCode::Conflict;
    let owner = |user: &UserId| Action::ChangeRole(user.clone(), Role::Owner);
    for is_one_batch in [true, false] {
        let room = world.group(&ann, &[&bob, &cyd]).await;
        for action in [
            Action::Leave,
            Action::RemoveMember(ann.clone()),
            Action::ChangeRole(ann.clone(), Role::Member),
        ] {
            let tried = world.commit(world.command(&ann, room, action)).await;
            assert!(is_refused(tried));
        }
        world.done(&ann, room, owner(&bob)).await;
        let leave = [
            world.command(&ann, room, Action::Leave),
            world.command(&bob, room, Action::Leave),
        ];
        let outcomes = if is_one_batch {
            world.store.commit(leave.into()).await
        } else {
            let tasks = leave.map(|command| {
                let store = Arc::clone(&world.store);
                tokio::spawn(async move { commit(&*store, command).await })
            });
            let mut outcomes = Vec::new();
            for task in tasks {
                outcomes.push(task.await.expect("the task ends"));
            }
            outcomes
        };
        let refusals = outcomes.into_iter().filter(Result::is_err);
        assert_eq!(refusals.map(is_refused).collect::<Vec<_>>(), [true]);
        let key = Caller::Administrator;
        let members = world.store.members(&key, room, None, 10).await;
        let members = members.expect("it is there").members;
        let roles: Vec<_> = members.iter().map(|member| member.role).collect();
        assert!(roles.contains(&Role::Owner) && roles.len() == 2);
    }
    // Who comes and goes in the batch itself counts.
    let room = world.group(&ann, &[&bob]).await;
    let batch = vec![
        world.command(&ann, room, owner(&bob)),
        world.command(&ann, room, Action::Leave),
        world.command(&bob, room, Action::AddMembers(vec![joined(&cyd)])),
        world.command(&bob, room, Action::Leave),
        world.command(&bob, room, Action::RemoveMember(cyd.clone())),
        world.command(&bob, room, Action::Leave),
    ];
    let outcomes = world.store.commit(batch).await;
    let gone: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(gone, [true, true, true, false, true, true]);
}

fn joined(user: &UserId) -> Joined {
    Joined {
        user: user.clone(),
        role: Role::Member,
    }
}
