//! How deep a Python file is nested, before a parser builds a tree that deep: a file that is made to be deep would end
//! the program, since trees are walked and dropped by functions that call themselves.

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::Mode;
use ruff_python_parser::lexer::lex;

/// The deepest that is read. `CPython` gives up on most that is nested so deep; a sum of as many parts is lost here.
pub(super) const MOST: usize = 3_000;

/// One pair of brackets that is open: what may nest in it since the last comma, and what a comma does not end.
#[derive(Default, Clone, Copy)]
struct Level {
    since_comma: usize,
    lambdas: usize,
}

/// Whether a text is nested deeper than [`MOST`]. Counts too much rather than too
/// little: each operator and each bracket of one item may be a step down.
pub(super) fn too_deep(text: &str) -> bool {
    let mut lexer = lex(text, Mode::Module);
    let mut levels = vec![Level::default()];
    let (mut depth, mut blocks) = (0_usize, 0_usize);
    loop {
        let kind = lexer.next_token();
        let down = match kind {
            TokenKind::EndOfFile => return false,
            TokenKind::Newline => {
                depth = 0;
                levels = vec![Level::default()];
                false
            }
            TokenKind::Indent => {
                blocks += 1;
                false
            }
            TokenKind::Dedent => {
                blocks = blocks.saturating_sub(1);
                false
            }
            TokenKind::Comma => {
                if levels.len() > 1
                    && let Some(level) = levels.last_mut()
                {
                    depth -= level.since_comma;
                    level.since_comma = 0;
                }
                false
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                if levels.len() > 1
                    && let Some(level) = levels.pop()
                {
                    depth -= level.since_comma + level.lambdas;
                }
                false
            }
            TokenKind::Name
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Complex
            | TokenKind::String
            | TokenKind::FStringMiddle
            | TokenKind::FStringEnd
            | TokenKind::TStringMiddle
            | TokenKind::TStringEnd
            | TokenKind::Comment
            | TokenKind::NonLogicalNewline => false,
            _ => true,
        };
        if down {
            depth += 1;
            if let Some(level) = levels.last_mut() {
                match kind {
                    TokenKind::Lambda => level.lambdas += 1,
                    _ => level.since_comma += 1,
                }
            }
            if matches!(kind, TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace) {
                levels.push(Level::default());
            }
        }
        if depth + blocks > MOST {
            return true;
        }
    }
}
