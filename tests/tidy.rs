//! Holds the house together: which layer may name which, who may name the browser, how long files
//! and functions may be.
//!
//! The rules read the source tree as text: comments and literals are blanked, what is left is cut
//! into tokens, and each rule looks for its own pattern among them. Every finding says where it is,
//! what is wrong and what to do instead. The second half of this file feeds each rule small sources
//! that must fail and must pass, so that no rule can hold merely because it looks at nothing.

use std::fmt::Write as _;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

/// Each layer may use those above it in this list and never those below.
const LAYERS: [&str; 9] =
    ["sim", "policy", "stats", "node", "scenario", "session", "learn", "view", "ui"];
/// Names that only `src/ui`, `src/api.rs` and `src/main.rs` may use, alone or within a longer name.
const BROWSER: [&str; 5] =
    ["leptos", "web_sys", "js_sys", "wasm_bindgen", "console_error_panic_hook"];
/// Names that would let the outside world into a run.
const OUTSIDE: [&str; 4] = ["Instant", "SystemTime", "getrandom", "thread_rng"];

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const COMPONENT_LINES_MAX: usize = 120;
const COLUMNS_MAX: usize = 100;
/// Fewer than this and the walk has lost its way.
const SOURCE_FILES_MIN: usize = 20;

/// Token sequences that no file in `src` may contain, and what to do instead.
const BANNED: [(&[&str], &str); 11] = [
    (&["inner_html"], "sets markup from text; build elements"),
    (&["set_inner_html"], "sets markup from text; build elements"),
    (&["set_outer_html"], "sets markup from text; build elements"),
    (&["insert_adjacent_html"], "sets markup from text; build elements"),
    (&["innerHTML"], "sets markup from text; build elements"),
    (&["todo", "!"], "finish it, or leave it out"),
    (&["unimplemented", "!"], "finish it, or leave it out"),
    (&["dbg", "!"], "take it out"),
    (&["#", "[", "ignore"], "a test that does not run proves nothing; mend it or take it out"),
    (&["dead_code"], "take out what nothing uses"),
    (&["unsafe"], "there is a safe way"),
];
/// Banned too, except in tests.
const UNWRAP: [&str; 4] = [".", "unwrap", "(", ")"];

#[test]
fn the_tree_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in ["src", "tests", "benches"] {
        collect(root, folder, &mut paths);
    }
    paths.sort();
    let source_files = paths.iter().filter(|path| path.starts_with("src/")).count();
    assert!(
        source_files >= SOURCE_FILES_MIN,
        "only {source_files} files found in src: is {} the right folder?",
        root.display()
    );
    let mut report = String::new();
    for path in &paths {
        let text = fs::read_to_string(root.join(path)).expect("a listed file can be read");
        for problem in problems(path, &text) {
            writeln!(report, "{problem}").expect("a String takes any text");
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

/// Adds the paths of all `.rs` files below `folder`, relative to `root` and with forward slashes.
fn collect(root: &Path, folder: &str, paths: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(root.join(folder)) else {
        return;
    };
    for entry in entries {
        let entry = entry.expect("a folder can be listed");
        let name = entry.file_name().into_string().expect("file names are UTF-8");
        let path = format!("{folder}/{name}");
        if entry.path().is_dir() {
            collect(root, &path, paths);
        } else if name.ends_with(".rs") {
            paths.push(path);
        }
    }
}

/// Everything wrong with one file, as "path:line: what is wrong, and what to do".
fn problems(path: &str, text: &str) -> Vec<String> {
    let code = blank(text);
    let file = File { path, text, tokens: tokens(&code) };
    let mut found = header(&file);
    if path.starts_with("src/") {
        found.extend(sizes(&file));
        found.extend(layer_order(&file));
        found.extend(browser(&file));
        found.extend(outside(&file));
        found.extend(banned(&file));
    }
    found.sort_by_key(|&(line, _)| line);
    found.into_iter().map(|(line, what)| format!("{path}:{line}: {what}")).collect()
}

/// A line number, counted from 1, and what is wrong there.
type Problem = (usize, String);

struct File<'a> {
    path: &'a str,
    text: &'a str,
    tokens: Vec<Token<'a>>,
}

#[derive(Clone, Copy)]
struct Token<'a> {
    text: &'a str,
    line: usize,
}

// ===== rules =====

fn header(file: &File) -> Vec<Problem> {
    if file.text.starts_with("//!") {
        return Vec::new();
    }
    vec![(1, "no header; begin with `//!` and say what this file is for".to_string())]
}

fn sizes(file: &File) -> Vec<Problem> {
    let mut found = Vec::new();
    let lines = file.text.lines().count();
    if lines > FILE_LINES_MAX {
        found.push((lines, format!("{lines} lines in a file, {FILE_LINES_MAX} at most; split it")));
    }
    for (index, line) in file.text.lines().enumerate() {
        let columns = line.chars().count();
        if columns > COLUMNS_MAX {
            let what = format!("{columns} columns in a line, {COLUMNS_MAX} at most; break it");
            found.push((index + 1, what));
        }
    }
    for function in functions(&file.tokens) {
        let lines = function.lines.end() - function.lines.start() + 1;
        let max = if function.component { COMPONENT_LINES_MAX } else { FUNCTION_LINES_MAX };
        if lines > max {
            let name = function.name;
            let what = format!("{lines} lines in `{name}`, {max} at most; take parts out of it");
            found.push((*function.lines.start(), what));
        }
    }
    found
}

fn layer_order(file: &File) -> Vec<Problem> {
    let Some(own) = layer(file.path) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for Token { text: name, line } in named_from_root(file) {
        let own_name = LAYERS[own];
        match LAYERS.iter().position(|&layer| layer == name) {
            Some(other) if other <= own => {}
            Some(_) => found.push((
                line,
                format!(
                    "`{own_name}` names the later layer `{name}`; hand it in, or move the code"
                ),
            )),
            None => found.push((
                line,
                format!(
                    "`{own_name}` names `{name}` at the root, no layer; name the layer it is in"
                ),
            )),
        }
    }
    found
}

fn browser(file: &File) -> Vec<Problem> {
    let rooms = layer(file.path) == Some(LAYERS.len() - 1);
    if rooms || ["src/api.rs", "src/main.rs"].contains(&file.path) {
        return Vec::new();
    }
    let named = |token: &&Token| BROWSER.iter().any(|name| token.text.contains(name));
    let what = |token: &Token| format!("`{}` outside src/ui, api.rs and main.rs", token.text);
    let tokens = file.tokens.iter().filter(named);
    tokens.map(|token| (token.line, what(token) + "; pass plain data over")).collect()
}

fn outside(file: &File) -> Vec<Problem> {
    match layer(file.path) {
        Some(own) if LAYERS[own] != "ui" => {}
        _ => return Vec::new(),
    }
    let tokens = file.tokens.iter().filter(|token| OUTSIDE.contains(&token.text));
    let what = |token: &Token| {
        format!("`{}` in a layer that is a value; use the world's clock and streams", token.text)
    };
    tokens.map(|token| (token.line, what(token))).collect()
}

fn banned(file: &File) -> Vec<Problem> {
    let mut found = Vec::new();
    for (pattern, instead) in BANNED {
        for line in lines_with(&file.tokens, pattern) {
            found.push((line, format!("`{}`; {instead}", pattern.concat())));
        }
    }
    if file.path.ends_with("/tests.rs") {
        return found;
    }
    let tests = test_lines(&file.tokens);
    for line in lines_with(&file.tokens, &UNWRAP) {
        if !tests.iter().any(|lines| lines.contains(&line)) {
            found.push((line, "`.unwrap()`; say why it holds: `.expect(\"reason\")`".to_string()));
        }
    }
    found
}

// ===== what the rules ask about a file =====

/// The place in `LAYERS` of the layer that a file belongs to; `None` for `lib.rs`, `api.rs`,
/// `main.rs` and `bin`.
fn layer(path: &str) -> Option<usize> {
    let first = path.strip_prefix("src/")?.split('/').next()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    LAYERS.iter().position(|&layer| layer == name)
}

/// How many modules below the crate's root a file's code lies: 1 for `src/sim/mod.rs`, 2 for
/// `src/sim/time.rs`.
fn module_depth(path: &str) -> usize {
    let parts = path.split('/').count() - 1;
    if path.ends_with("/mod.rs") { parts - 1 } else { parts }
}

/// The names that a file reaches through the crate's root: `crate::a`, `crate::{a::b, c}`,
/// `super::super::a`.
fn named_from_root<'a>(file: &File<'a>) -> Vec<Token<'a>> {
    let tokens = &file.tokens;
    let mut found = Vec::new();
    let mut braces = 0_usize;
    let mut inline_modules = Vec::new();
    for at in 0..tokens.len() {
        let before = |back: usize| at.checked_sub(back).map_or("", |at| tokens[at].text);
        match tokens[at].text {
            "{" => {
                if before(2) == "mod" {
                    inline_modules.push(braces);
                }
                braces += 1;
            }
            "}" => {
                braces = braces.saturating_sub(1);
                if inline_modules.last() == Some(&braces) {
                    inline_modules.pop();
                }
            }
            "crate" | "switchyard" if text_at(tokens, at + 1) == "::" => {
                follow(tokens, at + 2, 0, &mut found);
            }
            "super" if before(1) != "::" => {
                let depth = module_depth(file.path) + inline_modules.len();
                follow(tokens, at, depth, &mut found);
            }
            _ => {}
        }
    }
    found
}

/// Follows a path, or a group of paths, from a module `depth` levels below the root to the names
/// it reaches at the root.
fn follow<'a>(tokens: &[Token<'a>], at: usize, depth: usize, found: &mut Vec<Token<'a>>) {
    let continues = text_at(tokens, at + 1) == "::";
    match text_at(tokens, at) {
        "super" if continues => follow(tokens, at + 2, depth.saturating_sub(1), found),
        "self" if continues => follow(tokens, at + 2, depth, found),
        "super" | "self" | "" => {}
        "{" => {
            let end = closing(tokens, at);
            let mut inner = 0;
            for item in at..end {
                match tokens[item].text {
                    "{" => inner += 1,
                    "}" => inner -= 1,
                    _ => {}
                }
                if item == at || (inner == 1 && tokens[item].text == ",") {
                    follow(tokens, item + 1, depth, found);
                }
            }
        }
        "}" | "," => {}
        _ if depth > 0 || text_at(tokens, at + 1) == "!" => {}
        _ => found.push(tokens[at]),
    }
}

struct Function<'a> {
    name: &'a str,
    lines: RangeInclusive<usize>,
    component: bool,
}

/// The functions that have a body, from the line of `fn` to that of the closing brace.
fn functions<'a>(tokens: &[Token<'a>]) -> Vec<Function<'a>> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let name = text_at(tokens, at + 1);
        if tokens[at].text != "fn" || !name.starts_with(is_word) {
            continue;
        }
        let Some(open) = body(tokens, at) else {
            continue;
        };
        let attributes = tokens[..at].iter().rev();
        let attributes = attributes.take_while(|token| !["{", "}", ";"].contains(&token.text));
        let component = attributes.map(|token| token.text).any(|text| text == "component");
        let lines = tokens[at].line..=tokens[closing(tokens, open)].line;
        found.push(Function { name, lines, component });
    }
    found
}

/// The `{` that opens the body of the item whose signature `at` lies in; `None` if it ends in a
/// semicolon.
fn body(tokens: &[Token], at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (ahead, token) in tokens[at..].iter().enumerate() {
        match token.text {
            "(" | "[" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "{" if depth == 0 => return Some(at + ahead),
            ";" if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// The `}` that closes the `{` at `open`, or the last token if none does.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (ahead, token) in tokens[open..].iter().enumerate() {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + ahead;
        }
    }
    tokens.len() - 1
}

/// The lines of the items under `#[cfg(test)]`.
fn test_lines(tokens: &[Token]) -> Vec<RangeInclusive<usize>> {
    let attribute = ["#", "[", "cfg", "(", "test", ")", "]"];
    let starts = (0..tokens.len()).filter(|&at| begins_with(&tokens[at..], &attribute));
    let opens = starts.filter_map(|at| Some((at, body(tokens, at + attribute.len())?)));
    opens.map(|(at, open)| tokens[at].line..=tokens[closing(tokens, open)].line).collect()
}

fn lines_with(tokens: &[Token], pattern: &[&str]) -> Vec<usize> {
    let starts = (0..tokens.len()).filter(|&at| begins_with(&tokens[at..], pattern));
    starts.map(|at| tokens[at].line).collect()
}

fn begins_with(tokens: &[Token], pattern: &[&str]) -> bool {
    tokens.len() >= pattern.len()
        && tokens.iter().zip(pattern).all(|(token, &text)| token.text == text)
}

fn text_at<'a>(tokens: &[Token<'a>], at: usize) -> &'a str {
    tokens.get(at).map_or("", |token| token.text)
}

// ===== from text to tokens =====

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Cuts code into words, `::` and single signs.
fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    for (index, mut rest) in code.lines().enumerate() {
        while let Some(letter) = rest.chars().next() {
            let length = if is_word(letter) {
                rest.find(|letter| !is_word(letter)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                letter.len_utf8()
            };
            let (text, after) = rest.split_at(length);
            if !letter.is_whitespace() {
                found.push(Token { text, line: index + 1 });
            }
            rest = after;
        }
    }
    found
}

/// The text with comments and literals turned to spaces; lines stay where they are.
fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let before = code.chars().next_back().unwrap_or(' ');
        if let Some(length) = hidden(rest, before) {
            let visible = |letter| if letter == '\n' { '\n' } else { ' ' };
            code.extend(rest[..length].chars().map(visible));
            rest = &rest[length..];
        } else {
            code.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    code
}

/// The length of the comment or literal that `rest` begins with, if it does; `before` is the letter
/// in front of it.
fn hidden(rest: &str, before: char) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment(rest));
    }
    if rest.starts_with('"') {
        return Some(quoted(rest));
    }
    if rest.starts_with('\'') {
        return character(rest);
    }
    let prefixed = ["r", "br", "cr"].into_iter().find(|&prefix| {
        let after = rest.strip_prefix(prefix);
        after.is_some_and(|after| after.trim_start_matches('#').starts_with('"'))
    });
    let prefix = prefixed.filter(|_| !is_word(before))?;
    let after = &rest[prefix.len()..];
    let hashes = after.len() - after.trim_start_matches('#').len();
    let end = format!("\"{}", "#".repeat(hashes));
    let inside = prefix.len() + hashes + 1;
    Some(rest[inside..].find(&end).map_or(rest.len(), |at| inside + at + end.len()))
}

/// The length of a block comment; these nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The length of a string literal with escapes.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal; `None` for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut letters = rest.char_indices().skip(1);
    let (_, first) = letters.next()?;
    if first == '\\' {
        let after = letters.nth(1)?.0;
        return rest[after..].find('\'').map(|at| after + at + 1);
    }
    let (at, second) = letters.next()?;
    (second == '\'').then_some(at + 1)
}

// ===== the rules, tested =====

/// Asserts that a file with this content has exactly one problem, on this line and about this.
#[track_caller]
fn fails(path: &str, content: &str, line: usize, about: &str) {
    let found = problems(path, content);
    assert_eq!(found.len(), 1, "{content}\n{found:#?}");
    assert!(found[0].starts_with(&format!("{path}:{line}: ")), "{}", found[0]);
    assert!(found[0].contains(about), "{} does not tell of {about}", found[0]);
}

#[track_caller]
fn passes(path: &str, content: &str) {
    assert_eq!(problems(path, content), Vec::<String>::new(), "{content}");
}

/// A function of so many lines from `fn` to its closing brace, under a header.
fn function(attribute: &str, lines: usize) -> String {
    format!("//! .\n{attribute}fn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
}

#[test]
fn a_file_begins_with_a_header() {
    fails("src/sim/time.rs", "use std::fmt;\n", 1, "no header");
    fails("tests/some.rs", "// no header\n", 1, "no header");
    fails("benches/some.rs", "", 1, "no header");
    passes("benches/some.rs", "//! What it measures.\n");
}

#[test]
fn a_layer_names_no_later_one() {
    let later = "the later layer `node`";
    fails("src/sim/mod.rs", "//! .\nuse crate::node::Server;\n", 2, later);
    fails("src/sim.rs", "//! .\nfn f() { crate::node::f() }\n", 2, later);
    fails("src/sim/mod.rs", "//! .\nuse crate::{sim::time,\n    node};\n", 3, later);
    fails("src/stats/a.rs", "//! .\nuse crate::{sim::{a, b}, policy, node::{c, d}};\n", 2, later);
    fails("src/sim/mod.rs", "//! .\nuse super::node;\n", 2, later);
    fails("src/sim/time.rs", "//! .\nuse super::super::node;\n", 2, later);
    fails("src/sim/time.rs", "//! .\nuse super::{a, super::{sim, node}};\n", 2, later);
    fails("src/policy/evict/lru.rs", "//! .\nuse super::super::super::node::X;\n", 2, later);
    fails("src/sim/a.rs", "//! .\nmod m {\n    use super::super::super::node;\n}\n", 3, later);
    fails("src/sim/mod.rs", "//! .\nuse switchyard::node;\n", 2, later);
    fails("src/view/a.rs", "//! .\nuse crate::ui::App;\n", 2, "the later layer `ui`");
    fails("src/sim/mod.rs", "//! .\nuse crate::*;\n", 2, "no layer");
    fails("src/ui/mod.rs", "//! .\nuse crate::api::Handle;\n", 2, "no layer");
}

#[test]
fn a_layer_names_itself_and_earlier_ones() {
    passes(
        "src/node/mod.rs",
        "//! .\nuse crate::{policy::{self, evict}, sim::Time, node::Server};\n",
    );
    passes("src/node/cache.rs", "//! .\nuse super::server;\nuse super::super::sim;\n");
    passes("src/policy/evict/lru.rs", "//! .\nuse super::super::node;\n");
    passes("src/sim/a.rs", "//! .\nmod m {\n    use super::super::node;\n}\nuse super::b;\n");
    passes("src/sim/mod.rs", "//! Like [`crate::node`].\n// crate::node\n/* crate::node */\n");
    passes("src/sim/mod.rs", "//! .\nconst A: &str = \"crate::node\";\n");
    passes("src/sim/mod.rs", "//! .\npub(crate) fn node() { node::f(); crate::table!(); }\n");
    passes("src/lib.rs", "//! .\nuse crate::ui::App;\n");
    passes("src/bin/switchyard/main.rs", "//! .\nuse switchyard::{session, view};\n");
}

#[test]
fn only_its_rooms_name_the_browser() {
    fails("src/view/a.rs", "//! .\nuse leptos::prelude::*;\n", 2, "`leptos`");
    fails("src/lib.rs", "//! .\n#[wasm_bindgen]\npub fn f() {}\n", 2, "`wasm_bindgen`");
    fails("src/sim/a.rs", "//! .\nuse serde_wasm_bindgen as s;\n", 2, "`serde_wasm_bindgen`");
    fails("src/bin/switchyard/main.rs", "//! .\nfn f() { web_sys::window(); }\n", 2, "`web_sys`");
    passes("src/view/a.rs", "//! Not leptos.\n/// Nor web_sys.\nconst A: &str = \"js_sys\";\n");
    for path in ["src/ui/app.rs", "src/ui.rs", "src/api.rs", "src/main.rs"] {
        passes(path, "//! .\nuse leptos::prelude::*;\nuse web_sys::Window;\n");
    }
}

#[test]
fn files_functions_and_lines_have_limits() {
    passes("src/sim/a.rs", &format!("//! .\n{}", "// .\n".repeat(FILE_LINES_MAX - 1)));
    let long = format!("//! .\n{}", "// .\n".repeat(FILE_LINES_MAX));
    fails("src/sim/a.rs", &long, FILE_LINES_MAX + 1, "501 lines in a file");

    passes("src/sim/a.rs", &function("", FUNCTION_LINES_MAX));
    fails("src/sim/a.rs", &function("", FUNCTION_LINES_MAX + 1), 2, "71 lines in `long`");
    passes("src/ui/a.rs", &function("#[component]\npub ", COMPONENT_LINES_MAX));
    let long = function("#[component]\npub ", COMPONENT_LINES_MAX + 1);
    fails("src/ui/a.rs", &long, 3, "121 lines in `long`");

    let brace = "    f('{', b'{', \"{\", r#\"{\"\"#, '\\'', \"\\\"{\"); // {\n";
    let tricky = format!("//! .\nfn a<'a>(x: &'a [u8; 2]) {{\n{brace}}}\n{}", "// .\n".repeat(90));
    passes("src/sim/a.rs", &tricky);
    passes(
        "src/sim/a.rs",
        &format!("//! .\ntrait A {{\n    fn a();\n{}}}\n", "    // .\n".repeat(90)),
    );

    passes("src/sim/a.rs", &format!("//! {}\n", "µ".repeat(COLUMNS_MAX - 4)));
    let wide = format!("//! {}\n", "µ".repeat(COLUMNS_MAX - 3));
    fails("src/sim/a.rs", &wide, 1, "101 columns");
}

#[test]
fn what_is_banned_is_found() {
    for (pattern, _) in BANNED {
        let (name, code) = (pattern.concat(), pattern.join(" "));
        fails("src/ui/a.rs", &format!("//! .\nfn f() {{\n    {code} x\n}}\n"), 3, &name);
        passes("src/ui/a.rs", &format!("//! {name}\nconst A: &str = \"{name}\"; // {name}\n"));
        passes("tests/a.rs", &format!("//! .\nfn f() {{\n    {code} x\n}}\n"));
    }
    fails("src/sim/a.rs", "//! .\n#[allow(dead_code, unused)]\nfn f() {}\n", 2, "dead_code");
    passes("src/lib.rs", "//! .\n#![forbid(unsafe_code)]\n");
}

#[test]
fn unwrap_is_for_tests() {
    fails("src/sim/a.rs", "//! .\nfn f() {\n    g()\n        .unwrap();\n}\n", 4, ".unwrap()");
    let test = "#[cfg(test)]\nmod tests {\n    fn f() { g().unwrap(); }\n}\n";
    passes("src/sim/a.rs", &format!("//! .\n{test}"));
    fails("src/sim/a.rs", &format!("//! .\n{test}fn f() {{ g().unwrap(); }}\n"), 6, ".unwrap()");
    fails(
        "src/sim/a.rs",
        "//! .\n#[cfg(test)]\nmod tests;\nfn f() { g().unwrap() }\n",
        4,
        ".unwrap()",
    );
    passes("src/sim/tests.rs", "//! .\nfn f() { g().unwrap(); }\n");
    passes("src/sim/a.rs", "//! .\nfn f() { g().unwrap_or(1); h().expect(\"it is there\"); }\n");
}

#[test]
fn a_run_has_no_clock_and_no_chance_of_its_own() {
    for name in OUTSIDE {
        for path in ["src/sim/a.rs", "src/view/a.rs", "src/session/a.rs"] {
            fails(path, &format!("//! .\nuse some::{name};\n"), 2, name);
        }
        passes("src/ui/a.rs", &format!("//! .\nuse some::{name};\n"));
        passes("src/bin/switchyard/main.rs", &format!("//! .\nuse some::{name};\n"));
        passes("src/sim/a.rs", &format!("//! Unlike {name}.\nuse some::Near{name};\n"));
    }
}

#[test]
fn comments_and_literals_are_blanked() {
    for hidden in [
        "// a",
        "/* a /* b */ c */",
        "\"a\\\"b\"",
        "r\"a\"",
        "br##\"a\"#b\"##",
        "'a'",
        "'\\n'",
        "'µ'",
    ] {
        let blanked = blank(&format!("({hidden}\n)x"));
        let spaces = " ".repeat(hidden.chars().count());
        assert_eq!(blanked, format!("({spaces}\n)x"));
    }
    for kept in ["<'a, 'b>(x: &'a u8)", "r#type", "a / b", "'outer: loop", "number * r"] {
        assert_eq!(blank(kept), kept);
    }
    assert_eq!(blank("\"a\nb\""), "  \n  ");
    assert_eq!(blank("b'{' c"), "b    c");
}
