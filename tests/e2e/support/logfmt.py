"""Reads logfmt: key=value pairs, values quoted where they need it."""
import re

_PAIR = re.compile(r'([A-Za-z_][\w.]*)=(?:"((?:[^"\\]|\\.)*)"|(\S*))(?:\s|$)')
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def _unescape(text):
    def one(match):
        if match.group(1):
            return chr(int(match.group(1), 16))
        return _ESCAPES.get(match.group(2), match.group(2))
    return re.sub(r"\\(?:[xu]([0-9A-Fa-f]{2,4})|(.))", one, text)


def parse(line):
    """One line as a dict; an empty one when the line is not logfmt."""
    fields = {}
    position = 0
    while position < len(line):
        match = _PAIR.match(line, position)
        if not match:
            return {}
        key, quoted, plain = match.groups()
        fields[key] = _unescape(quoted) if quoted is not None else plain
        position = match.end()
    return fields
