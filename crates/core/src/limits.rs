//! Limits that the rules themselves know. Those of sockets and queues belong to the server.

use crate::names::NameLimits;

/// How large what people write and make may get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest text of a message, in bytes.
    pub text_bytes_max: usize,
    /// What the title of a conversation may hold.
    pub title: NameLimits,
    /// What the topic of a conversation may hold.
    pub topic: NameLimits,
    /// The most members of a group. A channel has no such limit.
    pub group_members_max: u64,
    /// The most people that one message may mention by name.
    pub mentions_max: usize,
    /// The most different emojis that people can react to one message with.
    pub reactions_max: u64,
    /// The most people that one command may name.
    pub users_per_command_max: usize,
    /// The most invites of a conversation that can be used at the same time.
    pub invites_max: usize,
    /// The longest reason of a ban, in bytes.
    pub reason_bytes_max: usize,
    /// The most people that one may block.
    pub blocks_max: usize,
    /// The most files that one message may show.
    pub attachments_max: usize,
    /// The largest file, in bytes.
    pub upload_bytes_max: u64,
    /// How many bytes one person may have uploaded.
    pub upload_quota_bytes: u64,
    /// How many files one person may have uploaded.
    pub uploads_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text_bytes_max: 16 * 1024,
            title: NameLimits {
                characters_max: 256,
                bytes_max: 1024,
                has_lines: false,
            },
            topic: NameLimits {
                characters_max: 1024,
                bytes_max: 4096,
                has_lines: true,
            },
            group_members_max: 5_000,
            mentions_max: 100,
            reactions_max: 64,
            users_per_command_max: 5_000,
            invites_max: 100,
            reason_bytes_max: 512,
            blocks_max: 10_000,
            attachments_max: 10,
            upload_bytes_max: 256 * 1024 * 1024,
            upload_quota_bytes: 10 * 1024 * 1024 * 1024,
            uploads_max: 100_000,
        }
    }
}
