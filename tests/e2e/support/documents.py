"""The documents of the project, and the configurations in them."""
import glob
import os
import re

TOP = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.."))
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.S | re.M)
USERS = ("README.md", "config", "examples")  # their JSON is configurations
WHOLE = ("json", "jsonc")  # other blocks (js, ini, ...) are parts of files


def documents():
    """Their paths from the top."""
    found = (path for depth in ("", "*/", "*/*/", "*/*/*/") for path in glob.glob(depth + "*.md", root_dir=TOP))
    return sorted(path for path in found if not path.startswith("build/"))


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def configurations():
    """(name, text) of each, and of the examples'."""
    for path in documents():
        text = read(path) if path.split("/")[0] in USERS else ""
        for block in BLOCK.finditer(text):
            if block[1] in WHOLE:
                yield f"{path}:{text.count(chr(10), 0, block.start()) + 1}.{block[1]}", block[2]
    for path in glob.glob("examples/**/*.json", root_dir=TOP, recursive=True):
        yield path, read(path)


def anchors(text):
    """Of its headings, as GitHub makes them."""
    found = []
    for heading in re.findall(r"^#+ (.*)$", BLOCK.sub("", text), re.M):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        base = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
        found.append(base if base not in found else f"{base}-{found.count(base)}")
    return found
