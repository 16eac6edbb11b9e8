//! Filling in the committed configurations of `bench/peers/`. Pure.
//!
//! `@NAME@` stands for a value. The lines between one that holds `@each@` and one that holds
//! `@end@` repeat, `@I@` being 0, 1, …; the marker lines are comments in the file's own syntax.

use std::fmt::Write;

/// Fills `template` in. Panics if a value is missing: the templates are part of the program.
pub(crate) fn fill(template: &str, values: &[(&str, &str)], repeats: usize) -> String {
    let mut filled = unroll(template, repeats);
    for (name, value) in values {
        filled = filled.replace(&format!("@{name}@"), value);
    }
    if let Some(left) = leftover(&filled) {
        panic!("the template wants @{left}@, which was not given");
    }
    filled
}

fn unroll(template: &str, repeats: usize) -> String {
    let mut out = String::with_capacity(template.len());
    let mut lines = template.lines();
    while let Some(line) = lines.next() {
        if !line.contains("@each@") {
            writeln!(out, "{line}").expect("a String takes all");
            continue;
        }
        let block: Vec<&str> = lines.by_ref().take_while(|line| !line.contains("@end@")).collect();
        let block = block.join("\n");
        for index in 0..repeats {
            writeln!(out, "{}", block.replace("@I@", &index.to_string()))
                .expect("a String takes all");
        }
    }
    out
}

/// The first `@NAME@` in upper case; `"@type"` and addresses like `a@b` are none.
fn leftover(text: &str) -> Option<&str> {
    text.split('@')
        .skip(1)
        .find(|piece| !piece.is_empty() && piece.bytes().all(|byte| byte.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "\
bind @LISTEN@
  # @each@
  use u@I@ at @LISTEN@
  # @end@
default \"@type\"
";

    #[test]
    fn values_are_put_in_and_blocks_repeat() {
        let filled = fill(TEMPLATE, &[("LISTEN", ":80")], 2);
        assert_eq!(filled, "bind :80\n  use u0 at :80\n  use u1 at :80\ndefault \"@type\"\n");
        assert_eq!(fill(TEMPLATE, &[("LISTEN", ":80")], 0), "bind :80\ndefault \"@type\"\n");
    }

    #[test]
    #[should_panic(expected = "wants @LISTEN@")]
    fn a_value_that_was_not_given_is_named() {
        fill(TEMPLATE, &[], 1);
    }
}
