use bearwatch::config::Config;
#[test]
fn show() {
    for text in [
        "[site]\nname=\"a\"\ncamera=\"b\"\n[capture]\nsource=\"files\"\npath=\"x\"\nfps=5\nloop=false\n[publish]\nbroker=\"mqtt://127.0.0.1:1883\"\n[store]\npath=\"/tmp/x\"",
        "nam = 1\n[site]\nname=\"A b\"\n[captur]\nx=1\n[capture]\nsource=\"file\"\nfps=\"a\"\n[publish]\nbroker=\"mqtt://u:secret@127.0.0.1:1883\"\npassword=\"x\"\nkey_file=\"k\"\n[alert]\nupdate_s=99999\n[[store]]\npath=\"/tmp/x\"\n[perceive]\nmin_visible_s=3\nregions = 1979-05-27\nthreads=nan",
        "[site]\nname = foo\ncamera = \"b\"\ncamera = \"c\"\n[capture\nsource = \"files\n[publish]\nbroker = [1,\n2\n[store]\npath=\"/x\"\n",
        "[site]\nname=\"a\"\ncamera=\"b\"\n[capture]\nsource=\"command\"\npath=\"x\"\ncommand=[\"ffmpeg\",\"rtsp://a:b@h/x\"]\nwidth=3\n[capture.scene]\nseed=3\n",
        "site = 3\ncapture.fps = 3000000000000000000000\ncapture.gain.x = 3\n[publish.tls]\nca=1",
    ] {
        match Config::parse(
            text,
            "bearwatch.toml",
            &["capture.fps=3".into(), "x".into(), "model.path".into(), "publish.user=7".into()],
        ) {
            Ok(c) => println!("{c:#?}"),
            Err(e) => println!("{e}"),
        }
    }
    let deep = "x=".to_owned() + &"[".repeat(100000);
    println!("{}", Config::parse(&deep, "d", &[]).unwrap_err().mistakes.len());
    let deep = "[".to_owned() + &"a.".repeat(100000) + "b]";
    println!("{}", Config::parse(&deep, "d", &[]).unwrap_err().mistakes.len());
}
