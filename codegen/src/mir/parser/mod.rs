//! Reads MIR's text form, as [`super::print`] writes it.
//!
//! For golden tests, for MIR written by hand in tests of passes and emission, and for people who
//! change what they printed.  Never panics, whatever the text.

mod function;
mod item;
mod lexer;

use std::collections::HashMap;

use lexer::Token;

use super::{ExternId, FuncId, GlobalId, Module};

/// Why a text is not MIR.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ParseError {
    /// The line of the text.
    pub line: u32,
    /// What is wrong there.
    pub message: String,
}

type Parsed<T> = Result<T, ParseError>;

/// Reads a module.
pub fn parse(text: &str) -> Result<Module, ParseError> {
    let tokens = lexer::tokens(text)?;
    let mut parser = Parser {
        tokens,
        at: 0,
        module: Module::new(""),
        symbols: HashMap::new(),
    };
    parser.collect_symbols();
    parser.module()?;
    Ok(parser.module)
}

/// What a symbol stands for.
#[derive(Clone, Copy, Debug)]
enum SymbolIs {
    Function(FuncId),
    Global(GlobalId),
    Extern(ExternId),
}

struct Parser {
    tokens: Vec<(Token, u32)>,
    at: usize,
    module: Module,
    symbols: HashMap<String, SymbolIs>,
}

impl Parser {
    /// Numbers every symbol before anything refers to one.
    fn collect_symbols(&mut self) {
        let (mut functions, mut globals, mut externs) = (0, 0, 0);
        let mut start = true;
        let mut index = 0;
        while index < self.tokens.len() {
            let mut here = index;
            if start && matches!(&self.tokens[here].0, Token::Word(word) if word == "external") {
                here += 1;
            }
            let kind = match self.tokens.get(here).map(|(token, _)| token) {
                Some(Token::Word(word)) if start => word.as_str(),
                _ => "",
            };
            if let Some((Token::Symbol(name), _)) = self.tokens.get(here + 1) {
                let is = match kind {
                    "func" => {
                        functions += 1;
                        Some(SymbolIs::Function(FuncId(functions - 1)))
                    }
                    "global" | "constant" => {
                        globals += 1;
                        Some(SymbolIs::Global(GlobalId(globals - 1)))
                    }
                    "extern" => {
                        externs += 1;
                        Some(SymbolIs::Extern(ExternId(externs - 1)))
                    }
                    _ => None,
                };
                if let Some(is) = is {
                    self.symbols.entry(name.clone()).or_insert(is);
                }
            }
            start = self.tokens[index].0 == Token::End;
            index += 1;
        }
    }

    // ---------------------------------------------------------------- tokens

    fn peek(&self) -> &Token {
        self.tokens
            .get(self.at)
            .map_or(&Token::End, |(token, _)| token)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    fn wrong<T>(&self, wanted: &str) -> Parsed<T> {
        let index = self.at.min(self.tokens.len().saturating_sub(1));
        let line = self.tokens.get(index).map_or(0, |(_, line)| *line);
        Err(ParseError {
            line,
            message: format!("expected {wanted}, found {:?}", self.peek()),
        })
    }

    fn mark(&mut self, mark: &str) -> Parsed<()> {
        if self.take_mark(mark) {
            Ok(())
        } else {
            self.wrong(&format!("'{mark}'"))
        }
    }

    fn take_mark(&mut self, mark: &str) -> bool {
        let found = matches!(self.peek(), Token::Mark(found) if *found == mark);
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Word(found) if found == word);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self) -> Parsed<String> {
        match self.peek() {
            Token::Word(word) => {
                let word = word.clone();
                self.at += 1;
                Ok(word)
            }
            _ => self.wrong("a word"),
        }
    }

    fn number<N: std::str::FromStr>(&mut self) -> Parsed<N> {
        match self.peek() {
            Token::Word(word) => match word.parse() {
                Ok(number) => {
                    self.at += 1;
                    Ok(number)
                }
                Err(_) => self.wrong("a number"),
            },
            _ => self.wrong("a number"),
        }
    }

    fn text(&mut self) -> Parsed<Vec<u8>> {
        match self.next() {
            Token::Text(text) => Ok(text),
            _ => {
                self.at -= 1;
                self.wrong("a quoted text")
            }
        }
    }

    fn string(&mut self) -> Parsed<String> {
        let text = self.text()?;
        match String::from_utf8(text) {
            Ok(text) => Ok(text),
            Err(_) => self.wrong("UTF-8"),
        }
    }

    fn symbol(&mut self) -> Parsed<String> {
        match self.next() {
            Token::Symbol(name) => Ok(name),
            _ => {
                self.at -= 1;
                self.wrong("a symbol")
            }
        }
    }

    fn end(&mut self) -> Parsed<()> {
        match self.next() {
            Token::End => Ok(()),
            _ => {
                self.at -= 1;
                self.wrong("the end of the line")
            }
        }
    }

    /// `; line N` and the end of the line.
    fn line(&mut self) -> Parsed<u32> {
        let line = match self.peek() {
            Token::Line(line) => {
                let line = *line;
                self.at += 1;
                line
            }
            _ => 0,
        };
        self.end()?;
        Ok(line)
    }

    /// Things between commas, up to a closing mark, which is taken.
    fn list<T>(
        &mut self,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let mut out = Vec::new();
        if self.take_mark(close) {
            return Ok(out);
        }
        loop {
            out.push(item(self)?);
            if self.take_mark(close) {
                return Ok(out);
            }
            self.mark(",")?;
        }
    }
}

#[cfg(test)]
mod tests;
