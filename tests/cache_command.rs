//! `switchyard cache` as people run it: the binary, its input, output and exit status.

use std::io::{Read as _, Write as _};
use std::process::{Command, Output, Stdio};

fn start(args: &[&str]) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_switchyard"))
        .arg("cache")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started")
}

fn cache(args: &str, input: &[u8]) -> Output {
    let args: Vec<&str> = args.split_whitespace().collect();
    let mut child = start(&args);
    let mut stdin = child.stdin.take().expect("its input is ours");
    // A program that refuses its order reads nothing.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

#[track_caller]
fn says(args: &str, input: &[u8]) -> String {
    let output = cache(args, input);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stderr, b"");
    String::from_utf8(output.stdout).expect("plain text")
}

#[track_caller]
fn refuses(args: &str) -> String {
    let output = cache(args, b"a\n");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stdout, b"");
    String::from_utf8(output.stderr).expect("plain text")
}

const BELADY: &[u8] = b"1\n2\n3\n4\n1\n2\n5\n1\n2\n3\n4\n5\n";

#[test]
fn counts_hits_and_misses() {
    assert_eq!(
        says("--policy fifo --capacity 3", BELADY),
        "FIFO, 3 entries\nrequests   12\nhits       3\nmisses     9\nhit ratio  0.250000\n"
    );
    // Belady's anomaly: one entry more, one hit less.
    assert!(says("--policy fifo --capacity 4", BELADY).contains("hits       2\n"));
    let json = says("--policy lru --capacity 4 --json", BELADY);
    let json: serde_json::Value = serde_json::from_str(&json).expect("one object");
    assert_eq!((&json["hits"], &json["misses"]), (&4.into(), &8.into()));
}

#[test]
fn an_empty_stream_is_no_hits_of_none() {
    let text = says("--policy lru --capacity 1", b"");
    assert!(text.contains("requests   0\nhits       0\nmisses     0\nhit ratio  0.000000\n"));
}

#[test]
fn any_bytes_are_a_key() {
    // Ends of lines with and without \r, an empty line, no end at the end, no UTF-8, a zero.
    let input = b"a\r\na\n\n\n\xff\xfe\n\xff\xfe\n\xff\xff\n\0\n\0";
    let text = says("--policy lru --capacity 9", input);
    assert!(text.contains("requests   9\nhits       4\nmisses     5\n"), "{text}");
    let traced = cache("--policy lru --capacity 9 --trace", b"\xff\xfe\n\n").stdout;
    assert!(traced.starts_with(b"miss \xff\xfe\nmiss \n"));
}

#[test]
fn a_trace_says_who_left_and_why() {
    assert_eq!(
        says("--policy lru --capacity 2 --trace", b"apple\npear\napple\nplum\n"),
        "miss apple\nmiss pear\nhit  apple\n\
         miss plum  evicted pear  Of all 2 entries it was asked for longest ago.\n\
         LRU, 2 entries\nrequests   4\nhits       1\nmisses     3\nhit ratio  0.250000\n"
    );
    let lines = says("--policy sieve --capacity 1 --trace --json", b"a\nb\n");
    let rows: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("one object each")).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!((&rows[1]["key"], &rows[1]["hit"]), (&"b".into(), &false.into()));
    assert_eq!(rows[1]["evicted"], "a");
    assert_eq!(rows[0]["why"], serde_json::Value::Null);
    assert_eq!(rows[2]["policy"], "sieve");
}

#[test]
fn entries_end_after_their_time() {
    // One request per millisecond: the second a comes 3 ms after the first.
    let keys = b"a\nb\nc\na\na\n";
    assert!(says("--policy lru --capacity 9 --ttl 4", keys).contains("hits       2\n"));
    let text = says("--policy lru --capacity 9 --ttl 2", keys);
    assert!(text.contains("hits       1\nmisses     4\nexpired    1\n"), "{text}");
    let late = says("--policy lru --capacity 9 --ttl 3 --every 100", keys);
    assert!(late.contains("hits       0\n"), "{late}");
    let traced = says("--policy lru --capacity 9 --ttl 2 --trace", keys);
    let words = "miss a  It was held until its time was over, at 0.002 s; now it is 0.003 s.\n";
    assert!(traced.contains(words), "{traced}");
}

/// Entries that nobody asked for any more are named by the request before which they went.
#[test]
fn a_trace_shows_what_expired_unasked() {
    let keys = b"a\nb\nc\nd\n";
    // Ten cycles a second: a and b have ended by the one at 0.1 s, c and d by that at 0.2 s.
    let order = "--policy lru --capacity 9 --ttl 50 --every 40 --trace";
    let text = says(order, &keys.repeat(2));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..3], ["miss a", "miss b", "miss c"]);
    // The cycle goes through the entries in an order of its own.
    assert!(["miss d  expired a, b", "miss d  expired b, a"].contains(&lines[3]), "{text}");
    assert_eq!(lines[4], "miss a");
    assert!(["miss b  expired c, d", "miss b  expired d, c"].contains(&lines[5]), "{text}");
    // Whatever expired, in one way or the other, is told once.
    let lines = says(&format!("{order} --json"), &keys.repeat(20));
    let rows: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("one object each")).collect();
    let (total, rows) = rows.split_last().expect("there is a total");
    let told = |row: &serde_json::Value| row["expired"].as_array().map_or(0, Vec::len);
    let sum: usize = rows.iter().map(told).sum();
    assert_eq!(total["expired"], sum);
    assert!(sum > 50, "{sum}");
}

#[test]
fn a_trace_shows_who_left_for_a_hit() {
    let keys: String = "2 3 1 6 4 4 2 ".replace(' ', "\n");
    let text = says("--policy slru --capacity 5 --trace", keys.as_bytes());
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[5].starts_with("hit  4  evicted 2  The hit lifts an entry"), "{text}");
    assert_eq!(lines[6], "miss 2");
    assert!(text.contains("hits       1\n"), "{text}");
    let keys: String = (0..11).chain([10]).map(|key| format!("{key}\n")).collect();
    let text = says("--policy slru --capacity 11 --trace --json", keys.as_bytes());
    assert!(text.contains(r#""evicted":["0","1","8"]"#), "{text}");
}

#[test]
fn settings_reach_the_policy() {
    let keys: String = (0..6000).map(|n| format!("{}\n", n % 120)).collect();
    let hits = |args: &str| says(args, keys.as_bytes());
    let lirs = "--policy lirs --capacity 100";
    assert_ne!(hits(lirs), hits(&format!("{lirs} --set hir=50")));
    assert_eq!(hits(lirs), hits(&format!("{lirs} --set hir=1 --set hir_least=2")));
    let random = "--policy random --capacity 100 --seed";
    assert_ne!(hits(&format!("{random} 1")), hits(&format!("{random} 2")));
}

#[test]
fn what_is_wrong_is_said() {
    let unknown = refuses("--policy mru --capacity 1");
    assert!(unknown.contains("no policy \"mru\"; there is fifo, lru, lfu, clock"), "{unknown}");
    for (args, words) in [
        ("", "--policy is missing; there is fifo"),
        ("--policy lru --capacity 0", "a cache needs room for at least 1 entry"),
        ("--policy lru --capacity -1", "--capacity needs a whole number, got \"-1\""),
        ("--policy lru --capacity 99999999999", "at most 268435456 entries are possible"),
        ("--policy lru --capacity", "--capacity needs a value"),
        ("--policy lru", "--capacity is missing"),
        ("--capacity 1", "--policy is missing; there is fifo"),
        ("--policy lru --capacity 1 --ttl x", "--ttl needs a number from 0"),
        ("--policy lru --capacity 1 --jitter 0.5", "--jitter spreads --ttl, which is missing"),
        ("--policy lru --capacity 1 --set a=1", "there is nothing to set, so not \"a\" either"),
        ("--policy clock --capacity 1 --set bits", "--set needs KNOB=VALUE, got \"bits\""),
        ("--policy clock --capacity 1 --set bits=9", "bits must be a whole number from 1 to 8"),
        ("--policy lru --capacity 1 --verbose", "cache does not know the option --verbose"),
    ] {
        let told = refuses(args);
        assert!(told.contains(words), "{args}: {told}");
    }
}

#[test]
fn help_lists_every_policy_and_knob() {
    let text = says("--help", b"");
    for entry in switchyard::policy::evict::CATALOGUE {
        assert!(text.contains(&format!("  {:<15} ", entry.key)), "{}", entry.key);
        for knob in entry.knobs {
            assert!(text.contains(&format!("    {}=", knob.key)), "{}: {}", entry.key, knob.key);
        }
    }
    assert!(text.contains("--every MS"));
    // Wherever it is asked for, and whatever else is wrong.
    for args in ["-h", "help", "--policy lru --help", "--policy mru -h"] {
        assert_eq!(says(args, b"a\n"), text);
    }
}

/// A reader who has seen enough (`| head -1`) is no error.
#[test]
fn a_broken_pipe_ends_quietly() {
    let mut child = start(&["--policy", "lru", "--capacity", "10", "--trace"]);
    let mut stdin = child.stdin.take().expect("its input is ours");
    let mut first = [0; 4];
    let mut stdout = child.stdout.take().expect("its output is ours");
    let lines = "abc\n".repeat(10_000);
    stdin.write_all(lines.as_bytes()).expect("it reads");
    stdout.read_exact(&mut first).expect("it writes");
    drop(stdout);
    // It may end before all of this is read.
    let _ = stdin.write_all(lines.repeat(100).as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

/// A million lines of a million different keys, a thousand entries.
#[test]
fn long_streams_pass_through() {
    let keys: String = (0..1_000_000).map(|n| format!("key:{n}\n")).collect();
    let text = says("--policy s3_fifo --capacity 1000", keys.as_bytes());
    assert!(text.contains("requests   1000000\nhits       0\n"), "{text}");
}
