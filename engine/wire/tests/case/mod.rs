//! Reads the cases of `corpus/`; `corpus.rs` has the format. The fuzz package makes its seeds of
//! them.

use std::fs;
use std::path::Path;

/// One file of the corpus.
pub(crate) struct Case {
    /// The file's name.
    pub(crate) name: String,
    /// `requests`, `responses` or `chunked`: whose bytes they are.
    pub(crate) kind: String,
    /// The bytes of the connection.
    pub(crate) input: Vec<u8>,
    /// What they must cause.
    pub(crate) events: Vec<String>,
    /// Of the requests that responses answer.
    pub(crate) methods: Vec<Vec<u8>>,
}

impl Case {
    /// All cases of a directory and of those in it, in the order of their names.
    pub(crate) fn all(directory: &Path) -> Vec<Case> {
        let mut cases = Vec::new();
        for entry in fs::read_dir(directory).expect("the corpus can be read") {
            let path = entry.expect("the corpus can be read").path();
            if path.is_dir() {
                cases.extend(Case::all(&path));
            } else {
                cases.push(Case::read(&path));
            }
        }
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        cases
    }

    fn read(path: &Path) -> Case {
        let text = fs::read_to_string(path).expect("a case is UTF-8");
        let folder = path.parent().and_then(Path::file_name).expect("a case is in a folder");
        let file = path.file_name().expect("a case is a file");
        let name = format!("{}-{}", folder.display(), file.display());
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let mut words = lines.next().expect("a case names its side").split_whitespace();
        let kind = words.next().expect("a case names its side").to_owned();
        let methods = words.map(|word| word.as_bytes().to_vec()).collect();
        let input: String = lines.by_ref().take_while(|&line| line != "=>").collect();
        let events = lines.map(str::to_owned).collect();
        Case { name, kind, input: unescape(&input), events, methods }
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let (escape, behind) = rest[at + 1..].split_at(1);
        rest = behind;
        match escape {
            "r" => bytes.push(b'\r'),
            "n" => bytes.push(b'\n'),
            "t" => bytes.push(b'\t'),
            "0" => bytes.push(0),
            "\\" => bytes.push(b'\\'),
            "x" => {
                let (digits, behind) = rest.split_at(2);
                bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
                rest = behind;
            }
            "{" => {
                let (repeat, behind) = rest.split_once('}').expect("a closing brace");
                let (count, unit) = repeat.split_once('*').expect("N*TEXT");
                let count = count.parse().expect("a number");
                bytes.extend_from_slice(&unescape(unit).repeat(count));
                rest = behind;
            }
            other => panic!("no escape: \\{other}"),
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
