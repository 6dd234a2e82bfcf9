//! `tidemark send`: messages from the command line or from stdin, each reported with its place in the log.

mod lines;
mod report;
mod sender;
mod written;

use std::io::{BufReader, stdin};
use std::time::Duration;

use tidemark_client::{Client, ClientOptions, Http};
use tidemark_core::conversation::ConversationKind;
use tidemark_core::{ClientId, ConversationId, UserId};
use tidemark_protocol::body::NewConversation;
use tidemark_protocol::wire::Wire;

use crate::connect::{ConnectArguments, stopped};
use crate::failure::Failure;
use sender::Sender;
use written::Written;

const HELP: &str = "\
Output, one line of JSON for each message:
  accepted:
    {\"conversation\":…,\"client_id\":…,\"seq\":…,\"at\":…,\"duplicate\":false}
  refused, and exit code 4 at the end:
    {\"conversation\":…,\"client_id\":…,\"refused\":CODE,\"detail\":…}
  not answered in time, and exit code 5:
    {\"conversation\":…,\"client_id\":…,\"unanswered\":true}

Messages from stdin also have \"line\", the number of their line. An unanswered one may have arrived or not: sending \
it again with its client_id is safe, and finds the first one if there is one (\"duplicate\":true).

Examples:
  tidemark send --conversation $ROOM \"Build 412 is green.\"
  make 2>&1 | tidemark send --to alice
  echo '{\"client_id\":\"'$(uuidgen)'\",\"text\":\"once\",\"mentions\":[\"ben\"]}' |
    tidemark send --conversation $ROOM --json";

/// Send messages and wait until the server has them for good.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// What to say; without it, each line of stdin is a message, and empty lines are skipped
    text: Option<String>,
    #[command(flatten)]
    destination: Destination,
    #[arg(
        long,
        conflicts_with = "text",
        help = "The lines of stdin are JSON objects: text, and if need be client_id, reply_to, mentions, client_at"
    )]
    json: bool,
    /// Name the message by this UUID, so that sending it again is recognised
    #[arg(long, value_name = "UUID", requires = "text")]
    client_id: Option<ClientId>,
    /// How many seconds the server may take to accept a message, with reconnecting where needed
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
    #[command(flatten)]
    connect: ConnectArguments,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Destination {
    /// The conversation to send to
    #[arg(long, value_name = "ID")]
    conversation: Option<ConversationId>,
    /// The user to send to, in the direct conversation with them; it is begun if there is none
    #[arg(long, value_name = "USER")]
    to: Option<UserId>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let login = arguments.connect.sign_in().await?;
    let conversation = arguments.destination.find(&login.http).await?;
    let client = Client::connect(ClientOptions {
        follow_all: false,
        outbox_max: sender::WAITING_MAX,
        ..login.client_options()
    })?;
    // Whoever waits should know why; what the end of the connection means, each message says itself.
    tokio::spawn(stopped(client.connection()));
    let mut sender = Sender::new(
        client.clone(),
        conversation,
        Duration::from_secs(arguments.timeout),
    );
    let sent = if let Some(text) = arguments.text {
        let mut written = Written::text(text);
        written.message.client_id = arguments.client_id;
        sender.send_one(written).await
    } else {
        let lines = lines::read_ahead(BufReader::new(stdin()));
        sender.send_lines(lines, arguments.json).await
    };
    client.close(Duration::ZERO).await;
    sent
}

impl Destination {
    async fn find(&self, http: &Http) -> Result<ConversationId, Failure> {
        let wish = match (self.conversation, &self.to) {
            (Some(conversation), _) => return Ok(conversation),
            (None, to) => NewConversation {
                kind: Wire(ConversationKind::Direct),
                title: None,
                members: to.iter().cloned().map(Wire).collect(),
                client_id: None,
                visibility: None,
            },
        };
        Ok(http.create_conversation(&wish).await?.id.0)
    }
}
