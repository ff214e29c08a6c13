#!/usr/bin/env python3
"""Puts the files of the page into the program: embed.py FILE... >assets_data.c

page.html is served as "/", each other file by its name. The result depends on the files alone.
"""
import os
import sys

TYPES = {'.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript'}
ROW = 16  # bytes in a line


def array(number, data):
    rows = [', '.join('0x%02x' % byte for byte in data[at:at + ROW])
            for at in range(0, len(data), ROW)]
    return 'static const unsigned char file_%d[] = {\n    %s};\n' % (number, ',\n    '.join(rows))


def main():
    print('/* Made by embed.py. */\n#include "server/daemon/admin/assets.h"\n')
    entries = []
    for number, path in enumerate(sys.argv[1:]):
        with open(path, 'rb') as file:
            data = file.read()
        name = os.path.basename(path)
        kind = TYPES[os.path.splitext(name)[1]]
        print(array(number, data))
        entries.append('    {"%s", "%s; charset=utf-8", (const char *)file_%d, sizeof(file_%d)},'
                       % ('/' if name == 'page.html' else '/' + name, kind, number, number))
    print('const struct asset assets[] = {\n%s\n};' % '\n'.join(entries))
    print('const size_t assets_count = sizeof(assets) / sizeof(assets[0]);')


if __name__ == '__main__':
    main()
