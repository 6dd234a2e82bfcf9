//! Webhooks: kept, changed, bounded.

use tidemark_core::{ConversationId, Position, Timestamp};
use uuid::Uuid;

use super::{Engine, World};
use crate::{Disabled, WEBHOOKS_MAX, Webhook, WebhookChange, WebhookError, Webhooks};

fn webhook(id: u128) -> Webhook {
    Webhook {
        id: Uuid::from_u128(id),
        url: "https://bots.example/hook?a=b".to_owned(),
        description: Some("tickets, with \0 and ü".to_owned()),
        kinds: Some(vec!["message".to_owned(), "edit".to_owned()]),
        conversations: Some(vec![
            ConversationId(Uuid::from_u128(9)),
            ConversationId(Uuid::from_u128(8)),
        ]),
        secrets: vec!["whsec_new".to_owned(), "whsec_old".to_owned()],
        created_at: Timestamp(17),
        disabled: Some(Disabled {
            at: Timestamp(18),
            reason: "it answered 410 Gone".to_owned(),
        }),
        told: Position(5),
    }
}

/// One that is called for everything.
fn plain(id: u128) -> Webhook {
    Webhook {
        description: None,
        kinds: None,
        conversations: None,
        disabled: None,
        ..webhook(id)
    }
}

/// What was kept is read back, in the order of ids, also after the process died.
pub async fn a_webhook_is_kept_as_it_is<E: Engine>(mut world: World<E>) {
    assert_eq!(world.store.webhooks().await, Ok(Vec::new()));
    let none_at_all = Webhook {
        kinds: Some(Vec::new()),
        conversations: Some(Vec::new()),
        ..plain(3)
    };
    let all = vec![plain(1), webhook(2), none_at_all];
    for one in all.iter().rev() {
        assert_eq!(world.store.create_webhook(one.clone()).await, Ok(()));
    }
    assert_eq!(world.store.webhooks().await, Ok(all.clone()));
    world.kill_and_reopen();
    assert_eq!(world.store.webhooks().await, Ok(all));
}

/// Only what is to change changes.
pub async fn a_webhook_changes_field_by_field<E: Engine>(world: World<E>) {
    let store = &world.store;
    let mut expected = webhook(1);
    let other = webhook(2);
    for one in [&expected, &other] {
        assert_eq!(store.create_webhook(one.clone()).await, Ok(()));
    }
    let nothing = WebhookChange::default();
    let changes = [
        nothing.clone(),
        WebhookChange {
            url: Some("http://elsewhere.example/".to_owned()),
            ..nothing.clone()
        },
        WebhookChange {
            description: Some(None),
            ..nothing.clone()
        },
        WebhookChange {
            kinds: Some(None),
            ..nothing.clone()
        },
        WebhookChange {
            conversations: Some(None),
            ..nothing.clone()
        },
        WebhookChange {
            kinds: Some(Some(vec!["delete".to_owned()])),
            conversations: Some(Some(vec![ConversationId(Uuid::from_u128(3))])),
            secrets: Some(vec!["whsec_newest".to_owned()]),
            ..nothing.clone()
        },
        WebhookChange {
            disabled: Some(None),
            ..nothing.clone()
        },
    ];
    for change in changes {
        change.clone().apply(&mut expected);
        let answer = store.change_webhook(expected.id, change).await;
        assert_eq!(answer, Ok(expected.clone()));
        assert_eq!(
            store.webhooks().await,
            Ok(vec![expected.clone(), other.clone()])
        );
    }
    let unknown = store.change_webhook(Uuid::from_u128(3), nothing).await;
    assert_eq!(unknown, Err(WebhookError::Unknown));
}

/// It goes forth, and back where an operator says so.
pub async fn what_a_webhook_was_told_is_kept<E: Engine>(mut world: World<E>) {
    let id = Uuid::from_u128(1);
    assert_eq!(world.store.create_webhook(plain(1)).await, Ok(()));
    for told in [Position(70), Position(2)] {
        assert_eq!(world.store.note_told(id, told).await, Ok(()));
        world.kill_and_reopen();
        let kept = world.store.webhooks().await.map(|all| all[0].told);
        assert_eq!(kept, Ok(told));
    }
    let unknown = world.store.note_told(Uuid::from_u128(2), Position(1)).await;
    assert_eq!(unknown, Err(WebhookError::Unknown));
}

/// There are never more than are allowed, and one that went away makes room.
pub async fn webhooks_are_bounded_and_go_away<E: Engine>(world: World<E>) {
    let store = &world.store;
    for id in 1..=WEBHOOKS_MAX as u128 {
        assert_eq!(store.create_webhook(plain(id)).await, Ok(()));
    }
    let further = store.create_webhook(plain(1_000)).await;
    assert_eq!(further, Err(WebhookError::Full));
    let id = Uuid::from_u128(7);
    assert_eq!(store.delete_webhook(id).await, Ok(()));
    assert_eq!(store.delete_webhook(id).await, Err(WebhookError::Unknown));
    assert_eq!(store.create_webhook(plain(1_000)).await, Ok(()));
    let kept = store.webhooks().await.expect("they can be read");
    assert_eq!(kept.len(), WEBHOOKS_MAX);
    assert!(kept.iter().all(|webhook| webhook.id != id));
}
