//! Who is there: from a user's devices, and what other nodes say of them, to what is shown.
//!
//! Times to wait for are milliseconds of any clock that only goes forward; what people get to see is a
//! [`Timestamp`].

use std::fmt;
use std::str::FromStr;

use crate::{InvalidId, Timestamp};

/// Whether somebody is there; what is greater counts, where devices differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// On no device, as far as it is known.
    #[default]
    Offline,
    /// Connected, and looking elsewhere.
    Away,
    /// There.
    Online,
}

impl Status {
    /// The status of somebody with these devices.
    pub fn of_devices(devices: impl IntoIterator<Item = Self>) -> Self {
        devices.into_iter().max().unwrap_or_default()
    }

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Away => "away",
            Self::Online => "online",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "offline" => Ok(Self::Offline),
            "away" => Ok(Self::Away),
            "online" => Ok(Self::Online),
            _ => Err(InvalidId("a status is online, away or offline")),
        }
    }
}

/// What others are shown of a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Presence {
    /// Whether they are there.
    pub status: Status,
    /// When they were last; nothing while they are there, or where nobody knows.
    pub last_seen: Option<Timestamp>,
}

impl Presence {
    /// Somebody who is there, or of whom nothing else is known.
    pub fn of(status: Status) -> Self {
        Self {
            status,
            last_seen: None,
        }
    }

    /// What is shown of somebody who hides when they were last there.
    #[must_use]
    pub fn without_last_seen(self) -> Self {
        Self::of(self.status)
    }

    /// What two places know of a user, taken together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let status = self.status.max(other.status);
        let last_seen = match status {
            Status::Offline => self.last_seen.max(other.last_seen),
            Status::Away | Status::Online => None,
        };
        Self { status, last_seen }
    }
}

/// How long whoever comes back has to say again that they are away, in milliseconds.
pub const SETTLE_MS: u64 = 2_000;

/// A user's devices at one place, with patience: whoever is gone for a moment is not shown to be gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attendance {
    devices: Status,
    /// What was shown before the last change, and until when it still is.
    held: Option<(Status, u64)>,
    last_seen: Option<Timestamp>,
}

impl Attendance {
    /// Takes in what the devices say together now, `at` this time. Without any, what is shown stays for
    /// `linger_ms`.
    pub fn observe(&mut self, now_ms: u64, at: Timestamp, devices: Status, linger_ms: u64) {
        let shown = self.presence(now_ms).status;
        let was_there = self.devices != Status::Offline;
        match devices {
            Status::Offline if was_there => {
                self.held = Some((shown, now_ms.saturating_add(linger_ms)));
                self.last_seen = Some(at);
            }
            Status::Offline => {}
            // A new connection counts as online until its client says otherwise.
            Status::Online if !was_there && shown == Status::Away => {
                self.held = Some((shown, now_ms.saturating_add(SETTLE_MS)));
            }
            Status::Away | Status::Online => self.held = None,
        }
        self.devices = devices;
    }

    /// What is shown now.
    pub fn presence(&self, now_ms: u64) -> Presence {
        match self.held {
            Some((status, until_ms)) if now_ms < until_ms => Presence::of(status),
            _ => Presence {
                status: self.devices,
                last_seen: self.last_seen.filter(|_| !self.has_devices()),
            },
        }
    }

    /// Whether there is a device.
    pub fn has_devices(&self) -> bool {
        self.devices != Status::Offline
    }

    /// When what is shown changes although nothing happens.
    pub fn next_change(&self, now_ms: u64) -> Option<u64> {
        let (_, until_ms) = self.held?;
        (now_ms < until_ms).then_some(until_ms)
    }
}

/// What a node says of a user to other nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeReport {
    /// What the user's devices at the node say together.
    pub presence: Presence,
    /// Whether nobody is to be shown when the user was last there.
    pub hides_last_seen: bool,
}

impl NodeReport {
    /// Keeps back when the user was last there, if they hide it.
    pub fn new(presence: Presence, hides_last_seen: bool) -> Self {
        let presence = if hides_last_seen {
            presence.without_last_seen()
        } else {
            presence
        };
        Self {
            presence,
            hides_last_seen,
        }
    }
}

/// The most nodes that are believed to have somebody at a time.
const REPORTS_MAX: usize = 256;

/// What other nodes say of a user. A node that falls silent is believed for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reports<Node> {
    /// Only of nodes where the user is.
    present: Vec<Report<Node>>,
    last_seen: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Report<Node> {
    from: Node,
    status: Status,
    hides_last_seen: bool,
    heard_at: Timestamp,
    until_ms: u64,
}

impl<Node> Default for Reports<Node> {
    fn default() -> Self {
        Self {
            present: Vec::new(),
            last_seen: None,
        }
    }
}

impl<Node: PartialEq> Reports<Node> {
    /// Takes in what a node says `at` this time; it holds for `valid_ms`, or until it says something else.
    pub fn hear(
        &mut self,
        now_ms: u64,
        at: Timestamp,
        from: Node,
        report: NodeReport,
        valid_ms: u64,
    ) {
        let NodeReport {
            presence,
            hides_last_seen,
        } = report;
        self.present.retain(|report| report.from != from);
        if hides_last_seen {
            self.last_seen = None;
        }
        if presence.status == Status::Offline {
            self.last_seen = self.last_seen.max(presence.last_seen);
        } else if self.present.len() < REPORTS_MAX {
            self.present.push(Report {
                from,
                status: presence.status,
                hides_last_seen,
                heard_at: at,
                until_ms: now_ms.saturating_add(valid_ms),
            });
        }
    }

    /// Drops what holds no longer. Whether there was something.
    pub fn expire(&mut self, now_ms: u64) -> bool {
        let before = self.present.len();
        let last_seen = &mut self.last_seen;
        self.present.retain(|report| {
            let holds = now_ms < report.until_ms;
            if !holds && !report.hides_last_seen {
                // Nobody said goodbye: they were last seen when somebody last said so.
                *last_seen = (*last_seen).max(Some(report.heard_at));
            }
            holds
        });
        self.present.len() < before
    }

    /// When the next one expires.
    pub fn next_change(&self) -> Option<u64> {
        self.present.iter().map(|report| report.until_ms).min()
    }

    /// What the nodes say together.
    pub fn presence(&self) -> Presence {
        let unknown = Presence {
            status: Status::Offline,
            last_seen: self.last_seen,
        };
        let present = self.present.iter();
        present.fold(unknown, |all, report| all.and(Presence::of(report.status)))
    }
}
