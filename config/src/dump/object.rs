//! JSON that is written as it comes, member by member. `dump` writes with it; it reads nothing.

use serde_json::Value;

/// An object that is open.
pub(super) struct Object<'p> {
    page: &'p mut String,
    /// Each member on a line of its own.
    in_lines: bool,
    empty: bool,
}

impl<'p> Object<'p> {
    /// An object whose members have lines of their own.
    pub(super) fn lines(page: &'p mut String, members: impl FnOnce(&mut Object<'_>)) {
        Self::write(page, true, members);
    }

    fn write(page: &'p mut String, in_lines: bool, members: impl FnOnce(&mut Object<'_>)) {
        page.push('{');
        let mut object = Object { page, in_lines, empty: true };
        members(&mut object);
        let Object { page, empty, .. } = object;
        page.push_str(if in_lines && !empty { "\n}" } else { "}" });
    }

    pub(super) fn put(&mut self, key: &str, value: impl Into<Value>) {
        self.key(key);
        self.page.push_str(&value.into().to_string());
    }

    /// Nothing if there is none.
    pub(super) fn put_some(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    pub(super) fn object(&mut self, key: &str, members: impl FnOnce(&mut Object<'_>)) {
        self.key(key);
        Object::write(self.page, false, members);
    }

    pub(super) fn object_of_lines(&mut self, key: &str, members: impl FnOnce(&mut Object<'_>)) {
        self.key(key);
        Object::write(self.page, true, members);
    }

    /// An array of objects.
    pub(super) fn array<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        item: impl FnMut(&mut Object<'_>, T),
    ) {
        self.items(key, false, items, item);
    }

    /// An array of objects, each on a line of its own.
    pub(super) fn array_of_lines<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        item: impl FnMut(&mut Object<'_>, T),
    ) {
        self.items(key, true, items, item);
    }

    fn items<T>(
        &mut self,
        key: &str,
        in_lines: bool,
        items: impl IntoIterator<Item = T>,
        mut item: impl FnMut(&mut Object<'_>, T),
    ) {
        self.key(key);
        self.page.push('[');
        let mut empty = true;
        for one in items {
            separate(self.page, in_lines, &mut empty);
            Object::write(self.page, false, |to| item(to, one));
        }
        self.page.push_str(if in_lines && !empty { "\n]" } else { "]" });
    }

    fn key(&mut self, key: &str) {
        separate(self.page, self.in_lines, &mut self.empty);
        self.page.push_str(&Value::from(key).to_string());
        self.page.push(':');
    }
}

fn separate(page: &mut String, in_lines: bool, empty: &mut bool) {
    if !std::mem::replace(empty, false) {
        page.push(',');
    }
    if in_lines {
        page.push('\n');
    }
}
