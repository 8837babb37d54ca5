//! Makes sure that the folder of the built web client exists and that changes in it are noticed.

fn main() {
    // Without it cargo would take the missing folder for a change on every build. The server shows
    // a page that says how to build the client when the folder is empty.
    let _ = std::fs::create_dir_all("web/dist");
    println!("cargo::rerun-if-changed=web/dist");
    println!("cargo::rerun-if-changed=build.rs");
}
