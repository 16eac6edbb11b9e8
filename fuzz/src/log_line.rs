//! Lines of the access log: any text is refused or is a format, and whatever a value holds, a line
//! is one line that tells that value, and one in JSON is JSON.
//!
//! The first line of the input is the format; the rest is what every operator stands for that a
//! peer may choose.

use config::access_log::{AccessLog, LineFormat};
use config::template::{Operator, OutcomeOperator, Piece, Template};
use policy::line::{VALUE_BYTES_MAX, push_number, render};
use policy::template::TemplateSource;
use serde_json::Value;

/// Renders a line of each format.
pub fn run(data: &[u8]) {
    let end = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    let (format, value) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let Ok(format) = std::str::from_utf8(format) else { return };
    let format = quoted(format);
    for key in [format!("format = {format}"), format!("json_fields = {{ a = {format} }}")] {
        if let Some(log) = log(&key) {
            tells(&log, &Same(value));
        }
    }
}

/// What stands in the line is what was meant, escaped as the plainest code would do it.
fn tells(log: &AccessLog, source: &Same<'_>) {
    let mut line = b"before".to_vec();
    render(&log.format, source, &mut line);
    assert_eq!(line.pop(), Some(b'\n'));
    let line = line.strip_prefix(b"before").expect("a line is appended");
    assert!(!line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t'), "{line:?}");
    match &log.format {
        LineFormat::Text { template, .. } => {
            let meant = meant(template, source, escaped);
            assert_eq!(line.escape_ascii().to_string(), meant.escape_ascii().to_string());
        }
        LineFormat::Json(members) => {
            let object: Value = serde_json::from_slice(line)
                .unwrap_or_else(|error| panic!("{error}: {}", line.escape_ascii()));
            for member in members {
                let told = match &object[&*member.name] {
                    Value::Null => "-".to_owned(),
                    Value::String(text) => text.clone(),
                    number => number.to_string(),
                };
                assert_eq!(told.as_bytes(), meant(&member.value, source, replaced));
            }
        }
    }
}

/// What a template comes to, if `write` is how a value is written.
fn meant(template: &Template, source: &Same<'_>, write: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let pieces = template.pieces.iter().flat_map(|piece| match piece {
        Piece::Literal(text) => text.to_vec(),
        Piece::Operator(operator) => {
            let mut value = Vec::new();
            source.write(operator, &mut value);
            value.truncate(VALUE_BYTES_MAX);
            if value.is_empty() { b"-".to_vec() } else { write(&value) }
        }
    });
    pieces.collect()
}

/// In a text, what could end the line or a quoted part of it becomes hexadecimal.
fn escaped(value: &[u8]) -> Vec<u8> {
    let written = value.iter().flat_map(|&byte| {
        let is_special = byte.is_ascii_control() || b"\"\\".contains(&byte);
        if is_special { format!("\\x{byte:02X}").into_bytes() } else { vec![byte] }
    });
    written.collect()
}

/// What a JSON string says of bytes: U+FFFD for each that is not UTF-8.
fn replaced(value: &[u8]) -> Vec<u8> {
    let written = value
        .utf8_chunks()
        .map(|chunk| format!("{}{}", chunk.valid(), "\u{fffd}".repeat(chunk.invalid().len())));
    written.collect::<String>().into_bytes()
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
