//! One command: look up the facts, let the core decide, apply the decision.

use tidemark_core::conversation::{
    Action, Command, Conversation, Decision, Earlier, EventBody, Facts, Role, Target, UserFacts,
    decide,
};
use tidemark_core::{Limits, Refusal, UserId};

use super::answers::current_members;
use super::blocks::Blocks;
use super::people::People;
use super::state::{Change, Log, State};
use crate::{CursorMove, Outcome};

impl State {
    /// Performs a command on this state, and adds what it changed to `changes`. A refused one
    /// changes nothing.
    pub(crate) fn perform(
        &mut self,
        people: (&People, &Blocks),
        limits: &Limits,
        command: Command,
        changes: &mut Vec<Change>,
    ) -> Result<Outcome, Refusal> {
        let id = command.conversation;
        let at = command.at;
        let author = command.caller.author();
        let moves_cursor = matches!(command.action, Action::MoveCursor(_));
        let delivers = matches!(command.action, Action::MoveDelivered(_));
        let beginning = beginning(&command);
        let first_new = changes.len();
        let outcome = match self.decide(people, limits, command)? {
            Decision::Repeated { seq, at } => return Ok(Outcome::Repeated { seq, at }),
            Decision::Existing(existing) => return Ok(Outcome::Existing(existing)),
            Decision::Unchanged if moves_cursor => {
                return Ok(self.log(&id)?.cursor(&author, false));
            }
            Decision::Unchanged if delivers => {
                return Ok(self.log(&id)?.delivered(&author, false));
            }
            Decision::Unchanged => {
                let head = self.log(&id)?.conversation.head;
                return Ok(Outcome::Unchanged { head });
            }
            Decision::MoveCursor(read) => {
                changes.push(Change::CursorMoved {
                    conversation: id,
                    user: author.clone(),
                    read,
                });
                self.apply_all(&changes[first_new..]);
                self.log(&id)?.cursor(&author, true)
            }
            Decision::Invite { invite, ended } => {
                changes.push(Change::Invited {
                    conversation: id,
                    invite: invite.clone(),
                    ended,
                });
                self.apply_all(&changes[first_new..]);
                Outcome::Invited(invite)
            }
            Decision::RevokeInvite(invite) => {
                changes.push(Change::InviteRevoked {
                    conversation: id,
                    invite,
                });
                self.apply_all(&changes[first_new..]);
                Outcome::InviteRevoked
            }
            Decision::MoveDelivered(through) => {
                changes.push(Change::Delivered {
                    conversation: id,
                    user: author.clone(),
                    through,
                });
                self.apply_all(&changes[first_new..]);
                self.log(&id)?.delivered(&author, true)
            }
            Decision::Append(bodies) => {
                let appended = bodies.len();
                changes.extend(beginning);
                changes.extend(bodies.into_iter().map(|body| Change::Appended {
                    conversation: id,
                    at,
                    body,
                }));
                self.apply_all(&changes[first_new..]);
                self.log(&id)?.appended(appended)
            }
        };
        Ok(outcome)
    }

    fn decide(
        &self,
        (people, blocks): (&People, &Blocks),
        limits: &Limits,
        command: Command,
    ) -> Result<Decision, Refusal> {
        let needs = command.needs();
        let author = command.caller.author();
        let log = self.logs.get(&command.conversation);
        let users: Vec<UserFacts> = needs
            .users
            .iter()
            .map(|user| UserFacts {
                exists: people.exists(user),
                membership: log.and_then(|log| log.memberships.get(*user)).cloned(),
                blocks_caller: needs.blocks && blocks.has(user, &author),
            })
            .collect();
        let made_before = needs
            .earlier_conversation
            .and_then(|client_id| self.made.get(&(author.clone(), client_id)));
        let direct = needs
            .direct_between
            .as_ref()
            .and_then(|pair| self.directs.get(pair));
        let earlier = needs.earlier_event.and_then(|client_id| {
            let log = log?;
            log.earlier(log.named.get(&(author.clone(), client_id)).copied()?)
        });
        let uploads = self.upload_facts(needs.uploads);
        let amended = needs
            .amended
            .and_then(|(seq, emoji)| log?.amended(seq, emoji, &author));
        let facts = Facts {
            conversation: log.map(|log| &log.conversation),
            caller: log.and_then(|log| log.membership(&command.caller)),
            users: &users,
            earlier: earlier.as_ref(),
            existing: made_before.or(direct).copied(),
            target: needs.target.and_then(|seq| log?.target(seq)),
            amended: amended.as_ref(),
            invites: log.map_or(&[], |log| &log.invites),
            limits,
            root: needs.root.and_then(|seq| log?.root(seq, &author)),
            pair_is_blocked: needs
                .direct_between
                .is_some_and(|(one, other)| blocks.between(&one, &other)),
            uploads: &uploads,
            has_other_owner: log.zip(needs.owners_beside).is_some_and(|(log, user)| {
                current_members(log)
                    .any(|(other, membership)| other != user && membership.role == Role::Owner)
            }),
        };
        decide(&facts, command)
    }

    fn apply_all(&mut self, changes: &[Change]) {
        for change in changes {
            self.apply(change);
        }
    }

    fn log(&self, id: &tidemark_core::ConversationId) -> Result<&Log, Refusal> {
        self.logs.get(id).ok_or_else(Refusal::no_such_conversation)
    }
}

/// What comes before the first event, if the command is one to begin a conversation.
fn beginning(command: &Command) -> Option<Change> {
    let Action::Create(new) = &command.action else {
        return None;
    };
    Some(Change::Began {
        conversation: Conversation::new(command.conversation, new.kind, new.visibility, command.at),
        maker: command.caller.author(),
        client_id: new.client_id,
        direct_between: new.direct_pair(&command.caller),
    })
}

impl Log {
    fn earlier(&self, seq: tidemark_core::Seq) -> Option<Earlier> {
        let event = &self.entry(seq)?.event;
        Some(Earlier {
            seq,
            at: event.at,
            body: event.body.clone(),
        })
    }

    fn target(&self, seq: tidemark_core::Seq) -> Option<Target> {
        Some(match self.entry(seq)?.event.body {
            EventBody::Message(_) => Target::Message,
            _ => Target::Other,
        })
    }

    /// The outcome of a command that appended the last `count` events.
    fn appended(&self, count: usize) -> Outcome {
        let first = self.entries.len() - count;
        let events = self.entries[first..].iter();
        Outcome::Appended {
            events: events.map(|entry| entry.event.clone()).collect(),
            members: self.conversation.members,
            history: self.conversation.rules.history,
        }
    }

    /// The outcome of a command of `user` about what was fetched.
    fn delivered(&self, user: &UserId, moved: bool) -> Outcome {
        Outcome::Delivered {
            delivered: self.memberships[user].delivered_through(),
            moved,
            members: self.conversation.members,
            is_hidden: self.conversation.blocked,
        }
    }

    /// The outcome of a command of `user` about the own cursor.
    fn cursor(&self, user: &UserId, moved: bool) -> Outcome {
        let membership = &self.memberships[user];
        Outcome::Cursor {
            cursor: CursorMove {
                read: membership.read,
                head: self.conversation.head,
                counts: self.counts(user, membership),
                moved,
            },
            members: self.conversation.members,
            is_hidden: self.conversation.blocked,
        }
    }
}
