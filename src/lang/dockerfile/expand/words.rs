//! The words that an expansion is split into.

/// The words so far and the one at hand.
#[derive(Default)]
pub(super) struct Words {
    done: Vec<String>,
    current: String,
    in_word: bool,
}

impl Words {
    /// Adds a character; white space ends the word.
    pub(super) fn add_char(&mut self, c: char) {
        if !c.is_whitespace() {
            self.add_raw(c.encode_utf8(&mut [0; 4]));
        } else if self.in_word && !self.current.is_empty() {
            self.done.push(std::mem::take(&mut self.current));
            self.in_word = false;
        }
    }

    /// Adds text that was quoted: white space in it is part of the word.
    pub(super) fn add_raw(&mut self, text: &str) {
        self.current.push_str(text);
        self.in_word = true;
    }

    /// Drops what the word at hand has so far.
    pub(super) fn clear_current(&mut self) {
        self.current.clear();
    }

    /// All words.
    pub(super) fn finish(mut self) -> Vec<String> {
        if !self.current.is_empty() {
            self.done.push(self.current);
        }
        self.done
    }
}
