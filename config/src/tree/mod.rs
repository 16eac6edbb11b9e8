//! TOML text to a tree whose every node knows where it stands.
//!
//! Lexing, grammar and the decoding of texts are `toml_parser`'s, beneath the `toml` crate. The
//! tree is ours: it keeps the file's order, costs a third of the memory (a reload of ten thousand
//! routes must fit into a sidecar), and one mistake is one error. A property test holds it equal
//! to what the `toml` crate makes of the same text.

mod build;
mod nodes;
mod tables;
#[cfg(test)]
mod tests;

pub(crate) use nodes::{Node, Table, Value};

use toml_parser::lexer::{Token, TokenKind};
use toml_parser::parser::{ValidateWhitespace, parse_document};
use toml_parser::{ParseError, Source};

use build::Builder;

/// The tree of `text`, and what is wrong with its syntax: at most one error for each expression.
/// With errors the tree lacks parts.
pub(crate) fn parse(text: &str) -> (Table<'_>, Vec<ParseError>) {
    let mut builder = Builder::new(Source::new(text));
    let mut errors = Errors::default();
    // An expression at a time, so that the tokens of the whole file are never held.
    let mut tokens = Vec::new();
    let mut open = Open::default();
    for token in Source::new(text).lex() {
        open.count(token, &tokens);
        tokens.push(token);
        let end = token.kind() == TokenKind::Eof;
        if end || (token.kind() == TokenKind::Newline && open.depth == 0) {
            match open.first {
                Some(first) if end && open.depth > 0 => errors.push(unclosed(first)),
                _ => expression(&tokens, &mut builder, &mut errors),
            }
            tokens.clear();
            open = Open::default();
        }
    }
    (builder.finish(), errors.kept)
}

fn expression(tokens: &[Token], builder: &mut Builder<'_>, errors: &mut Errors) {
    let mut first = None;
    let source = builder.source();
    parse_document(tokens, &mut ValidateWhitespace::new(builder, source), &mut first);
    builder.end_of_expression(first.is_some());
    first.into_iter().for_each(|error| errors.push(error));
}

/// Brackets that are open.
#[derive(Default)]
struct Open {
    depth: usize,
    first: Option<Token>,
}

impl Open {
    fn count(&mut self, token: Token, before: &[Token]) {
        match token.kind() {
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => {
                self.depth += 1;
                self.first.get_or_insert(token);
            }
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                self.depth = self.depth.saturating_sub(1);
            }
            // A [header] ends with its line, closed or not.
            TokenKind::Newline if is_header(before) => self.depth = 0,
            _ => {}
        }
    }
}

fn is_header(tokens: &[Token]) -> bool {
    let first = tokens.iter().find(|token| token.kind() != TokenKind::Whitespace);
    first.is_some_and(|token| token.kind() == TokenKind::LeftSquareBracket)
}

fn unclosed(first: Token) -> ParseError {
    let description = match first.kind() {
        TokenKind::LeftSquareBracket => "this `[` is never closed",
        _ => "this `{` is never closed",
    };
    ParseError::new(description).with_unexpected(first.span())
}

/// The first errors; a file of garbage has millions.
#[derive(Default)]
struct Errors {
    kept: Vec<ParseError>,
}

impl Errors {
    /// More than are shown, so that the reader is told that there are more.
    const KEPT_MAX: usize = 1000;

    fn push(&mut self, error: ParseError) {
        if self.kept.len() < Self::KEPT_MAX {
            self.kept.push(error);
        }
    }
}
