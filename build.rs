//! Puts a page in place of the web client where that was not built, so that cargo never needs npm.

use std::fs;
use std::path::Path;

fn main() {
    let dist = Path::new("web/dist");
    println!("cargo::rerun-if-changed=web/dist");
    let index = dist.join("index.html");
    if !index.exists() {
        let page = "<!doctype html><html lang=en><meta charset=utf-8><title>Guildhall</title>\
            <p>The server runs. The web client was not built: run <code>npm ci && npm run build\
            </code> in <code>web/</code>, then build the server again.";
        let _ = fs::create_dir_all(dist);
        let _ = fs::write(index, page);
    }
}
