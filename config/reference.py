#!/usr/bin/env python3
"""Everything that repeats the key table, made from the schema that the program prints.

    reference.py [--program FILE] --update   rewrites actpass.schema.json and the tables of KEYS.md
    reference.py [--program FILE] --check    fails if one of them is out of date
    reference.py [--program FILE] --man      prints the keys as entries of a man page (man(7))

The tables of a Markdown file stand between `<!-- keys of OBJECT -->` and `<!-- end of keys -->`, where
OBJECT is the path of the object from the top, such as `services` or `services tls`, or `the file`. The program is
build/release/actpass unless --program names another one.
"""
import argparse
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCHEMA = "config/actpass.schema.json"
DOCUMENTS = ("config/KEYS.md",)
BEGIN = re.compile(r"<!-- keys of ([a-z_ ]+) -->\n.*?<!-- end of keys -->", re.S)


def object_in(property):
    """The schema of the objects that a property holds itself or in its list, or None."""
    items = property.get("items", {})
    for schema in (property, items, *property.get("anyOf", []), *items.get("anyOf", [])):
        if "properties" in schema:
            return schema
    return None


def find(schema, path):
    if path == "the file":
        return schema
    for name in path.split():
        schema = object_in(schema["properties"][name])
    return schema


def value_of(property):
    """What may be written, in a few words."""
    comment = property.get("$comment", "")
    kind = property.get("type")
    if "enum" in property and True not in property["enum"]:
        return "one of " + ", ".join(json.dumps(name) for name in property["enum"])
    if "enum" in property:
        return "true"
    if kind == "array":
        items = property["items"]
        return "list of objects" if object_in(property) else "list of " + value_of(items) + "s"
    if kind == "integer":
        return "{minimum} to {maximum}".format(**property)
    if "anyOf" in property and not comment:
        return " or ".join(value_of(form) for form in property["anyOf"])
    return comment or {"boolean": "true or false"}.get(kind, kind)


def default_of(property, required):
    if required:
        return "required"
    return json.dumps(property["default"]) if "default" in property else ""


def rows(schema):
    for name, property in schema["properties"].items():
        yield (name, value_of(property), default_of(property, name in schema.get("required", ())),
               property["description"])


def table(schema):
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for name, value, default, meaning in rows(schema):
        default = "`%s`" % default if default and default != "required" else default
        cells = ("`%s`" % name, value, default, meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def with_tables(text, schema):
    return BEGIN.sub(lambda match: "<!-- keys of %s -->\n%s\n<!-- end of keys -->"
                     % (match[1], table(find(schema, match[1]))), text)


def roff(text):
    return re.sub(r"^([.'])", r"\\&\1", text.replace("\\", "\\e").replace("-", "\\-"), flags=re.M)


def man(schema, path=()):
    """One .SS for each object, outermost first, with a .TP for each key."""
    lines = [".SS " + roff("Keys of " + " ".join(path) if path else "Keys of the file")]
    inner = []
    for name, value, default, meaning in rows(schema):
        default = "required" if default == "required" else "default: " + default if default else ""
        notes = roff("; ".join(filter(None, (value, default)))).replace('"', "\\(dq")
        lines += [".TP", '.BR %s " (%s)"' % (roff(name), notes), roff(meaning)]
        found = object_in(schema["properties"][name])
        if found and name != "as_client":  # the same keys as as_server's
            inner += man(found, path + (name,))
    return lines + inner


def out_of_date(schema_text):
    """The files to be written, with their texts."""
    schema = json.loads(schema_text)
    wanted = {SCHEMA: schema_text}
    current = {}
    for name in (SCHEMA,) + DOCUMENTS:
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            current[name] = file.read()
        wanted.setdefault(name, with_tables(current[name], schema))
    return {name: text for name, text in wanted.items() if text != current[name]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--program", default=os.path.join(ROOT, "build/release/actpass"))
    for action in ("update", "check", "man"):
        parser.add_argument("--" + action, dest="action", action="store_const", const=action, required=False)
    arguments = parser.parse_args()
    schema_text = subprocess.run([arguments.program, "--schema"], check=True, capture_output=True,
                                 encoding="utf-8").stdout
    if arguments.action == "man":
        print("\n".join(man(json.loads(schema_text))))
        return 0
    if arguments.action not in ("update", "check"):
        parser.error("say what to do")
    stale = out_of_date(schema_text)
    for name, text in stale.items():
        if arguments.action == "check":
            print("%s is out of date; run config/reference.py --update" % name)
            continue
        with open(os.path.join(ROOT, name), "w", encoding="utf-8") as file:
            file.write(text)
    return 1 if stale and arguments.action == "check" else 0


if __name__ == "__main__":
    sys.exit(main())
