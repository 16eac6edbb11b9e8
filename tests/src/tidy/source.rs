//! One Rust file, its comments and literals told apart from its code.
//!
//! A lexer of a page and no parser: enough to count lines and to find words where they matter.

/// A file's text in three layers of the same shape.
#[derive(Debug)]
pub struct Source {
    /// From the workspace's root.
    pub path: String,
    /// As it stands.
    pub text: String,
    /// Comments blanked, the contents of literals replaced by quotes.
    pub code: String,
    /// Everything but comments blanked.
    pub comments: String,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Without its path.
    pub name: String,
    /// Of its `fn`, from 1.
    pub line: usize,
    /// From `fn` to its closing brace.
    pub lines: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Layer {
    Code,
    Comment,
    Literal,
}

impl Source {
    /// Takes `text` apart.
    pub fn new(path: &str, text: &str) -> Source {
        let chars: Vec<char> = text.chars().collect();
        let layers = layers(&chars);
        let show = |wanted: Layer, hidden_literal: char| -> String {
            let one = |(&char, &layer): (&char, &Layer)| match layer {
                _ if char == '\n' => '\n',
                layer if layer == wanted => char,
                Layer::Literal => hidden_literal,
                _ => ' ',
            };
            chars.iter().zip(&layers).map(one).collect()
        };
        let (code, comments) = (show(Layer::Code, '"'), show(Layer::Comment, ' '));
        Source { path: path.to_owned(), text: text.to_owned(), code, comments }
    }

    /// Lines that hold code: neither blank nor comment alone.
    pub fn code_lines(&self) -> usize {
        self.code.lines().filter(|line| !line.trim().is_empty()).count()
    }

    /// The code before the file's unit tests, which stand last.
    pub fn product_code(&self) -> &str {
        self.code.split("#[cfg(test)]").next().unwrap_or_default()
    }

    /// Every function with a body, in order.
    pub fn functions(&self) -> Vec<Function> {
        let code = self.code.as_str();
        word_starts(code, "fn").filter_map(|start| function_at(code, start)).collect()
    }

    /// The lines (from 1) of `layer` on which `word` stands by itself.
    pub fn lines_with(layer: &str, word: &str) -> Vec<usize> {
        word_starts(layer, word).map(|start| line_of(layer, start)).collect()
    }
}

fn layers(chars: &[char]) -> Vec<Layer> {
    let mut layers = vec![Layer::Code; chars.len()];
    let mut at = 0;
    while at < chars.len() {
        let (layer, end) = piece(chars, at);
        layers[at..end].fill(layer);
        at = end;
    }
    layers
}

/// The layer of the piece that begins at `at`, and where the next one begins.
fn piece(chars: &[char], at: usize) -> (Layer, usize) {
    let next = chars.get(at + 1).copied().unwrap_or(' ');
    match chars[at] {
        '/' if next == '/' => (Layer::Comment, end_of_line(chars, at)),
        '/' if next == '*' => (Layer::Comment, end_of_block_comment(chars, at)),
        '"' => (Layer::Literal, end_of_quoted(chars, at, '"')),
        '\'' if next == '\\' || chars.get(at + 2) == Some(&'\'') => {
            (Layer::Literal, end_of_quoted(chars, at, '\''))
        }
        char if is_word(char) => word_or_raw_string(chars, at),
        _ => (Layer::Code, at + 1),
    }
}

fn end_of_line(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|&char| char == '\n').map_or(chars.len(), |length| at + length)
}

fn end_of_block_comment(chars: &[char], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut end = at;
    while end < chars.len() {
        match chars[end..] {
            ['/', '*', ..] => depth += 1,
            ['*', '/', ..] => depth -= 1,
            _ => {
                end += 1;
                continue;
            }
        }
        end += 2;
        if depth == 0 {
            break;
        }
    }
    end
}

fn end_of_quoted(chars: &[char], at: usize, quote: char) -> usize {
    let mut end = at + 1;
    while end < chars.len() && chars[end] != quote {
        end += if chars[end] == '\\' { 2 } else { 1 };
    }
    (end + 1).min(chars.len())
}

/// A whole word, so that the `r` of `for` begins no raw string.
fn word_or_raw_string(chars: &[char], at: usize) -> (Layer, usize) {
    let length = chars[at..].iter().take_while(|&&char| is_word(char)).count();
    let end = at + length;
    let word: String = chars[at..end].iter().collect();
    if !matches!(word.as_str(), "r" | "br" | "cr") {
        return (Layer::Code, end);
    }
    let hashes = chars[end..].iter().take_while(|&&char| char == '#').count();
    if chars.get(end + hashes) != Some(&'"') {
        return (Layer::Code, end);
    }
    let closing: Vec<char> = std::iter::once('"').chain(vec!['#'; hashes]).collect();
    let body = end + hashes + 1;
    let found = chars[body..].windows(closing.len()).position(|window| window == closing);
    (Layer::Literal, found.map_or(chars.len(), |length| body + length + closing.len()))
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// Byte offsets at which `word` stands by itself. A word may hold punctuation: `dbg!`.
fn word_starts<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let free_before = move |start: usize| !text[..start].ends_with(is_word);
    let ends_as_word = word.ends_with(is_word);
    let free_after =
        move |start: usize| !ends_as_word || !text[start + word.len()..].starts_with(is_word);
    let starts = text.match_indices(word).map(|(start, _)| start);
    starts.filter(move |&start| free_before(start) && free_after(start))
}

fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// The function whose `fn` stands at `start`; `None` for a type or a signature without body.
fn function_at(code: &str, start: usize) -> Option<Function> {
    let rest = code[start + 2..].trim_start();
    let name: String = rest.chars().take_while(|&char| is_word(char)).collect();
    if name.is_empty() {
        return None;
    }
    let open = start + opening_brace(&code[start..])?;
    let end = open + closing_brace(&code[open..]);
    let (line, last) = (line_of(code, start), line_of(code, end));
    Some(Function { name, line, lines: last - line + 1 })
}

/// Where the body opens; `None` if a `;` ends the signature first.
fn opening_brace(code: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (offset, char) in code.char_indices() {
        match char {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(offset),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

fn closing_brace(code: &str) -> usize {
    let mut depth = 0_i32;
    for (offset, char) in code.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return offset;
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_leave_the_code() {
        let text = concat!(
            "let a = \"unsafe { // \\\" }\"; // unsafe\n",
            "let b = r#\"\"unsafe\"#; /* x /* y */ z */ c\n",
        );
        let source = Source::new("a.rs", text);
        assert!(!source.code.contains("unsafe"), "{}", source.code);
        assert!(source.code.trim_end().ends_with('c'), "{}", source.code);
        assert_eq!(source.comments.matches("unsafe").count(), 1);
        assert_eq!(source.code.lines().count(), text.lines().count());
    }

    #[test]
    fn a_lifetime_opens_no_literal_and_a_character_does() {
        let source = Source::new("a.rs", "fn a<'t>(b: &'t str) { let c = '{'; let d = '\\''; }");
        assert_eq!(source.functions().len(), 1);
        assert!(!source.code[20..].contains("'{'"), "{}", source.code);
    }

    #[test]
    fn functions_are_measured_from_fn_to_brace() {
        let text =
            "fn a() -> [u8; 2] {\n    b(|| {})\n}\n\ntrait T {\n    fn c();\n}\ntype F = fn(u8);\n";
        let functions = Source::new("a.rs", text).functions();
        assert_eq!(functions, [Function { name: "a".into(), line: 1, lines: 3 }]);
    }

    #[test]
    fn words_stand_by_themselves() {
        assert_eq!(Source::lines_with("unsafe_code\n unsafe {", "unsafe"), [2]);
        assert_eq!(Source::lines_with("my_dbg!(1)\ndbg!(1)", "dbg!"), [2]);
    }

    #[test]
    fn only_code_counts_as_code() {
        assert_eq!(Source::new("a.rs", "//! a\n\n/* b\nc */\nd();\n\"e\nf\";\n").code_lines(), 3);
    }
}
