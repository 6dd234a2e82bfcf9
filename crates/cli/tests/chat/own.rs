//! What a person keeps for themselves, on all of their devices.

use tidemark_client::{Client, ClientOptions, ServerUrl, Snapshot};
use tidemark_protocol::body::{Draft, Personal, PersonalPatch};
use tokio::time::timeout;

use crate::World;
use crate::terminal::PATIENCE;

impl World {
    /// A device of `ann` that goes on from there.
    pub(crate) fn device(&self, snapshot: Option<Snapshot>) -> Client {
        let server = ServerUrl::parse(&self.url).unwrap();
        let mut options = ClientOptions::new(server, self.token.clone());
        options.snapshot = snapshot;
        Client::connect(options).unwrap()
    }

    /// Waits until a device knows such a state of the group.
    async fn knows(&self, device: &Client, is_it: impl Fn(&Personal) -> bool) {
        let mut updates = device.updates();
        let waiting = async {
            while !device
                .personal(self.group)
                .is_some_and(|state| is_it(&state))
            {
                updates.next().await.expect("the client goes on").unwrap();
            }
        };
        timeout(PATIENCE, waiting).await.expect("it is told");
    }
}

fn draft(text: &str) -> PersonalPatch {
    let draft = Draft {
        text: text.to_owned(),
        reply_to: None,
    };
    PersonalPatch {
        draft: Some(Some(draft)),
        ..PersonalPatch::default()
    }
}

fn says(text: &str) -> impl Fn(&Personal) -> bool {
    move |state| state.draft.as_ref().is_some_and(|draft| draft.text == text)
}

#[tokio::test]
async fn a_draft_follows_the_person_also_after_time_offline() {
    let world = World::new().await;
    let (phone, laptop) = (world.device(None), world.device(None));
    phone.online().await.unwrap();
    laptop.online().await.unwrap();
    phone
        .change_personal(world.group, &draft("Tomorrow"))
        .await
        .unwrap();
    assert!(says("Tomorrow")(&phone.personal(world.group).unwrap()));
    world.knows(&laptop, says("Tomorrow")).await;

    let left = laptop.close(PATIENCE).await.snapshot;
    phone
        .change_personal(world.group, &draft("Tomorrow at"))
        .await
        .unwrap();
    let laptop = world.device(Some(left));
    assert!(
        says("Tomorrow")(&laptop.personal(world.group).unwrap()),
        "as it was left"
    );
    world.knows(&laptop, says("Tomorrow at")).await;
    // And one that knows nothing yet.
    world.knows(&world.device(None), says("Tomorrow at")).await;
}

#[tokio::test]
async fn what_is_muted_at_the_terminal_is_muted_everywhere() {
    let world = World::new().await;
    let phone = world.device(None);
    let mut chat = world.chat();
    chat.wait_for("Harbour · 2 members").await;
    chat.types("/mute\r");
    world
        .knows(&phone, |state| state.muted_until.is_some())
        .await;
    let favour = PersonalPatch {
        favourite: Some(Some(true)),
        ..PersonalPatch::default()
    };
    phone.change_personal(world.group, &favour).await.unwrap();
    chat.wait_for("★").await;
    chat.types("/mute\r");
    world
        .knows(&phone, |state| state.muted_until.is_none())
        .await;
}
