//! What lists of pipelines and of dead letters show.

use serde::Serialize;
use tidemark_core::Timestamp;
use tidemark_pipeline::desk::Standing;
use tidemark_protocol::body;
use tidemark_store::DeadLetter;

use crate::admin::table::Row;
use crate::admin::utc::utc;

/// A pipeline in a list: the same words as over HTTP.
#[derive(Serialize)]
pub(super) struct ListedPipeline {
    name: String,
    state: &'static str,
    position: u64,
    head: u64,
    lag_events: u64,
    lag_seconds: u64,
    node: Option<String>,
    paused_at: Option<i64>,
    troubled_since: Option<i64>,
    /// Of the trouble, or else of the pause.
    reason: Option<String>,
    failures: u64,
    dead_letters: u64,
    replays: u64,
}

impl Row for ListedPipeline {
    const COLUMNS: &'static [&'static str] = &[
        "NAME", "STATE", "POSITION", "LAG", "AGE", "FAILURES", "DEAD", "NODE", "WHY",
    ];

    fn cells(&self) -> Vec<String> {
        let since = self.troubled_since.or(self.paused_at);
        let since = since.map(|at| format!("since {}", utc(Timestamp(at))));
        let why = [since, self.reason.clone()];
        vec![
            self.name.clone(),
            self.state.to_owned(),
            self.position.to_string(),
            self.lag_events.to_string(),
            format!("{} s", self.lag_seconds),
            self.failures.to_string(),
            self.dead_letters.to_string(),
            self.node.clone().unwrap_or_default(),
            why.into_iter().flatten().collect::<Vec<_>>().join(": "),
        ]
    }
}

impl From<Standing> for ListedPipeline {
    fn from(standing: Standing) -> Self {
        let state = standing.condition().as_str();
        let node = standing.node().map(str::to_owned);
        let kept = standing.state;
        let paused_at = kept.paused.as_ref().map(|it| it.at.0);
        let pause_reason = kept.paused.and_then(|it| it.reason);
        let troubled_since = kept.trouble.as_ref().map(|it| it.since.0);
        Self {
            name: kept.name,
            state,
            position: kept.position.0,
            head: standing.head.0,
            lag_events: standing.lag_events,
            lag_seconds: standing.lag_ms / 1_000,
            node,
            paused_at,
            troubled_since,
            reason: kept.trouble.map(|it| it.reason).or(pause_reason),
            failures: kept.failures,
            dead_letters: kept.dead_letters,
            replays: kept.replays,
        }
    }
}

impl From<body::Pipeline> for ListedPipeline {
    fn from(pipeline: body::Pipeline) -> Self {
        let paused_at = pipeline.paused.as_ref().map(|it| it.at.0.0);
        let pause_reason = pipeline.paused.and_then(|it| it.reason);
        let troubled_since = pipeline.trouble.as_ref().map(|it| it.since.0.0);
        Self {
            name: pipeline.name,
            state: match pipeline.state {
                body::PipelineCondition::Running => "running",
                body::PipelineCondition::Troubled => "troubled",
                body::PipelineCondition::Paused => "paused",
                body::PipelineCondition::Absent => "absent",
                body::PipelineCondition::Other => "other",
            },
            position: pipeline.position.0.0,
            head: pipeline.head.0.0,
            lag_events: pipeline.lag_events,
            lag_seconds: pipeline.lag_seconds,
            node: pipeline.node,
            paused_at,
            troubled_since,
            reason: pipeline.trouble.map(|it| it.reason).or(pause_reason),
            failures: pipeline.failures,
            dead_letters: pipeline.dead_letters,
            replays: pipeline.replays,
        }
    }
}

/// A dead letter in a list.
#[derive(Serialize)]
pub(super) struct ListedLetter {
    position: u64,
    conversation: String,
    seq: u64,
    at: i64,
    attempts: u32,
    replay: bool,
    reason: String,
}

impl Row for ListedLetter {
    const COLUMNS: &'static [&'static str] = &[
        "POSITION",
        "CONVERSATION",
        "SEQ",
        "GIVEN UP",
        "TRIED",
        "REASON",
    ];

    fn cells(&self) -> Vec<String> {
        let reason = if self.replay {
            format!("(to be tried again) {}", self.reason)
        } else {
            self.reason.clone()
        };
        vec![
            self.position.to_string(),
            self.conversation.clone(),
            self.seq.to_string(),
            utc(Timestamp(self.at)),
            self.attempts.to_string(),
            reason,
        ]
    }
}

impl From<DeadLetter> for ListedLetter {
    fn from(letter: DeadLetter) -> Self {
        Self {
            position: letter.position.0,
            conversation: letter.conversation.to_string(),
            seq: letter.seq.get(),
            at: letter.at.0,
            attempts: letter.attempts,
            replay: letter.replay,
            reason: letter.reason,
        }
    }
}

impl From<body::DeadLetter> for ListedLetter {
    fn from(letter: body::DeadLetter) -> Self {
        Self {
            position: letter.position.0.0,
            conversation: letter.conversation.0.to_string(),
            seq: letter.seq.0.get(),
            at: letter.at.0.0,
            attempts: letter.attempts,
            replay: letter.replay,
            reason: letter.reason,
        }
    }
}
