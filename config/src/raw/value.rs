//! Reading one value: its type, then its text, then its bounds.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::key::{SetField, SetText, Value, Word};
use crate::document::{Findings, Wrong};
use crate::tree::{self, Node};
use crate::values;

impl<T> Value<T> {
    /// Reads what stands at a key into its place.
    pub(super) fn read(&self, into: &mut T, node: &Node<'_>, out: &mut Findings) {
        if let Err(wrong) = self.put(into, node, out) {
            out.push(node.span, wrong);
        }
    }

    fn put(&self, into: &mut T, node: &Node<'_>, out: &mut Findings) -> Result<(), Wrong> {
        match self {
            Value::Bool(set) => match &node.value {
                tree::Value::Boolean(value) => set(into, *value),
                _ => return Err(self.mismatch(node)),
            },
            Value::Choice(options) => {
                let chosen = options.iter().find(|(literal, _)| is_literal(node, literal));
                chosen.ok_or_else(|| self.no_choice(node))?.1(into);
            }
            Value::Count(range, set) => set(into, self.count(range, node)?),
            Value::CountOr(none, range, set) => match is_literal(node, none) {
                true => set(into, None),
                false => set(into, Some(self.count(range, node)?)),
            },
            Value::Duration(range, set) => set(into, self.duration(range, node)?),
            Value::DurationOrFalse(range, set) => match is_literal(node, "false") {
                true => set(into, None),
                false => set(into, Some(self.duration(range, node)?)),
            },
            Value::Share(set) => set(into, self.share(node)?),
            Value::Size(range, set) => set(into, self.size(range, node)?),
            Value::Text(_, set) => set(into, &self.word(node)?)?,
            Value::TextOrFalse(_, set) => match is_literal(node, "false") {
                true => set(into, None)?,
                false => set(into, Some(&self.word(node)?))?,
            },
            Value::Texts(_, set) => self.each(into, *set, node, out)?,
            Value::OneOrMore(_, set) => match &node.value {
                tree::Value::Array(_) => self.each(into, *set, node, out)?,
                _ => set(into, &self.word(node)?)?,
            },
            Value::Interval(set) => {
                let (start, end) = self.interval(node)?;
                set(into, start, end);
            }
            Value::Fields(set) => self.fields(into, *set, node, out)?,
            Value::Members(set) => members(into, *set, self.table(node)?, out)?,
            Value::Nested(nested) => nested.read(into, node, out),
        }
        Ok(())
    }

    fn word<'n>(&self, node: &'n Node<'_>) -> Result<Word<'n>, Wrong> {
        match &node.value {
            tree::Value::Text(text) => Ok(Word { text, span: node.span }),
            _ => Err(self.mismatch(node)),
        }
    }

    fn integer(&self, node: &Node<'_>) -> Result<i64, Wrong> {
        match node.value {
            tree::Value::Integer(integer) => Ok(integer),
            _ => Err(self.mismatch(node)),
        }
    }

    fn count(&self, range: &RangeInclusive<u64>, node: &Node<'_>) -> Result<u64, Wrong> {
        let integer = self.integer(node)?;
        match u64::try_from(integer) {
            Ok(count) => values::within(count, range, |count| count.to_string()),
            Err(_) => {
                let (least, most) = (range.start(), range.end());
                Err(Wrong::new(format!("{integer} is out of range: {least} to {most}")))
            }
        }
    }

    fn duration(&self, range: &RangeInclusive<u64>, node: &Node<'_>) -> Result<Duration, Wrong> {
        if let tree::Value::Integer(number) = node.value {
            let help = format!("name the unit: \"{number}s\" or \"{number}ms\"");
            return Err(self.mismatch(node).help(help));
        }
        let millis = values::duration(self.word(node)?.text)?;
        let within = values::within(millis, range, values::show_duration);
        within.map(Duration::from_millis).map_err(|wrong| match (self, millis) {
            (Value::DurationOrFalse(..), 0) => wrong.help("`false` means no limit"),
            _ => wrong,
        })
    }

    fn size(&self, range: &RangeInclusive<u64>, node: &Node<'_>) -> Result<usize, Wrong> {
        if let tree::Value::Integer(number) = node.value {
            let text = values::show_size(u64::try_from(number).unwrap_or_default());
            return Err(self.mismatch(node).help(format!("name the unit: \"{text}\"")));
        }
        let bytes = values::size(self.word(node)?.text)?;
        let bytes = values::within(bytes, range, values::show_size)?;
        Ok(usize::try_from(bytes).expect("no range of sizes goes beyond a usize"))
    }

    fn interval(&self, node: &Node<'_>) -> Result<(i64, i64), Wrong> {
        let tree::Value::Array(array) = &node.value else { return Err(self.mismatch(node)) };
        if array.items.len() != 2 {
            let wrong = format!("a range has two ends, this array has {}", array.items.len());
            return Err(Wrong::new(wrong).help("write the first integer and that after the last"));
        }
        let mut ends = array.items.iter().map(|end| self.integer(end));
        let mut end = || ends.next().expect("the length was checked");
        match (end()?, end()?) {
            (start, end) if start < end => Ok((start, end)),
            (start, end) => Err(Wrong::new(format!("no integer is in [{start}, {end}]"))
                .help("the first is within the range, the last is not: [200, 300]")),
        }
    }

    /// Each text of an array; a wrong one does not hide the next.
    fn each(
        &self,
        into: &mut T,
        set: SetText<T>,
        node: &Node<'_>,
        out: &mut Findings,
    ) -> Result<(), Wrong> {
        let tree::Value::Array(array) = &node.value else { return Err(self.mismatch(node)) };
        if array.items.is_empty() {
            return Err(empty());
        }
        for element in &array.items {
            let word = text_of(element).map(|text| Word { text, span: element.span });
            word.and_then(|word| set(into, &word))
                .unwrap_or_else(|wrong| out.push(element.span, wrong));
        }
        Ok(())
    }

    /// Each field of a table of fields.
    fn fields(
        &self,
        into: &mut T,
        set: SetField<T>,
        node: &Node<'_>,
        out: &mut Findings,
    ) -> Result<(), Wrong> {
        for (key, value) in self.table(node)?.iter() {
            let template = text_of(value).and_then(values::template);
            match (super::fields::editable(&key.text), template) {
                (Ok(name), Ok(template)) => set(into, name, template),
                (name, template) => {
                    name.err().into_iter().for_each(|wrong| out.push(key.span, wrong));
                    template.err().into_iter().for_each(|wrong| out.push(value.span, wrong));
                }
            }
        }
        Ok(())
    }

    fn share(&self, node: &Node<'_>) -> Result<f64, Wrong> {
        let share = match node.value {
            tree::Value::Float(share) => share,
            tree::Value::Integer(0) => 0.0,
            tree::Value::Integer(1) => 1.0,
            tree::Value::Integer(_) => f64::INFINITY,
            _ => return Err(self.mismatch(node)),
        };
        match (0.0..=1.0).contains(&share) {
            true => Ok(share),
            false => Err(Wrong::new("a share is from 0 to 1").help("a hundredth is 0.01")),
        }
    }

    fn table<'n, 'd>(&self, node: &'n Node<'d>) -> Result<&'n tree::Table<'d>, Wrong> {
        match &node.value {
            tree::Value::Table(table) => Ok(table),
            _ => Err(self.mismatch(node)),
        }
    }

    fn mismatch(&self, node: &Node<'_>) -> Wrong {
        let wrong = Wrong::new(format!("expected {}, found {}", self.kind().words(), found(node)));
        match &node.value {
            tree::Value::Text(text) if matches!(self, Value::Texts(..)) => {
                wrong.help(format!("write [{text:?}]"))
            }
            tree::Value::Text(text)
                if text.parse::<i64>().is_ok() || text == "true" || text == "false" =>
            {
                wrong.help(format!("without the quotes: {text}"))
            }
            _ => wrong,
        }
    }

    fn no_choice(&self, node: &Node<'_>) -> Wrong {
        let (Value::Choice(options), tree::Value::Text(text)) = (self, &node.value) else {
            return self.mismatch(node);
        };
        let wrong = Wrong::new(format!("{} is no choice here", values::quote(text)));
        let names = options.iter().map(|(literal, _)| literal.trim_matches('"'));
        match values::nearest(text, names) {
            Some(near) => wrong.help(format!("did you mean \"{near}\"?")),
            None => wrong.help(format!("write {}", self.kind().words())),
        }
    }
}

/// Each member of a table of members.
fn members<T>(
    into: &mut T,
    set: SetField<T>,
    table: &tree::Table<'_>,
    out: &mut Findings,
) -> Result<(), Wrong> {
    if table.iter().next().is_none() {
        return Err(Wrong::new("the table is empty").help("name some members, or leave it out"));
    }
    for (key, value) in table.iter() {
        match text_of(value).and_then(values::log_template) {
            Ok(template) => set(into, key.text.as_ref().into(), template),
            Err(wrong) => out.push(value.span, wrong),
        }
    }
    Ok(())
}

fn text_of<'n>(node: &'n Node<'_>) -> Result<&'n str, Wrong> {
    match &node.value {
        tree::Value::Text(text) => Ok(text),
        _ => Err(no_text(node)),
    }
}

fn no_text(node: &Node<'_>) -> Wrong {
    let wrong = Wrong::new(format!("expected a text, found {}", found(node)));
    match node.value {
        tree::Value::Integer(integer) => wrong.help(format!("write it as a text: \"{integer}\"")),
        _ => wrong,
    }
}

/// Nobody can tell whether `[]` was meant as none or as any.
pub(super) fn empty() -> Wrong {
    Wrong::new("the array is empty").help("write what belongs into it, or leave the key out")
}

/// What stands there, in words.
pub(super) fn found(node: &Node<'_>) -> &'static str {
    match node.value {
        tree::Value::Text(_) => "a text",
        tree::Value::Integer(_) => "an integer",
        tree::Value::Float(_) => "a decimal number",
        tree::Value::Boolean(true) => "true",
        tree::Value::Boolean(false) => "false",
        tree::Value::Date => "a date",
        tree::Value::Array(_) => "an array",
        tree::Value::Table(_) => "a table",
    }
}

/// True if this is what the literal of a choice says.
fn is_literal(node: &Node<'_>, literal: &str) -> bool {
    match &node.value {
        tree::Value::Text(text) => {
            literal.len() == text.len() + 2 && literal.trim_matches('"') == text
        }
        tree::Value::Boolean(value) => literal == if *value { "true" } else { "false" },
        tree::Value::Integer(integer) => literal.parse() == Ok(*integer),
        _ => false,
    }
}
