//! The commands of a bot in one column: a line for each, with tabs between its texts.

use crate::BotCommand;

/// As they are kept.
pub(crate) fn lines(commands: &[BotCommand]) -> String {
    let lines: Vec<_> = commands
        .iter()
        .map(|it| format!("{}\t{}\t{}", it.name, it.usage, it.description))
        .collect();
    lines.join("\n")
}

/// As they were before.
pub(crate) fn parse(lines: &str) -> Vec<BotCommand> {
    let lines = lines.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut texts = line.splitn(3, '\t').map(str::to_owned);
            let mut next = || texts.next().unwrap_or_default();
            BotCommand {
                name: next(),
                usage: next(),
                description: next(),
            }
        })
        .collect()
}
