//! What a message costs that the rules of its guild judge: a thousand words of the guild's own, ten
//! patterns, and an innocent text, as nearly all are; then the worst that an owner can write.

use divan::Bencher;
use divan::black_box;
use state::automod::words::Text;
use state::automod::words::Words;

fn main() {
    divan::main();
}

/// A thousand words that no text has, and ten patterns.
fn words() -> Words {
    let keywords: Vec<_> = (0..1_000).map(|n| format!("*zq{n}word*")).collect();
    let patterns: Vec<_> = (0..10).map(|n| format!(r"(?i)\bfree {n}\d+ (boats|gifts)\b")).collect();
    Words::new(keywords.iter().map(String::as_str), &patterns, &["zq7word".to_owned()])
        .expect("good patterns")
}

const SHORT: &str = "Shall we sail at noon? The wind is good.";

fn long(alphabet: &str) -> String {
    alphabet.chars().cycle().take(2_000).collect()
}

#[divan::bench]
fn an_innocent_message(bencher: Bencher<'_, '_>) {
    let words = words();
    bencher.bench_local(|| words.find(&Text::new(black_box(SHORT))));
}

#[divan::bench]
fn the_longest_innocent_message(bencher: Bencher<'_, '_>) {
    let (words, text) = (words(), long("Shall we sail at noon? "));
    bencher.bench_local(|| words.find(&Text::new(black_box(&text))));
}

#[divan::bench]
fn the_longest_in_another_script(bencher: Bencher<'_, '_>) {
    let (words, text) = (words(), long("Пойдём в море в полдень? "));
    bencher.bench_local(|| words.find(&Text::new(black_box(&text))));
}

#[divan::bench(sample_count = 10)]
fn the_worst_patterns(bencher: Bencher<'_, '_>) {
    // Each letter may be the one from which a thousand more are counted.
    let patterns = ["(a|b)*a(a|b){1000}x".to_owned()];
    let words = Words::new(std::iter::empty(), &patterns, &[]).expect("a good pattern");
    let text = long("aabab");
    bencher.bench_local(|| words.find(&Text::new(black_box(&text))));
}

#[divan::bench(sample_count = 10)]
fn compiling_a_thousand_words(bencher: Bencher<'_, '_>) {
    bencher.bench_local(words);
}
