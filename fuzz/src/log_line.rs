//! Lines of the access log: any text is refused or is a format, and whatever a value holds, a line
//! is one line, and one in JSON is JSON.
//!
//! The first line of the input is the format; the rest is what every operator stands for.

use config::access_log::AccessLog;
use config::template::{Operator, OutcomeOperator};
use policy::line::{push_number, render};
use policy::template::TemplateSource;

/// Renders a line of each format.
pub fn run(data: &[u8]) {
    let end = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    let (format, value) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let Ok(format) = std::str::from_utf8(format) else { return };
    if let Some(log) = log(&format!("format = {}", quoted(format))) {
        let line = line(&log, value);
        assert!(!line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t'), "{line:?}");
    }
    if let Some(log) = log(&format!("json_fields = {{ a = {} }}", quoted(format))) {
        let line = line(&log, value);
        let object: Result<serde_json::Value, _> = serde_json::from_slice(&line);
        object.unwrap_or_else(|error| panic!("{error}: {}", line.escape_ascii()));
    }
}

/// A rendered line without its line feed.
fn line(log: &AccessLog, value: &[u8]) -> Vec<u8> {
    let mut out = b"before".to_vec();
    render(&log.format, &Same(value), &mut out);
    assert_eq!(out.pop(), Some(b'\n'));
    let line = out.strip_prefix(b"before").expect("a line is appended");
    line.to_vec()
}

/// The log of a file with this key, if the file is taken.
fn log(key: &str) -> Option<AccessLog> {
    let file = format!(
        "[access_log]\npath = '/l'\n{key}\n\
         [[listeners]]\nname = 'a'\nlisten = '127.0.0.1:0'\nroutes = 'r'\n\
         [[routes.r]]\nrespond = {{ status = 200 }}\n"
    );
    let loaded = config::load("fuzz", file.as_bytes(), None).ok()?;
    loaded.snapshot.access_log.as_deref().cloned()
}

/// As TOML writes it.
fn quoted(text: &str) -> String {
    let escaped: String = text.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect();
    format!("\"{escaped}\"")
}

/// What a peer may have chosen are these bytes; all else is a number or a plain word.
struct Same<'a>(&'a [u8]);

impl TemplateSource for Same<'_> {
    fn write(&self, operator: &Operator, out: &mut Vec<u8>) {
        match operator {
            Operator::Request(_)
            | Operator::Outcome(OutcomeOperator::Response(_))
            | Operator::UpstreamHost => out.extend_from_slice(self.0),
            number if number.is_number() => push_number(out, self.0.len() as u64),
            _ => out.extend_from_slice(b"plain"),
        }
    }
}
