//! Webhooks, bots, keys and commands: over HTTP, and what others are sent.

use tidemark_core::Position;
use tidemark_core::conversation::EventBody;
use tidemark_protocol::body::{
    ApiKey, BotCommand, BotCommandsWanted, CommandAnswer, CommandCall, CommandDone,
    CommandVisibility, CommandWanted, FeedEntry, IncomingMessage, NewApiKey, NewBot, NewWebhook,
    Webhook, WebhookCall, WebhookDisabled, WebhookPatch,
};
use tidemark_protocol::wire::{LogEntry, Secret, Wire};
use uuid::Uuid;

use crate::bodies::ann;
use crate::file::{Case, Golden};
use crate::samples::{at, client_id, event, harbour, plain_message, seq, user};

const WEBHOOK: Uuid = Uuid::from_u128(0x0197_a3c6_5d6e_7f80_9a1b_2c3d_4e5f_6071);
const ADDRESS: &str = "https://bots.example/hook";

pub(crate) fn files() -> Vec<Golden> {
    vec![
        Golden::new("http/webhook.json", webhooks()),
        Golden::new("http/bot.json", bots()),
    ]
}

fn webhooks() -> Vec<Case> {
    let made = Webhook {
        id: WEBHOOK,
        url: ADDRESS.to_owned(),
        description: Some("tickets".to_owned()),
        kinds: Some(vec!["message".to_owned()]),
        conversations: Some(vec![Wire(harbour())]),
        created_at: Wire(at(440)),
        disabled: None,
        told: Wire(Position(5077)),
        pipeline: format!("webhook-{}", WEBHOOK.simple()),
        secret: Some("SECRET".to_owned()),
    };
    let disabled = Webhook {
        kinds: None,
        conversations: None,
        disabled: Some(WebhookDisabled {
            at: Wire(at(450)),
            reason: "it answered 410 Gone".to_owned(),
        }),
        secret: None,
        ..made.clone()
    };
    let said = LogEntry::Known(event(44, EventBody::Message(plain_message())));
    let call = WebhookCall {
        webhook: WEBHOOK,
        after: Some(Wire(Position(5070))),
        through: Some(Wire(Position(5077))),
        events: vec![FeedEntry {
            position: Wire(Position(5077)),
            entry: said,
        }],
    };
    let test = WebhookCall {
        after: None,
        through: None,
        events: Vec::new(),
        ..call.clone()
    };
    vec![
        Case::body(
            "POST /v1/webhooks",
            "of messages in one conversation, all there are",
            NewWebhook {
                url: ADDRESS.to_owned(),
                description: Some("tickets".to_owned()),
                kinds: Some(vec!["message".to_owned()]),
                conversations: Some(vec![Wire(harbour())]),
                after: Some(Wire(Position(0))),
            },
        ),
        Case::body(
            "POST /v1/webhooks: the answer",
            "the secret is shown here and never again",
            made,
        ),
        Case::body(
            "a webhook that is not called",
            "of all events, if it were",
            disabled,
        ),
        Case::body(
            "PATCH /v1/webhooks/{id}",
            "of all kinds of events again, and called again",
            WebhookPatch {
                kinds: Some(None),
                enabled: Some(true),
                ..WebhookPatch::default()
            },
        ),
        Case::body(
            "a call",
            "all that is for the webhook between the two positions",
            call,
        ),
        Case::body("a call that is a test", "there is nothing in it", test),
    ]
}

fn bots() -> Vec<Case> {
    let remind = BotCommand {
        name: "remind".to_owned(),
        usage: "TEXT at TIME".to_owned(),
        description: "Reminds you".to_owned(),
    };
    vec![
        Case::body(
            "POST /v1/bots",
            "a user without a password",
            NewBot {
                username: "tickets".to_owned(),
                display_name: Some("Tickets".to_owned()),
            },
        ),
        Case::body(
            "POST /v1/keys",
            "a key that says something in one conversation",
            NewApiKey {
                name: "tickets".to_owned(),
                acts_as: Some(Wire(user("tickets"))),
                scopes: Some(vec!["send".to_owned()]),
                conversation: Some(Wire(harbour())),
            },
        ),
        Case::body(
            "POST /v1/keys: the answer",
            "the key is shown here and never again",
            ApiKey {
                name: "tickets".to_owned(),
                created_at: Wire(at(440)),
                acts_as: Some(Wire(user("tickets"))),
                scopes: Some(vec!["send".to_owned()]),
                conversation: Some(Wire(harbour())),
                key: Some(Secret::new("tmk_KEY")),
            },
        ),
        Case::body(
            "POST /v1/incoming/{key}",
            "the same again is a duplicate",
            IncomingMessage {
                text: "The build is red.".to_owned(),
                client_id: Some(Wire(client_id())),
                thread: None,
            },
        ),
        Case::body(
            "PUT /v1/bots/{id}/commands",
            "what a bot can be asked for",
            BotCommandsWanted {
                url: ADDRESS.to_owned(),
                commands: vec![remind],
                new_secret: false,
            },
        ),
        Case::body(
            "POST …/commands/{name}",
            "what follows the name of the command",
            CommandWanted {
                client_id: Wire(client_id()),
                arguments: "me at 5".to_owned(),
            },
        ),
        Case::body(
            "what a bot is sent",
            "somebody asks it for something",
            CommandCall {
                command: "remind".to_owned(),
                arguments: "me at 5".to_owned(),
                conversation: Wire(harbour()),
                user: ann(),
                client_id: Wire(client_id()),
                at: Wire(at(440)),
            },
        ),
        Case::body(
            "what a bot answers",
            "for everybody",
            CommandAnswer {
                text: Some("Ann wants tea.".to_owned()),
                visible: CommandVisibility::All,
            },
        ),
        Case::body(
            "POST …/commands/{name}: the answer",
            "the bot said it to everybody",
            CommandDone {
                bot: Wire(user("tickets")),
                text: None,
                seq: Some(Wire(seq(45))),
            },
        ),
    ]
}
