//! Tokens of MIR's text form.

use super::ParseError;

/// A token.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Token {
    /// A word, a number or a keyword: anything of letters, digits, `_`, `.`, `-`, `+`.
    Word(String),
    /// `@symbol`
    Symbol(String),
    /// `%3`
    Value(u32),
    /// `$3`
    Local(u32),
    /// `bb3`
    Block(u32),
    /// A quoted text, unescaped.
    Text(Vec<u8>),
    /// One of `( ) { } [ ] , : =` and `->`, `...`.
    Mark(&'static str),
    /// `; line 3`
    Line(u32),
    /// The end of a line.
    End,
}

const MARKS: &[&str] = &["->", "...", "(", ")", "{", "}", "[", "]", ",", ":", "="];

/// Splits a text into tokens, each with its line.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, u32)>, ParseError> {
    let mut out = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index as u32 + 1;
        let mut rest = line.trim_start();
        while !rest.is_empty() {
            let (token, after) = token(rest, number)?;
            out.push((token, number));
            rest = after.trim_start();
        }
        out.push((Token::End, number));
    }
    Ok(out)
}

fn token(text: &str, line: u32) -> Result<(Token, &str), ParseError> {
    if let Some(rest) = text.strip_prefix("; line ") {
        let (word, rest) = word(rest);
        return Ok((Token::Line(number(word, line)?), rest));
    }
    if let Some(mark) = MARKS.iter().find(|mark| text.starts_with(**mark)) {
        return Ok((Token::Mark(mark), &text[mark.len()..]));
    }
    if let Some(rest) = text.strip_prefix('"') {
        return quoted(rest, line);
    }
    for (prefix, make) in [
        ("@", None),
        ("%", Some(Token::Value as fn(u32) -> Token)),
        ("$", Some(Token::Local)),
    ] {
        if let Some(rest) = text.strip_prefix(prefix) {
            let (word, rest) = word(rest);
            return Ok(match make {
                Some(make) => (make(number(word, line)?), rest),
                None => (Token::Symbol(word.to_owned()), rest),
            });
        }
    }
    let (word, rest) = word(text);
    if word.is_empty() {
        let found = text.chars().next().unwrap_or(' ');
        return Err(ParseError {
            line,
            message: format!("unexpected '{found}'"),
        });
    }
    if let Some(digits) = word.strip_prefix("bb")
        && let Ok(block) = digits.parse()
    {
        return Ok((Token::Block(block), rest));
    }
    Ok((Token::Word(word.to_owned()), rest))
}

fn word(text: &str) -> (&str, &str) {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '+' | '$');
    let mut end = text.find(|c| !inside(c)).unwrap_or(text.len());
    // An arrow is not the end of a word.
    if let Some(arrow) = text[..end].find("->") {
        end = arrow;
    }
    text.split_at(end)
}

fn number(word: &str, line: u32) -> Result<u32, ParseError> {
    word.parse().map_err(|_| ParseError {
        line,
        message: format!("'{word}' is not a number"),
    })
}

/// Undoes `escape_ascii` and Rust's debug form of strings.
fn quoted(text: &str, line: u32) -> Result<(Token, &str), ParseError> {
    let wrong = |message: &str| ParseError {
        line,
        message: message.to_owned(),
    };
    let mut out = Vec::new();
    let mut chars = text.char_indices();
    while let Some((index, c)) = chars.next() {
        match c {
            '"' => return Ok((Token::Text(out), &text[index + 1..])),
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => out.push(b'\n'),
                Some('r') => out.push(b'\r'),
                Some('t') => out.push(b'\t'),
                Some('0') => out.push(0),
                Some('x') => {
                    let high = chars.next().and_then(|(_, c)| c.to_digit(16));
                    let low = chars.next().and_then(|(_, c)| c.to_digit(16));
                    match (high, low) {
                        (Some(high), Some(low)) => out.push((high * 16 + low) as u8),
                        _ => return Err(wrong("\\x needs two digits")),
                    }
                }
                Some(c @ ('"' | '\'' | '\\')) => out.push(c as u8),
                _ => return Err(wrong("unknown escape")),
            },
            other => out.extend(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err(wrong("the text has no end"))
}
