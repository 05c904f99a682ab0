//! The colours of the real style sheet: contrast by WCAG 2.2, and how far apart the colours of
//! request states stay for those who see colours otherwise (Machado, Oliveira and Fernandes 2009,
//! severity 1; distance is CIE76).

use std::collections::BTreeMap;

type Rgb = [f64; 3];

/// The tokens of a theme: the dark ones lie over the light ones.
fn tokens(dark: bool) -> BTreeMap<String, Rgb> {
    let css = include_str!("../www/css/tokens.css");
    let part = |from: &str| {
        let (_, rest) = css.split_once(from).expect("the block is there");
        rest.split_once("\n}").expect("it ends").0.to_owned()
    };
    let mut blocks = vec![part("\n:root {")];
    if dark {
        blocks.push(part("[data-theme=\"dark\"] {"));
    }
    let mut all = BTreeMap::new();
    for line in blocks.iter().flat_map(|block| block.lines()) {
        let Some((name, rest)) = line.trim().split_once(": #") else { continue };
        let hex = &rest[..6];
        let channel = |n: usize| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).expect("hex");
        all.insert(name.to_owned(), [0, 1, 2].map(|n| f64::from(channel(n)) / 255.0));
    }
    assert!(all.len() > 20, "{} tokens", all.len());
    all
}

fn linear(channel: f64) -> f64 {
    match channel <= 0.04045 {
        true => channel / 12.92,
        false => libm::pow((channel + 0.055) / 1.055, 2.4),
    }
}

fn contrast(a: Rgb, b: Rgb) -> f64 {
    let light = |c: Rgb| {
        let [r, g, b] = c.map(linear);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    };
    let (a, b) = (light(a), light(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn contrast_is_the_published_one_on_known_pairs() {
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
    let grey = [119.0 / 255.0; 3];
    assert!((contrast(grey, [1.0; 3]) - 4.48).abs() < 0.01);
}

#[test]
fn text_and_signs_stand_out_in_both_themes() {
    for dark in [false, true] {
        let tokens = tokens(dark);
        let colour = |name: &str| tokens[name];
        let check = |front: &str, back: &str, least: f64| {
            let found = contrast(colour(front), colour(back));
            assert!(found >= least, "{front} on {back}, dark {dark}: {found:.2}, needs {least}");
        };
        for back in ["--canvas", "--panel", "--node", "--raised"] {
            for text in ["--text", "--text-2"] {
                check(text, back, 4.5);
            }
            for sign in ["--line-strong", "--link-strong", "--accent", "--focus"] {
                check(sign, back, 3.0);
            }
            for state in STATES {
                check(state, back, 3.0);
            }
        }
        for back in ["--canvas", "--panel", "--node"] {
            check("--text-3", back, 4.5);
        }
        for text in ["--text", "--text-2"] {
            check(text, "--paper", 4.5);
            check(text, "--accent-soft", 4.5);
        }
        check("--on-accent", "--accent", 4.5);
        check("--rq-fail", "--panel", 4.5);
    }
}

/// The colours of requests: in flight, answered, waiting, failed, tried again.
const STATES: [&str; 5] = ["--rq-ok", "--rq-hit", "--rq-wait", "--rq-fail", "--rq-retry"];

/// How people see who lack one kind of cone.
const SIGHT: [(&str, [[f64; 3]; 3]); 4] = [
    ("usual", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "protan",
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
    ),
    (
        "deutan",
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
    ),
    (
        "tritan",
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ),
];

/// CIE L*a*b* of linear light, D65.
fn lab(rgb: Rgb) -> Rgb {
    let [r, g, b] = rgb;
    let x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505;
    let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089;
    let f = |t: f64| match t > 0.008856 {
        true => libm::cbrt(t),
        false => 7.787 * t + 16.0 / 116.0,
    };
    [116.0 * f(y) - 16.0, 500.0 * (f(x) - f(y)), 200.0 * (f(y) - f(z))]
}

#[test]
fn states_of_requests_can_be_told_apart_however_one_sees() {
    for dark in [false, true] {
        let tokens = tokens(dark);
        for (sight, matrix) in SIGHT {
            let seen = |name: &str| {
                let own = tokens[name].map(linear);
                let mixed = matrix.map(|row| row.iter().zip(own).map(|(m, c)| m * c).sum::<f64>());
                lab(mixed.map(|c| c.clamp(0.0, 1.0)))
            };
            for (n, a) in STATES.iter().enumerate() {
                for b in &STATES[n + 1..] {
                    let (p, q) = (seen(a), seen(b));
                    let apart = p.iter().zip(q).map(|(p, q)| (p - q) * (p - q)).sum::<f64>().sqrt();
                    // The nearest pair of today is 24.4 apart.
                    assert!(apart >= 24.0, "{a}, {b}, {sight}, dark {dark}: {apart:.1} apart");
                }
            }
        }
    }
}
