//! `load` is total: whatever the bytes, it answers, at a place in the file, and does not panic.

use proptest::prelude::*;

use config::{Problems, Severity};

const REFERENCE: &str = include_str!("../examples/reference.toml");

/// What holds for the problems of any file.
fn check(text: &[u8], problems: &Problems) {
    assert!(!problems.is_empty());
    assert!(problems.iter().count() <= Problems::SHOWN_MAX);
    let lines = text.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let mut before = (1, 1);
    for problem in problems {
        assert!((1..=lines).contains(&problem.line), "{problem:?}");
        assert!(problem.column >= 1 && !problem.message.is_empty(), "{problem:?}");
        assert!(before <= (problem.line, problem.column), "not in order: {problem:?}");
        assert!(!problem.message.contains('\n'), "{problem:?}");
        before = (problem.line, problem.column);
    }
    let drawn = problems.to_string();
    assert!(drawn.contains("-->") && !drawn.contains('\u{1b}'), "{drawn}");
}

fn load(text: &[u8]) -> Result<(), Problems> {
    config::load("test.toml", text, None).map(drop).inspect_err(|problems| check(text, problems))
}

#[test]
fn hostile_files_get_a_message() {
    let listener = "[[listeners]]\nname = 'a'\nlisten = '127.0.0.1:80'\nroutes = 'r'\n";
    for text in [
        "\0".to_owned(),
        "=".repeat(100_000),
        "=\n".repeat(100_000),
        "[".repeat(100_000),
        "a.".repeat(100_000),
        "[[a]]\n".repeat(10_000),
        "[a]\n".repeat(10_000),
        format!("x = \"{}", "a".repeat(1_000_000)),
        format!("{}\n", "é".repeat(100_000)),
        "a = {a = {a = {}}}\n".repeat(1000),
        listener.repeat(2000),
        format!("{listener}[routes]\nr = [{}]\n", "1,".repeat(10_000)),
        (0..10_000).map(|n| format!("key{n} = 1\n")).collect(),
        "\u{feff}".to_owned(),
        "\r\n\r".to_owned(),
    ] {
        assert!(load(text.as_bytes()).is_err(), "{text:.40}");
    }
    assert!(load(&[0xff; 1000]).is_err());
    assert!(load(&[0x80]).is_err());
}

#[test]
fn a_file_of_more_than_16_mib_is_refused() {
    let text = vec![b'#'; (16 << 20) + 1];
    let problems = load(&text).unwrap_err();
    assert_eq!(
        problems.iter().next().unwrap().message,
        "the file has 16777217 bytes, more than 16 MiB"
    );
}

#[test]
fn a_comment_of_ten_mebibytes_does_no_harm() {
    let text = format!("# {}\n{REFERENCE}", "x".repeat(10 << 20));
    assert!(load(text.as_bytes()).is_ok());
}

#[test]
fn problems_beyond_the_hundredth_are_counted() {
    let text: String = (0..250).map(|n| format!("key{n} = 1\n")).collect();
    let problems = load(text.as_bytes()).unwrap_err();
    assert_eq!((problems.iter().count(), problems.len()), (100, 251));
    assert!(problems.to_string().ends_with("and 151 more\n"));
    assert_eq!(problems.to_json()["omitted"], 151);
}

#[test]
fn json_says_what_the_drawing_says() {
    let text = "[[listeners]]\nname = 'a'\nlisten = '127.0.0.1:80'\nroutes = 'r'\nbaklog = 1\n\
                [[routes.r]]\nrespond = { status = 200 }\n";
    let problems = load(text.as_bytes()).unwrap_err();
    assert_eq!(
        problems.to_json(),
        serde_json::json!({ "problems": [{
            "severity": "error",
            "file": "test.toml",
            "line": 5,
            "column": 1,
            "path": "listeners[0].baklog",
            "message": "unknown key `baklog` in a listener",
            "help": "did you mean `backlog`?",
        }], "omitted": 0 })
    );
    assert_eq!(problems.iter().next().unwrap().severity, Severity::Error);
    assert!(problems.draw(true).contains('\u{1b}'), "colours where they are asked for");
}

#[test]
fn no_control_character_of_the_file_reaches_the_terminal() {
    for text in
        ["x = 1\u{1b}[2J24\n", "x = \"\u{9b}2J\"\n", "\"\\u001b[2J\" = 1\n", "x = 'a\u{85}b', y\n"]
    {
        let drawn = load(text.as_bytes()).unwrap_err().to_string();
        assert!(!drawn.replace('\n', "").contains(char::is_control), "{drawn:?}");
    }
    let text = REFERENCE.replace("\"least-request\"", "\"least\\u001b[2J\"");
    assert!(!load(text.as_bytes()).unwrap_err().to_json().to_string().contains("\\u001b"));
}

#[test]
fn columns_count_characters() {
    let text = "x = 'é', y\n";
    let problem = load(text.as_bytes()).unwrap_err().iter().next().unwrap().clone();
    assert_eq!((problem.line, problem.column), (1, 8));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes_get_an_answer(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = load(&text);
    }

    #[test]
    fn a_file_cut_anywhere_gets_an_answer(at in 0..REFERENCE.len()) {
        let _ = load(&REFERENCE.as_bytes()[..at]);
    }

    #[test]
    fn a_file_with_bytes_changed_gets_an_answer(
        changes in prop::collection::vec((0..REFERENCE.len(), any::<u8>()), 1..8),
    ) {
        let mut text = REFERENCE.as_bytes().to_vec();
        for (at, byte) in changes {
            text[at] = byte;
        }
        let _ = load(&text);
    }

    #[test]
    fn a_file_with_lines_moved_gets_an_answer(from: prop::sample::Index, to: prop::sample::Index) {
        let mut lines: Vec<&str> = REFERENCE.lines().collect();
        let line = lines.remove(from.index(lines.len()));
        lines.insert(to.index(lines.len()), line);
        let _ = load(lines.join("\n").as_bytes());
    }

    #[test]
    fn a_file_with_values_exchanged_gets_an_answer(
        from: prop::sample::Index,
        value in prop::sample::select(vec![
            "1", "-1", "0", "9223372036854775807", "1.5", "true", "'x'", "''", "[]", "[1]", "{}",
            "['x']", "[{}]", "{ a = 1 }", "1979-05-27", "'0s'", "'99999999999h'", "'%'", "'*'",
            "'unix:'", "'[::1]:1'", "'/'", "'('", "'\\9'", "\"\\u0000\"", "[1, 2]", "[2, 1]",
        ]),
    ) {
        let mut lines: Vec<String> = REFERENCE.lines().map(str::to_owned).collect();
        let line = from.index(lines.len());
        if let Some((key, _)) = lines[line].split_once(" = ") {
            lines[line] = format!("{key} = {value}");
        }
        let _ = load(lines.join("\n").as_bytes());
    }
}
