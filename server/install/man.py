#!/usr/bin/env python3
"""Makes the manual pages: man.py FOLDER

actpass(1) and actpass.conf(5) are templates in server/install/man; the keys of the second come from
config/actpass.schema.json by config/reference.py. libactpass(3) and one page for each group of
functions come from the headers in server/include: a group is a header, or a section of actpass.h.
Each function has a page of its own that refers to its group's (`.so`). In the templates `@VERSION@`
and `@DATE@` are replaced; the date is the one below, so that two builds are equal.
"""
import json
import os
import re
import sys
import textwrap

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "config"))
import reference  # noqa: E402  (config/reference.py)

TEMPLATES = os.path.join(ROOT, "server/install/man")
HEADERS = os.path.join(ROOT, "server/include")
SECTIONS = {"Configuration": "actpass_configuration", "Connections": "actpass_connection"}
WRITTEN = "2026-11-27"
LIBRARY = "TLS connections that decide at run time which role they take"
FUNCTION = re.compile(r"^(?:ACTPASS_API|static inline)\b[^;{(]*\b(actpass_\w+)\(", re.M)


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def version():
    return re.search(r'#define ACTPASS_VERSION "([^"]+)"', read("server/include/actpass.h"))[1]


# ---- Headers --------------------------------------------------------------------------------------

def blocks(text):
    """The header's parts behind the include guard, as pairs of a comment and what follows it until
    the next blank line or comment. Either may be empty."""
    for part in re.split(r"\n(?=/\*)|\n\n", text):
        part = part.strip("\n")
        found = re.match(r"/\*(.*?)\*/\n?(.*)", part, re.S)
        comment, code = found.groups() if found else ("", part)
        lines = [re.sub(r"^ \* ?", "", line) for line in comment.split("\n")]
        yield "\n".join(lines).strip(), code.strip("\n")


class Group:
    """One page: `intro` is its text, `items` are pairs of a comment and a declaration."""

    def __init__(self, name, title):
        self.name, self.title, self.intro, self.items = name, title, "", []

    def functions(self):
        return [name for _, code in self.items for name in FUNCTION.findall(code)]


def summary(text):
    """The first sentence, for NAME."""
    return re.split(r"[.:](?:\s|$)", text.replace("\n", " "))[0]


def is_declaration(code):
    return code and not re.match(r"#|extern|}$", code) and "struct ssl_st;" not in code


def groups_of(name):
    """The groups of one header, the first with what comes before any other."""
    text = read("server/include", name)
    top = re.match(r"/\*(.*?)\*/\n", text, re.S)
    found = [Group("libactpass" if name == "actpass.h" else name[:-2], "")]
    found[0].intro = re.sub(r"^ ?\* ?", "", top[1].strip(), flags=re.M)
    found[0].title = LIBRARY if name == "actpass.h" else summary(found[0].intro)
    for comment, code in blocks(text[top.end():]):
        section = re.match(r"-{4} (\w[^-]*) -+\s*(.*)", comment, re.S)
        if section and name == "actpass.h" and section[1] in SECTIONS:
            found.append(Group(SECTIONS[section[1]], section[1] + " of actpass"))
            found[-1].intro = section[2]
        elif section:
            found[-1].items.append(("\n".join(filter(None, ("== " + section[1], section[2]))), ""))
        elif is_declaration(code):
            found[-1].items.append((comment, code))
    return found


def all_groups():
    names = sorted(name for name in os.listdir(HEADERS) if name.endswith(".h"))
    found = groups_of("actpass.h")
    for name in names:
        if name == "actpass_types.h":
            found[0].items = groups_of(name)[0].items + found[0].items
        elif name != "actpass.h":
            found += groups_of(name)
    return found


# ---- Text to roff ---------------------------------------------------------------------------------

def roff(text):
    return reference.roff(text).replace('"', "\\(dq")


def filled(text):
    """No line of running text longer than 80 bytes."""
    out, literal = [], False
    for line in text.split("\n"):
        literal = {".nf": True, ".fi": False}.get(line, literal)
        long = len(line) > 79 and not literal and not line.startswith(".")
        parts = textwrap.wrap(line, 77, break_on_hyphens=False) if long else [line]
        out += parts[:1] + [re.sub(r"^(?=[.'])", r"\\&", part) for part in parts[1:]]
    return "\n".join(out)


def verbatim(lines):
    return [".RS 4", ".nf", *[roff(line) if line else "" for line in lines], ".fi", ".RE"]


def paragraphs(text):
    """A comment as roff: paragraphs, lists with "- ", and indented blocks, which stay as they are."""
    out, block = [], []
    lines = text.split("\n") + [""]
    listed = False

    def flush():
        if block:
            out.extend(verbatim(block))
            block.clear()

    for number, line in enumerate(lines):
        if re.match(r" +- ", line):
            flush()
            out += [".IP \\(bu 2", roff(line.strip()[2:])]
            listed = True
        elif line.startswith("  ") and listed:
            out.append(roff(line.strip()))
        elif line.startswith("  "):
            block.append(line.strip("\n")[2:])
        elif not line:
            flush_needed = bool(block)
            flush()
            listed = False
            following = next((later for later in lines[number + 1:] if later), "")
            if following and (out or flush_needed) and not following.startswith("  "):
                out.append(".PP")
        else:
            if listed:
                out.append(".PP")
            listed = False
            flush()
            out.append(roff(line))
    return out


def code(text):
    text = text.replace("ACTPASS_API ", "")
    if text.startswith("static inline"):
        text = text.split("\n{")[0].replace("static inline ", "") + ";"
    return text


# ---- Pages ----------------------------------------------------------------------------------------

def title(name, section):
    return '.TH %s %s "%s" "actpass %s"' % (name.upper(), section, WRITTEN, version())


def item(comment, declaration):
    """One function, type or section of a page."""
    if not declaration:
        heading, _, rest = comment[3:].partition("\n")
        return [".SS " + roff(heading)] + paragraphs(rest)
    shown = code(declaration)
    return [".PP", ".nf", *[roff(line) for line in shown.split("\n")], ".fi"] + \
        ([".RS 4"] + paragraphs(comment) + [".RE"] if comment else [])


def see_also(groups, own):
    names = [(group.name, 3) for group in groups] + [("actpass", 1), ("actpass.conf", 5)]
    others = sorted(name for name in names if name[0] != own)
    return [".SH SEE ALSO"] + [".BR %s (%d)%s" % (name, section, "" if last else ",")
                               for (name, section), last in
                               zip(others, [False] * (len(others) - 1) + [True])]


def group_page(group, groups):
    functions = list(dict.fromkeys(group.functions()))
    lines = [title(group.name, 3), ".SH NAME"]
    lines += [", ".join([group.name] + functions) + " \\- " + roff(group.title)]
    lines += [".SH SYNOPSIS", ".nf", ".B #include <actpass.h>", ".fi", ".PP",
              "pkg\\-config \\-\\-cflags \\-\\-libs actpass", ".SH DESCRIPTION"]
    lines += paragraphs(group.intro)
    for comment, declaration in group.items:
        lines += item(comment, declaration)
    text = "\n".join(lines + see_also(groups, group.name)) + "\n"
    text = re.sub(r"^(\.S[SH] .*)\n\.PP$", r"\1", text, flags=re.M)  # a heading begins a paragraph
    return filled(text)


def keys():
    return "\n".join(reference.man(json.loads(read("config/actpass.schema.json"))))


def pages():
    """The pages' texts by their paths, such as man3/actpass_read.3."""
    groups = all_groups()
    out = {}
    for group in groups:
        out["man3/%s.3" % group.name] = group_page(group, groups)
        for name in group.functions():
            out.setdefault("man3/%s.3" % name, ".so man3/%s.3\n" % group.name)
    for name in sorted(os.listdir(TEMPLATES)):
        text = read("server/install/man", name).replace("@VERSION@", version())
        text = text.replace("@DATE@", WRITTEN).replace("@KEYS@\n", keys() + "\n")
        out["man%s/%s" % (name[-1], name)] = filled(text)
    return out


def main():
    folder = sys.argv[1]
    for name, text in pages().items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
