//! From the first frame to `welcome`: who it is, where they stand, what they missed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use tidemark_core::{ConversationId, Seq, SessionId};
use tidemark_protocol::ByeCode;
use tidemark_protocol::frame::{AdvertisedLimits, Hello, ParseLimits, Removed, Welcome};
use tidemark_protocol::session::delivery::{Delivery, Next};
use tidemark_protocol::session::server::{Input, ServerSession, Settings};
use tidemark_protocol::wire::{Secret, Wire};
use tidemark_store::{Directory, MembershipView, PageLimits, Store};
use tokio::time::timeout_at;
use uuid::Uuid;

use super::connection::{CatchUp, Connection, read};
use super::writer::{End, Writer};
use crate::auth::{AuthError, Identity, Scope};
use crate::config::Config;
use crate::gateway::Gateway;
use crate::hub::Session;
use crate::limits::SignalLimiter;
use crate::translate;

/// Conversations in a `welcome`; a client asks for the others.
const WELCOME_CONVERSATIONS_MAX: usize = 200;

/// How often to read a user's conversations until they stand still.
const SUBSCRIBE_ROUNDS_MAX: usize = 10;

/// A socket that was let in, before its first live event.
pub(super) struct Greeting {
    machine: ServerSession,
    session: Arc<Session>,
    delivery: Delivery,
    catch_ups: VecDeque<CatchUp>,
    expires_ms: Option<u64>,
    may_send: bool,
}

impl Greeting {
    pub(super) fn into_connection<S>(
        self,
        gateway: Arc<Gateway<S>>,
        writer: Writer,
    ) -> Connection<S> {
        Connection {
            signals: SignalLimiter::new(&gateway.config.limits),
            gateway,
            writer,
            session: self.session,
            machine: self.machine,
            delivery: self.delivery,
            catch_ups: self.catch_ups,
            in_flight: 0,
            expires_ms: self.expires_ms,
            may_send: self.may_send,
            leave_by_ms: None,
        }
    }
}

/// Waits for `hello`, answers it with `welcome`, and subscribes the socket to its user's conversations.
pub(super) async fn greet<S: Store + Directory>(
    gateway: &Arc<Gateway<S>>,
    writer: &mut Writer,
    header: Option<Secret>,
) -> Result<Greeting, End> {
    let mut machine = ServerSession::new(gateway.clock.monotonic_ms(), settings(&gateway.config));
    let hello = wait_for_hello(gateway, writer, &mut machine).await?;
    // The token in the `hello`, or the one that came with the request.
    let token = hello
        .token
        .as_ref()
        .or(header.as_ref())
        .ok_or(End::Bye(ByeCode::Unauthorized))?;
    let identity = identify(gateway, token).await?;
    // What comes over a socket comes from everywhere.
    if !identity.powers.has(Scope::Read) || identity.powers.conversation().is_some() {
        return Err(End::Bye(ByeCode::Unauthorized));
    }
    let may_send = identity.powers.has(Scope::Send);
    let expires_ms = identity.expires_at.map(|at| {
        let left = at.0.saturating_sub(gateway.clock.now().0);
        gateway.clock.monotonic_ms() + u64::try_from(left).unwrap_or(0)
    });
    let session = gateway
        .hub
        .enter(identity.caller, identity.session)
        .map_err(|_| End::Bye(ByeCode::Overloaded))?;
    let mut greeting = Greeting {
        machine,
        session,
        delivery: Delivery::default(),
        catch_ups: VecDeque::new(),
        expires_ms,
        may_send,
    };
    let welcomed = async {
        // Whoever revokes a session closes the sockets that have entered. This one may have come in after
        // that, with what was true before.
        if greeting.session.device.is_some() {
            identify(gateway, token).await?;
        }
        greeting.welcome(gateway, writer, &hello).await
    };
    match welcomed.await {
        Ok(()) => Ok(greeting),
        Err(end) => {
            gateway.hub.leave(&greeting.session);
            Err(end)
        }
    }
}

impl Greeting {
    async fn welcome<S: Store + Directory>(
        &mut self,
        gateway: &Arc<Gateway<S>>,
        writer: &mut Writer,
        hello: &Hello,
    ) -> Result<(), End> {
        let memberships = self.subscribe(gateway).await?;
        let epoch = gateway.store.epoch().to_string();
        let person = self.session.caller.user();
        let presence = &gateway.hub.presence;
        let asked = person.map(|user| (user, presence.ask_own_privacy(user)));
        let (profile, personal_version) = tokio::join!(
            gateway.profile(&self.session.caller),
            personal_version(gateway, &self.session),
        );
        let profile = profile.map_err(|_| End::Bye(ByeCode::Overloaded))?;
        if let Some((user, asked)) = asked {
            presence.learn_privacy(user, &asked, !profile.shows_last_seen);
        }
        let shown = memberships.iter().take(WELCOME_CONVERSATIONS_MAX);
        let welcome = Welcome {
            session_id: Wire(
                self.session
                    .device
                    .unwrap_or_else(|| SessionId(Uuid::now_v7())),
            ),
            user: translate::own_profile(profile),
            heartbeat_ms: millis(gateway.config.socket.heartbeat),
            limits: advertised_limits(&gateway.config),
            conversations: shown.map(translate::inbox_entry).collect(),
            more: memberships.len() > WELCOME_CONVERSATIONS_MAX,
            personal_version: personal_version?,
            epoch,
        };
        writer.feed(welcome.encode()).await?;
        let same_history = hello
            .epoch
            .as_ref()
            .is_none_or(|epoch| *epoch == welcome.epoch);
        if same_history {
            self.resume(writer, hello, &memberships).await?;
        }
        writer.flush().await
    }

    /// Subscribes before it reads the heads: what is accepted in between is in the outbox, and whatever
    /// is in both is written once.
    async fn subscribe<S: Store + Directory>(
        &mut self,
        gateway: &Arc<Gateway<S>>,
    ) -> Result<Vec<MembershipView>, End> {
        let Some(user) = self.session.caller.user() else {
            return Ok(Vec::new());
        };
        let mut subscribed = HashSet::new();
        for _ in 0..SUBSCRIBE_ROUNDS_MAX {
            let memberships = gateway.store.memberships(user).await;
            let memberships = memberships.map_err(|_| End::Bye(ByeCode::Overloaded))?;
            let current: HashSet<_> = memberships.iter().map(|it| it.conversation.id).collect();
            // Who was removed in between was perhaps taken out of the room before this socket was put
            // in; and who is back by now would be taken out for good, so it is read again.
            let gone = subscribed.difference(&current);
            let gone = gone.fold(0, |gone, id| {
                gateway.hub.unsubscribe(*id, &self.session);
                gone + 1
            });
            if gone == 0 && current.is_subset(&subscribed) {
                let heads = memberships.iter().map(|it| &it.conversation);
                self.delivery.start_all(heads.map(|it| (it.id, it.head)));
                return Ok(memberships);
            }
            for membership in &memberships {
                let conversation = &membership.conversation;
                if !subscribed.contains(&conversation.id) {
                    gateway.hub.subscribe(
                        conversation.id,
                        conversation.head,
                        conversation.members,
                        &self.session,
                    );
                    gateway
                        .hub
                        .learn_role(conversation.id, user, membership.role);
                }
            }
            subscribed = current;
        }
        // Somebody adds and removes this user faster than the store can be read.
        Err(End::Bye(ByeCode::Overloaded))
    }

    /// Takes up every conversation where the client left it.
    async fn resume(
        &mut self,
        writer: &mut Writer,
        hello: &Hello,
        memberships: &[MembershipView],
    ) -> Result<(), End> {
        let heads: HashMap<ConversationId, Seq> = memberships
            .iter()
            .map(|membership| (membership.conversation.id, membership.conversation.head))
            .collect();
        for (&conversation, &cursor) in &hello.cursors {
            match heads.get(&conversation).copied() {
                Some(head) if cursor < head => {
                    let written = self.delivery.restart(conversation, cursor, head);
                    if let Next::CatchUp { after } = written.next {
                        self.catch_ups.push_back(CatchUp {
                            conversation,
                            after,
                            id: None,
                        });
                    }
                }
                Some(_) => {}
                None => {
                    let removed = Removed {
                        conversation: Wire(conversation),
                    };
                    writer.feed(removed.encode()).await?;
                }
            }
        }
        Ok(())
    }
}

/// How far the user's own changes have come. Asked once the socket hears of later ones.
async fn personal_version<S: Store + Directory>(
    gateway: &Gateway<S>,
    session: &Session,
) -> Result<u64, End> {
    let Some(user) = session.caller.user() else {
        return Ok(0);
    };
    let none = PageLimits {
        entries_max: 1,
        text_bytes_max: 0,
    };
    let page = gateway.store.personal_changes(user, u64::MAX, none).await;
    page.map(|page| page.version)
        .map_err(|_| End::Bye(ByeCode::Overloaded))
}

async fn wait_for_hello<S: Store + Directory>(
    gateway: &Arc<Gateway<S>>,
    writer: &mut Writer,
    machine: &mut ServerSession,
) -> Result<Hello, End> {
    loop {
        let deadline = gateway
            .clock
            .instant_of(machine.next_timeout().unwrap_or(0));
        let message = tokio::select! {
            message = timeout_at(deadline, writer.socket.recv()) => message,
            () = gateway.going_away() => return Err(End::Bye(ByeCode::GoingAway)),
        };
        let now = gateway.clock.monotonic_ms();
        let Ok(message) = message else {
            if let Some(code) = machine.handle_timeout(now) {
                return Err(End::Bye(code));
            }
            continue;
        };
        match read(machine, now, message)? {
            None => {}
            Some(Input::Hello(hello)) => return Ok(hello),
            Some(Input::Close(code)) => return Err(End::Bye(code)),
            Some(Input::Refuse(refused)) => {
                gateway.metrics.refused(refused.code.as_str());
                writer.feed(refused.encode()).await?;
                writer.flush().await?;
            }
            Some(Input::Request(_)) => return Err(End::Bye(ByeCode::ProtocolError)),
        }
    }
}

async fn identify<S: Store + Directory>(
    gateway: &Gateway<S>,
    token: &Secret,
) -> Result<Identity, End> {
    let identity = gateway.authenticator.authenticate(token.expose()).await;
    identity.map_err(|error| match error {
        AuthError::Unavailable => End::Bye(ByeCode::Overloaded),
        AuthError::Refused(_) => End::Bye(ByeCode::Unauthorized),
    })
}

fn settings(config: &Config) -> Settings {
    Settings {
        hello_timeout_ms: millis(config.socket.hello_timeout),
        heartbeat_ms: millis(config.socket.heartbeat),
        idle_timeout_ms: millis(config.socket.idle_timeout),
        parse: ParseLimits {
            cursors_max: config.limits.hello_cursors,
            watched_max: config.limits.watched_users,
        },
    }
}

fn advertised_limits(config: &Config) -> AdvertisedLimits {
    let limits = &config.limits;
    AdvertisedLimits {
        text_bytes_max: limits.text_bytes as u64,
        frame_bytes_max: limits.frame_bytes as u64,
        page_events_max: limits.page_events as u64,
        cursors_max: limits.hello_cursors as u64,
        group_members_max: limits.group_members,
        sends_per_second: limits.sends_per_second.into(),
        sends_burst: limits.sends_burst.into(),
        receipt_members_max: config.fanout.receipt_members,
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
