//! What the program says of itself.

use std::process::Command;

use crate::world::PROGRAM;

fn printed(arguments: &[&str]) -> String {
    let output = Command::new(PROGRAM).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The commands that a help text lists.
fn listed(help: &str) -> Vec<String> {
    let commands = help.split_once("Commands:\n").map_or("", |(_, rest)| rest);
    let lines = commands.lines().take_while(|line| !line.is_empty());
    // A description that goes on in the next line is indented further.
    lines
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// Asks for the help of a command and all below it; how many there are.
fn check(path: &[&str]) -> usize {
    let help = printed(&[path, &["--help"]].concat());
    assert!(help.contains("Usage: tidemark"), "{help}");
    let first = help.lines().next().unwrap_or_default();
    assert!(
        !first.is_empty() && !first.starts_with("Usage"),
        "{path:?} has no summary"
    );
    let below = listed(&help);
    let below = below.iter().map(|name| check(&[path, &[name]].concat()));
    1 + below.sum::<usize>()
}

#[test]
fn every_command_has_help() {
    assert!(check(&[]) > 15);
    let help = printed(&["--help"]);
    for code in 0..=5 {
        assert!(help.contains(&format!("\n  {code}  ")), "exit code {code}");
    }
}

#[test]
fn shells_can_complete_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(&["completions", shell]);
        for name in listed(&printed(&["--help"])) {
            assert!(script.contains(&name), "{shell} does not know {name}");
        }
    }
}
