//! `tidemark webhook`: addresses of others that are told of events.

mod rows;

use clap::Subcommand;
use tidemark_client::{Http, ServerUrl};
use tidemark_core::{ConversationId, Position};
use tidemark_protocol::body::{NewWebhook, SecretWanted, Webhook, WebhookPatch};
use tidemark_protocol::wire::{Wire, WireConversationId};
use uuid::Uuid;

use self::rows::ListedWebhook;
use crate::admin::office::http_with_key;
use crate::admin::table::{self, Format};
use crate::failure::{Failure, FailureKind};
use crate::output;

const HELP: &str = "\
A webhook is called by the server for events as they happen: signed as Standard Webhooks says \
(https://www.standardwebhooks.com), in commit order, again and again until it answers with a success. How far each is, \
its troubles, and events that it does not take, are shown by `tidemark pipeline`, under the name in the list; `tidemark \
pipeline rewind` has it told again.

Examples:
  tidemark webhook --url https://chat.example.org add https://bots.example.org/hook --kind message
  tidemark webhook --url $URL test 019c5a3e-…
  tidemark webhook --url $URL change 019c5a3e-… --off";

/// Have addresses told of events: list, add, change, remove and test them.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The server, with the API key in `TIDEMARK_API_KEY`
    #[arg(long, value_name = "URL", global = true, value_parser = ServerUrl::parse)]
    url: Option<ServerUrl>,
    /// Print JSON, one object a line, instead of text for people
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List them
    List,
    /// Have an address told, and print what its calls are signed with, this once
    Add {
        /// The address
        address: String,
        /// What it is there for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        #[command(flatten)]
        what: What,
        /// Tell of what comes after this position, 0 for all there is; of what comes from now on if absent
        #[arg(long, value_name = "POSITION")]
        after: Option<u64>,
    },
    /// Change one
    Change {
        /// The webhook
        id: Uuid,
        /// Where to call from now on
        #[arg(long, value_name = "URL")]
        address: Option<String>,
        /// What it is there for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        #[command(flatten)]
        what: What,
        /// Call it again; it is told of everything that it missed
        #[arg(long, conflicts_with = "off")]
        on: bool,
        /// Do not call it
        #[arg(long)]
        off: bool,
    },
    /// Have an address told no more, and forget it
    Remove {
        /// The webhook
        id: Uuid,
    },
    /// Make a new secret and print it, this once; calls are signed with the one before as well, until the next is made
    Secret {
        /// The webhook
        id: Uuid,
        /// Do not sign with the one before any more
        #[arg(long)]
        drop_old: bool,
    },
    /// Call one now, with no events
    Test {
        /// The webhook
        id: Uuid,
    },
}

/// Of what to tell.
#[derive(clap::Args)]
struct What {
    /// Tell of this kind of events; can be given several times, all kinds if absent
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
    /// Tell of this conversation; can be given several times, all of them if absent
    #[arg(long = "conversation", value_name = "ID")]
    conversations: Vec<Uuid>,
}

impl What {
    fn split(self) -> (Option<Vec<String>>, Option<Vec<WireConversationId>>) {
        let ids = self.conversations.into_iter();
        let ids: Vec<_> = ids.map(|id| Wire(ConversationId(id))).collect();
        (
            (!self.kinds.is_empty()).then_some(self.kinds),
            (!ids.is_empty()).then_some(ids),
        )
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { url, json, command } = arguments;
    let url = url.ok_or_else(|| {
        Failure::new(
            FailureKind::Usage,
            "give --url: it is a server that calls webhooks",
        )
    })?;
    let http = http_with_key(url)?;
    let format = if json { Format::Json } else { Format::Text };
    perform(command, &http, format).await
}

async fn perform(command: Command, http: &Http, format: Format) -> Result<(), Failure> {
    let show = |webhook: Webhook| table::print(&[ListedWebhook::from(webhook)], format);
    match command {
        Command::List => {
            let webhooks = http.webhooks().await?.webhooks.into_iter();
            let listed: Vec<_> = webhooks.map(ListedWebhook::from).collect();
            table::print(&listed, format)
        }
        Command::Add {
            address,
            description,
            what,
            after,
        } => {
            let (kinds, conversations) = what.split();
            let new = NewWebhook {
                url: address,
                description,
                kinds,
                conversations,
                after: after.map(|position| Wire(Position(position))),
            };
            show_secret(http.make_webhook(&new).await?, format)
        }
        Command::Change {
            id,
            address,
            description,
            what,
            on,
            off,
        } => {
            let (kinds, conversations) = what.split();
            let patch = WebhookPatch {
                url: address,
                description: description.map(Some),
                kinds: kinds.map(Some),
                conversations: conversations.map(Some),
                enabled: (on || off).then_some(on),
            };
            show(http.change_webhook(id, &patch).await?)
        }
        Command::Remove { id } => {
            http.remove_webhook(id).await?;
            output::note(format_args!("{id} is told no more."));
            Ok(())
        }
        Command::Secret { id, drop_old } => {
            let wanted = SecretWanted { drop_old };
            show_secret(http.make_webhook_secret(id, &wanted).await?, format)
        }
        Command::Test { id } => match http.test_webhook(id).await?.problem {
            None => {
                output::note("It answered with a success.");
                Ok(())
            }
            Some(problem) => Err(Failure::failed(problem)),
        },
    }
}

/// With the secret of its calls.
fn show_secret(webhook: Webhook, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => output::line(output::json(&webhook)),
        Format::Text => {
            output::note(format_args!(
                "Webhook {}. Keep the secret of its calls; it is shown only now.",
                webhook.id
            ));
            output::line(webhook.secret.unwrap_or_default())
        }
    }
}
