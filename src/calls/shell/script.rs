//! The grammar around commands: lists, pipes, blocks, `case`, functions, redirections, heredocs.

use super::command::{self, Input};
use super::tables::is_keyword;
use super::words::{DEEPEST, Heredoc, Reader, assignment, is_assignment};
use super::{Script, Word};

/// What is open around a command.
#[derive(PartialEq, Eq)]
enum Block {
    Case,
    Parenthesis,
}

/// Where the reading of a list of commands stands.
#[derive(Default)]
struct State {
    blocks: Vec<Block>,
    /// Between `in` or `;;` and `)`.
    in_pattern: bool,
    command: Command,
}

/// The command that is being read.
#[derive(Default)]
struct Command {
    assignments: Vec<Word>,
    words: Vec<Word>,
    /// Behind `fi`, `done` and the like: words there are no command.
    is_over: bool,
    /// Its input is the output of the command before.
    is_piped: bool,
    /// The first of the open heredocs that is its own.
    heredocs: usize,
    /// What `<<<` gives it.
    input: Option<Word>,
}

/// Reads a script into `script`. Its first line is `line`.
pub(super) fn read(script: &mut Script, text: &str, line: usize, depth: usize) {
    if depth < DEEPEST {
        Reader::new(script, text, line, depth).commands(false);
    }
}

/// Runs one command whose words are known.
pub(super) fn run(script: &mut Script, words: &[Word]) {
    for inner in command::run(script, words, true).scripts {
        read(script, &inner.text, inner.line, 1);
    }
}

impl Reader<'_> {
    /// Reads commands to the end, or to the `)` that ends a substitution.
    pub(super) fn commands(&mut self, in_substitution: bool) {
        let mut state = State::default();
        loop {
            self.blanks();
            let Some(c) = self.peek() else { break };
            match c {
                '\n' => {
                    self.next();
                    self.finish(&mut state, false);
                    self.bodies();
                }
                ';' | '&' | '|' => self.operator(&mut state),
                '(' => self.open(&mut state),
                ')' if state.in_pattern => {
                    self.next();
                    state.in_pattern = false;
                    state.command = Command::default();
                }
                ')' => {
                    self.next();
                    self.finish(&mut state, false);
                    if state.blocks.last() == Some(&Block::Parenthesis) {
                        state.blocks.pop();
                        state.command.is_over = true;
                    } else if in_substitution {
                        return;
                    }
                }
                '<' | '>' => self.redirection(&mut state.command),
                _ => self.next_word(&mut state),
            }
        }
        self.finish(&mut state, false);
    }

    /// `;`, `&`, `|` and what is made of them.
    fn operator(&mut self, state: &mut State) {
        if self.take("&>") {
            self.take(">");
            self.blanks();
            self.word();
            return;
        }
        let ends_item = self.take(";;&") || self.take(";;") || self.take(";&");
        let is_pipe = !ends_item && !self.take("||") && (self.take("|&") || self.take("|"));
        if !ends_item && !is_pipe && !self.take("&&") && self.peek().is_some_and(|c| ";&".contains(c)) {
            self.next();
        }
        if state.in_pattern {
            return;
        }
        self.finish(state, is_pipe);
        if ends_item && state.blocks.last() == Some(&Block::Case) {
            state.in_pattern = true;
        }
    }

    /// `(`: of a pattern, arithmetic, a function's or a subshell's.
    fn open(&mut self, state: &mut State) {
        let is_for = state.command.words.first().is_some_and(|word| word.text == "for");
        if (state.command.words.is_empty() || is_for) && !state.in_pattern && self.arithmetic() {
            state.command.is_over |= !is_for;
            return;
        }
        self.next();
        if state.in_pattern {
            return;
        }
        self.blanks();
        if let [name] = state.command.words.as_slice()
            && self.peek() == Some(')')
        {
            self.next();
            self.script.functions.insert(name.text.clone());
            state.command = Command::default();
            return;
        }
        self.finish(state, false);
        state.blocks.push(Block::Parenthesis);
    }

    fn next_word(&mut self, state: &mut State) {
        let at_start = state.command.words.is_empty() && !state.command.is_over;
        let words = self.word();
        let Some(first) = words.first() else { return };
        if state.in_pattern {
            let ends = first.text == "esac" && !first.quoted && state.command.words.is_empty();
            if ends {
                state.in_pattern = false;
                state.blocks.pop();
                state.command.is_over = true;
            } else {
                state.command.words.extend(words);
            }
            return;
        }
        // A number right before `<` or `>` is a descriptor.
        let is_descriptor = first.text.chars().all(|c| c.is_ascii_digit()) && !first.quoted;
        if is_descriptor && !first.text.is_empty() && self.peek().is_some_and(|c| "<>".contains(c)) {
            return;
        }
        if !at_start {
            state.command.words.extend(words);
        } else if is_assignment(&first.text) && !first.quoted {
            state.command.assignments.extend(words);
        } else if first.quoted || !state.command.assignments.is_empty() || !self.keyword(&first.text, state) {
            state.command.words.extend(words);
        }
    }

    /// Deals with a word that the grammar gives a meaning. Whether it was one.
    fn keyword(&mut self, word: &str, state: &mut State) -> bool {
        match word {
            "[[" => self.condition(state),
            "case" => {
                self.blanks();
                self.word();
                self.gap();
                if self.take("in") {
                    state.blocks.push(Block::Case);
                    state.in_pattern = true;
                }
            }
            "function" => {
                self.blanks();
                if let Some(name) = self.word().first() {
                    self.script.functions.insert(name.text.clone());
                }
                self.blanks();
                if self.take("(") {
                    self.blanks();
                    self.take(")");
                }
            }
            "fi" | "done" | "}" => state.command.is_over = true,
            "esac" => {
                if state.blocks.last() == Some(&Block::Case) {
                    state.blocks.pop();
                }
                state.command.is_over = true;
            }
            // Kept as a command, which calls nothing: what follows is a name and a list.
            "for" | "select" | "in" => return false,
            // `time -p`.
            _ => return is_keyword(word) || (word.starts_with('-') && word.len() == 2),
        }
        true
    }

    /// Blanks, comments and line ends.
    fn gap(&mut self) {
        self.blanks();
        while self.peek() == Some('\n') {
            self.next();
            self.blanks();
        }
    }

    /// `[[ … ]]`, behind its beginning: operators in it are no shell's.
    fn condition(&mut self, state: &mut State) {
        state.command.is_over = true;
        loop {
            self.gap();
            match self.peek() {
                None => return,
                Some('(' | ')' | '<' | '>' | '&' | '|' | ';') => {
                    self.next();
                }
                Some(_) => {
                    if self.word().first().is_some_and(|word| word.text == "]]") {
                        return;
                    }
                }
            }
        }
    }

    /// `<`, `>` and what is made of them, with the word behind.
    fn redirection(&mut self, command: &mut Command) {
        if matches!(self.ahead(1), Some('(')) {
            self.next();
            self.next();
            if self.depth < DEEPEST {
                self.depth += 1;
                self.commands(true);
                self.depth -= 1;
            }
            let line = self.line;
            command.words.push(Word { text: super::UNKNOWN.to_string(), line, quoted: true });
            return;
        }
        if self.take("<<<") {
            self.blanks();
            command.input = self.word().into_iter().next();
            return;
        }
        let is_heredoc = self.take("<<");
        let indented = is_heredoc && self.take("-");
        if !is_heredoc {
            let _ = ["<&", "<>", ">>", ">&", ">|", "<", ">"].iter().any(|operator| self.take(operator));
        }
        self.blanks();
        if self.peek().is_none_or(|c| "\n;|()".contains(c)) {
            return;
        }
        if matches!(self.peek(), Some('<' | '>')) {
            // `< <(…)`.
            return;
        }
        let start = self.at;
        let word = self.word().into_iter().next();
        if let Some(word) = word.filter(|_| is_heredoc) {
            let written = self.chars.get(start..self.at).unwrap_or_default();
            let quoted = written.iter().any(|c| "'\"\\".contains(*c));
            self.heredocs.push(Heredoc { end: word.text, indented, quoted, is_script: false });
        }
    }

    /// A command is complete: what it calls is noted.
    fn finish(&mut self, state: &mut State, is_pipe: bool) {
        let next = Command { is_piped: is_pipe, heredocs: self.heredocs.len(), ..Command::default() };
        let command = std::mem::replace(&mut state.command, next);
        if state.in_pattern {
            return;
        }
        for word in &command.assignments {
            if let Some((name, value)) = assignment(&word.text) {
                command::setting(self.script, name, value, word.line);
                if command.words.is_empty() {
                    self.script.assign(name, value);
                }
            }
        }
        if command.is_over {
            return;
        }
        let depth = self.depth + 1;
        let ran = command::run(self.script, &command.words, true);
        for inner in ran.scripts {
            read(self.script, &inner.text, inner.line, depth);
        }
        if ran.input == Input::Script {
            // `cat <<EOF | sh`: the heredoc of the command before.
            let own = if command.is_piped { 0 } else { command.heredocs };
            for heredoc in self.heredocs.iter_mut().skip(own) {
                heredoc.is_script = true;
            }
            if let Some(word) = command.input {
                read(self.script, &word.text, word.line, depth);
            }
        }
    }

    /// Reads the bodies of the heredocs whose line has ended.
    fn bodies(&mut self) {
        for heredoc in std::mem::take(&mut self.heredocs) {
            let first = self.line;
            let mut body = String::new();
            while self.peek().is_some() {
                let mut line = String::new();
                while let Some(c) = self.next().filter(|c| *c != '\n') {
                    line.push(c);
                }
                let shown = if heredoc.indented { line.trim_start_matches('\t') } else { &line };
                if shown.trim_end_matches('\r') == heredoc.end {
                    break;
                }
                body.push_str(&line);
                body.push('\n');
            }
            if heredoc.is_script {
                read(self.script, &body, first, self.depth + 1);
            } else if !heredoc.quoted && self.depth < DEEPEST {
                Reader::new(self.script, &body, first, self.depth + 1).expansions();
            }
        }
    }

    /// Looks into the substitutions of a text, and at nothing else.
    fn expansions(&mut self) {
        let mut ignored = String::new();
        while let Some(c) = self.next() {
            match c {
                '\\' => {
                    self.next();
                }
                '$' => self.dollar(&mut ignored, true),
                '`' => self.backticks(&mut ignored),
                _ => {}
            }
        }
    }
}
