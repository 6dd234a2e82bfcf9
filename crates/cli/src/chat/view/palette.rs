//! Colours, or what stands in for them where there are none.

use ratatui::style::{Color, Modifier, Style};
use tidemark_core::UserId;

/// Who else writes is told apart by these.
const PEOPLE: [Color; 5] = [
    Color::Magenta,
    Color::Yellow,
    Color::Blue,
    Color::LightRed,
    Color::LightMagenta,
];

pub(super) const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);
pub(super) const SELECTED: Style = Style::new().add_modifier(Modifier::REVERSED);

/// How things look. Nothing is told by colour alone.
#[derive(Clone, Copy, Debug)]
pub(in crate::chat) struct Palette {
    has_colours: bool,
}

impl Palette {
    pub(in crate::chat) fn new(has_colours: bool) -> Self {
        Self { has_colours }
    }

    fn coloured(self, colour: Color) -> Style {
        if self.has_colours {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }

    pub(super) fn dim(self) -> Style {
        if self.has_colours {
            Style::new().fg(Color::DarkGray)
        } else {
            Style::new().add_modifier(Modifier::DIM)
        }
    }

    pub(super) fn own(self) -> Style {
        self.coloured(Color::Green).add_modifier(Modifier::BOLD)
    }

    pub(super) fn person(self, user: &UserId) -> Style {
        let sum = user.as_str().bytes().map(usize::from).sum::<usize>();
        let style = self.coloured(PEOPLE[sum % PEOPLE.len()]);
        style.add_modifier(Modifier::BOLD)
    }

    pub(super) fn mention(self) -> Style {
        self.coloured(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    pub(super) fn unread(self) -> Style {
        self.coloured(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    pub(super) fn waiting(self) -> Style {
        self.dim().add_modifier(Modifier::ITALIC)
    }

    pub(super) fn error(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }

    pub(super) fn good(self) -> Style {
        self.coloured(Color::Green)
    }
}
