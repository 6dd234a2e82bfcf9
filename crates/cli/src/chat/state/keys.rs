//! What keys do.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::State;
use super::scroll::Move;

/// The keys with what they do, for the help sheet.
pub(in crate::chat) const KEYS: &[(&str, &str)] = &[
    ("Enter", "send"),
    ("Alt-Enter", "begin a new line"),
    ("Tab, Ctrl-N", "next conversation"),
    ("Shift-Tab, Ctrl-P", "conversation before"),
    (
        "PageUp, PageDown",
        "scroll; older messages load by themselves",
    ),
    ("Home, End", "oldest at hand, newest"),
    ("Alt-Up, Alt-Down", "select a message"),
    ("Alt-R", "reply to the selected message"),
    ("Up", "edit your last message (where nothing is written)"),
    ("Ctrl-A, Ctrl-E", "begin and end of the line"),
    ("Alt-B, Alt-F", "word by word (or Ctrl-Left, Ctrl-Right)"),
    (
        "Ctrl-W, Ctrl-U, Ctrl-K",
        "delete a word, to the begin, to the end",
    ),
    ("Esc", "close, let go, clear, leave a thread"),
    ("F1, ?", "this sheet (? where nothing is written)"),
    ("Ctrl-C, Ctrl-Q", "quit"),
];

/// Whether the key ends the program, whatever is on screen.
pub(super) fn is_quit(key: KeyEvent) -> bool {
    is_press(key) && is_ctrl(key) && matches!(key.code, KeyCode::Char('c' | 'q'))
}

impl State {
    pub(super) fn press_in_dialog(&mut self, key: KeyEvent) {
        let Some(dialog) = self.dialog.as_mut().filter(|_| is_press(key)) else {
            return;
        };
        let page = self.size.height.saturating_sub(6).max(1);
        match key.code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::F(1) | KeyCode::Char('q' | '?') => {
                self.dialog = None;
            }
            KeyCode::Up => dialog.top = dialog.top.saturating_sub(1),
            KeyCode::Down => dialog.top = dialog.top.saturating_add(1),
            KeyCode::PageUp => dialog.top = dialog.top.saturating_sub(page),
            KeyCode::PageDown | KeyCode::Char(' ') => {
                dialog.top = dialog.top.saturating_add(page);
            }
            KeyCode::Home => dialog.top = 0,
            KeyCode::End => dialog.top = u16::MAX,
            _ => {}
        }
        self.keep_dialog_on_screen();
    }

    pub(super) fn press_in_chat(&mut self, key: KeyEvent) {
        if !is_press(key) {
            return;
        }
        let is_done = if is_ctrl(key) {
            self.press_with_ctrl(key.code)
        } else if key.modifiers.contains(KeyModifiers::ALT) {
            self.press_with_alt(key.code)
        } else {
            self.press_alone(key.code)
        };
        if !is_done {
            self.edit(key);
        }
    }

    fn press_with_ctrl(&mut self, code: KeyCode) -> bool {
        match code {
            KeyCode::Char('n') => self.turn_to(1),
            KeyCode::Char('p') => self.turn_to(-1),
            KeyCode::Home => self.scroll(Move::Oldest),
            KeyCode::End => self.scroll(Move::Newest),
            _ => return false,
        }
        true
    }

    fn press_with_alt(&mut self, code: KeyCode) -> bool {
        match code {
            KeyCode::Enter => self.draft.composer.insert("\n"),
            KeyCode::Up | KeyCode::Down => {
                let is_up = code == KeyCode::Up;
                if self.open.as_mut().is_some_and(|open| open.select(is_up)) {
                    self.show_selected();
                } else if !is_up {
                    self.scroll(Move::Newest);
                }
            }
            KeyCode::Char('r') => self.reply_to_selected(),
            _ => return false,
        }
        true
    }

    fn press_alone(&mut self, code: KeyCode) -> bool {
        let is_empty = self.draft.composer.is_empty();
        match code {
            KeyCode::Enter => self.submit(),
            KeyCode::Tab => self.turn_to(1),
            KeyCode::BackTab => self.turn_to(-1),
            KeyCode::PageUp => self.scroll(Move::Pages(-1)),
            KeyCode::PageDown => self.scroll(Move::Pages(1)),
            KeyCode::Home => self.scroll(Move::Oldest),
            KeyCode::End => self.scroll(Move::Newest),
            KeyCode::F(1) => self.show_help(),
            KeyCode::Char('?') if is_empty => self.show_help(),
            KeyCode::Esc => self.let_go(),
            _ => return false,
        }
        true
    }

    /// What is left belongs to the composer; up and down beyond its lines belong to the timeline.
    fn edit(&mut self, key: KeyEvent) {
        let is_empty = self.draft.composer.is_empty() && self.draft.editing.is_none();
        if key.code == KeyCode::Up && is_empty && self.edit_last() {
            return;
        }
        let composer = &mut self.draft.composer;
        let is_ctrl = is_ctrl(key);
        let is_alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Left if is_ctrl || is_alt => composer.word_left(),
            KeyCode::Right if is_ctrl || is_alt => composer.word_right(),
            KeyCode::Left => composer.left(),
            KeyCode::Right => composer.right(),
            KeyCode::Backspace if is_ctrl || is_alt => composer.delete_word_left(),
            KeyCode::Backspace => composer.delete_left(),
            KeyCode::Delete => composer.delete_right(),
            KeyCode::Up => {
                let has_moved = composer.up();
                if !has_moved {
                    self.scroll(Move::Lines(-1));
                }
            }
            KeyCode::Down => {
                let has_moved = composer.down();
                if !has_moved {
                    self.scroll(Move::Lines(1));
                }
            }
            // AltGr is both on some terminals, and writes characters.
            KeyCode::Char(letter) if is_ctrl && !is_alt => match letter {
                'a' => composer.line_begin(),
                'e' => composer.line_end(),
                'b' => composer.left(),
                'f' => composer.right(),
                'd' => composer.delete_right(),
                'h' => composer.delete_left(),
                'w' => composer.delete_word_left(),
                'u' => composer.delete_to_line_begin(),
                'k' => composer.delete_to_line_end(),
                'j' => composer.insert("\n"),
                _ => {}
            },
            KeyCode::Char('b') if is_alt && !is_ctrl => composer.word_left(),
            KeyCode::Char('f') if is_alt && !is_ctrl => composer.word_right(),
            KeyCode::Char(letter) if is_alt == is_ctrl => {
                composer.insert(letter.encode_utf8(&mut [0; 4]));
            }
            _ => {}
        }
    }

    fn turn_to(&mut self, step: isize) {
        let here = self.open.as_ref().map(|open| open.id);
        if let Some(next) = here.and_then(|id| self.rooms.neighbour(id, step)) {
            self.enter(next);
        }
    }

    fn reply_to_selected(&mut self) {
        let selected = self.open.as_mut().and_then(|open| open.selected.take());
        match selected {
            Some(seq) => {
                if self.draft.editing.take().is_some() {
                    self.draft.composer.take();
                }
                self.draft.reply_to = Some(seq);
                self.scroll(Move::Newest);
            }
            None => self.complain("select a message with Alt-Up first"),
        }
    }

    /// One step back for each press.
    fn let_go(&mut self) {
        let here = self.open.as_ref().map(|open| open.id);
        let is_here = |refused: &super::RefusedMessage| Some(refused.conversation) == here;
        if self.notice.take().is_some() {
            return;
        }
        if let Some(open) = &mut self.open
            && open.selected.take().is_some()
        {
            return;
        }
        if self.draft.reply_to.take().is_some() {
            return;
        }
        if self.draft.editing.take().is_some() {
            self.draft.composer.take();
            return;
        }
        if !self.draft.composer.is_empty() {
            self.draft.composer.take();
        } else if self.refused.iter().any(is_here) {
            self.refused.retain(|refused| !is_here(refused));
        } else if !self.leave_thread() {
            self.scroll(Move::Newest);
        }
    }
}

fn is_press(key: KeyEvent) -> bool {
    key.kind != KeyEventKind::Release
}

fn is_ctrl(key: KeyEvent) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL)
}
