//! `/v1/pipelines`: who follows the feed, for those who run the server.

use serde::{Deserialize, Serialize};

use crate::wire::{WireConversationId, WirePosition, WireSeq, WireTimestamp};

/// What a consumer of the feed does at the moment. Others may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PipelineCondition {
    /// It works, or waits for something to do.
    Running,
    /// Something keeps it from going on; it tries again and again.
    Troubled,
    /// It was told to do nothing.
    Paused,
    /// No node runs it.
    Absent,
    /// One that this version does not know.
    #[serde(other)]
    Other,
}

/// Since when and why a consumer does nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PipelinePause {
    /// Since when.
    pub at: WireTimestamp,
    /// What whoever paused it said.
    pub reason: Option<String>,
}

/// What keeps a consumer from going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PipelineTrouble {
    /// Since when.
    pub since: WireTimestamp,
    /// How often it was tried since.
    pub attempts: u32,
    /// What was in the way the last time.
    pub reason: String,
}

/// Somebody who follows the feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Pipeline {
    /// What it is called; with `@` and an instance behind it where every node has one of its own.
    pub name: String,
    /// In one word.
    pub state: PipelineCondition,
    /// All events up to here are done.
    pub position: WirePosition,
    /// The end of the feed.
    pub head: WirePosition,
    /// How many events it has still to do, at most: positions may have holes between them.
    pub lag_events: u64,
    /// How old the first of them is, in whole seconds; 0 if there is none.
    pub lag_seconds: u64,
    /// The node that runs it.
    pub node: Option<String>,
    /// Set while it is paused.
    pub paused: Option<PipelinePause>,
    /// Set while something keeps it from going on.
    pub trouble: Option<PipelineTrouble>,
    /// How often something has kept it from going on, since ever.
    pub failures: u64,
    /// How many events it could not do.
    pub dead_letters: u64,
    /// How many of them it is about to try again.
    pub replays: u64,
}

/// `GET /v1/pipelines`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Pipelines {
    /// In the order of their names.
    pub pipelines: Vec<Pipeline>,
}

/// `POST /v1/pipelines/{name}/pause`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PauseWanted {
    /// Why, for whoever finds it paused; at most 500 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `POST /v1/pipelines/{name}/rewind`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RewindWanted {
    /// All events after this position are done again; 0 for all there are.
    pub to: WirePosition,
}

/// An event that a consumer could not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeadLetter {
    /// Its place in the feed.
    pub position: WirePosition,
    /// Its conversation.
    pub conversation: WireConversationId,
    /// Its place there.
    pub seq: WireSeq,
    /// When it was given up, the last time.
    pub at: WireTimestamp,
    /// How often it was tried, all in all.
    pub attempts: u32,
    /// What was wrong with it, the last time.
    pub reason: String,
    /// Whether it is about to be tried again.
    pub replay: bool,
}

/// `GET /v1/pipelines/{name}/dead`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeadLetters {
    /// In the order of their positions.
    pub dead_letters: Vec<DeadLetter>,
    /// Whether others follow; pass the last one's position as `after`.
    pub more: bool,
}

/// `POST /v1/pipelines/{name}/dead/replay` and `…/drop`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeadLettersWanted {
    /// Only the one at this position; absent for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<WirePosition>,
}

/// How many dead letters that were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeadLettersChanged {
    /// So many.
    pub count: u64,
}
