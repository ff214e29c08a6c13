#!/usr/bin/env python3
"""Makes a C header with a text file's content: embed_schema.py IN OUT"""
import json
import sys


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    with open(sys.argv[1], encoding="utf-8") as source:
        text = source.read()
    json.loads(text)  # a schema that is not JSON fails the build
    with open(sys.argv[2], "w", encoding="ascii") as header:
        header.write("/* Made by config/embed_schema.py from actpass.schema.json. */\n")
        header.write("static const char schema_text[] =\n")
        for line in text.splitlines():
            escaped = line.replace("\\", "\\\\").replace('"', '\\"')
            header.write(f'    "{escaped}\\n"\n')
        header.write("    ;\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
