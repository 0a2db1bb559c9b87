// check.mjs PACKAGES HEARD: runs check.py over what was heard, in a Python as new as Home Assistant asks for (WebAssembly), with the
// wheels in PACKAGES.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const [packages, heard] = process.argv.slice(2).map((path) => resolve(path));
const { loadPyodide } = createRequire(packages + "/")("pyodide");
const python = await loadPyodide();
python.mountNodeFS("/packages", packages + "/wheels");
python.mountNodeFS("/check", dirname(fileURLToPath(import.meta.url)));
python.globals.set("heard", readFileSync(heard, "utf8"));
try {
  python.runPython(`
import glob, sys, tarfile
for source in glob.glob("/packages/*.tar.gz"):
    tarfile.open(source).extractall("/source", filter="data")
sys.path[:0] = ["/check", *glob.glob("/packages/*.whl"), *glob.glob("/source/*/src")]
import check
check.main(heard)
`);
} catch (error) {
  // The message is Python's own traceback; the stack of JavaScript helps nobody.
  console.error(error.message);
  process.exit(1);
}
