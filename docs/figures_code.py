"""Counts lines, files and functions of the committed sources. Trusts rustfmt: what begins at an indent ends at that indent."""

import re
import subprocess

FUNCTION = re.compile(r"^( *)(?:pub(?:\([^)]*\))? )?(?:default )?(?:const )?(?:async )?(?:unsafe )?(?:extern \"C\" )?fn (\w+)")


def code(root):
    """Lines that hold something else than comments and blanks, and the longest file and function of the program."""
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout.split("\n")
    rust = [name for name in listed if name.endswith(".rs")]
    parts = {name: split(name, (root / name).read_text()) for name in rust}
    sources = [name for name in rust if name.startswith("src/")]
    functions = [(length, name, function) for name in sources for function, length in functions_of(parts[name][0])]
    # The longest function of a file's tests is of no interest, the longest file is the one that people open.
    lengths = sorted(length for length, _, _ in functions)
    files = [((root / name).read_text().count("\n"), name) for name in sources]
    longest, longest_file = max(functions, default=(0, "", "")), max(files, default=(0, ""))
    other = {
        "python": ("*.py", "#"),
        "shell": ("*.sh", "#"),
    }
    return {
        "files": len(rust),
        "code_lines": sum(filled(parts[name][0]) for name in rust),
        "test_lines": sum(filled(parts[name][1]) for name in rust),
        **{f"{kind}_lines": counted(root, listed, *of) for kind, of in other.items()},
        "longest_file": {"file": longest_file[1], "lines": longest_file[0]},
        "longest_function": {"file": longest[1], "function": longest[2], "lines": longest[0]},
        "functions": len(lengths),
        "median_function": lengths[len(lengths) // 2] if lengths else 0,
        "p90_function": lengths[len(lengths) * 9 // 10] if lengths else 0,
    }


def split(name, text):
    """Lines of the program and lines of its tests."""
    lines = text.splitlines()
    if name.startswith("tests/") or name.endswith("_tests.rs"):
        return [], lines
    at = next((i for i, line in enumerate(lines) if line == "#[cfg(test)]" and i + 1 < len(lines) and lines[i + 1].endswith("{")), len(lines))
    return lines[:at], lines[at:]


def filled(lines):
    return sum(1 for line in lines if line.strip() and not line.strip().startswith("//"))


def counted(root, listed, pattern, comment):
    names = [name for name in listed if name.endswith(pattern[1:])]
    lines = [line.strip() for name in names for line in (root / name).read_text().splitlines()]
    return sum(1 for line in lines if line and not line.startswith(comment))


def functions_of(lines):
    """Name and length, signature included, of every function with a body."""
    found = []
    for at, line in enumerate(lines):
        start = FUNCTION.match(line)
        if not start:
            continue
        indent, name = start.groups()
        if line.endswith(("}", ";")):
            if line.endswith("}"):
                found.append((name, 1))
            continue
        for end in range(at + 1, len(lines)):
            # A declaration in a trait ends with its signature: it has no body.
            if lines[end].startswith(f"{indent})") and lines[end].endswith(";"):
                break
            if lines[end] == indent + "}":
                found.append((name, end - at + 1))
                break
    return found
