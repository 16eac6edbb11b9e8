//! What the commands print and where, and what becomes of them when nobody takes it.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::process::{Child, Command, Stdio};

use tests::program::{Program, outrigger_command};
use tests::proxy::ConfigFile;

/// Commands that answer on standard output.
fn commands(file: &ConfigFile) -> [Command; 4] {
    let file = file.path();
    let file = file.as_os_str();
    let command = |arguments: &[&OsStr]| outrigger_command(arguments);
    [
        command(&["doctor".as_ref()]),
        command(&["doctor".as_ref(), "--json".as_ref(), file]),
        command(&["check".as_ref(), "--json".as_ref(), file]),
        command(&["schema".as_ref()]),
    ]
}

/// Standard error and the exit code of a command whose answer goes to `output`.
fn complaint(command: &mut Command, output: Stdio) -> (String, Option<i32>) {
    let child = command.stdin(Stdio::null()).stdout(output).stderr(Stdio::piped()).spawn();
    let ended = child.and_then(Child::wait_with_output).expect("it starts");
    (String::from_utf8_lossy(&ended.stderr).into_owned(), ended.status.code())
}

#[test]
fn a_reader_who_has_read_enough_ends_a_command_quietly() {
    let file = ConfigFile::new("[proces]\n");
    for mut command in commands(&file) {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let (said, code) = complaint(&mut command, writer.into());
        assert_eq!(said, "", "{command:?}");
        let expected = Program::run(&mut command).code;
        assert_eq!(code, expected, "the answer is the same, read or not");
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_told_and_fails() {
    let file = ConfigFile::new("[proces]\n");
    for mut command in commands(&file) {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let (said, code) = complaint(&mut command, full.into());
        assert_eq!(code, Some(1), "{command:?}: {said}");
        let words = "outrigger: cannot write to standard output: No space left on device";
        assert!(said.starts_with(words) && said.lines().count() == 1, "{command:?}: {said}");
    }
}

#[test]
fn a_file_that_is_not_there_is_a_problem_in_json_too() {
    let (mut answer, output) = io::pipe().expect("a pipe");
    let mut command = outrigger_command(["check", "--json", "/nowhere/a.toml"]);
    let (said, code) = complaint(&mut command, output.into());
    assert_eq!((said.as_str(), code), ("", Some(1)));
    // The command holds the other writing end.
    drop(command);
    let mut page = String::new();
    answer.read_to_string(&mut page).expect("it is text");
    let page: serde_json::Value = serde_json::from_str(&page).expect("it is JSON");
    let problem = &page["problems"][0];
    assert_eq!(problem["severity"], "error");
    assert_eq!(problem["file"], "/nowhere/a.toml");
    let message = problem["message"].as_str().expect("it is a text");
    assert!(message.contains("No such file or directory"), "{message}");
}
