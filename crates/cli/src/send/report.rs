//! The line of JSON that says what became of a message.

use serde::Serialize;
use tidemark_client::Receipt;
use tidemark_core::{ClientId, ConversationId};
use tidemark_protocol::Code;
use tidemark_protocol::wire::{Wire, WireClientId, WireConversationId, WireSeq, WireTimestamp};

use crate::output::json;

/// Which message a report is about.
#[derive(Clone, Copy, Serialize)]
pub(super) struct About {
    conversation: WireConversationId,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<WireClientId>,
}

impl About {
    pub(super) fn new(
        conversation: ConversationId,
        line: Option<u64>,
        client_id: Option<ClientId>,
    ) -> Self {
        Self {
            conversation: Wire(conversation),
            line,
            client_id: client_id.map(Wire),
        }
    }

    pub(super) fn accepted(self, receipt: &Receipt) -> String {
        #[derive(Serialize)]
        struct Accepted {
            #[serde(flatten)]
            about: About,
            seq: WireSeq,
            at: WireTimestamp,
            duplicate: bool,
        }
        json(&Accepted {
            about: self,
            seq: Wire(receipt.seq),
            at: Wire(receipt.at),
            duplicate: receipt.duplicate,
        })
    }

    pub(super) fn refused(self, code: Code, detail: &str) -> String {
        #[derive(Serialize)]
        struct Refused<'a> {
            #[serde(flatten)]
            about: About,
            #[serde(rename = "refused")]
            code: Code,
            detail: &'a str,
        }
        json(&Refused {
            about: self,
            code,
            detail,
        })
    }

    pub(super) fn unanswered(self) -> String {
        #[derive(Serialize)]
        struct Unanswered {
            #[serde(flatten)]
            about: About,
            unanswered: bool,
        }
        json(&Unanswered {
            about: self,
            unanswered: true,
        })
    }
}
